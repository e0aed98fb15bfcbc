"""Runs that are killed at any moment, or share a folder, end at the same bits.

What a run leaves is compared without TensorFlow: the arrays of `model.keras`
as they lie in the file, and the rows of `history.csv` but for the clock.
"""

import contextlib
import csv
import functools
import io
import os
import pathlib
import random
import signal
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable

import probing

# Twenty steps an epoch; a checkpoint at every other step.
SETTINGS = {
    "source": "ring",
    "num_generators": 2,
    "num_discriminators": 1,
    "width": 4,
    "latent_dim": 2,
    "batch_size": 1000,
    "steps": 30,
}
SAVES = SETTINGS["steps"] // 2 - 1  # In the midst of the run.
LONGEST = 600


def train(workdir: pathlib.Path, **options) -> None:
    """Trains to the end in a folder."""
    from keras_mixgan.cli import runs

    runs.train(
        SETTINGS,
        workdir,
        history_steps=2,
        verbose=0,
        **{"checkpoint_seconds": 0, "sample_epochs": 1000, **options},
    )


def arrays(path: pathlib.Path) -> dict[str, tuple]:
    """All arrays of a `.keras` file: type, shape and bytes by name."""
    import h5py

    found = {}
    with zipfile.ZipFile(path) as archive:
        content = archive.read("model.weights.h5")
    with h5py.File(io.BytesIO(content)) as file:
        file.visititems(
            lambda name, item: (
                found.update(
                    {name: (str(item.dtype), item.shape, item[()].tobytes())}
                )
                if isinstance(item, h5py.Dataset)
                else None
            )
        )
    return found


def history(path: pathlib.Path) -> list[dict]:
    """The rows without the clock; losses but for their last digits."""
    with open(path, newline="") as file:
        return [
            {
                name: f"{float(value):.4g}"
                for name, value in row.items()
                if name != "seconds"
            }
            for row in csv.DictReader(file)
        ]


def difference(workdir: pathlib.Path, whole: pathlib.Path) -> str | None:
    """How what a run has left differs from what another has; or None."""
    if not (workdir / "model.keras").exists():
        return "no model.keras"
    one, other = (arrays(w / "model.keras") for w in (workdir, whole))
    if one.keys() != other.keys():
        return f"other arrays: {sorted(one.keys() ^ other.keys())[:5]}"
    apart = [name for name in one if one[name] != other[name]]
    if apart:
        return f"{len(apart)} of {len(one)} arrays differ: {apart[:3]}"
    one, other = (history(w / "history.csv") for w in (workdir, whole))
    if one != other:
        return f"another history: {len(one)} rows, not {len(other)}"
    left = [p.name for p in workdir.glob(".*") if p.name != ".lock"]
    return f"left over: {left}" if left else None


@functools.cache
def whole() -> pathlib.Path:
    """The folder of a run that nothing has interrupted."""
    workdir = pathlib.Path(tempfile.mkdtemp(prefix="hostile-")) / "whole"
    child = probing.start(lambda: train(workdir))
    if child.wait(LONGEST) != 0:
        raise RuntimeError(f"The whole run failed: {child.text()}")
    return workdir


def kills(count: int) -> list[probing.Row]:
    """Kills `count` runs, two in five inside the writing of a checkpoint.

    Returns a row for kills at any moment, one for those while it saves.
    """
    rng = random.Random(0)
    rows = probing.Row("kills at any moment"), probing.Row("kills in a save")
    whole()
    calls = _calls_of_a_save()
    rows[1].notes.append(f"to write one checkpoint takes {calls:,} calls")
    partial = 0
    for number in range(count):
        inside = number % 5 in (1, 3)
        row = rows[inside]
        with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
            workdir = pathlib.Path(folder) / "run"
            if inside:
                save, call = rng.randrange(SAVES), rng.randrange(calls)
                name = f"at call {call} of save {save}"
                child = probing.start(
                    lambda w=workdir, s=save, c=call: _train_killed(w, s, c)
                )
                child.wait(LONGEST)
                partial += any(workdir.glob(".checkpoint*"))
            else:
                rows_before = rng.randrange(1, SAVES)
                name = f"after row {rows_before}"
                child = probing.start(lambda w=workdir: train(w))
                _kill_after(child, workdir, rows_before, rng.uniform(0, 0.1))
            if child.status != -signal.SIGKILL:
                row.check(name, False, f"not killed: {child.text()[-300:]}")
                continue
            again = probing.start(lambda w=workdir: train(w))
            status = again.wait(LONGEST)
            why = difference(workdir, whole()) if status == 0 else again.text()
            row.check(name, why is None, str(why)[-300:])
    rows[1].notes.append(f"{partial} of them left a part of a file behind")
    return [row for row in rows if row.tried]


def _kill_after(
    child: probing.Child, workdir: pathlib.Path, rows: int, seconds: float
) -> None:
    """Kills a run so many seconds after it has written so many rows."""
    end = time.monotonic() + LONGEST
    while child.poll() is None and time.monotonic() < end:
        with contextlib.suppress(OSError):
            lines = (workdir / "history.csv").read_text().count("\n")
            if lines > rows:
                time.sleep(seconds)
                child.kill()
                return
        time.sleep(0.002)
    child.kill()


def _counted(count: list[int], act: Callable[[int], None]) -> Callable:
    """A profiler that counts calls, of Python and of C, from `replacing` on."""
    from keras_mixgan.utils import atomic

    first = atomic.replacing.__wrapped__.__code__

    def profile(frame, event, argument):
        begun = count[0] or frame.f_code is first
        if begun and event in ("call", "c_call"):
            count[0] += 1
            act(count[0])

    return profile


def _calls_of_a_save() -> int:
    """How many calls the writing of one checkpoint takes."""

    def work():
        found = []
        with (
            tempfile.TemporaryDirectory(prefix="hostile-") as folder,
            _profiled(lambda number: None, found.append),
        ):
            train(pathlib.Path(folder) / "run")
        # The last one finds its step saved, and writes nothing.
        return min(filter(None, found))

    return probing.result_of(work)


@contextlib.contextmanager
def _profiled(act: Callable[[int], None], ended=lambda count: None, only=None):
    """Counts the calls in each save of a checkpoint.

    Args:
        act: Called with the number of each call.
        ended: Called with the number of calls of a save.
        only: The number of the one save to count in; by default all.
    """
    from keras_mixgan.training import callbacks

    save, number = callbacks.Checkpoint.save, [0]

    def profiled(self):
        number[0] += 1
        if only is not None and number[0] != only + 1:
            return save(self)
        count = [0]
        sys.setprofile(_counted(count, act))
        try:
            return save(self)
        finally:
            sys.setprofile(None)
            ended(count[0])

    callbacks.Checkpoint.save = profiled
    try:
        yield
    finally:
        callbacks.Checkpoint.save = save


def _train_killed(workdir: pathlib.Path, save: int, call: int) -> None:
    """Trains, and is killed in the midst of writing a checkpoint."""

    def act(number):
        if number == call + 1:
            os.kill(os.getpid(), signal.SIGKILL)

    with _profiled(act, only=save):
        train(workdir)


def writers() -> list[probing.Row]:
    """Has two processes write to one place at the same time."""
    row = probing.Row("two writers")
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        folder = pathlib.Path(folder)
        _two_runs(row, folder / "run")
        model = f"--model={whole()}"
        _together(row, "two exports", folder / "exported", [model], "export")
        _together(row, "two pictures", folder / "a.png", [model], "sample")
    return [row]


def _two_runs(row: probing.Row, workdir: pathlib.Path) -> None:
    first = probing.start(lambda: train(workdir))
    while not (workdir / "history.csv").exists():
        if first.poll() is not None:
            row.check("the first run", False, first.text()[-300:])
            return
        time.sleep(0.01)
    os.kill(first.pid, signal.SIGSTOP)  # It stands still, and holds on.
    before = _contents(workdir)
    flags = [f"--{name}={value}" for name, value in SETTINGS.items()]
    second = probing.start(
        probing.command("train", *flags, f"--workdir={workdir}")
    )
    row.tried += 1
    why = probing.refusal(second)
    if why is None and str(first.pid) not in second.text():
        why = f"who is there is not told: {second.text()}"
    if why is None:
        row.refused += 1
    else:
        row.fail("the second run", why)
    row.check(
        "the folder", _contents(workdir) == before, "the second changed it"
    )
    os.kill(first.pid, signal.SIGCONT)
    status = first.wait(LONGEST)
    why = difference(workdir, whole()) if status == 0 else first.text()
    row.check("the first run", why is None, str(why)[-300:])


def _contents(folder: pathlib.Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _together(
    row: probing.Row,
    name: str,
    out: pathlib.Path,
    flags: list[str],
    command: str,
) -> None:
    """Both end well, or one does and one is refused; what is left is whole."""
    flags = [*flags, f"--out={out}"]
    children = [
        probing.start(probing.command(command, *flags)) for _ in range(2)
    ]
    statuses = sorted(child.wait(LONGEST) or 0 for child in children)
    texts = "".join(child.text() for child in children)
    wanted = [[0, 0]] if command == "sample" else [[0, 2]]
    row.check(
        name,
        statuses in wanted and "Traceback" not in texts,
        f"{statuses}: {texts[-300:]}",
    )
    left = [path.name for path in out.parent.glob(".*partial*")]
    row.check(f"{name}, left", out.exists() and not left, f"{left}")
