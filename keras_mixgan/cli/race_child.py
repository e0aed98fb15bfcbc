"""The process of one run of a race, started by `race`.

It reads its order from standard input, one line of JSON: `{"check": tasks}` or
`{"run": task}`. Standard input stays open as long as the race runs. When it
closes, this process ends, so that no run outlives its race.
"""

import dataclasses
import datetime
import json
import os
import pathlib
import platform
import shutil
import sys
import threading
from collections.abc import Mapping
from typing import Any

from keras_mixgan.cli import models
from keras_mixgan.cli import options
from keras_mixgan.cli import race_marks
from keras_mixgan.cli import race_state
from keras_mixgan.cli import settings as settings_module
from keras_mixgan.cli import starting
from keras_mixgan.data import sources
from keras_mixgan.metrics import classifiers
from keras_mixgan.metrics.samples import Samples
from keras_mixgan.mixgan import MixGAN
from keras_mixgan.training.divergence import NonFiniteError
from keras_mixgan.utils import atomic
from keras_mixgan.utils import json_files
from keras_mixgan.utils.errors import UserError

# `fit` wants a number; the clock ends the training long before.
_ENDLESS = 10**9


def check(tasks, data_dir=None) -> None:
    """Makes the model of each contestant for the data, without training.

    Takes a task per contestant, see `race`. A contestant that does not fit the
    data is refused.
    """
    known = {}
    try:
        for task in tasks:
            chosen = settings_module.resolve(task["given"])
            models.check_encoder(chosen)
            key = json.dumps(options.values(chosen, "data"))
            if key not in known:
                known[key] = _load(chosen, data_dir)
                network = classifiers.load(task["conditions"]["classifier"])
                network.conversion(known[key].image_shape)
            source = known[key]
            chosen = chosen.for_source(source)
            starting.make_model(chosen, source, lambda text: None)
    except UserError as error:
        raise UserError(f"contestant {task['contestant']}: {error}") from error


def run(task: Mapping[str, Any], data_dir=None, say=print) -> dict[str, Any]:
    """Trains one contestant with one seed, and scores it at the marks.

    Where an earlier process left its state after a mark (`race_state`), goes
    on from there.

    Returns the task without its paths, and the result: `marks` (a dict per
    mark), `kept` (the number of the mark whose model is saved, or `None`),
    `snapshots` (the same as `marks` for the mixture of snapshots, or `None`),
    `resumed` (the marks after which it was taken up after a stop), `names` of
    the scores, all `settings`, `compiling_seconds`, `scoring_seconds`,
    `diverged` (a message, or `None`), `machine`, `versions` and `date`.
    """
    conditions, path = task["conditions"], task.get("result")
    state = None if path is None else race_state.path_of(path)
    chosen = settings_module.resolve({**task["given"], "seed": task["seed"]})
    source = _load(chosen, data_dir)
    chosen = chosen.for_source(source)

    marks = race_marks.Marks(
        conditions,
        Samples(source, conditions["num_real"], argument="source"),
        say,
        task.get("snapshots", False),
        task.get("model"),
        state and (lambda model: race_state.save(state, model, result())),
    )
    saved = state and race_state.load(state)

    def result(diverged: str | None = None) -> dict[str, Any]:
        one = _result(task, chosen, marks, diverged)
        return _of_both(saved["result"], one) if saved else one

    if saved:
        model = _restore(marks, saved, state, task.get("model"))
        say(f"  goes on after mark {len(marks.rows)}")
    else:
        model, _ = starting.make_model(chosen, source, say)
    stream = models.stream(model, source, chosen)
    diverged = None
    try:
        model.fit(
            stream, steps_per_epoch=_ENDLESS, callbacks=[marks], verbose=0
        )
    except NonFiniteError as error:
        diverged = str(error)
        say(f"  {diverged}")
    return result(diverged)


def _result(task, chosen, marks, diverged) -> dict[str, Any]:
    # Paths mean nothing on another machine.
    kept = {n: x for n, x in task.items() if n not in ("result", "model")}
    return {
        **kept,
        "marks": marks.rows,
        "kept": marks.kept,
        "snapshots": marks.snapshots and marks.snapshots.rows,
        "resumed": marks.resumed,
        "names": marks.names,
        "settings": dataclasses.asdict(chosen),
        "compiling_seconds": marks.compiling,
        "scoring_seconds": marks.scoring,
        "diverged": diverged,
        "machine": machine(),
        "versions": settings_module.versions(),
        "date": datetime.date.today().isoformat(),
    }


def _restore(marks, saved, state, kept) -> MixGAN:
    """Sets `marks` back to a state; returns its model."""
    try:
        loaded = [models.load_model(path) for path in saved["models"]]
        if kept is not None:
            # After it another model may have been kept that is lost again.
            with atomic.replacing(kept) as partial:
                shutil.copyfile(saved["best"], partial)
    except (UserError, OSError) as error:
        raise UserError(
            f"{state} cannot be resumed: {error}. To start that run again, "
            "move that file away."
        ) from error
    marks.restore(saved["result"], loaded)
    return loaded[-1]


def _of_both(before, now) -> dict[str, Any]:
    """The result of a process that went on with that of another one."""
    versions = {
        name: _listed(before["versions"].get(name, version), version)
        for name, version in now["versions"].items()
    }
    told = {k: _listed(before[k], now[k]) for k in ("machine", "date")}
    return {**now, **told, "versions": versions}


def _listed(before: str, now: str) -> str:
    """What was told before, and what is new.

    Example:
    >>> _listed("a; b", "b"), _listed("a", "b")
    ('a; b', 'a; b')
    """
    return "; ".join(dict.fromkeys([*before.split("; "), now]))


def machine() -> str:
    """The processor, and how many cores this process may use."""
    name = platform.processor() or platform.machine()
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        named = [line for line in lines if line.startswith("model name")]
        name = named[0].partition(":")[2].strip()
    except (OSError, IndexError):
        pass
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS and Windows have none.
        cores = os.cpu_count()
    return f"{name}, {cores} core{'' if cores == 1 else 's'}"


def _load(chosen, data_dir) -> sources.Source:
    return sources.load_source(
        data_dir=data_dir, **options.values(chosen, "data")
    )


def _end_with_the_race() -> None:
    sys.stdin.read()
    os._exit(1)


def main() -> int:
    """Carries out one order; returns the exit status."""
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_race, daemon=True).start()
    try:
        if "check" in order:
            check(order["check"], order["data_dir"])
            return 0
        task = order["run"]
        result = run(task, order["data_dir"], lambda t: print(t, flush=True))
        json_files.write(task["result"], result)
    except (UserError, OSError) as error:
        print(f"\nerror: {error}", file=sys.stderr)  # `race` reads it.
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
