"""Devices by name: existing ones, and logical CPUs."""

import os
from collections.abc import Sequence

import keras

from keras_mixgan.utils.errors import UserError


def resolve(devices: str | Sequence[str] | None) -> list[str]:
    """Converts a user's names of devices to the backend's.

    Users write "gpu:0,gpu:1", or a list of such names. "cpu:1" and above are
    logical devices of the one CPU, for trials, made here if the backend has not
    started yet. `None` means all GPUs, or the CPU if there is none. The result
    has TensorFlow's names, such as "/device:GPU:0", or, under JAX, those of
    `keras.distribution.list_devices`, such as "gpu:0".
    """
    jax = keras.backend.backend() == "jax"
    if devices is None:
        return (
            keras.distribution.list_devices() if jax else _all_of_tensorflow()
        )
    if isinstance(devices, str):
        devices = devices.split(",")
    asked = [_parse(device) for device in devices]
    if not asked or len(set(asked)) != len(asked):
        raise UserError(
            "`devices` must name at least one device, each once. Received: "
            f"devices={list(devices)!r}"
        )
    cpus = 1 + max((i for kind, i in asked if kind == "CPU"), default=0)
    there = _there_in_jax(cpus) if jax else _there_in_tensorflow(cpus)
    for kind, i in asked:
        if (kind, i) not in there:
            names = ", ".join(f"{k.lower()}:{n}" for k, n in there)
            raise UserError(
                f"`devices` must be among {names}. Received: {kind.lower()}:{i}"
            )
    if jax:
        return [f"{kind.lower()}:{i}" for kind, i in asked]
    return [_name(kind, i) for kind, i in asked]


def _all_of_tensorflow() -> list[str]:
    import tensorflow as tf

    gpus = tf.config.list_logical_devices("GPU")
    return [_name("GPU", i) for i in range(len(gpus))] or [_name("CPU", 0)]


def _there_in_tensorflow(cpus: int) -> list[tuple[str, int]]:
    import tensorflow as tf

    _make_cpus(cpus)
    return [
        _parse(device.name)
        for device in tf.config.list_logical_devices()
        if device.device_type in ("CPU", "GPU", "TPU")
    ]


def _there_in_jax(cpus: int) -> list[tuple[str, int]]:
    import jax

    if cpus > 1 and "host_platform_device_count" not in os.environ.get(
        "XLA_FLAGS", ""
    ):
        try:
            jax.config.update("jax_num_cpu_devices", cpus)
        except RuntimeError as error:
            if len(jax.devices("cpu")) < cpus:
                raise UserError(
                    "`devices` beyond cpu:0 must be requested before JAX is "
                    "used, since it divides the CPU when it starts. Received: "
                    f"cpu:{cpus - 1}, while JAX has "
                    f"{len(jax.devices('cpu'))} CPU device"
                ) from error
    names = {
        *keras.distribution.list_devices(),
        *keras.distribution.list_devices("cpu"),
    }
    return sorted(map(_parse, names))


def _name(kind: str, index: int) -> str:
    return f"/device:{kind}:{index}"


def _parse(device: str) -> tuple[str, int]:
    """The kind and number in "gpu:1", "/gpu:1" or "/device:GPU:1"."""
    *_, kind, index = ("", "", *str(device).strip().strip("/").split(":"))
    kind = kind.rpartition("/")[2].upper()
    if not kind.isalpha() or not index.isdigit():
        raise UserError(
            "`devices` must be names like gpu:0 or cpu:1, separated by commas. "
            f"Received: {device!r}"
        )
    return kind, int(index)


def _make_cpus(count: int) -> None:
    """Divides the CPU into logical devices, if that is still possible."""
    import tensorflow as tf

    if count == 1:
        return
    cpu = tf.config.list_physical_devices("CPU")[0]
    configured = tf.config.get_logical_device_configuration(cpu) or [None]
    if len(configured) >= count:
        return
    try:
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * count
        )
    except RuntimeError as error:
        raise UserError(
            "`devices` beyond cpu:0 must be requested before TensorFlow is "
            "used, since it divides the CPU when it starts. Received: "
            f"cpu:{count - 1}, while TensorFlow has "
            f"{len(tf.config.list_logical_devices('CPU'))} CPU device"
        ) from error
