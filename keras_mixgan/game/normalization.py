"""Batch normalization by group: one call gives the results of separate calls.

A discriminator sees real images and the images of every generator. Its batch
normalization must take statistics over each of these groups alone, as in
separate calls, or information leaks between them. One call over the
concatenated groups is much cheaper, so the layers of a discriminator are
changed to normalise each group separately.

Group sizes are thread-local state, since Keras's layer calls cannot pass them.
"""

import contextlib
import threading
import types

import keras
from keras import ops

from keras_mixgan.backends import kernels
from keras_mixgan.backends import strata


class _Context(threading.local):
    """Sizes of the groups in the current batch, for each thread.

    Replicas of a distribution strategy trace in separate threads.
    """

    sizes = None


_context = _Context()


@contextlib.contextmanager
def groups(sizes: list):
    """Context in which networks split their batch into groups of these sizes.

    Ints, or integer tensors if known only when the step runs.
    """
    previous, _context.sizes = _context.sizes, sizes
    try:
        yield
    finally:
        _context.sizes = previous


def normalize_by_group(network: keras.Model) -> None:
    """Makes the layers that compute over a batch respect `groups`, in place.

    These are batch normalization, and layers with an attribute `by_group`. Only
    the instances change: class, weights, configuration and saved files stay
    the same. So does the behaviour outside of `groups`, and that of batch
    normalization in inference. Moving statistics take one update per group,
    in order, as in separate calls.
    """
    for layer in network._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.call = types.MethodType(_normalize_by_group, layer)
        elif getattr(layer, "by_group", False):
            layer.call = types.MethodType(_call_by_group, layer)


def _call_by_group(self, inputs, **options):
    sizes = _context.sizes
    if sizes is None or len(sizes) == 1:
        return type(self).call(self, inputs, **options)
    parts = [
        type(self).call(self, rows, **options)
        for rows in strata.split(inputs, sizes)
    ]
    return ops.concatenate(parts, axis=0)


def _normalize_by_group(self, inputs, training=None, mask=None):
    sizes = _context.sizes
    if not (training and self.trainable) or sizes is None:
        return _called(self, inputs, training, mask)
    if mask is None and kernels.has_fused_normalization(self, inputs):
        return kernels.fused_normalization(self, inputs, sizes)
    if mask is None and kernels.has_equal_groups(self, inputs, sizes):
        return kernels.normalization_at_once(self, inputs, len(sizes))
    masks = [None] * len(sizes)
    if mask is not None:
        masks = strata.split(mask, sizes)
    outputs = [
        _called(self, rows, True, masked)
        for rows, masked in zip(strata.split(inputs, sizes), masks, strict=True)
    ]
    return outputs[0] if len(sizes) == 1 else ops.concatenate(outputs, axis=0)


def _called(layer, inputs, training, mask):
    """The layer's own call; a subclass's may take no mask."""
    masked = {} if mask is None else {"mask": mask}
    return type(layer).call(layer, inputs, training=training, **masked)
