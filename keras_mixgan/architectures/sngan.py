"""SNGAN: a discriminator of bounded Lipschitz constant, without batch norm.

Miyato, Kataoka, Koyama & Yoshida 2018, "Spectral Normalization for Generative
Adversarial Networks", arXiv:1802.05957, Table 3: in the discriminator 3x3
convolutions of stride 1 and 4x4 ones of stride 2 in turn, all normalized by
their largest singular value; in the generator batch normalization.

With labels, as in Miyato & Koyama 2018, arXiv:1802.05637: the discriminator
projects its features on a vector of the class, and the generator has a scale
and an offset per class after every batch normalization.
"""

import keras

from keras_mixgan.architectures import _checks
from keras_mixgan.architectures import dcgan
from keras_mixgan.architectures.acgan import normalized_by_class
from keras_mixgan.architectures.spectral import SpectralNormalization
from keras_mixgan.utils import checks

SLOPE = 0.1


def sngan_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int = 128,
    num_classes: int | None = None,
    width: int = 64,
    name: str = "sngan_generator",
) -> keras.Model:
    """Builds an SNGAN generator.

    For (32, 32, 3) and width 64: dense to 4x4x512, transposed convolutions to
    8x8x256, 16x16x128 and 32x32x64, then a 3x3 convolution to 3 channels.

    Args:
        image_shape: (size, size, channels), of the sizes that
            `dcgan_generator` takes, channels 1 or 3.
        latent_dim: Size of a latent vector.
        num_classes: Number of classes, or None for an unconditional
            generator.
        width: Channels of the last hidden stage; each stage before it has
            twice the channels of the next, up to 32 times the width.
        name: Name of the model.

    Returns:
        A Functional model from latents (batch, latent_dim) float32, or from
        [latents, labels (batch,) int32], to images (batch, *image_shape)
        float32 in [-1, 1].

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> generator = sngan_generator((32, 32, 3), num_classes=10, width=4)
    >>> generator.output_shape
    (None, 32, 32, 3)
    """
    size, _, channels = dcgan.check_image_shape(image_shape)
    latent_dim = checks.integer("latent_dim", latent_dim)
    num_classes = checks.optional_integer("num_classes", num_classes)
    width = checks.integer("width", width)

    inputs = latents = keras.Input((latent_dim,), name="latents")
    labels = None
    if num_classes:
        labels = keras.Input((), dtype="int32", name="labels")
        inputs = [latents, labels]
    base, *upper = dcgan.generator_stages(size)
    widths = dcgan.channels_of(2 * width, len(upper))[::-1]
    x = _checks.dense(base**2 * widths[0])(latents)
    x = keras.layers.Reshape((base, base, widths[0]))(x)
    x = normalized_by_class(x, labels, num_classes, "start")
    # The cut: generators that share a body own the layers up to here.
    x = keras.layers.ReLU(name="start")(x)
    for stage, filters in enumerate([*widths[1:], width]):
        x = _checks.upsample(filters, 4, use_bias=False)(x)
        x = normalized_by_class(x, labels, num_classes, f"stage_{stage}")
        x = keras.layers.ReLU()(x)
    # float32 under every policy: bfloat16 is too coarse for pixels.
    images = keras.layers.Conv2D(
        channels,
        3,
        padding="same",
        activation="tanh",
        kernel_initializer=_checks.normal_init(),
        dtype="float32",
        name="images",
    )(x)
    return keras.Model(inputs, images, name=name)


def sngan_discriminator(
    image_shape: tuple[int, int, int],
    num_classes: int | None = None,
    width: int = 64,
    name: str = "sngan_discriminator",
) -> keras.Model:
    """Builds an SNGAN discriminator.

    For (32, 32, 3) and width 64: 3x3 and 4x4 convolutions to 16x16x64,
    8x8x128 and 4x4x256, a 3x3 one to 4x4x512, then one logit.

    Args:
        image_shape: (size, size, channels), of the sizes that
            `dcgan_generator` takes, channels 1 or 3.
        num_classes: Number of classes, or None for an unconditional
            discriminator.
        width: Channels of the first convolution; they double at each smaller
            resolution, up to 16 times the width.
        name: Name of the model.

    Returns:
        A Functional model from images (batch, *image_shape) float32 in
        [-1, 1], or from [images, labels (batch,) int32], to raw logits
        (batch, 1) float32.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> sngan_discriminator((32, 32, 3), width=4).output_shape
    (None, 1)
    """
    image_shape = dcgan.check_image_shape(image_shape)
    num_classes = checks.optional_integer("num_classes", num_classes)
    width = checks.integer("width", width)

    images = x = keras.Input(image_shape, name="images")
    number = len(dcgan.discriminator_stages(image_shape[0])) - 1
    *widths, last = dcgan.channels_of(width, number + 1)
    for stage, filters in enumerate(widths):
        x = _convolution(filters, 3, 1)(x)
        x = keras.layers.LeakyReLU(SLOPE)(x)
        x = _convolution(filters, 4, 2)(x)
        x = keras.layers.LeakyReLU(SLOPE, name=f"stage_{stage}")(x)
    x = keras.layers.LeakyReLU(SLOPE)(_convolution(last, 3, 1)(x))
    features = keras.layers.Flatten(name="features")(x)
    return _checks.logits_head(
        images, features, num_classes, name, SpectralNormalization
    )


def _convolution(filters: int, size: int, strides: int):
    return SpectralNormalization(
        keras.layers.Conv2D(
            filters, size, strides=strides, padding="same", use_bias=False
        )
    )
