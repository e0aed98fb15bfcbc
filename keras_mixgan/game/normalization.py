"""Batch normalization by source: one call, the statistics of separate calls.

A discriminator sees real images and the images of every generator. Its batch
normalization has to take its statistics over each of these sources alone, as
it would in separate calls, or the sources leak into each other. One call over
the concatenated sources is much cheaper, so the standard
`keras.layers.BatchNormalization` layers of a discriminator are taught to
keep what they are given apart by source.
"""

import contextlib
import math
import threading
import types

import keras
import numpy as np
from keras import ops

from keras_mixgan.distribution import replicas
from keras_mixgan.distribution import shares


class _Sources(threading.local):
    """Sizes of the sources in the batch under way, one state a thread.

    Replicas of a distribution strategy trace in threads of their own.
    """

    sizes = None


_sources = _Sources()

FUSED_DTYPES = ("float32", "bfloat16", "float16")


@contextlib.contextmanager
def sources(sizes: list):
    """Within it, normalised networks take their batch to hold these sources.

    Args:
        sizes: Images of each source, in the order of the batch: ints, or
            integer tensors where they are known only when the step runs.
    """
    previous, _sources.sizes = _sources.sizes, sizes
    try:
        yield
    finally:
        _sources.sizes = previous


def normalize_by_source(network: keras.Model) -> None:
    """Makes a network's batch normalization heed `sources`.

    Only the instances change: class, weights, configuration and saved files
    stay those of `keras.layers.BatchNormalization`, and outside of `sources`,
    or in inference, so does the behaviour. Moving statistics take one update
    a source, in order, as from separate calls.

    Args:
        network: A Keras model, changed in place.
    """
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.call = types.MethodType(_call_by_source, layer)


def _call_by_source(self, inputs, training=None, mask=None):
    sizes = _sources.sizes
    if not (training and self.trainable) or sizes is None:
        return type(self).call(self, inputs, training=training, mask=mask)
    plain = (
        type(self) is keras.layers.BatchNormalization
        and mask is None
        and not getattr(self, "renorm", False)
    )
    if plain and self.synchronized and replicas.several():
        return _normalize_synchronized(self, inputs, sizes)
    if plain and _has_fused_kernel(self, inputs):
        return _normalize_fused(self, inputs, sizes)
    if len(sizes) == 1:
        return type(self).call(self, inputs, training=training, mask=mask)
    if plain and _equal(sizes):
        return _normalize_together(self, inputs, len(sizes))
    return _normalize_apart(self, inputs, mask, sizes)


def _equal(sizes: list) -> bool:
    """Whether sizes are known to be equal, also where they are tensors."""
    first = sizes[0]
    return all(
        size is first or (isinstance(size, int) and size == first)
        for size in sizes
    )


def _has_fused_kernel(layer, inputs) -> bool:
    """Whether TensorFlow's own batch normalization does what the layer does."""
    return (
        keras.backend.backend() == "tensorflow"
        and layer.axis in (-1, len(inputs.shape) - 1)
        and keras.backend.standardize_dtype(inputs.dtype) in FUSED_DTYPES
        and layer.epsilon >= 1e-5  # The least that cuDNN takes.
    )


def _normalize_fused(layer, inputs, sizes: list):
    """Source after source, each by one kernel (TensorFlow).

    Keras's layer is a dozen elementwise operations, each of which reads and
    writes the whole batch; the kernel needs half the time, forward and back.
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
        parts = tf.split(images, len(sizes) if _equal(sizes) else sizes)
    outputs, means, variances = zip(
        *[tf.raw_ops.FusedBatchNormV3(x=x, **constants)[:3] for x in parts],
        strict=True,
    )
    # The kernel's variance is Bessel's, over n - 1; Keras's is over n.
    counts = [size * area for size in sizes]
    biased = [
        (n - 1) / max(n, 1)
        if isinstance(n, int)
        else tf.cast((n - 1) / n, "float32")
        for n in counts
    ]
    _update_moving_statistics(
        layer, tf.stack(means), tf.stack(variances), biased, sizes
    )
    outputs = outputs[0] if len(parts) == 1 else tf.concat(outputs, axis=0)
    if len(shape) != 4:
        outputs = tf.reshape(outputs, tf.shape(inputs))
    return ops.cast(outputs, layer.compute_dtype)


def _normalize_apart(layer, inputs, mask, sizes: list):
    """Source after source, by the layer's own means, whatever they are."""
    outputs, start = [], 0
    for size in sizes:
        rows = slice(start, start + size)
        outputs.append(
            type(layer).call(
                layer,
                inputs[rows],
                training=True,
                mask=None if mask is None else mask[rows],
            )
        )
        start = start + size
    return ops.concatenate(outputs, axis=0)


def _normalize_together(layer, inputs, count: int):
    """All sources at once: as fast as one source, and as quick to trace.

    The arithmetic is that of `keras.layers.BatchNormalization.call`, with one
    more axis, (source, batch, ...).
    """
    dtype = keras.backend.result_type(inputs.dtype, "float32")
    shape = ops.shape(inputs)
    x = ops.reshape(ops.cast(inputs, dtype), (count, -1, *shape[1:]))
    channels = layer.axis % len(shape) + 1
    axes = [i for i in range(1, len(shape) + 1) if i != channels]
    mean, variance = ops.moments(x, axes=axes, keepdims=True)
    _update_moving_statistics(
        layer,
        ops.reshape(mean, (count, -1)),
        ops.reshape(variance, (count, -1)),
    )
    broadcast = [1] * (len(shape) + 1)
    broadcast[channels] = shape[channels - 1]
    scale = ops.rsqrt(variance + layer.epsilon)
    if layer.scale:
        scale = scale * ops.reshape(ops.cast(layer.gamma, dtype), broadcast)
    offset = -mean * scale
    if layer.center:
        offset = offset + ops.reshape(ops.cast(layer.beta, dtype), broadcast)
    outputs = ops.reshape(x * scale + offset, shape)
    return ops.cast(outputs, layer.compute_dtype)


def _normalize_synchronized(layer, inputs, sizes: list):
    """All sources by their statistics over all replicas, in one exchange.

    Replicas exchange count, mean and squared deviations of each source, which
    are combined without the cancellation that plain sums of squares suffer
    (Chan et al. 1979). A source may have no images in a replica.
    """
    dtype = keras.backend.result_type(inputs.dtype, "float32")
    x = ops.cast(inputs, dtype)
    channels = layer.axis % len(x.shape)
    axes = [i for i in range(1, len(x.shape)) if i != channels]
    ends = ops.cumsum(ops.stack([ops.cast(size, "int32") for size in sizes]))
    rows = ops.arange(ops.shape(x)[0], dtype="int32")
    source = ops.sum(ops.cast(rows[:, None] >= ends, "int32"), axis=1)
    broadcast = [-1] + [1] * (len(x.shape) - 1)
    broadcast[channels] = x.shape[channels]

    def of_rows(statistics):
        return ops.reshape(ops.take(statistics, source, axis=0), broadcast)

    def sums(values):
        return ops.segment_sum(
            ops.sum(values, axis=axes), source, num_segments=len(sizes)
        )

    area = math.prod(ops.shape(x)[i] for i in axes)
    counts = ops.cast(ops.stack(sizes), dtype)[:, None]
    counts = counts * ops.cast(area, dtype)
    means = sums(x) / ops.maximum(counts, 1.0)
    deviations = sums(ops.square(x - of_rows(means)))
    counts, means, deviations = replicas.gather((counts, means, deviations))
    total = ops.maximum(ops.sum(counts, axis=0), 1.0)
    mean = ops.sum(counts * means, axis=0) / total
    between = ops.sum(counts * ops.square(means - mean), axis=0)
    variance = (ops.sum(deviations, axis=0) + between) / total
    _update_moving_statistics(layer, mean, variance)
    scale = ops.rsqrt(variance + layer.epsilon)
    if layer.scale:
        scale = scale * ops.cast(layer.gamma, dtype)
    offset = -mean * scale
    if layer.center:
        offset = offset + ops.cast(layer.beta, dtype)
    return ops.cast(x * of_rows(scale) + of_rows(offset), layer.compute_dtype)


def _update_moving_statistics(
    layer, means, variances, factors=None, sizes=None
) -> None:
    """One update a source, in order, written as the one sum they amount to.

    Args:
        layer: The layer whose statistics are updated.
        means: Float tensor (sources, channels).
        variances: The same.
        factors: Factor of each source's variance, if any.
        sizes: Images of each source. One of a replica without any has no
            statistics.
    """
    momentum = layer.momentum
    count = means.shape[0]
    weights = [
        (1 - momentum) * momentum ** (count - 1 - i) for i in range(count)
    ]
    corrected = weights
    if factors is not None:
        corrected = [w * f for w, f in zip(weights, factors, strict=True)]
    for variable, rows, factors_ in (
        (layer.moving_mean, means, weights),
        (layer.moving_variance, variances, corrected),
    ):
        if shares.current() is not None and sizes is not None:
            there = ops.stack(sizes)[:, None] > 0
            rows = ops.where(there, rows, variable)
            factors_ = ops.where(there[:, 0], ops.stack(factors_), weights)
        column = ops.convert_to_tensor(factors_, dtype=rows.dtype)
        update = ops.einsum("s,sc->c", column, ops.stop_gradient(rows))
        variable.assign(momentum**count * variable + update)
