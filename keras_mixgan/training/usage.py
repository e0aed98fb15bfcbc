"""Classic mistakes that raise no error but spoil the training.

`fit` looks for them once per model. Its `UsageWarning` names the layer and the
remedy. To silence it:

    warnings.filterwarnings("ignore", category=keras_mixgan.UsageWarning)
"""

import warnings

import keras
import numpy as np
from keras import ops

SILENCE = (
    " If this is intended: warnings.filterwarnings('ignore', "
    "category=keras_mixgan.UsageWarning)."
)
# Layers and operations to look through for the activation before them.
_TRANSPARENT = (
    "Reshape", "Flatten", "Identity", "Squeeze", "Dropout",
    "GlobalAveragePooling2D",
)  # fmt: skip
SLACK = 1.004
SAMPLE = 4


class UsageWarning(UserWarning):
    """Something that trains, but hardly as intended."""


def warn(model, images: np.ndarray) -> None:
    """Warns of classic mistakes, once per model.

    `images` (B, ...) are the first real ones; `None` if they cannot be read
    ahead.
    """
    if getattr(model, "usage_checked", False):
        return
    model.usage_checked = True
    texts = [
        _sigmoid_logits(model),
        _penalty_of_batches(model),
        _what_prevents_saving(model),
    ]
    if len(model.image_shape) > 1:
        texts += [_range_of_generators(model), _range_of_data(images)]
    for text in texts:
        if text:
            warnings.warn(text + SILENCE, UsageWarning, stacklevel=4)


def _what_prevents_saving(model) -> str:
    """A training must not end with a model that nobody can keep."""
    try:
        model.get_config()
        model.get_compile_config()
    except Exception as error:  # By a class of the user's.
        return (
            "The model trains, but `save` will fail, while `save_weights` "
            f"works. {str(error).rstrip('.')}."
        )
    return ""


def _penalty_of_batches(model) -> str:
    names = [loss.name for loss in model.objective.losses]
    if "gradient_penalty" not in names:
        return ""
    for i, network in enumerate(model.discriminators):
        for layer in network._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                return (
                    "`gradient_penalty` should come with discriminators "
                    "without batch normalization, by which an image's "
                    "gradient depends on its batch (arXiv:1704.00028, Section "
                    f"4), but discriminator {i} has {layer.name!r}. Leave it "
                    "out, or normalize each image by itself."
                )
    return ""


def _sigmoid_logits(model) -> str:
    for i, network in enumerate(model.discriminators):
        output = network.output if len(network.outputs) > 1 else None
        named = isinstance(output, dict) and "logits" in output
        layer = _last(output["logits"] if named else network.outputs[0])
        if _is_sigmoid(layer):
            return (
                f"`discriminator` should end in logits, but discriminator {i} "
                f"ends in a sigmoid, in {layer.name!r}, whose gradients "
                "vanish; payoffs take raw logits, of any size. Remove it."
            )
    return ""


def _range_of_generators(model) -> str:
    rng = np.random.default_rng(0)
    latents = rng.standard_normal((SAMPLE, model.latent_dim), dtype="float32")
    for i, network in enumerate(model.generators):
        layer = _last(network.outputs[0])
        named = f"generator {i} ends in {layer.name!r}"
        if _is_sigmoid(layer):
            return (
                "`generator` should make images in [-1, 1], but "
                f"{named}, a sigmoid, whose images are in [0, 1]. End it in "
                "tanh."
            )
        inputs = latents
        if model.conditional:
            inputs = [latents, np.zeros(SAMPLE, "int32")]
        images = ops.convert_to_numpy(
            ops.cast(network(inputs, training=False), "float32")
        )
        if np.abs(images).max() > SLACK:
            return (
                f"`generator` should make images in [-1, 1], but {named}, and "
                f"its first images reach from {images.min():.3g} to "
                f"{images.max():.3g}. End it in tanh."
            )
    return ""


def _range_of_data(images) -> str:
    if images is None:
        return ""
    low, high = images.min(), images.max()
    if low < 0 or high > 1 or low == high:
        return ""
    return (
        "`x` should hold images in [-1, 1], but these reach from "
        f"{low:.3g} to {high:.3g}, as if in [0, 1]: the networks then take "
        "black for mid-gray. Give 2 * x - 1."
    )


def _last(output):
    """The last layer or operation of a tensor that is not transparent."""
    operation = output._keras_history.operation
    while True:
        if isinstance(operation, keras.Model):
            if not getattr(operation, "outputs", None):
                return operation  # Subclassed: its layers are not known.
            operation = operation.outputs[0]._keras_history.operation
        elif type(operation).__name__ in _TRANSPARENT:
            before = operation.input
            if isinstance(before, (list, tuple)):
                before = before[0]
            operation = before._keras_history.operation
        else:
            return operation


def _is_sigmoid(operation) -> bool:
    activation = getattr(operation, "activation", None)
    return (
        activation is keras.activations.sigmoid
        or type(operation).__name__ == "Sigmoid"
    )
