"""The history of a mixture's training, in memory and as a CSV file."""

import contextlib
import csv
import os
import pathlib
import time
from collections.abc import Iterator

import keras
import numpy as np
from keras import ops

from keras_mixgan.utils import atomic
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

LOSSES = ("generator_loss", "discriminator_loss", "payoff")
_COUNTERS = ("step", "epoch")


class BetweenSteps(keras.callbacks.Callback):
    """A callback that acts between steps, if something is due.

    It acts in `on_train_batch_begin`, and after the last step of an epoch in
    `on_epoch_end`. With `on_train_batch_end` Keras would wait for the logs of
    each step, or call it while the next step runs, when under JAX the model's
    state cannot be read.
    """

    def set_model(self, model):
        """Takes the model."""
        super().set_model(model)
        # Reading `self.model` under JAX makes Keras attach all state to the
        # model, which the step does not need.
        self._mixture = model

    def on_train_batch_begin(self, batch, logs=None):
        """Acts if something is due."""
        self.act(self._mixture.step)

    def on_epoch_end(self, epoch, logs=None):
        """Acts if something is due."""
        self.act(self._mixture.step)

    def act(self, step: int) -> None:
        """Does what is due after `step` steps, if anything."""
        raise NotImplementedError


class MixtureHistory(BetweenSteps):
    """Records losses, payoff and every mixture weight every few steps.

    A row holds `step`, `epoch` (from 1) and `seconds` (of training, over all
    calls of `fit`), the means of `generator_loss`, `discriminator_loss` and
    `payoff` over the steps since the row before, and the current weights
    `generator_weight_0`, ..., `discriminator_weight_0`, .... If generators
    were not updated in these steps, their loss is NaN.

    Args:
        path: A CSV file that each row is appended to. If it exists when
            training begins, rows up to the model's step are kept and later
            ones removed, so that a restored model continues the file.
        every: Steps per row, positive. Counted from the model's first step.

    Attributes:
        rows: List of dicts, one per row.

    Raises:
        ValueError: `every` is not positive, or the file is no such history.

    Example:
    >>> import keras_mixgan as kmg
    >>> from keras_mixgan.training import callbacks
    >>> networks = kmg.architectures.build("mlp", (2,), width=4)
    >>> model = kmg.MixGAN(*networks, 2, 1, seed=0)
    >>> model.compile()
    >>> history = callbacks.MixtureHistory(every=10)
    >>> points = kmg.data.load("ring", batch_size=1000)
    >>> _ = model.fit(points, callbacks=[history], verbose=0)
    >>> [row["step"] for row in history.rows]
    [10, 20]
    """

    def __init__(
        self, path: str | os.PathLike[str] | None = None, every: int = 10
    ):
        super().__init__()
        self.path = None if path is None else pathlib.Path(path).expanduser()
        self.every = checks.integer("every", every)
        self.rows: list[dict[str, float]] = []
        self._epoch = 0
        self._begun = None
        self._running = False
        self._seconds = 0.0
        # Sums and counts: `_before` of the open window in epochs that have
        # ended, `_base` of the running epoch when the window began.
        self._before = self._base = None
        self._last_step = 0

    def on_train_begin(self, logs=None):
        """Continues the rows of the file, and the clock."""
        step = self.model.step
        if self._begun is None:
            self.take_up()
        kept = [row for row in self.rows if row["step"] <= step]
        if len(kept) < len(self.rows):
            # The model was set back since.
            self.rows = kept
            if self.path is not None:
                self._write_all()
        if self.rows:
            self._seconds = max(self._seconds, self.rows[-1]["seconds"])
        if self._begun is None or self._last_step > step:
            self._open_window(step)
        self._begun, self._running = time.monotonic(), True

    def take_up(self) -> None:
        """Keeps the file's rows up to the model's step, removes later ones."""
        if self.path is None:
            return
        if self.path.exists():
            rows = read_history(self.path)
            self.rows = [row for row in rows if row["step"] <= self.model.step]
            if self.rows and list(self.rows[0]) != self._columns():
                raise UserError(
                    "`path` must be a new file, or the history of a mixture "
                    f"of as many components. Received: {self.path}, with the "
                    f"columns {', '.join(self.rows[0])}"
                )
        self._write_all()

    def on_train_end(self, logs=None):
        """Stops the clock."""
        self._seconds, self._running = self._clock(), False

    def on_epoch_begin(self, epoch, logs=None):
        """Starts from zero, as Keras's running means have just done."""
        self._epoch = epoch + 1
        self._base = np.zeros((len(LOSSES), 2))

    def act(self, step: int) -> None:
        """Records a row when one is due."""
        if step // self.every > self._last_step // self.every:
            self.record()

    def on_epoch_end(self, epoch, logs=None):
        """Keeps the part of the open window that lies in this epoch."""
        super().on_epoch_end(epoch, logs)
        sums = self._sums()
        self._before += sums - self._base
        self._base = sums

    def record(self) -> None:
        """Records a row of the steps since the last one, if there are any."""
        step = self.model.step
        if step == self._last_step:
            return
        total, count = (self._before + self._sums() - self._base).T
        with np.errstate(invalid="ignore"):
            means = total / count
        row = {
            "step": step,
            "epoch": self._epoch,
            "seconds": self.seconds,
            **{k: float(m) for k, m in zip(LOSSES, means, strict=True)},
        }
        for side in ("generator", "discriminator"):
            for i, weight in enumerate(getattr(self.model, f"{side}_weights")):
                row[f"{side}_weight_{i}"] = float(weight)
        self.rows.append(row)
        if self.path is not None:
            # One short write: a reader never sees a torn row, and rows on the
            # disk stay there when the process is killed.
            with open(self.path, "a", newline="") as file:
                file.write(_csv_line(row.values()))
        self._open_window(step)

    def _open_window(self, step: int) -> None:
        self._last_step = step
        self._before = np.zeros((len(LOSSES), 2))
        self._base = self._sums()

    def _sums(self) -> np.ndarray:
        """Sum and count of each loss in Keras's running means: (3, 2)."""
        means = {metric.name: metric for metric in self.model.metrics}
        return np.array(
            [
                [
                    float(ops.convert_to_numpy(means[name].total)),
                    float(ops.convert_to_numpy(means[name].count)),
                ]
                for name in LOSSES
            ]
        )

    @property
    def seconds(self) -> float:
        """Seconds of training so far, over all calls of `fit`."""
        return round(self._clock(), 3)

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        """Stops the clock in a `with` block, for work that is no training."""
        began = time.monotonic()
        try:
            yield
        finally:
            if self._running:
                self._begun += time.monotonic() - began

    def _clock(self) -> float:
        running = time.monotonic() - self._begun if self._running else 0.0
        return self._seconds + running

    def _write_all(self) -> None:
        lines = [_csv_line(self._columns())]
        lines += [_csv_line(row.values()) for row in self.rows]
        with atomic.replacing(self.path) as partial:
            partial.write_text("".join(lines))

    def _columns(self) -> list[str]:
        return [*_COUNTERS, "seconds", *LOSSES] + [
            f"{side}_weight_{i}"
            for side in ("generator", "discriminator")
            for i in range(getattr(self.model, f"num_{side}s"))
        ]


def read_history(path: str | os.PathLike[str]) -> list[dict[str, float]]:
    """Reads what `MixtureHistory` wrote.

    Args:
        path: The CSV file.

    Returns:
        List of dicts, one per row. An incomplete last line is left out.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is no such history.
    """
    rows = []
    path = os.path.expanduser(path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise UserError(f"`path` must be a regular file. Received: {path}")
    try:
        # Numbers too large for Python and bytes that are no text raise errors
        # of several kinds.
        with open(path, newline="", encoding="utf-8") as file:
            lines = file.read().splitlines(keepends=True)
        if lines and not lines[-1].endswith("\n"):
            lines.pop()
        reader = csv.reader(lines)
        header = next(reader, [])
        if header[: len(_COUNTERS)] != list(_COUNTERS):
            raise UserError("no such columns")
        for line in reader:
            row = dict(zip(header, map(float, line), strict=True))
            rows.append(row | {name: int(row[name]) for name in _COUNTERS})
    except (ValueError, OverflowError, csv.Error) as error:
        raise UserError(
            f"`path` must be a history that MixtureHistory wrote. Received: "
            f"{path} ({error})"
        ) from error
    return rows


def _csv_line(values) -> str:
    return (
        ",".join(
            f"{value:.7g}" if isinstance(value, float) else str(value)
            for value in values
        )
        + "\n"
    )
