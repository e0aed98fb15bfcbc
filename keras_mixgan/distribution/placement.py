"""Component parallelism: each network on one device, the game over all.

Component i of either side, its variables, optimizer state, forward and
backward pass are on device i mod n. Generated images travel to the devices of
all discriminators; logits and gradients of images travel back. Weights and
their gradients stay. The small rest is on the first device.
"""

import contextlib
import threading
from collections.abc import Sequence

from keras_mixgan.utils.errors import UserError


class ComponentParallel:
    """Places component i of either side on device i mod n, in one process.

    Make, or load, a `MixGAN` in its scope. Training gives the same numbers as
    on one device. If there are more devices than components, the others stay
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
        """The device of a component."""
        return self.devices[component % len(self.devices)]

    @contextlib.contextmanager
    def scope(self):
        """Context in which models are placed over the devices.

        Raises:
            ValueError: It lies in the scope of another strategy.
        """
        import tensorflow as tf

        if tf.distribute.has_strategy():
            raise UserError(
                "`scope` of component_parallel must not be inside that of a "
                "tf.distribute strategy, which mirrors every variable on "
                "every device. Received: the scope of "
                f"{type(tf.distribute.get_strategy()).__name__}"
            )
        previous, _context.strategy = _context.strategy, self
        try:
            yield self
        finally:
            _context.strategy = previous

    def executor(self):
        """Makes the executor of a model in this scope."""
        from keras_mixgan.distribution.placed import PlacedExecutor

        return PlacedExecutor(self)


class _Context(threading.local):
    strategy: ComponentParallel | None = None


_context = _Context()


def current() -> ComponentParallel | None:
    """The strategy of the current scope, if any."""
    return _context.strategy
