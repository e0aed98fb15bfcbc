"""DCGAN with the networks of Huang et al., the base of MIX+DCGAN on CIFAR-10.

Huang, Li, Poursaeed, Hopcroft & Belongie 2017, "Stacked Generative Adversarial
Networks", arXiv:1612.04357, and the code of the authors and of MIX+GAN: the
discriminator is a classifier of K classes whose logsumexp is the payoff's
logit (see `improved_gan`), and it reconstructs the latents. For images of 32
pixels.
"""

from typing import Any

import keras

from keras_mixgan.architectures import _checks
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

LATENT_DIM = 50
NOISE = 0.2
DROPOUT = 0.5
IMAGE_SHAPES: tuple[tuple[int, int, int], ...] = ((32, 32, 1), (32, 32, 3))


def dcgan_huang_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int = LATENT_DIM,
    num_classes: int | None = None,
    width: int = 128,
    name: str = "dcgan_huang_generator",
) -> keras.Model:
    """Builds the generator.

    For width 128: dense to 5x5x256, then 5x5 transposed convolutions to
    10x10x256, 14x14x128, 28x28x128 and 32x32. The first layer reads latents
    made uniform in [0, 1].

    Args:
        image_shape: (32, 32, channels), channels 1 or 3.
        latent_dim: Size of a latent vector.
        num_classes: Number of classes, or None for an unconditional
            generator.
        width: Channels of the last hidden stage.
        name: Name of the model.

    Returns:
        A Functional model from latents (batch, latent_dim) float32, or from
        [latents, labels (batch,) int32], to images (batch, *image_shape)
        float32 in [-1, 1].

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> dcgan_huang_generator((32, 32, 3), width=4).output_shape
    (None, 32, 32, 3)
    """
    channels = check_image_shape(image_shape)[2]
    width = checks.integer("width", width)

    inputs, x = _checks.generator_inputs(
        latent_dim, num_classes, uniform_latents=True
    )
    return keras.Model(inputs, decoded(x, channels, width), name=name)


def decoded(x, channels: int, width: int):
    """The layers from vectors (batch, F) to images (batch, 32, 32, channels).

    Images are float32 in [-1, 1]. The last hidden stage has `width` channels.
    """
    x = _checks.dense(25 * 2 * width, use_bias=False)(x)
    x = keras.layers.ReLU()(_checks.batch_norm()(x))
    x = keras.layers.Reshape((5, 5, 2 * width), name="start")(x)
    for filters, strides, padding in (
        (2 * width, 2, "same"),
        (width, 1, "valid"),
        (width, 2, "same"),
    ):
        x = _checks.upsample(filters, 5, strides, padding, use_bias=False)(x)
        x = keras.layers.ReLU()(_checks.batch_norm()(x))
    return _checks.images_of(x, channels, 5, 1, "valid")


def dcgan_huang_discriminator(
    image_shape: tuple[int, int, int],
    num_classes: int | None = None,
    width: int = 128,
    name: str = "dcgan_huang_discriminator",
    latent_dim: int = LATENT_DIM,
) -> keras.Model:
    """Builds the discriminator.

    For width 128: noise, 3x3 convolutions of 96, 96 (stride 2), 192, 192
    (stride 2) and 192 channels and a 1x1 one, with dropout in between.

    Args:
        image_shape: (32, 32, channels), channels 1 or 3.
        num_classes: Number of classes, or None for one logit alone.
        width: That of the generator. The first convolutions have three
            quarters of it.
        name: Name of the model.
        latent_dim: Size of the generator's latent vector.

    Returns:
        A Functional model from images (batch, *image_shape) float32 in
        [-1, 1] to a dict of float32 outputs: raw `logits` (batch, 1),
        `latents` (batch, latent_dim), and with classes `class_logits`
        (batch, num_classes); `logits` is their logsumexp. It takes no labels.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> network = dcgan_huang_discriminator((32, 32, 3), 10, width=4)
    >>> sorted(network.output)
    ['class_logits', 'latents', 'logits']
    """
    image_shape = check_image_shape(image_shape)
    num_classes = checks.optional_integer("num_classes", num_classes)
    width = checks.integer("width", width)
    latent_dim = checks.integer("latent_dim", latent_dim)

    images = keras.Input(image_shape, name="images")
    outputs = judged(images, num_classes, width, latent_dim, NOISE, DROPOUT)
    return keras.Model(images, outputs, name=name)


def judged(
    images,
    num_classes: int | None,
    width: int,
    latent_dim: int,
    noise: float,
    dropout: float,
) -> dict[str, Any]:
    """The layers from images to the outputs of `dcgan_huang_discriminator`.

    `noise` is the standard deviation of the noise on images (batch, 32, 32,
    channels), `dropout` the rate of both dropouts.
    """
    filters = max(1, 3 * width // 4)
    x = keras.layers.GaussianNoise(noise)(images)
    x = _convolution(x, filters, normalized=False)
    x = _convolution(x, filters, strides=2)
    x = keras.layers.Dropout(dropout, name="stage_0")(x)
    x = _convolution(x, 2 * filters)
    x = _convolution(x, 2 * filters, strides=2)
    x = keras.layers.Dropout(dropout)(x)
    x = _convolution(x, 2 * filters, padding="valid")
    shared = _convolution(
        x, 2 * filters, size=1, normalized=False, name="shared"
    )
    x = keras.layers.GlobalAveragePooling2D(name="features")(shared)
    return {
        "latents": head(latent_dim, "latents")(keras.layers.Flatten()(shared)),
        **verdicts(x, num_classes),
    }


def verdicts(x, num_classes: int | None, prefix: str = "") -> dict[str, Any]:
    """The last layer of a discriminator: class logits and their logsumexp.

    From features (batch, F) to `logits` and `class_logits`, whose names get the
    prefix; to `logits` alone if there are no classes.
    """
    named = f"{prefix}logits"
    if num_classes is None:
        return {named: head(1, named)(x)}
    classes = head(num_classes, f"{prefix}class_logits")(x)
    logits = keras.ops.logsumexp(classes, axis=1, keepdims=True)
    return {f"{prefix}class_logits": classes, named: logits}


def check_image_shape(image_shape: Any) -> tuple[int, int, int]:
    """Returns a shape as a tuple, which is one of `IMAGE_SHAPES`."""
    shape = _checks.shape_tuple(image_shape)
    if shape not in IMAGE_SHAPES:
        supported = ", ".join(map(str, IMAGE_SHAPES))
        raise UserError(
            f"`image_shape` must be one of {supported}. Received: "
            f"image_shape={image_shape!r}"
        )
    return shape


def _convolution(
    x, filters, strides=1, size=3, padding="same", normalized=True, name=None
):
    x = keras.layers.Conv2D(
        filters,
        size,
        strides,
        padding,
        use_bias=not normalized,
        kernel_initializer=_checks.normal_init(),
    )(x)
    if normalized:
        x = _checks.batch_norm()(x)
    return keras.layers.LeakyReLU(0.2, name=name)(x)


def head(units: int, name: str) -> keras.layers.Layer:
    """A dense layer of outputs, float32 under every policy."""
    return _checks.dense(units, dtype="float32", name=name)
