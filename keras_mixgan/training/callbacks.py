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


def _check_folder(path: str | os.PathLike[str]) -> None:
    """Checks a file's folder before a training, not after it."""
    if not pathlib.Path(path).parent.is_dir():
        raise UserError(
            f"`path` must lie in a folder that exists. Received: {path}"
        )


class Checkpoint(BetweenSteps):
    """Saves the model as it trains; a file is never left half written.

    The file can be loaded with `keras.saving.load_model`; training then goes
    on as if it had never stopped. A model that is not finite is never saved,
    so the last good checkpoint stays. `checkpoints` lists the files that are
    kept.

    Args:
        path: File to write, ending in ".keras".
        seconds: Save when this many have passed since the last save.
        epochs: Also save after every this many epochs; `None` for never.
        every: Once `seconds` have passed, wait for a step that is a multiple
            of this. With the `every` of a `MixtureHistory` listed before,
            its rows after a resume are those of an uninterrupted training.
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
        self.path = pathlib.Path(path).expanduser()
        if self.path.suffix != ".keras":
            raise UserError(
                f"`path` must end in .keras. Received: path={str(path)!r}"
            )
        self.seconds = checks.number("seconds", seconds, "[0, inf]")
        self.epochs = checks.optional_integer("epochs", epochs)
        self.every = checks.integer("every", every)
        self.at_end = at_end
        self.keep_checkpoints = checks.integer(
            "keep_checkpoints", keep_checkpoints
        )
        self._saved_at = None
        self._last_step = self._saved_step = None

    def on_train_begin(self, logs=None):
        """Starts the clock, unless an earlier training did."""
        _check_folder(self.path)
        self._last_step = self._mixture.step
        if self._saved_step is not None and self._saved_step > self._last_step:
            self._saved_step = None  # The model was set back since.
        if self._saved_at is None:
            self._saved_at = time.monotonic()

    def act(self, step: int) -> None:
        """Saves when `seconds` have passed."""
        # Not all steps are seen where several are one call.
        before, self._last_step = self._last_step, step
        if step // self.every == before // self.every:
            return
        if time.monotonic() - self._saved_at >= self.seconds:
            self.save()

    def on_epoch_end(self, epoch, logs=None):
        """Saves when `epochs` or `seconds` have passed."""
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
            Whether the checkpoint holds the model's current step.
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
    path = pathlib.Path(path).expanduser()
    by_age = {0: path} if path.exists() else {}
    for file in path.parent.glob(f"{glob.escape(path.stem)}-*{path.suffix}"):
        age = file.stem.removeprefix(f"{path.stem}-")
        if age.isdecimal():
            by_age[int(age)] = file
    return [by_age[age] for age in sorted(by_age)]


def _age(path: pathlib.Path, keep: int) -> None:
    """Moves every kept file to the next older name; `path` is linked to it."""
    files = checkpoints(path)
    for file in files[keep:]:
        file.unlink()
    # Oldest first: if the process dies, at most the oldest file is lost.
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
    """Gives a file a second name, so that it is never missing at its first."""
    linked = other.with_name(f".{other.name}.link")
    linked.unlink(missing_ok=True)
    try:
        os.link(path, linked)
    except OSError:  # Not every file system has links.
        os.replace(path, other)
        return
    os.replace(linked, other)
    # `os.replace` does nothing if both names are already of one file.
    linked.unlink(missing_ok=True)


def is_finite(model) -> bool:
    """Whether all losses so far, weights and optimizer states are finite.

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


class _EveryEpochs:
    """Which epochs are due, where numbers may be left out.

    One call of many steps may end several epochs, of which Keras counts one.
    """

    def __init__(self, every: int):
        self._every = checks.integer("every", every)
        self._last: int | None = None

    def due(self, epoch: int) -> bool:
        """Whether a multiple of `every` has been reached by this epoch's end.

        `epoch` counts from 0, in each `fit` anew.
        """
        last = self._last
        if last is None or last > epoch:
            last = epoch
        self._last = epoch + 1
        return (epoch + 1) // self._every > last // self._every


class SampleGrid(keras.callbacks.Callback):
    """Draws samples of the mixture, and of each generator, as it trains.

    Args:
        path: Picture to write, replaced each time. To keep every picture, put
            "{epoch}" or "{step}" in it. A ".gif" without them becomes an
            animation that grows by one picture each time, all of the same
            latents. A resumed training continues it, a new one restarts it.
        every: Draw after every this many epochs, positive.
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
        self.path = os.path.expanduser(path)
        self._timer = _EveryEpochs(every)
        self._settings = {
            "rows": rows,
            "seed": seed,
            "label_names": label_names,
            "real": real,
        }
        self._epoch = 0
        try:
            formatted = self.path.format(epoch=0, step=0)
        except (LookupError, ValueError, AttributeError) as error:
            raise UserError(
                "`path` must hold no other braces than {epoch} and {step}. "
                f"Received: path={self.path!r}"
            ) from error
        is_gif = self.path.lower().endswith(".gif")
        self._animated = is_gif and self.path == formatted
        self._animation = None

    def on_train_begin(self, logs=None):
        """Checks what is to be drawn; finds the animation to continue."""
        shape = self.model.image_shape
        if not plotting.can_draw(shape):
            raise UserError(
                "`SampleGrid` draws points and images of 1 to 4 channels. "
                f"Received: a mixture that makes shape {shape}"
            )
        plotting.check_format(self.path)
        _check_folder(self.path.format(epoch=0, step=0))
        if self._animated:
            earlier = self._animation or animation.read(self.path)
            self._animation = earlier.until(self.model.step)

    def on_epoch_end(self, epoch, logs=None):
        """Draws when `every` epochs have passed."""
        self._epoch = epoch + 1
        if self._timer.due(epoch):
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
        path: Picture to write, replaced each time.
        history: The `MixtureHistory` to draw, listed before this callback.
        every: Draw after every this many epochs, positive.
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
        self.path = pathlib.Path(path).expanduser()
        self.history = history
        self._timer = _EveryEpochs(every)
        self.title = title

    def on_train_begin(self, logs=None):
        """Checks the path."""
        plotting.check_format(self.path, figure=True)
        _check_folder(self.path)

    def on_epoch_end(self, epoch, logs=None):
        """Draws when `every` epochs have passed."""
        if self._timer.due(epoch):
            self.draw()

    def draw(self) -> None:
        """Draws now, if the history has a row."""
        if self.history.rows:
            figure = plotting.curves(self.history.rows, self.title)
            plotting.save(figure, self.path)


def __dir__():
    return __all__
