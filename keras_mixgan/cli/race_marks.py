"""Marks of a race's run: the moments at which it is scored."""

import time
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_mixgan import metrics
from keras_mixgan.cli import race_snapshots
from keras_mixgan.metrics.samples import Samples
from keras_mixgan.training.callbacks import is_finite
from keras_mixgan.training.divergence import NonFiniteError
from keras_mixgan.training.history import BetweenSteps
from keras_mixgan.utils import atomic

METRICS = ("inception_score", "fid")


class Stopwatch:
    """Counts wall and processor seconds of this process.

    Processor seconds are those of all threads, user and system time together.
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

    def add(self, wall: float, processor: float) -> None:
        """Adds seconds that an earlier process counted."""
        self._sums += [wall, processor]

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
    well. `keep` is a file for the model of the best mark. `leave` is called
    after each mark but the last, with the model.

    Attributes:
        rows: A dict per mark.
        kept: Number of the mark whose model is saved, from 1, or `None`.
        resumed: Numbers of the marks after which `restore` took a run up.
        compiling: Wall seconds of the first step of each process.
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
        leave: Callable[[Any], None] | None = None,
    ):
        super().__init__()
        self._conditions = conditions
        self._real = real
        self._say = say
        self._keep = keep
        self._leave = leave
        self._watch = Stopwatch()
        self._started = None
        self._counting = False
        self.kept: int | None = None
        self.resumed: list[int] = []
        self.rows: list[dict[str, float]] = []
        self.snapshots = race_snapshots.Snapshots(real) if snapshots else None
        self.compiling = self.scoring = 0.0
        self.names: dict[str, str] = {}

    def restore(self, result: Mapping[str, Any], models: Sequence) -> None:
        """Goes on after the last mark of a `result`, see `race_child.run`.

        `models` are those of its last marks, oldest first; all but the last
        are needed for snapshots only.
        """
        self.rows = list(result["marks"])
        self.kept, self.names = result["kept"], dict(result["names"])
        self.compiling = result["compiling_seconds"]
        self.scoring = result["scoring_seconds"]
        self.resumed = [*result["resumed"], len(self.rows)]
        last = self.rows[-1]
        self._watch.add(last["wall_seconds"], last["processor_seconds"])
        if self.snapshots is not None:
            self.snapshots.restore(result["snapshots"], models)

    def act(self, step: int) -> None:
        """Starts the clock after the first step; scores at a mark."""
        if self._started is None:
            self._started = time.perf_counter()
        elif not self._counting:
            self._wait()
            self.compiling += time.perf_counter() - self._started
            self._counting = True
            self._watch.start()
            # Of the steps of a run, only the very first belongs to no mark.
            if self.resumed:
                self._score_if_due(step)
        else:
            self._score_if_due(step)

    def _score_if_due(self, step: int) -> None:
        if len(self.rows) < self._conditions["marks"] and self._due(step):
            self._wait()
            self._watch.stop()
            self._score(step)
            if len(self.rows) == self._conditions["marks"]:
                self.model.stop_training = True
                return
            if self._leave is not None:
                self._leave(self.model)
            self._watch.start()

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
