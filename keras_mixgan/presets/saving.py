"""Saves a model as a preset, with its card and its picture."""

import os
import pathlib

from keras_mixgan.presets import cards
from keras_mixgan.presets import folders
from keras_mixgan.presets import hub


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
        card=cards.of_model(model, name, push or name, samples is not None),
        samples=samples,
        small=small,
    )
    if push is not None:
        hub.push(path, push)
