"""S-GAN: a stack of two GANs, one of an encoder's codes and one of images.

Huang, Li, Poursaeed, Hopcroft & Belongie 2017, "Stacked Generative Adversarial
Networks", arXiv:1612.04357, Section 3 and the authors' code for CIFAR-10. The
top generator makes codes, a frozen encoder's features of an image, from
latents z_1 and a label. The bottom generator makes the image from the codes and
latents z_0. One discriminator judges codes; the other, that of `dcgan_huang`,
judges images. For images of 32 pixels.

Here each stack is one generator and one discriminator, trained jointly from
the start. The authors first train the GANs separately, 200 epochs each, the
bottom one on codes of real images, and then jointly.
"""

import keras

from keras_mixgan.architectures import _checks
from keras_mixgan.architectures import dcgan_huang
from keras_mixgan.architectures import layers
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

# z_1 has 50 of these numbers, z_0 the other 16.
LATENT_DIM = 66
# As in the encoder that `tools/train_encoder.py` makes.
CODE_DIM = 256
# In joint training the top generator also minimises this part of the bottom
# one's losses.
TO_TOP = 0.01
NOISE = 0.05
DROPOUT = 0.3
CODE_NOISE = 0.2
# Everything passes through these layers. Cut there, the bottom is shared and
# only the top is mixed.
GENERATOR_CUT = "stack"
DISCRIMINATOR_CUT = "shared"


def sgan_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int = LATENT_DIM,
    num_classes: int | None = None,
    width: int = 128,
    name: str = "sgan_generator",
    code_dim: int = CODE_DIM,
) -> keras.Model:
    """Builds the generators of a stack, as one.

    For width 128 the top one has dense layers of 256 units on latents and 512
    on labels, two of 512 and the codes. The bottom one has two dense layers of
    128 units on its own latents, and then those of `dcgan_huang_generator`.
    The top one gets a hundredth of the gradient of the bottom one's losses.
    Latents are made uniform in [0, 1].

    Args:
        image_shape: (32, 32, channels), channels 1 or 3.
        latent_dim: Size of a latent vector, at least 2. The bottom generator
            gets the last fourth of its numbers, rounded down, and at least
            one.
        num_classes: Number of classes, or None for an unconditional
            generator.
        width: Channels of the last hidden stage.
        name: Name of the model.
        code_dim: Size of the codes, four times the encoder's width.

    Returns:
        A Functional model from latents (batch, latent_dim) float32, or from
        [latents, labels (batch,) int32], to images (batch, *image_shape)
        float32 in [-1, 1]. The output of its layer `codes` is (batch,
        code_dim) float32, at least 0.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> network = sgan_generator((32, 32, 3), width=4, code_dim=8)
    >>> network.output_shape, network.get_layer("codes").output.shape
    ((None, 32, 32, 3), (None, 8))
    """
    channels = dcgan_huang.check_image_shape(image_shape)[2]
    top, _ = _latent_dims(latent_dim)
    num_classes = checks.optional_integer("num_classes", num_classes)
    width = checks.integer("width", width)
    code_dim = checks.integer("code_dim", code_dim)

    latents = keras.Input((latent_dim,), name="latents")
    first, second = keras.ops.split(_checks.uniform(latents), [top], axis=1)
    inputs, x = latents, _dense(first, 2 * width)
    if num_classes is not None:
        labels = keras.Input((), dtype="int32", name="labels")
        # The same as a dense layer on one-hot labels.
        embedded = keras.layers.Embedding(
            num_classes,
            4 * width,
            embeddings_initializer=_checks.normal_init(),
            name="label_embedding",
        )(labels)
        inputs = [latents, labels]
        x = keras.layers.Concatenate()([x, _normalized(embedded)])
    x = _dense(_dense(x, 4 * width), 4 * width)
    codes = _checks.dense(code_dim, activation="relu", dtype="float32")(x)
    stack = keras.layers.Concatenate(dtype="float32", name=GENERATOR_CUT)(
        [codes, second]
    )

    codes, second = keras.ops.split(stack, [code_dim], axis=1)
    codes = keras.layers.Identity(dtype="float32", name="codes")(codes)
    x = _dense(_dense(second, width), width)
    x = keras.layers.Concatenate()([layers.ScaledGradient(TO_TOP)(codes), x])
    images = dcgan_huang.decoded(x, channels, width)
    return keras.Model(inputs, images, name=name)


def sgan_discriminator(
    image_shape: tuple[int, int, int],
    num_classes: int | None = None,
    width: int = 128,
    name: str = "sgan_discriminator",
    latent_dim: int = LATENT_DIM,
    code_dim: int = CODE_DIM,
) -> keras.Model:
    """Builds the discriminators of a stack, as one.

    That of images is `dcgan_huang_discriminator` with less noise and dropout.
    That of codes has, for width 128, two dense layers of 512 units, each after
    noise.

    Args:
        image_shape: (32, 32, channels), channels 1 or 3.
        num_classes: Number of classes, or None for logits alone.
        width: That of the generator.
        name: Name of the model.
        latent_dim: That of the generator.
        code_dim: That of the generator.

    Returns:
        A Functional model from [images (batch, *image_shape) float32 in
        [-1, 1], codes (batch, code_dim) float32] to a dict of float32 outputs.
        For images: raw `logits` (batch, 1), `latents` of the bottom generator,
        and with classes `class_logits` (batch, num_classes), whose logsumexp is
        `logits`. For codes the same with the prefix `code_`, and `latents` of
        the top generator. It takes no labels.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> network = sgan_discriminator((32, 32, 3), width=4, code_dim=8)
    >>> sorted(network.output)
    ['code_latents', 'code_logits', 'latents', 'logits']
    """
    image_shape = dcgan_huang.check_image_shape(image_shape)
    num_classes = checks.optional_integer("num_classes", num_classes)
    width = checks.integer("width", width)
    top, bottom = _latent_dims(latent_dim)
    code_dim = checks.integer("code_dim", code_dim)

    images = keras.Input(image_shape, name="images")
    outputs = dcgan_huang.judged(
        images, num_classes, width, bottom, NOISE, DROPOUT
    )
    codes = keras.Input((code_dim,), name="codes")
    x = keras.layers.GaussianNoise(CODE_NOISE)(codes)
    x = _checks.dense(4 * width)(x)
    x = keras.layers.LeakyReLU(0.2)(x)
    x = keras.layers.GaussianNoise(CODE_NOISE)(x)
    x = _checks.dense(4 * width, use_bias=False)(x)
    x = keras.layers.LeakyReLU(0.2)(_checks.batch_norm()(x))
    x = keras.layers.GaussianNoise(CODE_NOISE)(x)
    outputs["code_latents"] = dcgan_huang.head(top, "code_latents")(x)
    outputs |= dcgan_huang.verdicts(x, num_classes, prefix="code_")
    return keras.Model([images, codes], outputs, name=name)


def _latent_dims(latent_dim: int) -> tuple[int, int]:
    """Sizes of the top generator's latents and of the bottom generator's."""
    latent_dim = checks.integer("latent_dim", latent_dim)
    if latent_dim < 2:
        raise UserError(
            "`latent_dim` must be at least 2 for a stack of two generators. "
            f"Received: latent_dim={latent_dim}"
        )
    bottom = max(1, latent_dim // 4)
    return latent_dim - bottom, bottom


def _dense(x, units: int):
    return _normalized(_checks.dense(units, use_bias=False)(x))


def _normalized(x):
    return keras.layers.ReLU()(_checks.batch_norm()(x))
