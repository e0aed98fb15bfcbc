"""Devices by name: those that are there, and logical CPUs."""

from collections.abc import Sequence


def resolve(devices: str | Sequence[str] | None) -> list[str]:
    """Turns what a user calls devices into TensorFlow's names.

    Args:
        devices: "gpu:0,gpu:1", or a list of such names; "cpu:1" and more are
            logical devices of the one CPU, for trials, made here where
            TensorFlow has not started yet. `None` means all GPUs, or the CPU
            where there is none.

    Returns:
        List of names such as "/device:GPU:0".

    Raises:
        ValueError: A device is not there, is named twice, or is no name.
    """
    import tensorflow as tf

    if devices is None:
        found = tf.config.list_logical_devices("GPU")
        return [_name("GPU", i) for i in range(len(found))] or [_name("CPU", 0)]
    if isinstance(devices, str):
        devices = devices.split(",")
    asked = [_parse(device) for device in devices]
    if not asked or len(set(asked)) != len(asked):
        raise ValueError(
            "`devices` must name at least one device, each once. Received: "
            f"devices={list(devices)!r}"
        )
    _make_cpus(1 + max((i for kind, i in asked if kind == "CPU"), default=0))
    there = [
        _parse(device.name)
        for device in tf.config.list_logical_devices()
        if device.device_type in ("CPU", "GPU", "TPU")
    ]
    for kind, i in asked:
        if (kind, i) not in there:
            names = ", ".join(f"{k.lower()}:{n}" for k, n in there)
            raise ValueError(
                f"`devices` must be among {names}. Received: {kind.lower()}:{i}"
            )
    return [_name(kind, i) for kind, i in asked]


def _name(kind: str, index: int) -> str:
    return f"/device:{kind}:{index}"


def _parse(device: str) -> tuple[str, int]:
    """The kind and number in "gpu:1", "/gpu:1" or "/device:GPU:1"."""
    *_, kind, index = ("", "", *str(device).strip().strip("/").split(":"))
    kind = kind.rpartition("/")[2].upper()
    if not kind.isalpha() or not index.isdigit():
        raise ValueError(
            "`devices` must be names like gpu:0 or cpu:1, divided by commas. "
            f"Received: {device!r}"
        )
    return kind, int(index)


def _make_cpus(count: int) -> None:
    """Divides the CPU into logical devices, where that is still possible."""
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
        raise ValueError(
            "`devices` beyond cpu:0 must be asked for before TensorFlow is "
            "used, since it divides the CPU when it starts. Received: "
            f"cpu:{count - 1}, while TensorFlow has "
            f"{len(tf.config.list_logical_devices('CPU'))} CPU device"
        ) from error
