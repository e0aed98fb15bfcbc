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
    alone = None

    @jax.jit
    def forward(values, *arguments):
        with keras.StatelessScope(zip(variables, values, strict=True)):
            outputs = network(_joined(arguments), training=False)
        return outputs.astype("float32")

    def compute(*arguments):
        values = [variable.value for variable in variables]
        return np.asarray(forward(values, *arguments))

    def run(*arguments):
        nonlocal alone
        if alone is None:
            alone = _takes_images_alone(network, compute)
        # Padded to powers of two, to compile for few sizes: a mixture's
        # components draw batches of any size.
        size = len(arguments[0])
        missing = (1 << max(size - 1, 0).bit_length()) - size if alone else 0
        padded = [
            np.pad(x, [(0, missing)] + [(0, 0)] * (x.ndim - 1))
            for x in arguments
        ]
        return compute(*padded)[:size]

    return run


def _takes_images_alone(network, run) -> bool:
    """Whether no layer compares the images of a batch.

    Such a one would see the padding. What users' layers and operations of
    `keras.ops` do is found out: an image's output must not change when its
    neighbour does. `run` computes the network's outputs.
    """
    layers = network._flatten_layers()
    operations = {
        id(operation): operation
        for layer in layers
        for operation in (layer, *getattr(layer, "operations", ()))
    }
    if all(_is_known(operation) for operation in operations.values()):
        return True
    rng = np.random.default_rng(0)
    first, *labels = network.inputs
    pair = rng.uniform(-1, 1, (2, *first.shape[1:])).astype("float32")
    outputs = [
        run(images, *(np.zeros(2, "int32") for _ in labels))[0]
        for images in (pair, np.stack([pair[0], -2 * pair[1]]))
    ]
    return np.allclose(*outputs, rtol=1e-5, atol=1e-7, equal_nan=True)


def _is_known(operation) -> bool:
    """Whether an operation is a layer that takes each image alone."""
    return (
        isinstance(operation, keras.layers.Layer)
        and not isinstance(operation, keras.layers.Lambda)
        and type(operation).__module__.partition(".")[0]
        in ("keras", "keras_mixgan")
        and not getattr(operation, "by_group", False)
    )


def _joined(arguments):
    return list(arguments) if len(arguments) > 1 else arguments[0]
