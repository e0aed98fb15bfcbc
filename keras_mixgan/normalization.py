"""Batch normalization by source: one call, the statistics of separate calls.

A discriminator sees real images and the images of every generator. Its batch
normalization has to take its statistics over each of these sources alone, as
it would in separate calls, or the sources leak into each other. One call over
the concatenated sources is much cheaper, so the standard
`keras.layers.BatchNormalization` layers of a discriminator are taught to
keep what they are given apart by source.
"""

import contextlib
import threading
import types

import keras
from keras import ops


class _Sources(threading.local):
    """Sizes of the sources in the batch under way, one state a thread.

    Replicas of a distribution strategy trace in threads of their own.
    """

    sizes = None


_sources = _Sources()


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
    if not (training and self.trainable) or sizes is None or len(sizes) == 1:
        return type(self).call(self, inputs, training=training, mask=mask)
    plain = type(self) is keras.layers.BatchNormalization
    if (
        plain
        and _equal(sizes)
        and mask is None
        and not (self.renorm or self.synchronized)
    ):
        return _normalize_together(self, inputs, len(sizes))
    return _normalize_apart(self, inputs, mask, sizes)


def _equal(sizes: list) -> bool:
    """Whether sizes are known to be equal, also where they are tensors."""
    first = sizes[0]
    return all(
        size is first or (isinstance(size, int) and size == first)
        for size in sizes
    )


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
    _update_moving_statistics(layer, mean, variance)
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


def _update_moving_statistics(layer, *statistics) -> None:
    """One update a source, in order, written as the one sum they amount to."""
    momentum = layer.momentum
    count = statistics[0].shape[0]
    shares = [
        (1 - momentum) * momentum ** (count - 1 - i) for i in range(count)
    ]
    moving = (layer.moving_mean, layer.moving_variance)
    for variable, statistic in zip(moving, statistics, strict=True):
        rows = ops.reshape(ops.stop_gradient(statistic), (count, -1))
        shares = ops.convert_to_tensor(shares, dtype=rows.dtype)
        update = ops.sum(shares[:, None] * rows, axis=0)
        variable.assign(momentum**count * variable + update)
