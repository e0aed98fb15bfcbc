"""DCGAN for 28, 32 and 64 pixels, gray or colour, conditional or not.

Radford, Metz & Chintala, "Unsupervised Representation Learning with Deep
Convolutional GANs", arXiv:1511.06434: strided convolutions, batch
normalization everywhere but the generator's last and the discriminator's
first layer, ReLU against LeakyReLU(0.2), weights from N(0, 0.02).

Kernels are 4x4, as in the authors' Torch code and in WGAN's: a multiple of
the stride leaves no checkerboard, and 16 taps cost a third less than 25.
"""

from typing import Any

import keras

from keras_mixgan.architectures import _checks
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

KERNEL_SIZE = 4

# Image size -> the resolutions that each network passes through, its dense
# layer at the small end. Width doubles at each step down. At 28 pixels the
# generator starts from 7, which doubles to 28 without a crop: starting from
# 4, where the discriminator ends, it made one image a class, whatever the
# latents, after 400 steps on the digits. The paper only says that its MNIST
# networks have five layers.
GENERATOR_STAGES: dict[int, tuple[int, ...]] = {
    28: (7, 14, 28),
    32: (4, 8, 16, 32),
    64: (4, 8, 16, 32, 64),
}
DISCRIMINATOR_STAGES: dict[int, tuple[int, ...]] = {
    28: (28, 14, 7, 4),
    32: (32, 16, 8, 4),
    64: (64, 32, 16, 8, 4),
}
CHANNELS = (1, 3)
IMAGE_SHAPES: tuple[tuple[int, int, int], ...] = tuple(
    (size, size, channels) for size in GENERATOR_STAGES for channels in CHANNELS
)


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
        image_shape: (size, size, channels), size 28, 32 or 64, channels 1
            or 3.
        latent_dim: Size of a latent vector.
        num_classes: Number of classes, or None for an unconditional
            generator.
        width: Channels of the last hidden stage; each stage before it has
            twice the channels of the next.
        name: Name of the model.
        label_scale: Standard deviation that the learned vectors of labels
            start with; latents have 1. With a small one a generator is less
            likely to ignore the latents and make one image a label.

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
    latent_dim = checks.integer("latent_dim", latent_dim)
    num_classes = checks.optional_integer("num_classes", num_classes)
    width = checks.integer("width", width)
    label_scale = checks.positive_number("label_scale", label_scale)

    inputs, x = _checks.generator_inputs(latent_dim, num_classes, label_scale)
    base, *upper = GENERATOR_STAGES[size]
    widths = [width * 2**i for i in reversed(range(len(upper)))]
    x = keras.layers.Dense(
        base**2 * widths[0],
        use_bias=False,
        kernel_initializer=_checks.normal_init(),
        name="project",
    )(x)
    x = keras.layers.Reshape((base, base, widths[0]))(x)
    # What a generator owns where the rest is shared ends here.
    x = keras.layers.ReLU(name="start")(_checks.batch_norm()(x))
    for filters in widths[1:]:
        x = _upsample(filters, use_bias=False)(x)
        x = keras.layers.ReLU()(_checks.batch_norm()(x))
    # float32 under every policy: bfloat16 is too coarse for pixels.
    images = _upsample(
        channels, activation="tanh", dtype="float32", name="images"
    )(x)
    return keras.Model(inputs, images, name=name)


def dcgan_discriminator(
    image_shape: tuple[int, int, int],
    num_classes: int | None = None,
    width: int = 64,
    name: str = "dcgan_discriminator",
) -> keras.Model:
    """Builds a DCGAN discriminator.

    For (32, 32, 3) and width 64: convolutions to 16x16x64, 8x8x128 and
    4x4x256, then one logit.

    Args:
        image_shape: (size, size, channels), size 28, 32 or 64, channels 1
            or 3.
        num_classes: Number of classes, or None for an unconditional
            discriminator.
        width: Channels of the first convolution; they double at each next.
        name: Name of the model.

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
    return strided_discriminator(
        image_shape, num_classes, width, batch_norm=True, name=name
    )


def strided_discriminator(
    image_shape: tuple[int, int, int],
    num_classes: int | None,
    width: int,
    batch_norm: bool,
    name: str,
) -> keras.Model:
    """The strided convolutions of DCGAN's discriminator and WGAN's critics.

    Args:
        image_shape: As in `dcgan_discriminator`.
        num_classes: As in `dcgan_discriminator`.
        width: As in `dcgan_discriminator`.
        batch_norm: Whether all convolutions but the first are normalized.
        name: Name of the model.

    Returns:
        A Functional model as `dcgan_discriminator` returns.

    Raises:
        ValueError: If an argument is out of its range.
    """
    image_shape = check_image_shape(image_shape)
    num_classes = checks.optional_integer("num_classes", num_classes)
    width = checks.integer("width", width)

    images = x = keras.Input(image_shape, name="images")
    for stage in range(len(DISCRIMINATOR_STAGES[image_shape[0]]) - 1):
        normalized = batch_norm and stage > 0
        x = keras.layers.Conv2D(
            width * 2**stage,
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
    """Returns `image_shape` as a tuple, or raises with the known shapes.

    Args:
        image_shape: What the caller passed.

    Returns:
        One of `IMAGE_SHAPES`.

    Raises:
        ValueError: If the shape is none of `IMAGE_SHAPES`.
    """
    shape = _checks.shape_tuple(image_shape)
    if shape not in IMAGE_SHAPES:
        supported = ", ".join(map(str, IMAGE_SHAPES))
        raise UserError(
            f"`image_shape` must be one of {supported}. Received: "
            f"image_shape={image_shape!r}"
        )
    return shape


def _upsample(filters: int, **options: Any) -> keras.layers.Layer:
    return keras.layers.Conv2DTranspose(
        filters,
        KERNEL_SIZE,
        strides=2,
        padding="same",
        kernel_initializer=_checks.normal_init(),
        **options,
    )
