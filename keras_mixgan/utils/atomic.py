"""Files and folders that are complete or absent, whenever a process dies.

They are written under a hidden name beside their target,
".NAME.HOST-PID-RANDOM.partial.SUFFIX". Nobody can guess it and plant a link
there, and it tells the next writer of the target which process wrote it.
"""

import contextlib
import os
import pathlib
import secrets
import shutil
import socket
import time
import zlib
from collections.abc import Iterator

# Anything older was left by a process that was killed.
LEFT_OVER_SECONDS = 3600
# What readers look for in a preset, a SavedModel and a page: these come last.
_LAST = ("metadata.json", "saved_model.pb", "index.html")


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """Writes a file beside its place, then moves it there in one step.

    A reader of `path` sees the old file or the new one, never a part, even
    after a power cut: the new file is on the disk before it is renamed. A
    process killed meanwhile leaves a hidden `.partial` file, which the next
    writer of the same file removes. If `path` is a symbolic link, the link is
    replaced, and its target stays as it is.

    The folder of `path` must exist. The block gets the path of an empty file;
    it ends like `path`, as some writers choose the format by the ending. If
    the block raises, `path` stays as it was.

    Example:
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.txt"
    >>> with replacing(path) as partial:
    ...     _ = partial.write_text("whole")
    >>> path.read_text()
    'whole'
    """
    path = pathlib.Path(path)
    _clean(path, path.stem, path.suffix)
    partial = path.with_name(_partial_name(path.stem, path.suffix))
    try:
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
        yield partial
        _flush(partial)
        os.replace(partial, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            partial.unlink()
        _name(error, path, partial)
        raise
    with contextlib.suppress(OSError):  # Not every system can flush folders.
        _flush(path.parent)


@contextlib.contextmanager
def new_folder(
    path: str | os.PathLike[str], name: str = "path"
) -> Iterator[pathlib.Path]:
    """Writes a folder beside its place, then moves it there in one step.

    Readers never see a part of it. Where there is an empty folder already, it
    stays: the files are written in a hidden folder inside, and renamed one
    after the other, those last by which readers know that it is complete. A
    process killed meanwhile leaves a hidden `.partial` folder, which the next
    writer of the same folder removes.

    Folders above it are made. The block gets the path of an empty folder,
    which is removed if the block raises. It raises what `check_new` raises.

    Example:
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "exported" / "1"
    >>> with new_folder(path) as partial:
    ...     _ = (partial / "a.txt").write_text("whole")
    >>> (path / "a.txt").read_text()
    'whole'
    """
    path = pathlib.Path(os.path.abspath(os.path.expanduser(path)))
    check_new(path, name)
    # It may be a mount, a link, or a shell's current folder: it stays.
    stays = path.is_dir()
    target = path / path.name if stays else path
    target.parent.mkdir(parents=True, exist_ok=True)
    _clean(target, path.name, "")
    partial = target.with_name(_partial_name(path.name, ""))
    try:
        partial.mkdir()
        yield partial
        for written in partial.rglob("*"):
            if written.is_file():
                _flush(written)
        check_new(path, name)
        if stays or path.exists():
            _move_all(partial, path)
        else:
            os.rename(partial, path)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        _name(error, path, partial)
        raise
    for folder in (path, path.parent):
        with contextlib.suppress(OSError):  # Not every system can flush them.
            _flush(folder)


def _move_all(folder: pathlib.Path, into: pathlib.Path) -> None:
    """Moves all entries; where one fails, those moved before are removed."""
    entries = sorted(x.name for x in folder.iterdir())
    moved = []
    try:
        for entry in sorted(entries, key=_LAST.__contains__):
            os.rename(folder / entry, into / entry)
            moved.append(into / entry)
        folder.rmdir()
    except BaseException:
        for path in moved:
            _remove(path)
        raise


def check_new(path: str | os.PathLike[str], name: str) -> None:
    """Checks that nothing would be overwritten at a path.

    A file there, or a folder that is not empty, is a FileExistsError, which
    calls it `name`.
    """
    path = pathlib.Path(path)
    if path.is_dir():
        # Whoever is killed while `new_folder` writes there leaves its part.
        start = f".{path.absolute().name}."
        if any(
            not (x.name.startswith(start) and x.name.endswith(".partial"))
            for x in path.iterdir()
        ):
            raise FileExistsError(
                f"`{name}` must be a new or an empty folder; nothing is "
                f"overwritten. Received: {path}, which is not empty"
            )
    elif path.exists():
        raise FileExistsError(
            f"`{name}` must be new; nothing is overwritten. Received: {path}, "
            "which is a file"
        )


def _name(
    error: BaseException, path: pathlib.Path, partial: pathlib.Path
) -> None:
    """Adds the path to an error that names none, or the hidden one."""
    if (
        isinstance(error, OSError)
        and error.errno
        and error.filename in (None, os.fspath(partial))
    ):
        error.filename = os.fspath(path)


def _partial_name(stem: str, suffix: str) -> str:
    owner = f"{_host()}-{os.getpid()}-{secrets.token_hex(8)}"
    return f".{stem}.{owner}.partial{suffix}"


def _host() -> str:
    return f"{zlib.crc32(socket.gethostname().encode()):08x}"


def _clean(path: pathlib.Path, stem: str, suffix: str) -> None:
    """Removes the partial files that killed writers left beside a path."""
    start, end = f".{stem}.", f".partial{suffix}"
    with contextlib.suppress(OSError), os.scandir(path.parent) as entries:
        for entry in entries:
            if not (entry.name.startswith(start) and entry.name.endswith(end)):
                continue
            host, _, rest = entry.name[len(start) : -len(end)].partition("-")
            pid, _, _ = rest.partition("-")
            # Version 0.1 named no process: ".NAME.partial.SUFFIX".
            if (
                not (host and pid.isdecimal())
                and entry.name != start[:-1] + end
            ):
                continue
            age = time.time() - entry.stat(follow_symlinks=False).st_mtime
            dead = host == _host() and not _is_alive(int(pid))
            if dead or age > LEFT_OVER_SECONDS:
                _remove(pathlib.Path(entry.path))


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # `os.kill` would kill on Windows: only age counts.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _remove(path: pathlib.Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink()


def _flush(path: pathlib.Path) -> None:
    # Windows flushes only what may be written.
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
