"""Callbacks for `MixGAN.fit`: history, checkpoints, pictures, progress.

Keras's own callbacks work with `MixGAN` too; these know its parts.
"""

import itertools
import os
import pathlib
import threading
import time
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_mixgan.metrics.callback import Evaluate
from keras_mixgan.training.history import LOSSES
from keras_mixgan.training.history import BetweenSteps
from keras_mixgan.training.history import MixtureHistory
from keras_mixgan.training.history import read_history
from keras_mixgan.utils import atomic
from keras_mixgan.utils import checks
from keras_mixgan.utils import plotting

__all__ = [
    "Checkpoint",
    "Curves",
    "Evaluate",
    "MixtureHistory",
    "ProgressBar",
    "SampleGrid",
    "is_finite",
    "read_history",
]


class Checkpoint(BetweenSteps):
    """Saves the whole model while it trains, whole or not at all.

    The file can be loaded with `keras.saving.load_model`; training then goes
    on as if it had never stopped. A model that is not finite is never saved,
    so the last good checkpoint stays.

    Args:
        path: File to write, ending in ".keras".
        seconds: Save where so many have passed since the last save.
        epochs: Save at the end of every so many epochs, or `None`.
        every: When so many seconds have passed, wait for a step that is a
            multiple of this one. Give it the `every` of
            a `MixtureHistory` listed before, and its rows after a resume are
            those of a training that was never interrupted.
        at_end: Whether to save when `fit` ends.

    Raises:
        ValueError: An argument is not as described.
        OSError: The file could not be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        seconds: float = 60.0,
        epochs: int | None = None,
        every: int = 1,
        at_end: bool = True,
    ):
        super().__init__()
        self.path = pathlib.Path(path)
        if self.path.suffix != ".keras":
            raise ValueError(
                f"`path` must end in .keras. Received: path={str(path)!r}"
            )
        if not seconds >= 0:
            raise ValueError(
                f"`seconds` must be at least 0. Received: seconds={seconds!r}"
            )
        self.seconds = seconds
        self.epochs = checks.optional_integer("epochs", epochs)
        self.every = checks.integer("every", every)
        self.at_end = at_end
        self._saved_at = None
        self._begun_step = self._saved_step = None

    def on_train_begin(self, logs=None):
        """Starts the clock, if no training before has."""
        self._begun_step = self._mixture.step
        if self._saved_at is None:
            self._saved_at = time.monotonic()

    def act(self, step: int) -> None:
        """Saves when so many seconds have passed."""
        if step == self._begun_step or step % self.every:
            return
        if time.monotonic() - self._saved_at >= self.seconds:
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        """Saves when so many epochs, or seconds, have passed."""
        super().on_epoch_end(epoch, logs)
        if self.epochs is not None and (epoch + 1) % self.epochs == 0:
            self.save()

    def on_train_end(self, logs=None):
        """Saves the end of the training."""
        if self.at_end:
            self.save()

    def save(self) -> bool:
        """Saves now, unless this step is saved or the model is not finite.

        Returns:
            Whether the checkpoint is of the model's present step.
        """
        step = self.model.step
        if step != self._saved_step and is_finite(self.model):
            with atomic.replacing(self.path) as partial:
                self.model.save(partial)
            self._saved_step = step
        self._saved_at = time.monotonic()
        return self._saved_step == step


def is_finite(model) -> bool:
    """Whether all losses were, and all weights and optimizer states are.

    Args:
        model: A `MixGAN`.

    Returns:
        True where training can go on from this state.
    """
    variables = list(model.weights)
    if model.compiled:
        variables += model.optimizer.variables
    return int(ops.convert_to_numpy(model.nonfinite_step)) == 0 and all(
        np.isfinite(ops.convert_to_numpy(variable)).all()
        for variable in variables
        if "float" in str(variable.dtype)
    )


class SampleGrid(keras.callbacks.Callback):
    """Draws samples of the mixture, and of each generator, as it trains.

    Args:
        path: Picture to write, each time anew. "{epoch}" and "{step}" in it
            stand for these numbers, where every picture is to be kept.
        every: Epochs a picture, positive.
        rows: As in `plotting.draw_mixture`.
        seed: As in `plotting.draw_mixture`.
        label_names: As in `plotting.draw_mixture`.
        real: As in `plotting.draw_mixture`.

    Raises:
        ValueError: `every` is not positive.
        OSError: The file could not be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        every: int = 1,
        rows: int = 4,
        seed: int = 0,
        label_names: Sequence[str] | None = None,
        real: np.ndarray | None = None,
    ):
        super().__init__()
        self.path = os.fspath(path)
        self.every = checks.integer("every", every)
        self._settings = {
            "rows": rows,
            "seed": seed,
            "label_names": label_names,
            "real": real,
        }
        self._epoch = 0

    def on_epoch_end(self, epoch, logs=None):
        """Draws when so many epochs have passed."""
        self._epoch = epoch + 1
        if self._epoch % self.every == 0:
            self.draw()

    def draw(self) -> None:
        """Draws now."""
        path = self.path.format(epoch=self._epoch, step=self.model.step)
        picture = plotting.draw_mixture(self.model, **self._settings)
        plotting.save(picture, path)


class Curves(keras.callbacks.Callback):
    """Draws losses, payoff and mixture weights as the training goes on.

    Args:
        path: Picture to write, each time anew.
        history: The `MixtureHistory` to draw, listed before this callback.
        every: Epochs a picture, positive.
        title: Title of the figure.

    Raises:
        ValueError: `every` is not positive.
        OSError: The file could not be written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        history: MixtureHistory,
        every: int = 1,
        title: str | None = None,
    ):
        super().__init__()
        self.path = pathlib.Path(path)
        self.history = history
        self.every = checks.integer("every", every)
        self.title = title

    def on_epoch_end(self, epoch, logs=None):
        """Draws when so many epochs have passed."""
        if (epoch + 1) % self.every == 0:
            self.draw()

    def draw(self) -> None:
        """Draws now, if there is a row."""
        if self.history.rows:
            figure = plotting.curves(self.history.rows, self.title)
            plotting.save(figure, self.path)


class ProgressBar(keras.callbacks.Callback):
    """Keras's progress bar, with losses and payoff alone.

    `MixGAN` logs more than a line of a terminal holds. Pass `verbose=0` to
    `fit` beside it. No step waits for it.

    Args:
        verbose: 1 for a bar, 2 for one line an epoch.
        epochs: Epochs of the whole training, where `fit` runs a part.
        steps_per_epoch: Steps of a whole epoch, where `fit` runs the rest of
            one that was interrupted; the bar says where it takes it up.
    """

    async_safe = True

    def __init__(
        self,
        verbose: int = 1,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
    ):
        super().__init__()
        self.verbose = verbose
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self._bar = self._done = None
        self._seen = 0
        self._lock = threading.Lock()

    def on_epoch_begin(self, epoch, logs=None):
        """Prints which epoch it is."""
        steps, plan = self.params["steps"], self.model.executions
        self._done = None
        if plan is not None:  # Then Keras counts calls, not steps.
            step = self.model.step
            ends = itertools.islice(plan.ends(step), steps)
            self._done = [end - step for end in ends]
            steps = self._done[-1]
        heading = f"Epoch {epoch + 1}/{self.epochs or self.params['epochs']}"
        if self.steps_per_epoch:
            done = self.model.step % self.steps_per_epoch
            if done:
                heading += f", from step {done + 1} of {self.steps_per_epoch}"
        print(heading, flush=True)
        self._bar = keras.utils.Progbar(
            steps, verbose=self.verbose, stateful_metrics=LOSSES
        )
        self._seen = 0

    def on_train_batch_end(self, batch, logs=None):
        """Moves the bar."""
        done = batch + 1 if self._done is None else self._done[batch]
        with self._lock:
            # Beside the training, one call may overtake another.
            if done > self._seen:
                self._seen = done
                self._bar.update(done, self._shown(logs), finalize=False)

    def on_epoch_end(self, epoch, logs=None):
        """Ends the bar."""
        self._bar.update(self._seen, self._shown(logs), finalize=True)

    def _shown(self, logs):
        logs = logs or {}
        return [(name, float(logs[name])) for name in LOSSES if name in logs]
