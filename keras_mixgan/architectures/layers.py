"""Layers that Keras has not.

Weight normalization and minibatch discrimination start from data:
`initializing` makes the first call set scales and offsets by the batch that it
sees. `MixGAN.fit` makes this call before its first step.
"""

import contextlib
import threading

import keras
from keras import ops

from keras_mixgan.utils import checks

# Under the root of a squared norm, as in the authors' code.
EPSILON = 1e-6


class _Mode(threading.local):
    """Whether calls start layers from their batch, one state a thread."""

    initializing = False


_mode = _Mode()


@contextlib.contextmanager
def initializing():
    """Within it, a call starts layers that start from data from its batch."""
    previous, _mode.initializing = _mode.initializing, True
    try:
        yield
    finally:
        _mode.initializing = previous


def waits_for_data(network: keras.Model) -> bool:
    """Whether a network has layers that have not started from data yet."""
    return any(
        isinstance(layer, WeightNormalization | MinibatchDiscrimination)
        and not _has_started(layer)
        for layer in network._flatten_layers()
    )


def _has_started(layer) -> bool:
    return float(ops.convert_to_numpy(layer.started)) > 0


def _flag(layer):
    """A variable, so that files and copies of a network keep it."""
    return layer.add_weight(
        shape=(), initializer="zeros", trainable=False, name="started"
    )


@keras.saving.register_keras_serializable("keras_mixgan")
class WeightNormalization(keras.layers.Wrapper):
    """A linear layer whose weights have a direction and a length apart.

    Salimans & Kingma 2016 (arXiv:1602.07868), Equation 2: w = g v / ||v||, one
    g an output channel; and Equations 5 and 6, the start from data: after it
    every output channel of that batch has mean 0 and a given deviation.

    Args:
        layer: A `Dense`, `Conv2D` or `Conv2DTranspose` without bias and
            activation. Its kernel is v.
        start_deviation: Positive float, the deviation after the start.
        train_scale: Whether g is trained. The authors of Improved GAN train
            it in the last layers alone.
        **kwargs: As of every layer.

    Raises:
        ValueError: `start_deviation` is not positive.

    Example:
    >>> dense = keras.layers.Dense(3, use_bias=False)
    >>> WeightNormalization(dense)(ops.ones((2, 4))).shape
    TensorShape([2, 3])
    """

    def __init__(
        self,
        layer,
        start_deviation: float = 1.0,
        train_scale: bool = False,
        **kwargs,
    ):
        super().__init__(layer, **kwargs)
        self.start_deviation = checks.positive_number(
            "start_deviation", start_deviation
        )
        self.train_scale = bool(train_scale)

    def build(self, input_shape=None):
        """Makes g, 1 each, and the offset, 0 each."""
        super().build(input_shape)
        transposed = isinstance(self.layer, keras.layers.Conv2DTranspose)
        self.channel_axis = -2 if transposed else -1
        channels = (self.layer.kernel.shape[self.channel_axis],)
        self.scale = self.add_weight(
            shape=channels,
            initializer="ones",
            trainable=self.train_scale,
            name="scale",
        )
        self.offset = self.add_weight(
            shape=channels, initializer="zeros", name="offset"
        )
        self.started = _flag(self)

    def call(self, inputs):
        """Normalizes the outputs, which is to normalize the weights."""
        kernel = ops.convert_to_tensor(self.layer.kernel)
        axis = self.channel_axis % len(kernel.shape)
        axes = [i for i in range(len(kernel.shape)) if i != axis]
        length = ops.sqrt(EPSILON + ops.sum(ops.square(kernel), axis=axes))
        outputs = self.layer(inputs)
        direction = outputs / ops.cast(length, outputs.dtype)
        if _mode.initializing and not _has_started(self):
            self._start(ops.cast(direction, "float32"))
        scale, offset = (
            ops.cast(x, outputs.dtype) for x in (self.scale, self.offset)
        )
        return direction * scale + offset

    def _start(self, direction) -> None:
        axes = tuple(range(len(direction.shape) - 1))
        mean, variance = ops.moments(direction, axes)
        scale = self.start_deviation / ops.sqrt(ops.maximum(variance, EPSILON))
        self.scale.assign(scale)
        self.offset.assign(-mean * scale)
        self.started.assign(1.0)

    def compute_output_shape(self, input_shape):
        """That of the layer."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        """The arguments that make it again."""
        return {
            **super().get_config(),
            "start_deviation": self.start_deviation,
            "train_scale": self.train_scale,
        }


@keras.saving.register_keras_serializable("keras_mixgan")
class MinibatchDiscrimination(keras.layers.Layer):
    """How near an image is to the others of its batch, beside its features.

    Salimans et al. 2016 (arXiv:1606.03498), Section 3.2: M_i = f(x_i) T and
    o(x_i)_b = sum_j exp(-||M_ib - M_jb||_1). As in the authors' code j is not
    i, the columns of T have a length of their own, and there is an offset a
    kernel; both start from data.

    `by_group` tells `MixGAN` to call it on real images and on those of every
    generator apart, as it does with batch normalization.

    Args:
        num_kernels: Positive int, numbers that are added to each image.
        dimension: Positive int, length of the vectors M_ib.
        **kwargs: As of every layer.

    Raises:
        ValueError: A number is not positive.

    Example:
    >>> MinibatchDiscrimination(5)(ops.ones((4, 3))).shape
    TensorShape([4, 8])
    """

    by_group = True

    def __init__(self, num_kernels: int = 100, dimension: int = 5, **kwargs):
        # Sums of exponentials are too fine for bfloat16.
        super().__init__(**{"dtype": "float32", **kwargs})
        self.num_kernels = checks.integer("num_kernels", num_kernels)
        self.dimension = checks.integer("dimension", dimension)

    def build(self, input_shape):
        """Makes the directions of T, their lengths' logarithms, offsets."""
        shape = (self.num_kernels, self.dimension)
        self.kernel = self.add_weight(
            shape=(input_shape[-1], *shape),
            initializer=keras.initializers.RandomNormal(stddev=0.05),
            name="kernel",
        )
        self.log_scale = self.add_weight(
            shape=shape, initializer="zeros", name="log_scale"
        )
        self.offset = self.add_weight(
            shape=shape[:1],
            initializer=keras.initializers.Constant(-1.0),
            name="offset",
        )
        self.started = _flag(self)

    def call(self, inputs):
        """Adds `num_kernels` numbers to each row, (B, F) to (B, F + K)."""
        distances = self._distances(inputs)
        if _mode.initializing and not _has_started(self):
            self._start(distances)
            distances = self._distances(inputs)
        near = self._near(distances) + self.offset
        return ops.concatenate([inputs, near], axis=1)

    def _distances(self, inputs):
        """Distances of all rows in the L1 norm, (B, K, B)."""
        squares = ops.sum(ops.square(self.kernel), axis=0)
        scale = ops.exp(self.log_scale) / ops.sqrt(EPSILON + squares)
        projected = ops.tensordot(inputs, self.kernel * scale, axes=1)
        others = ops.transpose(projected, (1, 2, 0))[None]
        return ops.sum(ops.abs(projected[..., None] - others), axis=2)

    def _near(self, distances):
        # Without the row itself, whose distance is 0.
        return ops.sum(ops.exp(-distances), axis=2) - 1.0

    def _start(self, distances) -> None:
        """Lengths: the mean nearest one is at 2; offsets: the mean is 0."""
        apart = distances + 1e6 * ops.eye(distances.shape[0])[:, None]
        nearest = 0.5 * ops.mean(ops.min(apart, axis=2), axis=0)
        nearest = ops.maximum(nearest, EPSILON)
        self.log_scale.assign(self.log_scale - ops.log(nearest)[:, None])
        near = self._near(distances / nearest[:, None])
        self.offset.assign(-ops.mean(near, axis=0))
        self.started.assign(1.0)

    def compute_output_shape(self, input_shape):
        """The features and as many numbers as there are kernels."""
        return (*input_shape[:-1], input_shape[-1] + self.num_kernels)

    def get_config(self):
        """The arguments that make it again."""
        return {
            **super().get_config(),
            "num_kernels": self.num_kernels,
            "dimension": self.dimension,
        }


def scale_gradient(x, scale: float):
    """Returns `x` itself, whose gradient is multiplied by a number.

    Args:
        x: Float tensor of any shape.
        scale: Float, at least 0.

    Returns:
        Float tensor of the same shape.
    """
    fixed = ops.stop_gradient(x)
    return fixed + scale * (x - fixed)


@keras.saving.register_keras_serializable("keras_mixgan")
class ScaledGradient(keras.layers.Layer):
    """The identity, through which a part of the gradient passes.

    Args:
        scale: Positive float, by which gradients are multiplied.
        **kwargs: As of every layer.

    Raises:
        ValueError: `scale` is not positive.

    Example:
    >>> float(ScaledGradient(0.01)(ops.ones(())))
    1.0
    """

    def __init__(self, scale: float, **kwargs):
        super().__init__(**kwargs)
        self.scale = checks.positive_number("scale", scale)

    def call(self, inputs):
        """Returns the inputs."""
        return scale_gradient(inputs, self.scale)

    def get_config(self) -> dict:
        """The arguments that make it again."""
        return {**super().get_config(), "scale": self.scale}
