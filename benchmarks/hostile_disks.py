"""A disk that is full, and a folder that may not be written to.

The program has to say so in one line, leave nothing by halves, and go on from
what it has once there is room again.
"""

import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from collections.abc import Iterator

import hostile_runs
import probing

_DISK = 2**22
# Bytes that are left on the disk when a command begins.
_LEFT = (0, 8_000, 40_000, 120_000)
_FLAGS = [
    *(f"--{name}={value}" for name, value in hostile_runs.SETTINGS.items()),
    "--history_steps=2",
    "--checkpoint_seconds=0",
    "--sample_epochs=1000",
]


def rows() -> list[probing.Row]:
    """Runs commands that write to a full disk, or where they may not."""
    hostile_runs.whole()
    return [_full(), _read_only()]


def _commands(folder: pathlib.Path) -> dict[str, list[str]]:
    """What writes, into a folder."""
    model = hostile_runs.whole() / "model.keras"
    return {
        "train": [*_FLAGS, f"--workdir={folder / 'run'}"],
        "sample": [f"--model={model}", f"--out={folder / 'a.png'}"],
        "export": [f"--model={model}", f"--out={folder / 'exported'}"],
        "evaluate": [
            f"--model={model}", "--source=ring", "--num_images=1000",
            "--metrics=modes", f"--out={folder / 'scores.json'}",
        ],
    }  # fmt: skip


@contextlib.contextmanager
def _disk() -> Iterator[tuple[pathlib.Path, Callable[[int], None] | None]]:
    """A small disk, and what fills it but for some bytes; or None for it."""
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        folder = pathlib.Path(name)
        mounted = (
            os.geteuid() == 0
            and not subprocess.run(
                ["mount", "-t", "tmpfs", "-o", f"size={_DISK}", "tmpfs", name],
                capture_output=True,
            ).returncode
        )
        if not mounted:
            yield folder, None
            return
        try:
            yield folder, lambda left: _fill(folder, left)
        finally:
            subprocess.run(["umount", name], check=True)


def _fill(folder: pathlib.Path, left: int) -> None:
    """Fills a disk, but for so many bytes."""
    filler = folder / "filler"
    filler.unlink(missing_ok=True)
    free = shutil.disk_usage(folder).free
    filler.write_bytes(bytes(max(free - left, 0)))


def _full() -> probing.Row:
    row = probing.Row("full disk")
    with _disk() as (folder, fill):
        row.notes.append(
            "a tmpfs" if fill else "none to be had: a limit on files' sizes"
        )
        for left in _LEFT:
            for name, arguments in _commands(folder).items():
                _try(row, folder, fill, left, name, arguments)
    return row


def _try(row, folder, fill, left, name, arguments) -> None:
    """Runs a command where so many bytes are left."""
    if fill:
        fill(left)
        child = probing.start(probing.command(name, *arguments))
    else:
        # What it prints is a file as well.
        child = probing.start(
            probing.command(name, *arguments), file_bytes=max(left, 4_000)
        )
    why = probing.refusal(child, hostile_runs.LONGEST)
    row.tried += 1
    where = f"{name} with {left:,} bytes left"
    if child.status == 0 and left:
        row.passed += 1  # There was room.
    elif why is None:
        row.refused += 1
    else:
        row.fail(where, why)
    (folder / "filler").unlink(missing_ok=True)
    parts = [path.name for path in folder.rglob(".*partial*")]
    row.check(f"{where}, left", not parts, f"parts of files: {parts}")
    if name == "train":
        again = probing.start(probing.command(name, *arguments))
        status = again.wait(hostile_runs.LONGEST)
        workdir = folder / "run"
        why = again.text()[-300:]
        if status == 0:
            why = hostile_runs.difference(workdir, hostile_runs.whole())
        row.check(f"{where}, gone on", why is None, str(why))
    for path in folder.iterdir():
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _read_only() -> probing.Row:
    row = probing.Row("read-only folder")
    root = os.geteuid() == 0
    if root:
        row.notes.append("as nobody, in a folder of root's")
    with tempfile.TemporaryDirectory(prefix="hostile-") as name:
        folder = pathlib.Path(name)
        # What nobody has to read.
        model = hostile_runs.whole()
        for path in (model.parent, model, *model.iterdir()):
            path.chmod(0o755 if path.is_dir() else 0o644)
        folder.chmod(0o555)
        for command, arguments in _commands(folder).items():
            child = probing.start(
                probing.command(command, *arguments), as_nobody=root
            )
            why = probing.refusal(child, hostile_runs.LONGEST)
            row.tried += 1
            if why is None:
                row.refused += 1
            else:
                row.fail(command, why)
            left = [path.name for path in folder.iterdir()]
            row.check(f"{command}, left", not left, f"{left}")
        folder.chmod(0o755)
    return row
