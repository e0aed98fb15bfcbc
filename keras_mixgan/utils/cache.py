"""The cache: a place for files that can be made or fetched again."""

import contextlib
import os
import pathlib

VARIABLE = "KERAS_MIXGAN_CACHE"


def folder(name: str) -> pathlib.Path:
    """A folder in `$KERAS_MIXGAN_CACHE`, or in `~/.cache/keras_mixgan`.

    It may not exist yet.

    Example:
    >>> folder("activations").name
    'activations'
    """
    given = os.environ.get(VARIABLE)
    return pathlib.Path(given or "~/.cache/keras_mixgan").expanduser() / name


def trim(folder: pathlib.Path, most_bytes: int) -> None:
    """Removes the oldest files of a folder, down to a size in all.

    The newest file stays, however large. Files that cannot be removed stay.
    """
    found = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):  # Another process removed it.
            status = path.stat()
            found.append((status.st_mtime, status.st_size, path))
    total = 0
    for place, (_, size, path) in enumerate(sorted(found, reverse=True)):
        total += size
        if place and total > most_bytes:
            with contextlib.suppress(OSError):
                path.unlink()
