"""Checks and small pieces that architectures share."""

import math
from collections.abc import Callable
from collections.abc import Sequence
from typing import Any

import keras

from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError


def shape_tuple(image_shape: Any) -> tuple[int, ...] | None:
    """Returns a shape as a tuple of positive ints, None if it is not one."""
    if not isinstance(image_shape, Sequence) or isinstance(image_shape, str):
        return None
    try:
        return tuple(checks.integer("image_shape", n) for n in image_shape)
    except ValueError:
        return None


def functional(argument: str, model: Any) -> keras.Model:
    """Returns a Functional model as it is, a Sequential one as a Functional."""
    if not isinstance(model, keras.Model) or not getattr(model, "inputs", None):
        raise UserError(
            f"`{argument}` must be a Functional model, or a Sequential one "
            f"that knows its input. Received: {type(model).__name__}"
        )
    if isinstance(model, keras.Sequential):
        return keras.Model(model.inputs[0], model.outputs[0], name=model.name)
    return model


def normal_init(stddev: float = 0.02) -> keras.initializers.Initializer:
    """A fresh N(0, stddev) initializer: DCGAN's (arXiv:1511.06434, section 4).

    Every layer needs its own initializer: two layers of one shape that share
    one get the same weights. It draws new values in every clone of a model.
    """
    return keras.initializers.RandomNormal(stddev=stddev)


def batch_norm(**options: Any) -> keras.layers.BatchNormalization:
    """Batch normalization with the constants of the TensorFlow DCGAN.

    With momentum 0.9 (Keras: 0.99) the moving statistics follow a generator
    that changes at every step.
    """
    return keras.layers.BatchNormalization(
        momentum=0.9,
        epsilon=1e-5,
        gamma_initializer=keras.initializers.RandomNormal(1.0, 0.02),
        **options,
    )


def dense(units: int, **options) -> keras.layers.Dense:
    """A dense layer with a kernel from N(0, 0.02)."""
    return keras.layers.Dense(
        units, kernel_initializer=normal_init(), **options
    )


def upsample(
    filters: int, size: int, strides: int = 2, padding: str = "same", **options
) -> keras.layers.Layer:
    """A transposed convolution with kernels (size, size) from N(0, 0.02)."""
    return keras.layers.Conv2DTranspose(
        filters,
        size,
        strides,
        padding,
        **{"kernel_initializer": normal_init(), **options},
    )


def images_of(
    x, channels: int, size: int, strides: int = 2, padding: str = "same"
):
    """The last layer of a generator: images in [-1, 1] by `upsample`."""
    # float32 under every policy: bfloat16 is too coarse for pixels.
    return upsample(
        channels,
        size,
        strides,
        padding,
        activation="tanh",
        dtype="float32",
        name="images",
    )(x)


def uniform(latents):
    """Phi(z): uniform numbers in [0, 1] from standard normal ones."""
    return 0.5 * (1.0 + keras.ops.erf(latents / math.sqrt(2.0)))


def generator_inputs(
    latent_dim: int,
    num_classes: int | None,
    label_scale: float = 1.0,
    uniform_latents: bool = False,
) -> tuple[Any, keras.KerasTensor]:
    """Inputs of a generator, and the vector its first layer reads.

    Checks `latent_dim` and `num_classes`; the other arguments are checked.

    A label's learned vector is concatenated to the latents. It is initialised
    from N(0, label_scale), by default the scale of the latents, and has a
    tenth of their length. On the digits (400 steps, one pair, width 24) a
    generator with a longer one ignored the latents and made one image per
    class; with latents multiplied by a label vector it ignored the labels.

    With `uniform_latents` the first layer reads `uniform(latents)`. The inputs
    are one or a list, as `keras.Model` takes them; the vector is a symbolic
    float tensor (batch, features).
    """
    latent_dim = checks.integer("latent_dim", latent_dim)
    num_classes = checks.optional_integer("num_classes", num_classes)
    latents = x = keras.Input((latent_dim,), name="latents")
    if uniform_latents:
        x = uniform(latents)
    if num_classes is None:
        return latents, x
    labels = keras.Input((), dtype="int32", name="labels")
    embedded = keras.layers.Embedding(
        num_classes,
        max(2, latent_dim // 10),
        embeddings_initializer=normal_init(label_scale),
        name="label_embedding",
    )(labels)
    joined = keras.layers.Concatenate(name="condition")([x, embedded])
    return [latents, labels], joined


def logits_head(
    images: keras.KerasTensor,
    features: keras.KerasTensor,
    num_classes: int | None,
    name: str,
    normalization: Callable[..., Any] | None = None,
) -> keras.Model:
    """Adds the head of a discriminator: features (batch, F) to logits.

    With labels the logit is w.h + b + e(label).h, the projection
    discriminator (Miyato & Koyama, arXiv:1802.05637). It costs one lookup
    and one inner product per image, and nothing in the convolutions. It gives
    the generator a gradient towards the wanted class from the first steps on;
    label planes at the input have to pass through all layers first.

    The head computes in float32 under every policy, so that logits are not
    rounded to bfloat16.

    The model has one input, `images`, or two, (images, labels). F must be
    known. `normalization` wraps both linear layers; it adds an offset unless
    it is called with `offset=False`.
    """
    has_bias = normalization is None
    score = dense(1, use_bias=has_bias, dtype="float32", name="logits")
    if normalization is not None:
        score = normalization(score, dtype="float32", name="normalized_logits")
    score = score(features)
    if num_classes is None:
        return keras.Model(images, score, name=name)
    labels = keras.Input((), dtype="int32", name="labels")
    direction = keras.layers.Embedding(
        num_classes,
        features.shape[-1],
        embeddings_initializer=normal_init(),
        dtype="float32",
        name="label_embedding",
    )
    if normalization is not None:
        direction = normalization(
            direction, offset=False, dtype="float32", name="normalized_labels"
        )
    direction = direction(labels)
    projection = keras.layers.Dot(axes=1, dtype="float32", name="projection")(
        [features, direction]
    )
    score = keras.layers.Add(dtype="float32", name="conditional_logits")(
        [score, projection]
    )
    return keras.Model([images, labels], score, name=name)
