"""Improved GAN: classes, weight normalization.

Salimans et al. 2016, "Improved Techniques for Training GANs",
arXiv:1606.03498, Sections 3 and 5, with the networks of the authors' code for
CIFAR-10. The discriminator is a classifier of K classes; "generated" is the
class K + 1, whose logit is fixed at 0, so that D(x) = Z / (Z + 1) with Z the
sum of the exponentials of the K logits. The generator takes no labels.
"""

import keras

from keras_mixgan.architectures import _checks
from keras_mixgan.architectures import dcgan
from keras_mixgan.architectures import layers
from keras_mixgan.utils import checks

KERNELS = 100
NOISE = 0.2


def improved_gan_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int = 100,
    num_classes: int | None = None,
    width: int = 128,
    name: str = "improved_gan_generator",
) -> keras.Model:
    """Builds the generator of Improved GAN.

    For (32, 32, 3) and width 128: dense to 4x4x512, then 5x5 transposed
    convolutions to 8x8x256, 16x16x128 and, with weight normalization,
    32x32x3.

    Args:
        image_shape: (size, size, channels), of the sizes that
            `dcgan_generator` takes, channels 1 or 3.
        latent_dim: Size of a latent vector.
        num_classes: Without effect: the generator takes no labels.
        width: Channels of the last hidden stage; each stage before it has
            twice the channels of the next, up to 16 times the width.
        name: Name of the model.

    Returns:
        A Functional model from latents (batch, latent_dim) float32 to images
        (batch, *image_shape) float32 in [-1, 1].

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> improved_gan_generator((32, 32, 3), width=4).output_shape
    (None, 32, 32, 3)
    """
    size, _, channels = dcgan.check_image_shape(image_shape)
    checks.optional_integer("num_classes", num_classes)
    width = checks.integer("width", width)

    inputs, x = _checks.generator_inputs(latent_dim, None)
    base, *upper = dcgan.generator_stages(size)
    widths = dcgan.channels_of(width, len(upper))[::-1]
    x = keras.layers.Dense(
        base**2 * widths[0],
        use_bias=False,
        kernel_initializer=_checks.normal_init(0.05),
    )(x)
    # Normalized per unit of the dense layer, not per channel of an image.
    x = keras.layers.ReLU()(_checks.batch_norm(scale=False)(x))
    x = keras.layers.Reshape((base, base, widths[0]), name="start")(x)
    for filters in widths[1:]:
        x = _upsample(filters)(x)
        x = keras.layers.ReLU()(_checks.batch_norm(scale=False)(x))
    # float32 under every policy: bfloat16 is too coarse for pixels.
    x = layers.WeightNormalization(
        _upsample(channels, dtype="float32"),
        start_deviation=0.1,
        train_scale=True,
        dtype="float32",
    )(x)
    images = keras.layers.Activation("tanh", dtype="float32", name="images")(x)
    return keras.Model(inputs, images, name=name)


def improved_gan_discriminator(
    image_shape: tuple[int, int, int],
    num_classes: int | None = None,
    width: int = 128,
    name: str = "improved_gan_discriminator",
    minibatch: bool = True,
) -> keras.Model:
    """Builds the discriminator of Improved GAN, a classifier.

    For (32, 32, 3) and width 128: weight-normalized 3x3 convolutions of 96,
    96, 96 (stride 2), 192, 192, 192 (stride 2) and 192 channels, two 1x1 ones
    and a mean over the image. Larger images have more blocks of three.

    Args:
        image_shape: (size, size, channels), of the sizes that
            `dcgan_generator` takes, channels 1 or 3.
        num_classes: Number of classes, or None for one logit alone.
        width: That of the generator. The first convolutions have three
            quarters of it.
        name: Name of the model.
        minibatch: Whether to use minibatch discrimination, with noise on the
            images. Otherwise a fifth of the pixels is dropped, as in the
            authors' code for feature matching, and the features are an
            output.

    Returns:
        A Functional model from images (batch, *image_shape) float32 in
        [-1, 1] to raw logits (batch, 1) float32; with classes to a dict of
        `logits`, the logsumexp of the classes, `class_logits` (batch,
        num_classes) float32 and, without `minibatch`, `features` (batch, F).
        It takes no labels.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> network = improved_gan_discriminator((32, 32, 3), 10, width=4)
    >>> {name: x.shape for name, x in network.output.items()}
    {'logits': (None, 1), 'class_logits': (None, 10)}
    """
    image_shape = dcgan.check_image_shape(image_shape)
    num_classes = checks.optional_integer("num_classes", num_classes)
    width = checks.integer("width", width)

    filters = max(1, 3 * width // 4)
    images = keras.Input(image_shape, name="images")
    if minibatch:
        x = keras.layers.GaussianNoise(NOISE)(images)
    else:
        x = keras.layers.Dropout(NOISE)(images)
    for i in range(_blocks(image_shape[0])):
        for strides in (1, 1, 2):
            x = _convolution(x, filters * 2 ** min(i, 1), 3, strides)
        x = keras.layers.Dropout(0.5, name=f"stage_{i}")(x)
    x = _convolution(x, filters * 2, 3, padding="valid")
    for _ in range(2):
        x = _convolution(x, filters * 2, 1)
    x = keras.layers.GlobalAveragePooling2D(dtype="float32", name="features")(x)
    features = x
    if minibatch:
        x = layers.MinibatchDiscrimination(KERNELS, name="minibatch")(x)
    classes = layers.WeightNormalization(
        keras.layers.Dense(
            num_classes or 1,
            use_bias=False,
            kernel_initializer=_checks.normal_init(0.05),
            dtype="float32",
        ),
        start_deviation=0.1,
        train_scale=True,
        dtype="float32",
        name="class_logits" if num_classes else "logits",
    )(x)
    if num_classes is None:
        return keras.Model(images, classes, name=name)
    logits = keras.ops.logsumexp(classes, axis=1, keepdims=True)
    outputs = {"logits": logits, "class_logits": classes}
    if not minibatch:
        outputs["features"] = features
    return keras.Model(images, outputs, name=name)


def _blocks(size: int) -> int:
    """Number of blocks that halve the image, until it has at most 8 pixels."""
    blocks = 1
    while -(-size // 2**blocks) > 8:
        blocks += 1
    return blocks


def _convolution(x, filters, size, strides=1, padding="same"):
    x = layers.WeightNormalization(
        keras.layers.Conv2D(
            filters,
            size,
            strides,
            padding,
            use_bias=False,
            kernel_initializer=_checks.normal_init(0.05),
        )
    )(x)
    return keras.layers.LeakyReLU(0.2)(x)


def _upsample(filters: int, **options) -> keras.layers.Layer:
    start = _checks.normal_init(0.05)
    return _checks.upsample(
        filters, 5, use_bias=False, kernel_initializer=start, **options
    )
