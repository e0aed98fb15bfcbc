"""Files that are either whole or not there, whenever the process dies."""

import contextlib
import os
import pathlib
from collections.abc import Iterator


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Writes a file beside its place, then moves it there in one step.

    Whoever reads `path` sees the old file or the new one, never a part, also
    after a power cut: the new file is on the disk before it is renamed. A
    process killed meanwhile leaves a hidden `.partial` file, which the next
    writer overwrites.

    Args:
        path: The file to write. Its folder must be there.

    Yields:
        Path to write to; it ends like `path`, as some writers choose the
        format by the ending. If the block raises, `path` stays as it was.

    Raises:
        OSError: The file could not be written.

    Example:
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.txt"
    >>> with replacing(path) as partial:
    ...     _ = partial.write_text("whole")
    >>> path.read_text()
    'whole'
    """
    path = pathlib.Path(path)
    partial = path.with_name(f".{path.stem}.partial{path.suffix}")
    try:
        yield partial
        _flush(partial)
        os.replace(partial, path)
    except BaseException:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
    with contextlib.suppress(OSError):  # Not every system lets folders flush.
        _flush(path.parent)


def _flush(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
