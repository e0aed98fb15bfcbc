"""The memory of this machine, or of the container of this process."""

import os
import pathlib

from keras_mixgan.utils.errors import UserError

# Limits of a container, in version 2 and version 1 of cgroups.
_LIMITS = (
    "/sys/fs/cgroup/memory.max",
    "/sys/fs/cgroup/memory/memory.limit_in_bytes",
)


def limit() -> int | None:
    """Bytes of the machine's memory, or of the container's limit if smaller.

    None if the system does not tell.
    """
    limits = []
    for path in _LIMITS:
        try:
            limits.append(int(pathlib.Path(path).read_text()))
        except (OSError, ValueError):  # No such file; "max" for no limit.
            continue
    if hasattr(os, "sysconf"):  # Windows has none.
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    return min(limits, default=None)


def check_fits(name: str, size: int, what: str) -> None:
    """Checks that `size` bytes fit into half of the memory.

    Half, because training makes a copy. An error names the argument `name`, and
    says `what` takes so much.
    """
    most = limit()
    if most is not None and size > most / 2:
        raise UserError(
            f"`{name}` must fit into half of this machine's memory of "
            f"{most / 2**30:.1f} GiB. Received: {what}, which takes "
            f"{size / 2**30:.1f} GiB"
        )
