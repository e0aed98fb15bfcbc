"""Writes the files of a run, during training and at its end."""

import pathlib
import shutil
from collections.abc import Callable

import keras

from keras_mixgan.cli import run_files
from keras_mixgan.cli.settings import Settings
from keras_mixgan.data import sources
from keras_mixgan.training import callbacks
from keras_mixgan.utils import atomic
from keras_mixgan.utils.errors import NonFiniteError


class Outputs:
    """The callbacks that write a run's files, and its final files.

    The numbers are as in `runs.train`. `title` is that of the figures. `scores`
    are callbacks that score the run; empty unless set.
    """

    def __init__(
        self,
        workdir: pathlib.Path,
        settings: Settings,
        source: sources.Source,
        checkpoint_seconds: float,
        sample_epochs: int,
        history_steps: int,
        keep_checkpoints: int,
    ):
        self.workdir = workdir
        self.conditional = settings.conditional
        self.longer = settings.learning_rate_schedule == "constant"
        self.history = callbacks.MixtureHistory(
            workdir / run_files.HISTORY, every=history_steps
        )
        self._checkpoint = callbacks.Checkpoint(
            workdir / run_files.CHECKPOINT,
            seconds=checkpoint_seconds,
            every=history_steps,
            at_end=False,
            keep_checkpoints=keep_checkpoints,
        )
        kind = f"{settings.architecture} mixture".removeprefix("None ")
        self.title = f"{kind} on {source.name}"
        self._curves = callbacks.Curves(
            workdir / run_files.CURVES, self.history, sample_epochs, self.title
        )
        points = len(source.image_shape) == 1
        # Braces of the user's folder are no fields.
        path = str(workdir / run_files.SAMPLES)
        self._samples = callbacks.SampleGrid(
            path.replace("{", "{{").replace("}", "}}"),
            sample_epochs,
            seed=settings.seed,
            label_names=source.label_names,
            real=source.images[:2000] if points else None,
        )
        self.scores: list[keras.callbacks.Callback] = []

    @property
    def callbacks(self) -> list[keras.callbacks.Callback]:
        """The callbacks, in order.

        The history's clock comes first. The checkpoint comes last: an epoch
        that it has saved is not trained again, so its scores must be written.
        """
        return [
            self.history,
            self._samples,
            self._curves,
            *self.scores,
            self._checkpoint,
        ]

    def save(self) -> bool:
        """Writes a row of history and a checkpoint of the current step.

        A model that is not finite is not saved; this then returns False.
        """
        self.history.record()
        return self._checkpoint.save()

    def finish(self, model, trained: bool) -> None:
        """Writes the final files.

        `trained` says whether this process trained the model any further. If
        so, weights that are not finite raise a `NonFiniteError`.
        """
        if not trained:
            self.history.set_model(model)
            self.history.take_up()
        elif not self.save():
            raise NonFiniteError(
                "Weights became NaN or infinite at the last step, "
                f"{model.step}. The last good checkpoint is kept."
            )
        self._copy_model()
        self._samples.set_model(model)
        self._samples.draw()
        self._curves.draw()

    def describe(self, say: Callable[[str], None]) -> None:
        """Lists the files of the run."""
        say(f"Left in {self.workdir}:")
        outputs = dict(run_files.OUTPUTS)
        outputs |= {
            name: meaning
            for name, meaning in run_files.SCORE_OUTPUTS.items()
            if (self.workdir / name).exists()
        }
        for name, meaning in outputs.items():
            if name == run_files.SAMPLES and self.conditional:
                meaning += ", a column per class"
            if name == run_files.CHECKPOINT and self.longer:
                meaning += ", also with more --epochs or --steps"
            say(f"  {name:<17} {meaning}")

    def _copy_model(self) -> None:
        source = self.workdir / run_files.CHECKPOINT
        target = self.workdir / run_files.MODEL
        if not source.exists():
            return
        newer = source.stat().st_mtime_ns
        if not target.exists() or target.stat().st_mtime_ns < newer:
            with atomic.replacing(target) as partial:
                shutil.copyfile(source, partial)
