"""Strategies by name."""

from collections.abc import Sequence
from typing import Any

import keras

from keras_mixgan.distribution import cluster
from keras_mixgan.distribution import devices as devices_module
from keras_mixgan.distribution.placement import ComponentParallel
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

NAMES = ("mirrored", "multi_worker", "component_parallel")
OF_BACKENDS = {
    "tensorflow": NAMES,
    "jax": ("mirrored",),
}


def check_name(name: str) -> None:
    """Checks a strategy's name against those of Keras's backend."""
    backend = keras.backend.backend()
    names = OF_BACKENDS.get(backend, ())
    checks.one_of("strategy", name, NAMES)
    if name not in names:
        raise UserError(
            f"`strategy` must be one of {', '.join(names) or 'none'} under "
            f"Keras's backend {backend}. Received: {name!r}"
        )


def strategy(name: str, devices: str | Sequence[str] | None = None):
    """Makes a distribution strategy; make, compile or load models in its scope.

    Args:
        name: `"mirrored"`: every device trains on its rows of each batch, on
            one host (`tf.distribute.MirroredStrategy`, under JAX
            `keras.distribution.DataParallel`). `"multi_worker"`: the same
            over the devices of several hosts, which TF_CONFIG lists
            (`tf.distribute.MultiWorkerMirroredStrategy`; TensorFlow only);
            call it before anything else of TensorFlow.
            `"component_parallel"`: component i is on device i mod n, see
            `ComponentParallel` (TensorFlow only).
        devices: "gpu:0,gpu:1" or a list of names. By default all GPUs of this
            host, or its CPU. "cpu:0,cpu:1" are logical devices, for trials.
            With `"multi_worker"` each process takes all that it sees.

    Returns:
        An object whose `scope()` is a context manager. Under JAX call `fit`
        in it, too.

    Raises:
        ValueError: There is no such strategy or device, or not under Keras's
            backend; or TF_CONFIG is malformed.

    Example:
    >>> import keras_mixgan as kmg
    >>> strategy = kmg.distribution.strategy("mirrored", devices="cpu:0")
    >>> with strategy.scope():
    ...     networks = kmg.architectures.build("mlp", (2,), width=4)
    ...     model = kmg.MixGAN(*networks, 2, 1, seed=0)
    ...     model.compile()
    >>> points = kmg.data.load("ring", batch_size=10_000)
    >>> _ = model.fit(points, verbose=0)
    >>> model.step
    2
    """
    check_name(name)
    if keras.backend.backend() == "jax":
        return keras.distribution.DataParallel(
            devices=devices_module.resolve(devices)
        )
    if name == "multi_worker":
        return _multi_worker(devices)
    names = devices_module.resolve(devices)
    if name == "component_parallel":
        return ComponentParallel(names)
    return _mirrored(tuple(names))


_made: dict[tuple[str, ...], Any] = {}


def _mirrored(devices: tuple[str, ...]):
    """One strategy per process: exchanges of two would be mixed up."""
    import tensorflow as tf

    others = [made for made in _made if len(made) > 1 and made != devices]
    if len(devices) > 1 and others:
        raise UserError(
            "`devices` of mirrored must be the same whenever a process asks "
            f"for several. Received: {', '.join(devices)} after "
            f"{', '.join(others[0])}"
        )
    if devices not in _made:
        _made[devices] = tf.distribute.MirroredStrategy(devices)
    return _made[devices]


def _multi_worker(devices):
    if devices is not None:
        raise UserError(
            "`devices` must not be given with multi_worker: every process "
            "takes the devices it sees; set CUDA_VISIBLE_DEVICES to leave "
            f"some out. Received: devices={devices!r}"
        )
    cluster.from_environment()
    import tensorflow as tf

    return tf.distribute.MultiWorkerMirroredStrategy()
