"""The memory of this machine, or of the container that the process is in."""

import os
import pathlib

from keras_mixgan.utils.errors import UserError

# Of cgroups 2 and 1. A container of either sees its own limit here.
_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)


def limit() -> int | None:
    """Bytes of memory that there are in all.

    Returns:
        The smaller of the machine's memory and the container's limit, or
        None where the system does not say.
    """
    found = []
    for path in _LIMITS:
        try:
            found.append(int(pathlib.Path(path).read_text()))
        except (OSError, ValueError):  # No such file; "max" for no limit.
            continue
    if hasattr(os, "sysconf"):  # Windows has none.
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(found, default=None)


def check_fits(name: str, size: int, what: str) -> None:
    """Checks that data fit into half of the memory.

    Half, because training keeps a copy of its own.

    Args:
        name: Name of the argument that asks for the data.
        size: Bytes that the data take.
        what: What they are, for the message.

    Raises:
        ValueError: If they do not fit.
    """
    most = limit()
    if most is not None and size > most / 2:
        raise UserError(
            f"`{name}` must fit into half of this machine's memory of "
            f"{most / 2**30:.1f} GiB. Received: {what}, which takes "
            f"{size / 2**30:.1f} GiB"
        )
