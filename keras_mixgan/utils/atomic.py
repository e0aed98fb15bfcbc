"""Files and folders that are whole or not there, whenever a process dies."""

import contextlib
import os
import pathlib
import shutil
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


@contextlib.contextmanager
def new_folder(
    path: str | os.PathLike[str], name: str = "path"
) -> Iterator[pathlib.Path]:
    """Writes a folder beside its place, then moves it there in one step.

    Nobody sees a part of it. A process killed meanwhile leaves a hidden
    `.partial` folder, which the next writer clears.

    Args:
        path: The folder to write. Folders above it are made.
        name: What to call it in an error.

    Yields:
        Path of an empty folder to write to. If the block raises, nothing is
        left of it.

    Raises:
        FileExistsError: There is a file, or a folder that is not empty.
        OSError: It could not be written.

    Example:
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "exported" / "1"
    >>> with new_folder(path) as partial:
    ...     _ = (partial / "a.txt").write_text("whole")
    >>> (path / "a.txt").read_text()
    'whole'
    """
    path = pathlib.Path(os.path.abspath(path))
    check_new(path, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        yield partial
        for written in partial.rglob("*"):
            if written.is_file():
                _flush(written)
        check_new(path, name)
        if path.exists():
            path.rmdir()  # Not every system renames over an empty folder.
        os.rename(partial, path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    with contextlib.suppress(OSError):  # Not every system lets folders flush.
        _flush(path.parent)


def check_new(path: str | os.PathLike[str], name: str) -> None:
    """Checks that nothing would be overwritten at a path.

    Args:
        path: Where a file or folder is to be written.
        name: What to call it in an error.

    Raises:
        FileExistsError: There is a file, or a folder that is not empty.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        if any(path.iterdir()):
            raise FileExistsError(
                f"`{name}` must be a new or an empty folder; nothing is "
                f"overwritten. Received: {path}, which is not empty"
            )
    elif path.exists():
        raise FileExistsError(
            f"`{name}` must be new; nothing is overwritten. Received: {path}, "
            "which is a file"
        )


def _flush(path: pathlib.Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
