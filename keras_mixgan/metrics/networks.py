"""Fresh networks for measurements: the named discriminator classes."""

from collections.abc import Callable
from typing import Any

import keras

from keras_mixgan import architectures
from keras_mixgan.backends import policies
from keras_mixgan.game import components
from keras_mixgan.utils.errors import UserError

WIDTH = 64


def build(
    kind: str | Callable[[tuple[int, ...]], keras.Model] | None,
    image_shape: tuple[int, ...],
    outputs: int = 1,
    seed: int = 0,
) -> keras.Model:
    """Builds a network of a named class, with fresh weights.

    It maps images (B, ...) to logits (B, outputs). Neither named class has
    batch normalization: with its statistics the network would judge whole
    batches, not single images.

    `kind` is "mlp", two dense layers; "conv", three strided convolutions
    (images only); the name of an architecture, whose discriminator with one
    logit is built; a function from an image shape to a model with logits; or
    `None` for `default_kind`. `image_shape` is (H, W, C), or (F,) for points.

    Example:
    >>> build("conv", (28, 28, 1)).output_shape
    (None, 1)
    """
    kind = kind or default_kind(image_shape)
    # A score must not depend on the policy of the networks that it judges.
    with components.seeded(seed), policies.policy("float32"):
        if callable(kind):
            network = kind(tuple(image_shape))
        elif kind == "mlp":
            network = _mlp(image_shape, outputs)
        elif kind == "conv":
            network = _conv(image_shape, outputs)
        else:
            network = _architecture(kind, image_shape)
    if network.output_shape[-1] != outputs:
        raise UserError(
            f"`discriminator` must give {outputs} logits per image. Received: "
            f"{kind!r} with output shape {network.output_shape}"
        )
    return network


def default_kind(image_shape: tuple[int, ...]) -> str:
    """Returns "conv" for images and "mlp" for points."""
    return "conv" if len(image_shape) == 3 else "mlp"


def _mlp(image_shape: tuple[int, ...], outputs: int) -> keras.Model:
    layers = keras.layers
    inputs = keras.Input(image_shape, name="images")
    x = layers.Flatten()(inputs) if len(image_shape) > 1 else inputs
    for _ in range(2):
        x = layers.Dense(2 * WIDTH)(x)
        x = layers.LeakyReLU(0.2)(x)
    return keras.Model(inputs, layers.Dense(outputs)(x), name="mlp")


def _conv(image_shape: tuple[int, ...], outputs: int) -> keras.Model:
    layers = keras.layers
    if len(image_shape) != 3:
        raise UserError(
            "`discriminator` must be 'mlp' for data that are not images "
            "(height, width, channels). Received: discriminator='conv', "
            f"examples of shape {image_shape}"
        )
    x = inputs = keras.Input(image_shape, name="images")
    for width in (WIDTH // 2, WIDTH, WIDTH):
        x = layers.Conv2D(width, 4, strides=2, padding="same")(x)
        x = layers.LeakyReLU(0.2)(x)
    x = layers.Flatten()(x)
    return keras.Model(inputs, layers.Dense(outputs)(x), name="conv")


def _architecture(kind: Any, image_shape: tuple[int, ...]) -> keras.Model:
    if not isinstance(kind, str) or kind not in architectures.ARCHITECTURES:
        known = sorted({"mlp", "conv", *architectures.ARCHITECTURES})
        raise UserError(
            f"`discriminator` must be one of {known}, or a function from an "
            f"image shape to a Keras model. Received: discriminator={kind!r}"
        )
    network = architectures.get(kind).discriminator(image_shape=image_shape)
    if isinstance(network.output, dict):
        # Of these, logits depend on images alone.
        images = next(
            x for x in network.inputs if x.shape[1:] == tuple(image_shape)
        )
        network = keras.Model(images, network.output["logits"])
    return network
