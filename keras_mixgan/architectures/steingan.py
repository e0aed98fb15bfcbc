"""SteinGAN: the discriminator is the energy of an autoencoder.

Wang & Liu 2016, "Learning to Draw Samples: With Application to Amortized MLE
for Generative Adversarial Learning", arXiv:1611.01722, with the networks of
the authors' code for CIFAR-10 with labels:

    E(x, y) = ||x - A(x)||_2 + max(1, -log P(y | code of x))

A is an autoencoder with tied weights and dropout on the pixels of its input.
Logits are minus energies, see the payoff `energy`.
"""

import keras

from keras_mixgan.architectures import _checks
from keras_mixgan.architectures import dcgan
from keras_mixgan.architectures.reversible import ReversibleConv2D
from keras_mixgan.utils import checks

KERNEL_SIZE = 3
DROPOUT = 0.2
# The least cost of the class: below it the class is right enough.
MARGIN = 1.0
# The least squared error: the root's gradient has no limit at 0.
EPSILON = 1e-12


def steingan_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int = 100,
    num_classes: int | None = None,
    width: int = 128,
    name: str = "steingan_generator",
) -> keras.Model:
    """Builds the generator of SteinGAN.

    For (32, 32, 3) and width 128: dense to 4x4x512, then 3x3 transposed
    convolutions to 8x8x512, 8x8x256, 16x16x256, 16x16x128, 32x32x128 and
    32x32x3.

    Args:
        image_shape: (size, size, channels), of the sizes that
            `dcgan_generator` takes, channels 1 or 3.
        latent_dim: Size of a latent vector.
        num_classes: Number of classes, or None for an unconditional
            generator.
        width: Channels of the last hidden stage; each stage before it has
            twice the channels of the next, up to 16 times the width.
        name: Name of the model.

    Returns:
        A Functional model from latents (batch, latent_dim) float32, or from
        [latents, labels (batch,) int32], to images (batch, *image_shape)
        float32 in [-1, 1].

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> steingan_generator((32, 32, 3), width=4).output_shape
    (None, 32, 32, 3)
    """
    size, _, channels = dcgan.check_image_shape(image_shape)
    width = checks.integer("width", width)

    inputs, x = _checks.generator_inputs(latent_dim, num_classes)
    base, *upper = dcgan.generator_stages(size)
    widths = dcgan.channels_of(width, len(upper))[::-1]
    x = _checks.dense(base**2 * widths[0], use_bias=False)(x)
    x = keras.layers.ReLU()(_checks.batch_norm()(x))
    x = keras.layers.Reshape((base, base, widths[0]), name="start")(x)
    for filters, following in zip(widths, [*widths[1:], None], strict=True):
        x = _checks.upsample(filters, KERNEL_SIZE, use_bias=False)(x)
        x = keras.layers.ReLU()(_checks.batch_norm()(x))
        if following is not None:
            x = _checks.upsample(following, KERNEL_SIZE, 1, use_bias=False)(x)
            x = keras.layers.ReLU()(_checks.batch_norm()(x))
    images = _checks.images_of(x, channels, KERNEL_SIZE, strides=1)
    return keras.Model(inputs, images, name=name)


def steingan_discriminator(
    image_shape: tuple[int, int, int],
    num_classes: int | None = None,
    width: int = 128,
    name: str = "steingan_discriminator",
) -> keras.Model:
    """Builds the discriminator of SteinGAN, an energy.

    For (32, 32, 3) and width 128: 3x3 convolutions to 32x32x128, 16x16x256
    and 4x4x512, each followed by one whose stride is its kernel's size (2, 4
    and 4), to a code of 512 numbers; and the same layers in reverse.

    Args:
        image_shape: (size, size, channels), of the sizes that
            `dcgan_generator` takes, channels 1 or 3.
        num_classes: Number of classes, or None for an energy of images alone.
        width: Channels of the first convolution; they double at each further
            resolution, up to 16 times the width.
        name: Name of the model.

    Returns:
        A Functional model from images (batch, *image_shape) float32 in
        [-1, 1], or from [images, labels (batch,) int32], to a dict of float32
        outputs: `logits` (batch, 1), minus the energy, and so at most 0, with
        labels at most -1; and `features` (batch, F), the code.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> network = steingan_discriminator((32, 32, 3), 10, width=4)
    >>> {name: x.shape for name, x in network.output.items()}
    {'logits': (None, 1), 'features': (None, 16)}
    """
    size, _, channels = dcgan.check_image_shape(image_shape)
    num_classes = checks.optional_integer("num_classes", num_classes)
    width = checks.integer("width", width)

    inputs = images = keras.Input((size, size, channels), name="images")
    x = keras.layers.Dropout(DROPOUT)(images)
    convolutions = _convolutions(size, width)
    for i, convolution in enumerate(convolutions):
        x = convolution(x)
        x = keras.layers.ReLU()(_checks.batch_norm()(x) if i else x)
    code = keras.layers.Flatten(dtype="float32", name="features")(x)
    for i, convolution in reversed(list(enumerate(convolutions))):
        x = convolution(x, reverse=True)
        if i:
            x = keras.layers.ReLU()(_checks.batch_norm()(x))
    # float32 under every policy: small errors are squared.
    reconstruction = keras.layers.Activation("tanh", dtype="float32")(x)
    energy = _distance(images, reconstruction)
    if num_classes is not None:
        labels = keras.Input((), dtype="int32", name="labels")
        inputs = [images, labels]
        cost = _class_cost(code, labels, num_classes)
        energy = energy + keras.ops.maximum(cost, MARGIN)
    outputs = {"logits": keras.ops.negative(energy), "features": code}
    return keras.Model(inputs, outputs, name=name)


def _convolutions(size: int, width: int) -> list[ReversibleConv2D]:
    """The encoder's layers; their strides divide the size of the image."""
    base, *upper = dcgan.generator_stages(size)
    shrink = [2] * (len(upper) % 2) + [4] * (len(upper) // 2) + [base]
    layers = []
    for filters, factor in zip(
        dcgan.channels_of(width, len(shrink)), shrink, strict=True
    ):
        for kernel_size, strides, padding in (
            (KERNEL_SIZE, 1, "same"),
            (factor, factor, "valid"),
        ):
            layers.append(
                ReversibleConv2D(
                    filters,
                    kernel_size,
                    strides,
                    padding,
                    kernel_initializer=_checks.normal_init(),
                )
            )
    return layers


def _distance(one, other):
    """Euclidean distances of images, (batch, 1)."""
    gaps = keras.layers.Flatten(dtype="float32")(one - other)
    squares = keras.ops.sum(keras.ops.square(gaps), axis=1, keepdims=True)
    return keras.ops.sqrt(keras.ops.maximum(squares, EPSILON))


def _class_cost(code, labels, num_classes: int):
    """-log P(label | code) of a softmax, (batch, 1)."""
    # One vector per class, for the logit of the label and those of all classes.
    classes = keras.layers.ReversibleEmbedding(
        num_classes,
        code.shape[-1],
        embeddings_initializer=_checks.normal_init(),
        dtype="float32",
        name="classes",
    )
    own = keras.layers.Dot(axes=1, dtype="float32")([code, classes(labels)])
    logits = classes(code, reverse=True)
    return keras.ops.logsumexp(logits, axis=1, keepdims=True) - own
