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
import sys
import threading
import time
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_mixgan import data
from keras_mixgan import metrics
from keras_mixgan.cli import models
from keras_mixgan.cli import options
from keras_mixgan.cli import race_snapshots
from keras_mixgan.cli import settings as settings_module
from keras_mixgan.data import sources
from keras_mixgan.metrics import classifiers
from keras_mixgan.metrics.samples import Samples
from keras_mixgan.training.callbacks import is_finite
from keras_mixgan.training.divergence import NonFiniteError
from keras_mixgan.training.history import BetweenSteps
from keras_mixgan.utils import atomic
from keras_mixgan.utils.errors import UserError

METRICS = ("inception_score", "fid")
PATHS = ("result", "model")
# `fit` wants a number; the clock ends the training long before.
_ENDLESS = 10**9


class Stopwatch:
    """Counts wall and processor seconds of this process.

    Processor seconds are those of all threads, user and system time together.

    Example:
    >>> watch = Stopwatch()
    >>> watch.start()
    >>> watch.stop()
    >>> watch.seconds("wall") >= 0
    True
    """

    def __init__(self):
        self._sums = np.zeros(2)
        self._begun = None

    def start(self) -> None:
        """Starts or resumes."""
        self._begun = self._now()

    def stop(self) -> None:
        """Pauses."""
        self._sums += self._now() - self._begun
        self._begun = None

    def seconds(self, clock: str) -> float:
        """Seconds so far by the clock "wall" or "processor"."""
        running = 0.0 if self._begun is None else self._now() - self._begun
        return float((self._sums + running)[("wall", "processor").index(clock)])

    @staticmethod
    def _now() -> np.ndarray:
        return np.array([time.perf_counter(), time.process_time()])


class Marks(BetweenSteps):
    """Scores a model at marks of its training time; the last ends the training.

    The clock starts after the first step, which builds the graph, and is
    paused while the model is scored. `conditions` has the fields of
    `race.Conditions`. With `snapshots`, the mixture of snapshots is scored as
    well. `keep` is a file for the model of the best mark.

    Attributes:
        rows: A dict per mark.
        kept: Number of the mark whose model is saved, from 1, or `None`.
        compiling: Wall seconds of the first step.
        scoring: Wall seconds of all scores.
        names: Names of the two scores.
    """

    def __init__(
        self,
        conditions: Mapping[str, Any],
        real: Samples,
        say,
        snapshots: bool = False,
        keep: str | None = None,
    ):
        super().__init__()
        self._conditions = conditions
        self._real = real
        self._say = say
        self._keep = keep
        self._watch = Stopwatch()
        self._started = None
        self.kept: int | None = None
        self.rows: list[dict[str, float]] = []
        self.snapshots = race_snapshots.Snapshots(real) if snapshots else None
        self.compiling = self.scoring = 0.0
        self.names: dict[str, str] = {}

    def act(self, step: int) -> None:
        """Starts the clock after the first step; scores at a mark."""
        if self._started is None:
            self._started = time.perf_counter()
        elif not self.compiling:
            self._wait()
            self.compiling = time.perf_counter() - self._started
            self._watch.start()
        elif len(self.rows) < self._conditions["marks"] and self._due(step):
            self._wait()
            self._watch.stop()
            self._score(step)
            if len(self.rows) < self._conditions["marks"]:
                self._watch.start()
            else:
                self.model.stop_training = True

    def _save_the_best(self) -> None:
        """Saves the model, unless an earlier mark had a smaller distance."""
        best = min(self.rows, key=lambda row: row["distance"])
        if self._keep is not None and best["steps"] == self.rows[-1]["steps"]:
            with atomic.replacing(self._keep) as partial:
                self.model.save(partial)
            self.kept = best["mark"]

    def _wait(self) -> None:
        """Waits until a GPU or JAX has finished all steps."""
        np.asarray(self.model.generator_weights)

    def _due(self, step: int) -> bool:
        conditions = self._conditions
        share = (len(self.rows) + 1) / conditions["marks"]
        now = step
        if conditions["clock"] != "steps":
            now = self._watch.seconds(conditions["clock"])
        return now >= share * conditions["seconds"]

    def _score(self, step: int) -> None:
        if not is_finite(self.model):
            raise NonFiniteError(
                f"A weight became NaN or infinite before step {step}."
            )
        row = self._row(self.model, step)
        # One long step may pass several marks, which then share a score.
        while len(self.rows) < self._conditions["marks"] and self._due(step):
            self.rows.append({"mark": len(self.rows) + 1, **row})
        self._tell(self.rows[-1])
        self._save_the_best()
        if self.snapshots is not None:
            row = self._row(self.snapshots.add(self.model), step)
            while len(self.snapshots.rows) < len(self.rows):
                mark = len(self.snapshots.rows) + 1
                self.snapshots.rows.append({"mark": mark, **row})
            self._tell(self.snapshots.rows[-1], race_snapshots.SUFFIX)

    def _row(self, model, step: int) -> dict[str, float]:
        began = time.perf_counter()
        scores = metrics.evaluate(
            model,
            self._real,
            METRICS,
            self._conditions["classifier"],
            self._conditions["num_images"],
            components=False,
            real=False,
            verbose=0,
        ).scores["mixture"]
        spent = time.perf_counter() - began
        self.scoring += spent
        score, distance = (scores[name] for name in METRICS)
        self.names = {"score": score.name, "distance": distance.name}
        return {
            "wall_seconds": self._watch.seconds("wall"),
            "processor_seconds": self._watch.seconds("processor"),
            "steps": step,
            "score": score.mean,
            "score_std": score.std,
            "distance": distance.mean,
            "scoring_seconds": spent,
        }

    def _tell(self, row: Mapping[str, float], suffix: str = "") -> None:
        self._say(
            f"  mark {row['mark']} of {self._conditions['marks']}{suffix}: "
            f"{row['wall_seconds']:.0f} s ({row['processor_seconds']:.0f} s "
            f"of processor), {row['steps']:,} steps, score "
            f"{row['score']:.3f}, distance {row['distance']:.3f}"
        )


def check(tasks, data_dir=None) -> None:
    """Makes the model of each contestant for the data, without training.

    Takes a task per contestant, see `race`. A contestant that does not fit the
    data is refused.
    """
    known, current = {}, None
    try:
        for task in tasks:
            current = task["contestant"]
            chosen = settings_module.resolve(task["given"])
            key = json.dumps(options.values(chosen, "data"))
            if key not in known:
                known[key] = _load(chosen, data_dir)
                network = classifiers.load(task["conditions"]["classifier"])
                network.conversion(known[key].image_shape)
            source = known[key]
            models.make_model(chosen.for_source(source), source)
    except UserError as error:
        prefix = "" if current is None else f"contestant {current}: "
        raise UserError(f"{prefix}{error}") from error


def run(task: Mapping[str, Any], data_dir=None, say=print) -> dict[str, Any]:
    """Trains one contestant with one seed, and scores it at the marks.

    Returns the task without its paths, and the result: `marks` (a dict per
    mark), `kept` (the number of the mark whose model is saved, or `None`),
    `snapshots` (the same as `marks` for the mixture of snapshots, or `None`),
    `names` of the scores, all `settings`, `compiling_seconds`,
    `scoring_seconds`, `diverged` (a message, or `None`), `machine`, `versions`
    and `date`.
    """
    conditions = task["conditions"]
    chosen = settings_module.resolve({**task["given"], "seed": task["seed"]})
    source = _load(chosen, data_dir)
    chosen = chosen.for_source(source)
    model = models.make_model(chosen, source)
    real = Samples(source, conditions["num_real"], argument="source")
    marks = Marks(
        conditions, real, say, task.get("snapshots", False), task.get("model")
    )
    if not model.takes_labels and source.labels is not None:
        source = dataclasses.replace(source, labels=None, label_names=None)
    stream = data.load(
        source, batch_size=chosen.batch_size, seed=chosen.seed, start_step=0
    )
    diverged = None
    try:
        model.fit(
            stream, steps_per_epoch=_ENDLESS, callbacks=[marks], verbose=0
        )
    except NonFiniteError as error:
        diverged = str(error)
        say(f"  {diverged}")
    # Paths are left out: they mean nothing on another machine.
    kept = {name: task[name] for name in task if name not in PATHS}
    return {
        **kept,
        "marks": marks.rows,
        "kept": marks.kept,
        "snapshots": marks.snapshots and marks.snapshots.rows,
        "names": marks.names,
        "settings": dataclasses.asdict(chosen),
        "compiling_seconds": marks.compiling,
        "scoring_seconds": marks.scoring,
        "diverged": diverged,
        "machine": machine(),
        "versions": settings_module.versions(),
        "date": datetime.date.today().isoformat(),
    }


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
    return f"{name}, {cores} cores"


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
        with atomic.replacing(task["result"]) as partial:
            partial.write_text(json.dumps(result, indent=2) + "\n")
    except (UserError, OSError) as error:
        print(f"\nerror: {error}", file=sys.stderr)  # `race` reads it.
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
