"""DCGAN for images of many sizes, gray or colour, conditional or not.

Radford, Metz & Chintala, "Unsupervised Representation Learning with Deep
Convolutional GANs", arXiv:1511.06434: strided convolutions, batch
normalization everywhere except the generator's last and the discriminator's
first layer, ReLU against LeakyReLU(0.2), weights from N(0, 0.02).

Kernels are 4x4, as in the authors' Torch code and in WGAN's: a multiple of
the stride avoids checkerboards, and 16 taps cost a third less than 25.
"""

import itertools
from typing import Any

import keras

from keras_mixgan.architectures import _checks
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

KERNEL_SIZE = 4

# A generator starts from one of these sizes and doubles it. For 28 pixels it
# starts from 7, without a crop. From 4, where the discriminator ends, it made
# one image per class, for all latents, after 400 steps on the digits. The paper
# only says that its MNIST networks have five layers.
BASES = (3, 4, 5, 7)
# A discriminator halves the size, rounding up, until it is at most this.
SMALLEST = 4
# Channels double at each step down, up to this multiple of the width: 1024 at
# 128 pixels and width 64, which is also the paper's maximum.
WIDEST = 16
CHANNELS = (1, 3)
# Shapes for testing architectures; `test_stages_of_a_size` has more.
IMAGE_SHAPES: tuple[tuple[int, int, int], ...] = tuple(
    (size, size, channels) for size in (28, 32, 64) for channels in CHANNELS
)


def generator_stages(size: int) -> tuple[int, ...] | None:
    """The resolutions of a generator's stages.

    The first is the base, which the dense layer makes; each next is twice as
    large. `None` if `size` is not a base times 2, 4, 8, and so on.

    Example:
    >>> generator_stages(28), generator_stages(96)
    ((7, 14, 28), (3, 6, 12, 24, 48, 96))
    """
    stages = [size]
    while stages[-1] % 2 == 0 and stages[-1] not in BASES:
        stages.append(stages[-1] // 2)
    if stages[-1] not in BASES or len(stages) == 1:
        return None
    return tuple(reversed(stages))


def discriminator_stages(size: int) -> tuple[int, ...]:
    """`size`, and the size after each strided convolution.

    Example:
    >>> discriminator_stages(28), discriminator_stages(96)
    ((28, 14, 7, 4), (96, 48, 24, 12, 6, 3))
    """
    stages = [size]
    while stages[-1] > SMALLEST:
        stages.append((stages[-1] + 1) // 2)
    return tuple(stages)


def channels_of(width: int, number: int) -> list[int]:
    """Channels of each stage, the highest resolution first.

    Each has twice the channels of the one before, up to `WIDEST` times the
    first, which has `width`.

    Example:
    >>> channels_of(64, 6)
    [64, 128, 256, 512, 1024, 1024]
    """
    return [width * min(2**stage, WIDEST) for stage in range(number)]


def dcgan_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int = 100,
    num_classes: int | None = None,
    width: int = 64,
    name: str = "dcgan_generator",
    label_scale: float = 1.0,
) -> keras.Model:
    """Builds a DCGAN generator.

    For (32, 32, 3) and width 64: dense to 4x4x256, then transposed
    convolutions to 8x8x128, 16x16x64 and 32x32x3.

    Args:
        image_shape: (size, size, channels), size 3, 4, 5 or 7 times a power
            of two, such as 28, 32, 48, 64, 96 or 128, channels 1 or 3.
        latent_dim: Size of a latent vector.
        num_classes: Number of classes, or None for an unconditional
            generator.
        width: Channels of the last hidden stage; each stage before it has
            twice the channels of the next, up to 16 times the width.
        name: Name of the model.
        label_scale: Initial standard deviation of the learned label vectors;
            latents have 1. With a small one a generator is less likely to
            ignore the latents and make one image per label.

    Returns:
        A Functional model from latents (batch, latent_dim) float32, or from
        [latents, labels (batch,) int32], to images (batch, *image_shape)
        float32 in [-1, 1].

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> generator = dcgan_generator((28, 28, 1), latent_dim=16, width=8)
    >>> generator.output_shape
    (None, 28, 28, 1)
    """
    size, _, channels = check_image_shape(image_shape)
    width = checks.integer("width", width)
    label_scale = checks.number("label_scale", label_scale)

    inputs, x = _checks.generator_inputs(latent_dim, num_classes, label_scale)
    base, *upper = generator_stages(size)
    widths = channels_of(width, len(upper))[::-1]
    x = _checks.dense(base**2 * widths[0], use_bias=False, name="project")(x)
    x = keras.layers.Reshape((base, base, widths[0]))(x)
    # The cut: generators that share a body own the layers up to here.
    x = keras.layers.ReLU(name="start")(_checks.batch_norm()(x))
    for filters in widths[1:]:
        x = _checks.upsample(filters, KERNEL_SIZE, use_bias=False)(x)
        x = keras.layers.ReLU()(_checks.batch_norm()(x))
    images = _checks.images_of(x, channels, KERNEL_SIZE)
    return keras.Model(inputs, images, name=name)


def dcgan_discriminator(
    image_shape: tuple[int, int, int],
    num_classes: int | None = None,
    width: int = 64,
    name: str = "dcgan_discriminator",
    batch_norm: bool = True,
) -> keras.Model:
    """Builds a DCGAN discriminator.

    For (32, 32, 3) and width 64: convolutions to 16x16x64, 8x8x128 and
    4x4x256, then one logit. It is also WGAN's critic.

    Args:
        image_shape: (size, size, channels), size 3, 4, 5 or 7 times a power
            of two, such as 28, 32, 48, 64, 96 or 128, channels 1 or 3.
        num_classes: Number of classes, or None for an unconditional
            discriminator.
        width: Channels of the first convolution; they double at each next,
            up to 16 times the width.
        name: Name of the model.
        batch_norm: Whether all convolutions except the first are normalized.
            WGAN-GP's critic has none.

    Returns:
        A Functional model from images (batch, *image_shape) float32 in
        [-1, 1], or from [images, labels (batch,) int32], to raw logits
        (batch, 1) float32.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> discriminator = dcgan_discriminator((28, 28, 1), width=8)
    >>> discriminator.output_shape
    (None, 1)
    """
    image_shape = check_image_shape(image_shape)
    num_classes = checks.optional_integer("num_classes", num_classes)
    width = checks.integer("width", width)

    images = x = keras.Input(image_shape, name="images")
    number = len(discriminator_stages(image_shape[0])) - 1
    for stage, filters in enumerate(channels_of(width, number)):
        normalized = batch_norm and stage > 0
        x = keras.layers.Conv2D(
            filters,
            KERNEL_SIZE,
            strides=2,
            padding="same",
            use_bias=not normalized,
            # 0.02 relies on batch normalization to restore the scale;
            # without it the logits would start near zero.
            kernel_initializer=(
                _checks.normal_init()
                if batch_norm
                else keras.initializers.HeNormal()
            ),
        )(x)
        if normalized:
            x = _checks.batch_norm()(x)
        x = keras.layers.LeakyReLU(0.2, name=f"stage_{stage}")(x)
    features = keras.layers.Flatten(name="features")(x)
    return _checks.logits_head(images, features, num_classes, name)


def check_image_shape(image_shape: Any) -> tuple[int, int, int]:
    """Checks `image_shape` and returns it as a tuple.

    Images are square, gray or colour, of a size that has `generator_stages`.
    """
    shape = _checks.shape_tuple(image_shape)
    if shape is None or len(shape) != 3:
        raise UserError(
            "`image_shape` must be (size, size, channels), such as "
            f"(28, 28, 1). Received: image_shape={image_shape!r}"
        )
    height, width, channels = shape
    square = height == width
    if channels in CHANNELS and square and generator_stages(height):
        return shape
    start = max(height, width, 2 * min(BASES))
    below = next(n for n in range(start, 0, -1) if generator_stages(n))
    above = next(n for n in itertools.count(start) if generator_stages(n))
    near = sorted({below, above})
    raise UserError(
        "`image_shape` must be (size, size, channels), the size 3, 4, 5 or 7 "
        "times a power of two (28, 32, 40, 48, 56, 64, 80, 96, 112, 128, and "
        f"so on), the channels 1 or 3. Nearest: {' and '.join(map(str, near))}."
        f" Received: image_shape={shape}"
    )
