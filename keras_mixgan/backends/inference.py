"""Runs a network in inference mode on NumPy batches, compiled once."""

import keras
import numpy as np


class Forward:
    """Compiled inference of networks, each compiled at its first use.

    Weights are read at each call, so later training has effect. Keras's
    `predict_on_batch` compiles again for other batch sizes, and TensorFlow
    warns of that from five networks on.
    """

    def __init__(self):
        self._compiled = {}

    def __call__(self, network: keras.Model, inputs, labels=None) -> np.ndarray:
        """Runs one batch (B, ...), and labels (B,) if any; gives float32."""
        if id(network) not in self._compiled:
            # The network is kept, so that no other object gets its id.
            self._compiled[id(network)] = (network, _compile(network))
        run = self._compiled[id(network)][1]
        arguments = [np.asarray(inputs, "float32")]
        if labels is not None:
            arguments.append(np.asarray(labels, "int32"))
        return run(*arguments)

    def in_batches(
        self, network: keras.Model, *inputs, batch_size: int = 256
    ) -> np.ndarray:
        """Runs inputs of one length, batch after batch; gives float32."""
        outputs = []
        for start in range(0, len(inputs[0]), batch_size):
            rows = slice(start, start + batch_size)
            outputs.append(self(network, *(part[rows] for part in inputs)))
        return np.concatenate(outputs)


def _compile(network):
    if keras.backend.backend() == "tensorflow":
        return _compile_tensorflow(network)
    if keras.backend.backend() == "jax":
        return _compile_jax(network)
    return lambda *arguments: np.asarray(
        network.predict_on_batch(_joined(arguments)), "float32"
    )


def _compile_tensorflow(network):
    import tensorflow as tf

    signature = [
        tf.TensorSpec((None, *network.inputs[0].shape[1:]), tf.float32)
    ] + [tf.TensorSpec((None,), tf.int32)] * (len(network.inputs) - 1)

    @tf.autograph.experimental.do_not_convert
    def forward(*arguments):
        return tf.cast(network(_joined(arguments), training=False), tf.float32)

    run = tf.function(forward).get_concrete_function(*signature)
    return lambda *arguments: run(*map(tf.constant, arguments)).numpy()


def _compile_jax(network):
    import jax

    variables = network.variables
    takes_images_alone = all(
        _is_known(operation)
        for layer in network._flatten_layers()
        for operation in (layer, *getattr(layer, "operations", ()))
    )

    @jax.jit
    def forward(values, *arguments):
        with keras.StatelessScope(zip(variables, values, strict=True)):
            outputs = network(_joined(arguments), training=False)
        return outputs.astype("float32")

    def compute(*arguments):
        values = [variable.value for variable in variables]
        return np.asarray(forward(values, *arguments))

    def run(*arguments):
        # Padded to powers of two, to compile for few sizes: a mixture's
        # components draw batches of any size.
        size = len(arguments[0])
        missing = (1 << max(size - 1, 0).bit_length()) - size
        outputs = compute(*_padded(arguments, missing, 0))[:size]
        if takes_images_alone or not missing:
            return outputs
        # What users' layers do with a batch shows by another padding.
        others = compute(*_padded(arguments, missing, 1))[:size]
        if np.array_equal(outputs, others, equal_nan=True):
            return outputs
        return compute(*arguments)

    return run


def _padded(arguments, missing, value):
    return [
        np.pad(
            x, [(0, missing)] + [(0, 0)] * (x.ndim - 1), constant_values=value
        )
        for x in arguments
    ]


def _is_known(operation) -> bool:
    """Whether an operation is a layer that takes each image alone."""
    axis = getattr(operation, "axis", -1)
    axes = axis if isinstance(axis, list | tuple) else [axis]
    activation = getattr(operation, "activation", None)
    return (
        isinstance(operation, keras.layers.Layer)
        and not isinstance(operation, keras.layers.Lambda)
        and _package(operation) in ("keras", "keras_mixgan")
        and (activation is None or _package(activation) == "keras")
        and not getattr(operation, "by_group", False)
        and all(number == -1 or (number or 0) > 0 for number in axes)
    )


def _package(thing) -> str:
    # What was defined by `exec` may have no module.
    return (thing.__module__ or "").partition(".")[0]


def _joined(arguments):
    return list(arguments) if len(arguments) > 1 else arguments[0]
