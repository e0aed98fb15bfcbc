"""AC-GAN: the discriminator predicts the class.

Odena, Olah & Shlens 2017, "Conditional Image Synthesis with Auxiliary
Classifier GANs", arXiv:1610.09585, appendix A: 5x5 transposed convolutions
with batch normalization against 3x3 convolutions whose stride is 2 and 1 in
turn, with dropout; weights from N(0, 0.02).

The generator may normalize by class instead (de Vries et al. 2017,
arXiv:1707.00683, Section 3): with one scale and one offset per class after each
batch normalization. Statistics are still those of the whole group of images, so
Keras's layer computes them, and two embeddings give scales and offsets.
"""

import keras

from keras_mixgan.architectures import _checks
from keras_mixgan.architectures import dcgan
from keras_mixgan.architectures import heads
from keras_mixgan.utils import checks

KERNEL_SIZE = 5
DROPOUT = 0.5
# The discriminator's first convolution has a sixth of the channels of the
# generator's last hidden one: 16 and 96 on CIFAR-10.
RATIO = 6
# Channels double at each next one, up to this multiple: 512 on CIFAR-10.
WIDEST = 32


def acgan_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int = 100,
    num_classes: int | None = None,
    width: int = 96,
    name: str = "acgan_generator",
    conditional_norm: bool = False,
) -> keras.Model:
    """Builds an AC-GAN generator.

    For (32, 32, 3) and width 96: dense to 4x4x384, then transposed
    convolutions to 8x8x192, 16x16x96 and 32x32x3.

    Args:
        image_shape: (size, size, channels), of the sizes that
            `dcgan_generator` takes, channels 1 or 3.
        latent_dim: Size of a latent vector.
        num_classes: Number of classes, or None for an unconditional
            generator.
        width: Channels of the last hidden stage; each stage before it has
            twice the channels of the next, up to 16 times the width.
        name: Name of the model.
        conditional_norm: Whether each class has its own scale and offset
            after every batch normalization. Without classes it changes
            nothing.

    Returns:
        A Functional model from latents (batch, latent_dim) float32, or from
        [latents, labels (batch,) int32], to images (batch, *image_shape)
        float32 in [-1, 1].

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> generator = acgan_generator((32, 32, 3), num_classes=10, width=6)
    >>> generator.output_shape
    (None, 32, 32, 3)
    """
    size, _, channels = dcgan.check_image_shape(image_shape)
    num_classes = checks.optional_integer("num_classes", num_classes)
    width = checks.integer("width", width)

    inputs, x = _checks.generator_inputs(latent_dim, num_classes)
    labels = inputs[1] if num_classes and conditional_norm else None
    base, *upper = dcgan.generator_stages(size)
    widths = dcgan.channels_of(width, len(upper))[::-1]
    x = _checks.dense(base**2 * widths[0])(x)
    x = keras.layers.Reshape((base, base, widths[0]))(x)
    x = keras.layers.ReLU(name="start")(x)
    for stage, filters in enumerate(widths[1:], 1):
        x = _checks.upsample(filters, KERNEL_SIZE, use_bias=False)(x)
        # By its width, unless the widest stages, which come first, share it.
        place = str(filters)
        if filters in widths[1:stage]:
            place += f"_{stage}"
        x = normalized_by_class(x, labels, num_classes, place)
        x = keras.layers.ReLU()(x)
    images = _checks.images_of(x, channels, KERNEL_SIZE)
    return keras.Model(inputs, images, name=name)


def acgan_discriminator(
    image_shape: tuple[int, int, int],
    num_classes: int | None = None,
    width: int = 96,
    name: str = "acgan_discriminator",
) -> keras.Model:
    """Builds an AC-GAN discriminator, which predicts the class of an image.

    For (32, 32, 3) and width 96: 3x3 convolutions to 16, 32, 64, 128, 256 and
    512 channels, every other one of stride 2.

    Args:
        image_shape: (size, size, channels), of the sizes that
            `dcgan_generator` takes, channels 1 or 3.
        num_classes: Number of classes, or None for a discriminator without a
            classifier.
        width: That of the generator. The first convolution has a sixth of it,
            each further one twice the channels of the one before, up to 32
            times those of the first.
        name: Name of the model.

    Returns:
        A Functional model from images (batch, *image_shape) float32 in
        [-1, 1] to raw logits (batch, 1) float32; with classes to a dict of
        `logits` and `class_logits` (batch, num_classes) float32. It takes no
        labels.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> network = acgan_discriminator((32, 32, 3), num_classes=10, width=6)
    >>> {name: x.shape for name, x in network.output.items()}
    {'logits': (None, 1), 'class_logits': (None, 10)}
    """
    image_shape = dcgan.check_image_shape(image_shape)
    num_classes = checks.optional_integer("num_classes", num_classes)
    width = checks.integer("width", width)

    images = x = keras.Input(image_shape, name="images")
    halvings = len(dcgan.discriminator_stages(image_shape[0])) - 1
    for i in range(2 * halvings):
        x = keras.layers.Conv2D(
            max(1, width // RATIO) * min(2**i, WIDEST),
            3,
            strides=1 if i % 2 else 2,
            padding="same",
            use_bias=i == 0,
            kernel_initializer=_checks.normal_init(),
        )(x)
        if i:
            x = _checks.batch_norm()(x)
        x = keras.layers.LeakyReLU(0.2)(x)
        x = keras.layers.Dropout(DROPOUT, name=f"stage_{i}")(x)
    features = keras.layers.Flatten(name="features")(x)
    network = _checks.logits_head(images, features, None, name)
    if num_classes is None:
        return network
    return heads.add_heads(network, num_classes=num_classes)


def normalized_by_class(x, labels, num_classes: int | None, place: str):
    """Batch normalization; with labels, a scale and an offset per class.

    `x` is (batch, height, width, channels), `labels` (batch,) or None. The
    names of the two embeddings end in `place`.
    """
    if labels is None:
        return _checks.batch_norm()(x)
    # The embeddings replace the layer's scale and offset.
    x = _checks.batch_norm(center=False, scale=False)(x)
    by_class = [
        keras.layers.Reshape((1, 1, x.shape[-1]))(
            keras.layers.Embedding(
                num_classes,
                x.shape[-1],
                embeddings_initializer=start,
                name=f"{part}_{place}",
            )(labels)
        )
        for part, start in (
            ("scale", keras.initializers.RandomNormal(1.0, 0.02)),
            ("offset", "zeros"),
        )
    ]
    scaled = keras.layers.Multiply()([x, by_class[0]])
    return keras.layers.Add()([scaled, by_class[1]])
