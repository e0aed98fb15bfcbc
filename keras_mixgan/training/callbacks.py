"""Callbacks for `MixGAN.fit`: history, checkpoints, pictures, progress.

Keras's own callbacks work with `MixGAN` too; these know its parts.
"""

import glob
import os
import pathlib
import time
from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from keras_mixgan.metrics.callback import Evaluate
from keras_mixgan.training.history import BetweenSteps
from keras_mixgan.training.history import MixtureHistory
from keras_mixgan.training.history import read_history
from keras_mixgan.training.progress import ProgressBar
from keras_mixgan.utils import animation
from keras_mixgan.utils import atomic
from keras_mixgan.utils import checks
from keras_mixgan.utils import plotting
from keras_mixgan.utils.errors import UserError

__all__ = [
    "Checkpoint",
    "Curves",
    "Evaluate",
    "MixtureHistory",
    "ProgressBar",
    "SampleGrid",
    "checkpoints",
    "is_finite",
    "read_history",
]


class Checkpoint(BetweenSteps):
    """Saves the whole model while it trains, whole or not at all.

    The file can be loaded with `keras.saving.load_model`; training then goes
    on as if it had never stopped. A model that is not finite is never saved,
    so the last good checkpoint stays. `checkpoints` lists the files that are
    kept.

    Args:
        path: File to write, ending in ".keras".
        seconds: Save where so many have passed since the last save.
        epochs: Save at the end of every so many epochs, or `None`.
        every: When so many seconds have passed, wait for a step that is a
            multiple of this one. Give it the `every` of
            a `MixtureHistory` listed before, and its rows after a resume are
            those of a training that was never interrupted.
        at_end: Whether to save when `fit` ends.
        keep_checkpoints: How many files to keep, positive. The newest is
            `path`; the one before it has "-1" before its ending, and so on.

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
        keep_checkpoints: int = 2,
    ):
        super().__init__()
        self.path = pathlib.Path(path)
        if self.path.suffix != ".keras":
            raise UserError(
                f"`path` must end in .keras. Received: path={str(path)!r}"
            )
        if not seconds >= 0:
            raise UserError(
                f"`seconds` must be at least 0. Received: seconds={seconds!r}"
            )
        self.seconds = seconds
        self.epochs = checks.optional_integer("epochs", epochs)
        self.every = checks.integer("every", every)
        self.at_end = at_end
        self.keep_checkpoints = checks.integer(
            "keep_checkpoints", keep_checkpoints
        )
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
                _age(self.path, self.keep_checkpoints)
            self._saved_step = step
        self._saved_at = time.monotonic()
        return self._saved_step == step


def checkpoints(path: str | os.PathLike[str]) -> list[pathlib.Path]:
    """Lists the files that a `Checkpoint` has kept.

    Args:
        path: Its `path`.

    Returns:
        The files that are there, newest first.

    Example:
    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> for name in ("a-2.keras", "a.keras", "a-1.keras", "a-b.keras"):
    ...     _ = (folder / name).write_text("")
    >>> [file.name for file in checkpoints(folder / "a.keras")]
    ['a.keras', 'a-1.keras', 'a-2.keras']
    """
    path = pathlib.Path(path)
    found = {0: path} if path.exists() else {}
    for file in path.parent.glob(f"{glob.escape(path.stem)}-*{path.suffix}"):
        age = file.stem.removeprefix(f"{path.stem}-")
        if age.isdecimal():
            found[int(age)] = file
    return [found[age] for age in sorted(found)]


def _age(path: pathlib.Path, keep: int) -> None:
    """Keeps the file at `path` as the one before it, and that so too."""
    files = checkpoints(path)
    for file in files[keep:]:
        file.unlink()
    # The oldest first: whenever a process dies, none but the oldest is gone.
    for age in range(keep - 1, 0, -1):
        younger, older = _aged(path, age - 1), _aged(path, age)
        if not younger.exists():
            continue
        if age > 1:
            os.replace(younger, older)
        else:
            _link(younger, older)


def _aged(path: pathlib.Path, age: int) -> pathlib.Path:
    return path.with_stem(f"{path.stem}-{age}") if age else path


def _link(path: pathlib.Path, other: pathlib.Path) -> None:
    """Gives a file another name, so that it is never missing at its own."""
    linked = other.with_name(f".{other.name}.link")
    linked.unlink(missing_ok=True)
    try:
        os.link(path, linked)
    except OSError:  # Not every system has links.
        os.replace(path, other)
        return
    os.replace(linked, other)
    # Where both were one file already, that did nothing.
    linked.unlink(missing_ok=True)


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
            stand for these numbers, where every picture is to be kept. A
            ".gif" without them becomes an animation, a picture longer each
            time; all its pictures are of the same latents. A training that is
            taken up again goes on with it, a new one begins it anew.
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
        self._animated = self.path.lower().endswith(".gif") and (
            self.path == self.path.format(epoch=0, step=0)
        )
        self._animation = None

    def on_train_begin(self, logs=None):
        """Finds the animation that this training goes on with."""
        if self._animated:
            found = self._animation or animation.read(self.path)
            self._animation = found.until(self.model.step)

    def on_epoch_end(self, epoch, logs=None):
        """Draws when so many epochs have passed."""
        self._epoch = epoch + 1
        if self._epoch % self.every == 0:
            self.draw()

    def draw(self) -> None:
        """Draws now."""
        picture = plotting.draw_mixture(self.model, **self._settings)
        step = self.model.step
        if not self._animated:
            path = self.path.format(epoch=self._epoch, step=step)
            plotting.save(picture, path)
            return
        if self._animation is None:
            self.on_train_begin()
        self._animation = self._animation.add(step, picture)
        self._animation.save(self.path)


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


def __dir__():
    return __all__
