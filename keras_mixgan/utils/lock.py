"""A lock on a folder, so that two processes do not write to it at once."""

import contextlib
import json
import os
import pathlib
import socket
import time
from collections.abc import Iterator

import filelock

LOCK = ".lock"
OWNER = ".lock.json"


@contextlib.contextmanager
def held(folder: str | os.PathLike[str], name: str = "path") -> Iterator[None]:
    """Holds a folder's lock within the block.

    The operating system frees the lock of a process that dies in any way, so a
    lock file that is left over blocks nobody.

    The folder is made if missing, and then removed again if nothing was written
    to it. The hidden files ".lock" and ".lock.json" are written to it; the
    former stays. If another process holds the lock, a BlockingIOError names its
    pid, its host and how long it has held it. Errors call the folder `name`.

    Example:
    >>> import tempfile
    >>> with held(tempfile.mkdtemp()):
    ...     pass
    """
    folder = pathlib.Path(folder)
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise type(error)(
            f"`{name}` must be a folder that can be made. Received: "
            f"{name}={folder} ({error})"
        ) from error
    owner = folder / OWNER
    lock = filelock.FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except filelock.Timeout:
        raise BlockingIOError(
            f"`{name}` must not be in use. Received: {name}={folder}, which "
            f"{_describe(owner)} is using"
        ) from None
    try:
        _sign(owner)
        yield
    finally:
        with contextlib.suppress(OSError):
            owner.unlink()
        lock.release()
        if is_new and os.listdir(folder) == [LOCK]:  # Nothing was written.
            with contextlib.suppress(OSError):
                (folder / LOCK).unlink()
                folder.rmdir()


def _sign(owner: pathlib.Path) -> None:
    """Records that this process holds the lock."""
    content = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": time.time(),
    }
    with contextlib.suppress(OSError):
        owner.unlink()
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    with open(os.open(owner, flags, 0o666), "w", encoding="utf-8") as file:
        json.dump(content, file)


def _describe(owner: pathlib.Path) -> str:
    """Says which process holds the lock, if that can be read."""
    try:
        content = json.loads(owner.read_text("utf-8"))
        seconds = max(0.0, time.time() - content["since"])
        return (
            f"process {content['pid']} on {content['host']}, for "
            f"{_duration(seconds)},"
        )
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _duration(seconds: float) -> str:
    """Writes seconds in a suitable unit.

    Example:
    >>> _duration(7200)
    '2 hours'
    """
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} seconds"
