"""Strategies by name."""

from collections.abc import Sequence
from typing import Any

from keras_mixgan.distribution import cluster
from keras_mixgan.distribution import devices as devices_module
from keras_mixgan.distribution.placement import ComponentParallel

NAMES = ("mirrored", "multi_worker", "component_parallel")


def check_name(name: str) -> str:
    """Returns a strategy's name, checked.

    Raises:
        ValueError: There is no such strategy.
    """
    if name not in NAMES:
        raise ValueError(
            f"`strategy` must be one of {', '.join(NAMES)}. Received: {name!r}"
        )
    return name


def strategy(name: str, devices: str | Sequence[str] | None = None):
    """Makes a distribution strategy; make, compile or load models in its scope.

    Args:
        name: `"mirrored"`: every device trains on its rows of each batch, on
            one host (`tf.distribute.MirroredStrategy`). `"multi_worker"`: the
            same over the devices of several hosts, which TF_CONFIG lists
            (`tf.distribute.MultiWorkerMirroredStrategy`); call it before
            anything else of TensorFlow. `"component_parallel"`: component i
            lives on device i mod n, see `ComponentParallel`.
        devices: "gpu:0,gpu:1" or a list of names. By default all GPUs of this
            host, or its CPU. "cpu:0,cpu:1" are logical devices, for trials.
            With `"multi_worker"` each process takes all that it sees.

    Returns:
        An object whose `scope()` is a context manager.

    Raises:
        ValueError: No such strategy or device, or TF_CONFIG is malformed.
        RuntimeError: Keras's backend is not TensorFlow.

    Example:
    >>> import keras_mixgan as kmg
    >>> strategy = kmg.distribution.strategy("mirrored", devices="cpu:0")
    >>> with strategy.scope():
    ...     networks = kmg.architectures.build("mlp", (2,))
    ...     model = kmg.MixGAN(*networks, num_generators=2, seed=0)
    ...     model.compile()
    >>> points = kmg.data.load("ring", batch_size=1000)
    >>> _ = model.fit(points, verbose=0)
    >>> model.step
    20
    """
    import keras

    check_name(name)
    if keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            "Strategies need Keras's TensorFlow backend. Received: "
            f"KERAS_BACKEND={keras.backend.backend()}"
        )
    if name == "multi_worker":
        return _multi_worker(devices)
    found = devices_module.resolve(devices)
    if name == "component_parallel":
        return ComponentParallel(found)
    return _mirrored(tuple(found))


_made: dict[tuple[str, ...], Any] = {}


def _mirrored(devices: tuple[str, ...]):
    """One strategy a process: another's exchanges would be taken for its."""
    import tensorflow as tf

    others = [made for made in _made if len(made) > 1 and made != devices]
    if len(devices) > 1 and others:
        raise ValueError(
            "`devices` of mirrored must be the same whenever a process asks "
            f"for several. Received: {', '.join(devices)} after "
            f"{', '.join(others[0])}"
        )
    if devices not in _made:
        _made[devices] = tf.distribute.MirroredStrategy(devices)
    return _made[devices]


def _multi_worker(devices):
    if devices is not None:
        raise ValueError(
            "`devices` must not be given with multi_worker: every process "
            "takes the devices it sees; set CUDA_VISIBLE_DEVICES to leave "
            f"some out. Received: devices={devices!r}"
        )
    cluster.from_environment()
    import tensorflow as tf

    return tf.distribute.MultiWorkerMirroredStrategy()
