"""Extra outputs of a discriminator, for auxiliary losses."""

import keras

from keras_mixgan.architectures import _checks
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError


def add_heads(
    discriminator: keras.Model,
    num_classes: int | None = None,
    num_components: int | None = None,
    features: bool = False,
    layer: str = "features",
) -> keras.Model:
    """Adds outputs beside a discriminator's logits, on one of its layers.

    Args:
        discriminator: A Functional or Sequential model with one output,
            logits, or with a dict of outputs, which are kept.
        num_classes: If given, adds `class_logits` (batch, num_classes).
        num_components: If given, adds `component_logits` (batch,
            num_components), the number of generators.
        features: Whether to add `features`, the output of the layer.
        layer: Name of the layer that the heads read, (batch, F). Registered
            discriminators have one of the default name.

    Returns:
        A model of the same inputs and layers, with a dict of outputs, `logits`
        among them.

    Raises:
        ValueError: It is neither Functional nor Sequential; there is no such
            layer, or its output is no vector; or a number is not positive.

    Example:
    >>> import keras_mixgan as kmg
    >>> discriminator = kmg.architectures.mlp_discriminator((2,), width=8)
    >>> sorted(add_heads(discriminator, num_components=3).output)
    ['component_logits', 'logits']
    """
    discriminator = _checks.functional("discriminator", discriminator)
    names = [x.name for x in discriminator.layers]
    if layer not in names:
        logits = num_classes is not None or num_components is not None
        remedy = f"one of {', '.join(names)}"
        raise UserError(
            "`layer` must be the name of a layer of the discriminator. "
            f"Received: layer={layer!r}. "
            f"{_remedy(discriminator) if logits else f'Give {remedy}'}"
        )
    hidden = discriminator.get_layer(layer).output
    outputs = {"logits": discriminator.outputs[0]}
    if isinstance(discriminator.output, dict):
        outputs = dict(discriminator.output)
    for argument, name, units in (
        ("num_classes", "class_logits", num_classes),
        ("num_components", "component_logits", num_components),
    ):
        if units is not None and len(hidden.shape) != 2:
            raise UserError(
                "`layer` must have an output of shape (batch, F) for logits. "
                f"Received: layer={layer!r} with {tuple(hidden.shape)}. "
                f"{_remedy(discriminator)}"
            )
        if units is not None:
            units = checks.integer(argument, units)
            head = _checks.dense(units, dtype="float32", name=name)
            outputs[name] = head(hidden)
    if features:
        outputs["features"] = hidden
    return keras.Model(discriminator.input, outputs, name=discriminator.name)


def _remedy(discriminator: keras.Model) -> str:
    """Which layers could be read: those of vectors, but not the logits."""
    vectors = [
        x.name
        for x in discriminator.layers[1:]
        if len(getattr(x.output, "shape", ())) == 2
        and all(x.output is not y for y in discriminator.outputs)
    ]
    return (
        "Give `layer=` the name of a layer with an output (batch, F) below "
        f"the logits. This discriminator has {', '.join(vectors) or 'none'}"
    )
