"""Batch normalization of groups: by TensorFlow's kernel, or of all at once.

Keras's layer is a dozen elementwise operations, each of which reads and
writes the whole batch; the kernel takes half the time, forward and backward.
Without it, groups of one size are one more axis: as many operations as for
one group, which XLA compiles in less time than a layer per group.
"""

import math

import keras
import numpy as np
from keras import ops

from keras_mixgan.backends import strata

FUSED_DTYPES = ("float32", "bfloat16", "float16")


def has_fused_normalization(layer, inputs) -> bool:
    """Whether `fused_normalization` can replace a batch normalization layer."""
    return (
        keras.backend.backend() == "tensorflow"
        and type(layer) is keras.layers.BatchNormalization
        and not layer.synchronized
        and not getattr(layer, "renorm", False)
        and layer.axis in (-1, len(inputs.shape) - 1)
        and keras.backend.standardize_dtype(inputs.dtype) in FUSED_DTYPES
        and layer.epsilon >= 1e-5  # The least that cuDNN takes.
    )


def fused_normalization(layer, inputs, sizes: list):
    """Normalises each group of a batch by its own statistics, in training.

    `inputs` are (sum of sizes, ..., channels), sizes ints or integer scalar
    tensors. Moving statistics take one update per group, in order.
    """
    import tensorflow as tf

    *_, channels = shape = inputs.shape
    area = math.prod(
        ops.shape(inputs)[1:-1] if None in shape[1:] else shape[1:-1]
    )
    # The kernel takes images, (B, H, W, C).
    images = inputs
    if len(shape) != 4:
        images = tf.reshape(inputs, (-1, 1, 1, channels))
        sizes, area = [size * area for size in sizes], 1
    constants = {
        "scale": tf.convert_to_tensor(
            layer.gamma if layer.scale else np.ones(channels, "float32")
        ),
        "offset": tf.convert_to_tensor(
            layer.beta if layer.center else np.zeros(channels, "float32")
        ),
        "mean": tf.constant([], "float32"),
        "variance": tf.constant([], "float32"),
        "epsilon": layer.epsilon,
    }
    parts = [images]
    if len(sizes) > 1:
        parts = tf.split(
            images, len(sizes) if strata.are_equal(sizes) else sizes
        )
    outputs, means, variances = zip(
        *[tf.raw_ops.FusedBatchNormV3(x=x, **constants)[:3] for x in parts],
        strict=True,
    )
    _update_moving_statistics(
        layer,
        tf.stack(means),
        tf.stack(variances),
        [_biased(size * area) for size in sizes],
    )
    outputs = outputs[0] if len(parts) == 1 else tf.concat(outputs, axis=0)
    if len(shape) != 4:
        outputs = tf.reshape(outputs, tf.shape(inputs))
    return ops.cast(outputs, layer.compute_dtype)


def has_equal_groups(layer, inputs, sizes: list) -> bool:
    """Whether `normalization_at_once` can replace a layer, on any backend."""
    return (
        type(layer) is keras.layers.BatchNormalization
        and not layer.synchronized
        and not getattr(layer, "renorm", False)
        and layer.axis in (-1, len(inputs.shape) - 1)
        and len(sizes) > 1
        and strata.are_equal(sizes)
    )


def normalization_at_once(layer, inputs, count: int):
    """Does what `fused_normalization` does, for `count` groups of one size."""
    dtype = keras.backend.result_type(inputs.dtype, "float32")
    shape = ops.shape(inputs)
    x = ops.reshape(ops.cast(inputs, dtype), (count, -1, *shape[1:]))
    axes = list(range(1, len(shape)))
    mean, variance = ops.moments(x, axes=axes, keepdims=True)
    _update_moving_statistics(
        layer,
        ops.reshape(mean, (count, -1)),
        ops.reshape(variance, (count, -1)),
        [1.0] * count,
    )
    scale = ops.rsqrt(variance + layer.epsilon)
    if layer.scale:
        scale = scale * ops.cast(layer.gamma, dtype)
    offset = -mean * scale
    if layer.center:
        offset = offset + ops.cast(layer.beta, dtype)
    outputs = ops.reshape(x * scale + offset, shape)
    return ops.cast(outputs, layer.compute_dtype)


def _biased(count):
    """Factor from the kernel's variance, over n - 1, to Keras's, over n."""
    if isinstance(count, int):
        return (count - 1) / max(count, 1)
    return ops.cast((count - 1) / count, "float32")


def _update_moving_statistics(layer, means, variances, factors) -> None:
    """Applies one update per group, in order, as a single sum.

    Means and variances are (groups, channels); a factor multiplies each group's
    variance.
    """
    momentum = layer.momentum
    count = means.shape[0]
    weights = [
        (1 - momentum) * momentum ** (count - 1 - i) for i in range(count)
    ]
    corrected = [w * f for w, f in zip(weights, factors, strict=True)]
    for variable, rows, column in (
        (layer.moving_mean, means, weights),
        (layer.moving_variance, variances, corrected),
    ):
        column = ops.convert_to_tensor(column, rows.dtype)
        # Not a product of matrices, which a GPU may round.
        update = ops.sum(
            ops.reshape(column, (-1, 1)) * ops.stop_gradient(rows), axis=0
        )
        variable.assign(momentum**count * variable + update)
