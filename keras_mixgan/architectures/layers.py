"""Layers that Keras does not have.

Weight normalization and minibatch discrimination start from data: within
`initializing` their first call sets scales and offsets from its batch.
`MixGAN.fit` makes this call before its first step.
"""

import contextlib
import threading

import keras
from keras import ops

from keras_mixgan.utils import checks

# Added to a squared norm under the root, as in the authors' code.
EPSILON = 1e-6


class _Mode(threading.local):
    """Whether calls start layers from their batch, for each thread."""

    initializing = False


_mode = _Mode()


@contextlib.contextmanager
def initializing():
    """Context in which a call starts layers from its batch."""
    previous, _mode.initializing = _mode.initializing, True
    try:
        yield
    finally:
        _mode.initializing = previous


def waits_for_data(network: keras.Model) -> bool:
    """Whether a network has layers that still have to start from data."""
    return any(
        isinstance(layer, WeightNormalization | MinibatchDiscrimination)
        and not _has_started(layer)
        for layer in network._flatten_layers()
    )


def _has_started(layer) -> bool:
    return float(ops.convert_to_numpy(layer.started)) > 0


def _flag(layer):
    """A flag as a variable, so that files and copies of a network keep it."""
    return layer.add_weight(
        shape=(), initializer="zeros", trainable=False, name="started"
    )


@keras.saving.register_keras_serializable("keras_mixgan")
class WeightNormalization(keras.layers.Wrapper):
    """A linear layer that separates direction and length of its weights.

    Salimans & Kingma 2016 (arXiv:1602.07868), Equation 2: w = g v / ||v||, one
    g per output channel. Equations 5 and 6, the start from data: on that batch
    every output channel then has mean 0 and a given standard deviation.

    Args:
        layer: A `Dense`, `Conv2D` or `Conv2DTranspose` without bias and
            activation. Its kernel is v.
        start_deviation: Positive float, the deviation after the start.
        train_scale: Whether g is trained. The authors of Improved GAN train
            it only in the last layers.
        **kwargs: Arguments of `keras.layers.Layer`.

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
        self.start_deviation = checks.number("start_deviation", start_deviation)
        self.train_scale = bool(train_scale)

    def build(self, input_shape=None):
        """Makes g, all 1, and the offset, all 0."""
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
        """Normalizes the outputs, which equals normalizing the weights."""
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
        """The output shape of the wrapped layer."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "start_deviation": self.start_deviation,
            "train_scale": self.train_scale,
        }


@keras.saving.register_keras_serializable("keras_mixgan")
class MinibatchDiscrimination(keras.layers.Layer):
    """Adds to an image's features how near it is to others of its batch.

    Salimans et al. 2016 (arXiv:1606.03498), Section 3.2: M_i = f(x_i) T and
    o(x_i)_b = sum_j exp(-||M_ib - M_jb||_1). As in the authors' code the sum
    omits j = i, the columns of T have trained lengths, and each kernel has an
    offset; lengths and offsets start from data.

    `by_group` makes `MixGAN` call it separately on real images and on fakes,
    with the full estimate on those of each generator, as with batch
    normalization.

    Args:
        num_kernels: Positive int, count of numbers added to each image.
        dimension: Positive int, length of the vectors M_ib.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: A number is not positive.

    Example:
    >>> MinibatchDiscrimination(5)(ops.ones((4, 3))).shape
    TensorShape([4, 8])
    """

    by_group = True

    def __init__(self, num_kernels: int = 100, dimension: int = 5, **kwargs):
        # bfloat16 is too coarse for sums of exponentials.
        super().__init__(**{"dtype": "float32", **kwargs})
        self.num_kernels = checks.integer("num_kernels", num_kernels)
        self.dimension = checks.integer("dimension", dimension)

    def build(self, input_shape):
        """Makes the directions of T, logarithms of its lengths, and offsets."""
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
        """L1 distances between all rows, (B, K, B)."""
        squares = ops.sum(ops.square(self.kernel), axis=0)
        scale = ops.exp(self.log_scale) / ops.sqrt(EPSILON + squares)
        projected = ops.tensordot(inputs, self.kernel * scale, axes=1)
        others = ops.transpose(projected, (1, 2, 0))[None]
        return ops.sum(ops.abs(projected[..., None] - others), axis=2)

    def _near(self, distances):
        # Without the row itself, whose distance is 0.
        return ops.sum(ops.exp(-distances), axis=2) - 1.0

    def _start(self, distances) -> None:
        """Sets the mean nearest distance to 2 and the mean output to 0."""
        apart = distances + 1e6 * ops.eye(distances.shape[0])[:, None]
        nearest = 0.5 * ops.mean(ops.min(apart, axis=2), axis=0)
        nearest = ops.maximum(nearest, EPSILON)
        self.log_scale.assign(self.log_scale - ops.log(nearest)[:, None])
        near = self._near(distances / nearest[:, None])
        self.offset.assign(-ops.mean(near, axis=0))
        self.started.assign(1.0)

    def compute_output_shape(self, input_shape):
        """The features and one number for each kernel."""
        return (*input_shape[:-1], input_shape[-1] + self.num_kernels)

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "num_kernels": self.num_kernels,
            "dimension": self.dimension,
        }


def scale_gradient(x, scale: float):
    """Returns `x`, but multiplies its gradient by `scale`, at least 0."""
    fixed = ops.stop_gradient(x)
    return fixed + scale * (x - fixed)


@keras.saving.register_keras_serializable("keras_mixgan")
class ScaledGradient(keras.layers.Layer):
    """The identity with a scaled gradient.

    Args:
        scale: Positive float, by which gradients are multiplied.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: `scale` is not positive.

    Example:
    >>> float(ScaledGradient(0.01)(ops.ones(())))
    1.0
    """

    def __init__(self, scale: float, **kwargs):
        super().__init__(**kwargs)
        self.scale = checks.number("scale", scale)

    def call(self, inputs):
        """Returns the inputs."""
        return scale_gradient(inputs, self.scale)

    def get_config(self) -> dict:
        """The constructor's arguments."""
        return {**super().get_config(), "scale": self.scale}
