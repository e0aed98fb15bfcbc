"""Component parallelism: each network on one device, the game over all.

Component i of either side, its variables, optimizer state, forward and
backward pass are on device i mod n. Images of the generators travel to all
discriminators' devices, and their logits and the gradients of images back;
no weights and no gradients of weights travel. Everything else, small, is on
the first device.
"""

import contextlib
import threading
from collections.abc import Sequence

import keras


class ComponentParallel:
    """Places component i of either side on device i mod n, in one process.

    Make, or load, a `MixGAN` in its scope. It trains to the same numbers as
    on one device. With more devices than components, those left over stay
    idle.

    Args:
        devices: TensorFlow's names of devices; see `strategy`.

    Example:
    >>> ComponentParallel(["/device:CPU:0"]).device(3)
    '/device:CPU:0'
    """

    def __init__(self, devices: Sequence[str]):
        self.devices = tuple(devices)

    def device(self, component: int) -> str:
        """The device of a component's number."""
        return self.devices[component % len(self.devices)]

    @contextlib.contextmanager
    def scope(self):
        """Within it, models are placed over the devices.

        Raises:
            ValueError: It is the scope of another strategy already.
        """
        import tensorflow as tf

        if tf.distribute.has_strategy():
            raise ValueError(
                "`scope` of component_parallel must not lie in that of a "
                "tf.distribute strategy, which mirrors every variable on "
                "every device. Received: the scope of "
                f"{type(tf.distribute.get_strategy()).__name__}"
            )
        previous, _current.strategy = _current.strategy, self
        try:
            yield self
        finally:
            _current.strategy = previous


class _Current(threading.local):
    strategy: ComponentParallel | None = None
    component: int | None = None


_current = _Current()


def current() -> ComponentParallel | None:
    """The strategy in whose scope this is, if any."""
    return _current.strategy


@contextlib.contextmanager
def component(number: int):
    """Within it, variables are made on the device of a component."""
    previous, _current.component = _current.component, number
    strategy = _current.strategy
    place = contextlib.nullcontext()
    if strategy is not None:
        place = _on(strategy.device(number))
    try:
        with place:
            yield
    finally:
        _current.component = previous


def component_under_way() -> int | None:
    """The number of the component in whose making this is, if any."""
    return _current.component


def mark(network: keras.Model, number: int) -> None:
    """Notes where a component is, for its calls.

    Raises:
        ValueError: Its variables are elsewhere: it was made outside.
    """
    if _current.strategy is None:
        return
    device = _current.strategy.device(number)
    for variable in network.variables:
        there = _short(variable.value.device)
        if there != device and "seed_generator" not in variable.path:
            raise ValueError(
                "Networks that are given as a list must be made where they "
                "are to be: give one network, or a function that builds one, "
                "and they are made on their devices. Received: "
                f"component {number} with variables on {there}, not {device}"
            )
    network.placed_on = device


def device_of(network: keras.Model) -> str | None:
    """Where a network was placed; `None` where nobody said."""
    return getattr(network, "placed_on", None)


@contextlib.contextmanager
def on_device_of(network: keras.Model):
    """Within it, operations run on a network's device, if it has one."""
    device = device_of(network)
    if device is None:
        yield
        return
    with _on(device):
        yield


def call(network: keras.Model, inputs, **arguments):
    """Calls a network on its device, forward and backward.

    Args:
        network: A Keras model of one output.
        inputs: A tensor, or a list of tensors.
        **arguments: Of the call.

    Returns:
        The output.
    """
    device = device_of(network)
    if device is None:
        return network(inputs, **arguments)
    with _on(device):
        inputs = keras.tree.map_structure(
            lambda x: _travel(x, forward=device, backward=None), inputs
        )
        outputs = network(inputs, **arguments)
        return _travel(outputs, forward=device, backward=device)


@contextlib.contextmanager
def following(variables: list):
    """Within it, operations are where their first placed input is.

    A gradient is computed by operations that TensorFlow makes itself, outside
    of all scopes, and would put on the first device. They all have inputs
    from the forward pass, or from other such operations. `call` marks where
    they enter a component and leave it.

    Args:
        variables: Keras variables; where they are all on one device, nothing
            is placed.
    """
    if keras.backend.backend() != "tensorflow" or not _placed(variables):
        yield
        return
    import tensorflow as tf

    if tf.executing_eagerly():
        yield
        return
    with tf.compat.v1.get_default_graph().device(_device_of_inputs):
        yield


def _placed(variables: list) -> bool:
    return len({variable.value.device for variable in variables}) > 1


def _device_of_inputs(operation) -> str:
    inputs = (x.op.device for x in operation.inputs)
    return operation.device or next(filter(None, inputs), "")


def _travel(x, forward: str | None, backward: str | None):
    """Moves a tensor in the forward pass, and its gradient in the backward."""
    import tensorflow as tf

    if not x.dtype.is_floating:
        return x

    @tf.custom_gradient
    def moved(x):
        def gradient(upstream):
            # What a gradient penalty's second derivative passes, too.
            return _travel(upstream, forward=backward, backward=forward)

        with tf.device(forward):
            return tf.identity(x), gradient

    return moved(x)


def _on(device: str):
    import tensorflow as tf

    return tf.device(device)


def _short(device: str) -> str:
    """The part of TensorFlow's full name that names the device on its host."""
    return "/" + device.rpartition("/")[2]
