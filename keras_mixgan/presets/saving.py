"""Saves a model as a preset, with its card (README.md) and its picture."""

import os
import pathlib

from keras_mixgan.presets import folders
from keras_mixgan.presets import hub

_PICTURE = "![Samples of the mixture and of each generator](samples.png)\n\n"


def save_model(
    model,
    path: str | os.PathLike[str],
    small: bool,
    push: str | None = None,
) -> None:
    """Writes a preset; see `MixGAN.save_to_preset`."""
    if push is not None:
        hub.check(push)
    # Deferred: it loads Pillow, which would slow `import keras_mixgan` down.
    from keras_mixgan.utils import plotting

    path = pathlib.Path(os.path.abspath(os.path.expanduser(path)))
    name, samples = path.name, None
    if plotting.can_draw(model.image_shape):
        samples = plotting.draw_mixture(model)
    folders.save(
        model,
        path,
        card=_card(model, name, push or name, samples is not None),
        samples=samples,
        small=small,
    )
    if push is not None:
        hub.push(path, push)


def _card(model, name: str, source: str, picture: bool) -> str:
    """The Markdown card of a preset that a user saves, from the model alone.

    `source` is what its readers give `from_preset`. `picture` says whether
    there is a picture beside the card.
    """
    shown = _PICTURE if picture else ""
    of_folder = "" if source != name else "  # the folder of this file"
    shape = "x".join(map(str, model.image_shape))
    labels = (
        f", with labels of {model.num_classes or 'unknown'} classes"
        if model.conditional
        else ""
    )
    rows = "\n".join(
        f"| generator {i} | {weight:.3f} |"
        for i, weight in enumerate(model.generator_weights)
    )
    return f"""# {name}

A mixture of {model.num_generators} generators, trained against
{model.num_discriminators} discriminators for {model.step:,} steps
(MIX+GAN, arXiv:1703.00573). It makes images {shape} from {model.latent_dim}
latents{labels}.

```python
import keras_mixgan as kmg

model = kmg.MixGAN.from_preset("{source}"){of_folder}
images = model.generate(64)
```

| | mixture weight |
|---|---|
{rows}

{shown}Before you share this preset, add: the data and their licence, scores,
intended use and limits.
"""
