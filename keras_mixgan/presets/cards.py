"""Model cards: the README.md of a preset."""


def of_model(model, name: str) -> str:
    """The Markdown card of a preset that a user saves, from the model alone."""
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

model = kmg.MixGAN.from_preset("{name}")  # the folder of this file
images = model.generate(64)
```

| | mixture weight |
|---|---|
{rows}

![Samples of the mixture and of each generator](samples.png)

Before you share this preset, add: the data and their licence, scores, intended
use and limits.
"""
