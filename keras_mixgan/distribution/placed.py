"""The step of a model whose components are placed over devices."""

import contextlib

import keras
import tensorflow as tf

from keras_mixgan.backends.on_tensorflow import TensorFlowExecutor
from keras_mixgan.distribution.replicas import not_compiled
from keras_mixgan.utils.errors import UserError


class PlacedExecutor(TensorFlowExecutor):
    """Calls every component on its own device, by a `ComponentParallel`."""

    def __init__(self, strategy):
        self.strategy = strategy

    def placing(self, component: int):
        """See `Executor.placing`."""
        return tf.device(self.strategy.device(component))

    def adopt(self, network: keras.Model, component: int) -> None:
        """See `Executor.adopt`."""
        device = self.strategy.device(component)
        for variable in network.variables:
            # Without the host, which TensorFlow's full name begins with.
            there = "/" + variable.value.device.rpartition("/")[2]
            if there != device and "seed_generator" not in variable.path:
                raise UserError(
                    "Networks in a list must be on the devices of their "
                    "components; pass one network, or a function that builds "
                    "one, to have them placed. Received: component "
                    f"{component} with variables on {there}, not {device}"
                )
        network.placed_on = device

    def jit_compile(self, asked):
        """See `Executor.jit_compile`: XLA compiles for one device."""
        return not_compiled(asked)

    def call(self, network: keras.Model, inputs):
        """Calls a network on its device, forward and backward."""
        device = _device_of(network)
        if device is None:
            return super().call(network, inputs)
        with tf.device(device):
            inputs = keras.tree.map_structure(
                lambda x: _travel(x, forward=device, backward=None), inputs
            )
            outputs = network(inputs, training=True)
            return keras.tree.map_structure(
                lambda x: _travel(x, forward=device, backward=device), outputs
            )

    def input_gradients(self, function, inputs):
        """See `Executor.input_gradients`."""
        if tf.executing_eagerly():
            return super().input_gradients(function, inputs)
        with tf.compat.v1.get_default_graph().device(_device_of_inputs):
            return super().input_gradients(function, inputs)

    def placed(self, network: keras.Model):
        """See `Executor.placed`."""
        device = _device_of(network)
        return contextlib.nullcontext() if device is None else tf.device(device)

    @contextlib.contextmanager
    def following(self, variables: list):
        """Context that places operations with their first placed input.

        TensorFlow makes the operations of gradients outside of all scopes, and
        would put them on the first device. Their inputs come from the forward
        pass or from other such operations. `call` marks where they enter and
        leave a component.
        """
        placed = len({variable.value.device for variable in variables}) > 1
        if not placed or tf.executing_eagerly():
            yield
            return
        with tf.compat.v1.get_default_graph().device(_device_of_inputs):
            yield


def _device_of(network: keras.Model) -> str | None:
    return getattr(network, "placed_on", None)


def _device_of_inputs(operation) -> str:
    inputs = (x.op.device for x in operation.inputs)
    return operation.device or next(filter(None, inputs), "")


def _travel(x, forward: str | None, backward: str | None):
    """Moves a tensor in the forward pass, and its gradient in the backward."""
    if not x.dtype.is_floating:
        return x

    @tf.custom_gradient
    def moved(x):
        def gradient(upstream):
            # Second derivatives, as of a gradient penalty, pass here too.
            return _travel(upstream, forward=backward, backward=forward)

        with tf.device(forward):
            return tf.identity(x), gradient

    return moved(x)
