"""A small fully connected pair, for points in the plane.

The networks of the usual mode-collapse tests (ring of 8 Gaussians, grid of
25; Metz et al., "Unrolled GANs", arXiv:1611.02163, appendix A): two hidden
layers, and no batch normalization, with which a discriminator would judge
whole batches, not single points.
"""

from typing import Any

import keras

from keras_mixgan.architectures import _checks
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

IMAGE_SHAPES: tuple[tuple[int], ...] = ((2,),)
HIDDEN_LAYERS = 2


def mlp_generator(
    image_shape: tuple[int] = (2,),
    latent_dim: int = 16,
    num_classes: int | None = None,
    width: int = 128,
    name: str = "mlp_generator",
) -> keras.Model:
    """Builds a generator of points.

    Args:
        image_shape: (features,); (2,) for the plane.
        latent_dim: Size of a latent vector.
        num_classes: Number of classes, or None for an unconditional
            generator.
        width: Units of each hidden layer.
        name: Name of the model.

    Returns:
        A Functional model from latents (batch, latent_dim) float32, or from
        [latents, labels (batch,) int32], to points (batch, features) float32
        in [-1, 1].

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> mlp_generator((2,)).output_shape
    (None, 2)
    """
    (features,) = _check_point_shape(image_shape)
    width = checks.integer("width", width)

    inputs, x = _checks.generator_inputs(latent_dim, num_classes)
    for i in range(HIDDEN_LAYERS):
        x = keras.layers.Dense(
            width,
            activation="relu",
            kernel_initializer=keras.initializers.HeNormal(),
            name=f"hidden_{i}",
        )(x)
    points = keras.layers.Dense(
        features, activation="tanh", dtype="float32", name="images"
    )(x)
    return keras.Model(inputs, points, name=name)


def mlp_discriminator(
    image_shape: tuple[int] = (2,),
    num_classes: int | None = None,
    width: int = 128,
    name: str = "mlp_discriminator",
) -> keras.Model:
    """Builds a discriminator of points.

    Args:
        image_shape: (features,); (2,) for the plane.
        num_classes: Number of classes, or None for an unconditional
            discriminator.
        width: Units of each hidden layer.
        name: Name of the model.

    Returns:
        A Functional model from points (batch, features) float32, or from
        [points, labels (batch,) int32], to raw logits (batch, 1) float32.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> mlp_discriminator((2,)).output_shape
    (None, 1)
    """
    point_shape = _check_point_shape(image_shape)
    num_classes = checks.optional_integer("num_classes", num_classes)
    width = checks.integer("width", width)

    images = x = keras.Input(point_shape, name="images")
    for i in range(HIDDEN_LAYERS):
        x = keras.layers.Dense(
            width, kernel_initializer=keras.initializers.HeNormal()
        )(x)
        last = i == HIDDEN_LAYERS - 1
        x = keras.layers.LeakyReLU(
            0.2, name="features" if last else f"stage_{i}"
        )(x)
    return _checks.logits_head(images, x, num_classes, name)


def _check_point_shape(image_shape: Any) -> tuple[int]:
    shape = _checks.shape_tuple(image_shape)
    if shape is None or len(shape) != 1:
        raise UserError(
            "`image_shape` must be (features,) for points, such as (2,). "
            f"Received: image_shape={image_shape!r}"
        )
    return shape
