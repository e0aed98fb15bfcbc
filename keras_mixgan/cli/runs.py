"""One training run in a folder: started, resumed, finished.

The command line calls `train`. It replaces files as a whole, so that a run
killed at any moment resumes from its last checkpoint and ends with the same
weights.
"""

import contextlib
import dataclasses
import os
import pathlib
import time
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from keras_mixgan import data
from keras_mixgan import distribution
from keras_mixgan.cli import epochs
from keras_mixgan.cli import models
from keras_mixgan.cli import opening
from keras_mixgan.cli import options
from keras_mixgan.cli import run_files
from keras_mixgan.cli import run_scores
from keras_mixgan.cli import settings as settings_module
from keras_mixgan.cli import signals
from keras_mixgan.cli import starting
from keras_mixgan.cli.run_outputs import Outputs
from keras_mixgan.cli.settings import Settings
from keras_mixgan.data import sources
from keras_mixgan.data.batches import ORDER
from keras_mixgan.distribution import run_devices
from keras_mixgan.mixgan import MixGAN
from keras_mixgan.training import callbacks
from keras_mixgan.training import validation
from keras_mixgan.utils import lock
from keras_mixgan.utils.errors import UserError


def train(
    given: Mapping[str, Any],
    workdir: str | os.PathLike[str] | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    checkpoint_seconds: float = 30.0,
    sample_epochs: int = 1,
    history_steps: int = 10,
    recipe: str | None = None,
    verbose: int = 1,
    strategy: str | None = None,
    devices: Sequence[str] | None = None,
    sync_batch_norm: bool = False,
    steps_per_execution: int = 1,
    dry_run: bool = False,
    keep_checkpoints: int = 2,
    save_on_signals: bool = False,
    evaluate_every: int | None = None,
    classifier: str | None = None,
    evaluate_images: int | None = None,
) -> MixGAN:
    """Trains a mixture in a folder, or resumes the run that is there.

    Args:
        given: Settings by name, see `settings.resolve`.
        workdir: The run's folder; by default "runs/" and the name of the
            recipe, or else of the source.
        data_dir: TFDS's data folder.
        checkpoint_seconds: Seconds of training between checkpoints.
        sample_epochs: Epochs between pictures.
        history_steps: Steps between rows of `history.csv`.
        recipe: Key of `recipes.RECIPES`: settings that `given` leaves open.
        verbose: 0 for silence, 1 for a progress bar, 2 for a line per epoch.
        strategy: How to train on many devices, see `distribution.strategy`;
            `None` for one device. A run may resume under another strategy.
        devices: As in `distribution.strategy`.
        sync_batch_norm: Whether replicas share the statistics of batch
            normalization.
        steps_per_execution: Steps that one call trains, which saves Python's
            overhead; `history_steps` must be a multiple of it. A run may
            resume with another number.
        dry_run: Whether to print what each device would hold, and neither
            train nor write.
        keep_checkpoints: Checkpoints to keep. A run resumes from the newest
            intact one.
        save_on_signals: Whether SIGTERM and Ctrl-C save a checkpoint after the
            current step, and end the program by `SystemExit`.
        evaluate_every: Epochs between scores of the mixture; `None` for none.
        classifier: Classifier of these scores, see
            `metrics.classifiers.load`; by default the bundled one for the
            data.
        evaluate_images: Images to generate for each score, 5000 by default.

    Returns:
        The trained model; after a dry run, the untrained one.

    Raises:
        ValueError: A setting or the data are invalid, or settings differ from
            those of the run in the folder, which is left as it is.
        OSError: Something cannot be read or written.
        NonFiniteError: A loss became NaN or infinite; the last good
            checkpoint is kept.

    Example:
    >>> import tempfile
    >>> flags = {"source": "ring", "num_generators": 2, "steps": 20}
    >>> model = train(flags, tempfile.mkdtemp(), verbose=0)
    >>> model.step
    20
    """
    validation.check_backend()
    _check_numbers(
        checkpoint_seconds=checkpoint_seconds,
        sample_epochs=sample_epochs,
        history_steps=history_steps,
        steps_per_execution=steps_per_execution,
        keep_checkpoints=keep_checkpoints,
        evaluate_every=evaluate_every,
        evaluate_images=evaluate_images,
    )
    if sync_batch_norm and strategy is None:
        raise UserError(
            "`sync_batch_norm` must come with a `strategy`, whose replicas "
            "share the statistics. Received: sync_batch_norm=True alone"
        )
    settings, workdir, start = starting.settle(given, recipe, workdir)
    if recipe is not None:
        given = {"recipe": recipe, **given}
    run = _Run(settings, workdir, verbose)
    # First of all: TensorFlow divides a CPU or joins a cluster only once.
    run.devices = run_devices.RunDevices(strategy, devices, settings.batch_size)
    if not dry_run:
        run.devices.open()
    run.check_workdir()
    run.open_source(data_dir)
    judge = run_scores.judge(
        run.source, classifier, evaluate_every, evaluate_images
    )
    with run.locked(writes=not dry_run):
        run.compare()
        run.open_model(sync_batch_norm)
        if dry_run:
            print(run.devices.describe(run.model))
            return run.model
        outputs = run.outputs = Outputs(
            run.workdir, run.settings, run.source,
            checkpoint_seconds, sample_epochs, history_steps, keep_checkpoints,
        )  # fmt: skip
        if evaluate_every is not None:
            outputs.scores = run_scores.make(
                run.workdir, run.source, judge, evaluate_every,
                evaluate_images, outputs.history, outputs.title,
            )  # fmt: skip
        run.begin(given, start)
        with signals.received(run.say, save_on_signals) as received:
            run.train(
                steps_per_execution, signals.StopOnSignal(received, run.stop)
            )
        run.finish()
    return run.model


def _check_numbers(**given) -> None:
    for name, number in given.items():
        options.OPTIONS[name].check(number)
    if given["history_steps"] % given["steps_per_execution"]:
        raise UserError(
            "`history_steps` must be a multiple of `steps_per_execution`. "
            f"Received: history_steps={given['history_steps']}, "
            f"steps_per_execution={given['steps_per_execution']}"
        )


class _Run:
    """The state of `train`; its methods are the steps, in order."""

    def __init__(self, settings: Settings, workdir, verbose: int):
        self.settings = settings
        self.workdir = pathlib.Path(workdir).expanduser()
        self.verbose = verbose
        # Origin of the model of `train --from`, see `starting.make_model`.
        self.origin = None
        self.order = ORDER

    def _path(self, name: str) -> pathlib.Path:
        return self.workdir / name

    def say(self, text: str) -> None:
        """Prints, unless `verbose` is 0."""
        if self.verbose:
            print(text, flush=True)

    def check_workdir(self) -> None:
        """Checks the folder before the data, which may load for minutes."""
        existing = self.workdir.absolute()
        while not existing.exists():
            existing = existing.parent
        if not existing.is_dir():
            raise NotADirectoryError(
                f"`workdir` must be a folder. Received: {self.workdir}, where "
                f"{existing} is a file"
            )
        if not os.access(existing, os.W_OK | os.X_OK):
            raise PermissionError(
                f"`workdir` must be writable. Received: {self.workdir}, where "
                f"{existing} is not"
            )
        if self._path(run_files.SETTINGS).exists():
            return
        # A run of an earlier version may have one that it never read.
        models.check_encoder(self.settings)
        older = callbacks.checkpoints(self._path(run_files.CHECKPOINT))
        for name in (
            *run_files.OUTPUTS,
            *run_files.SCORE_OUTPUTS,
            *(file.name for file in older),
        ):
            if self._path(name).exists():
                raise FileExistsError(
                    "`workdir` must be the folder of a run, or hold no such "
                    f"files. Received: {self.workdir}, which holds {name} but "
                    f"no {run_files.SETTINGS}. Choose another folder, or move "
                    "that file away"
                )

    def open_source(self, data_dir) -> None:
        """Loads the data, and the settings that depend on them."""
        settings = self.settings
        self.source = sources.load_source(
            data_dir=data_dir,
            seed=settings.seed,
            **options.values(settings, "data"),
        )
        for line in self.source.skipped:
            self.say(f"Skipped: {line}")
        self.settings = settings.for_source(self.source)
        self.facts = settings_module.facts(self.source)
        self.per_epoch = data.steps_per_epoch(self.source, settings.batch_size)

    def locked(self, writes: bool) -> contextlib.AbstractContextManager:
        """Makes the folder if needed, and locks it against other runs."""
        if writes and self.devices.is_chief:
            return lock.held(self.workdir, "workdir")
        return contextlib.nullcontext()

    def compare(self) -> None:
        """Refuses to resume a run with other settings."""
        if not self._path(run_files.SETTINGS).exists():
            return
        saved = settings_module.read(self._path(run_files.SETTINGS))
        # Version 0.1 recorded none, and ordered batches differently.
        self.order = saved.get("order", 1)
        self.origin = saved.get("from")
        lines = settings_module.differences(saved, self.settings, self.facts)
        if not lines:
            return
        raise UserError(
            f"{self.workdir} holds a run of other settings (saved -> now):\n  "
            + "\n  ".join(lines)
            + "\nTo resume that run: keras-mixgan train "
            f"--config={self._path(run_files.SETTINGS)} "
            f"--workdir={self.workdir}"
            + "\nTo start another run, give another --workdir."
        )

    def open_model(self, sync_batch_norm: bool) -> None:
        """Loads the newest intact checkpoint, or makes the networks."""
        files = callbacks.checkpoints(self._path(run_files.CHECKPOINT))
        self.devices.agree(bool(files), self.workdir)
        self.damaged = []
        with self.devices.scope():
            if files:
                self.model, self.damaged = opening.load_newest(files)
            else:
                self.model, self.origin = starting.make_model(
                    self.settings, self.source, self.say
                )
        self.checkpoint = files[len(self.damaged)] if files else None
        distribution.synchronize(self.model, sync_batch_norm)
        self.model.run_settings = dataclasses.asdict(self.settings)

    def begin(
        self, given: Mapping[str, Any], start: Mapping[str, Any] | None
    ) -> None:
        """Writes the settings, and prints what is trained."""
        if not self.devices.is_chief:
            return
        opening.set_aside(self.damaged, self.checkpoint, self.say)
        record = {} if start is None else {"start": start, "from": self.origin}
        settings_module.write(
            self._path(run_files.SETTINGS),
            self.settings,
            self.facts,
            given={k: v for k, v in given.items() if v is not None},
            versions=settings_module.versions(),
            **record,
        )
        self.say(self._description())

    def _description(self) -> str:
        settings, step = self.settings, self.model.step
        size = "x".join(map(str, self.source.image_shape))
        classes = self.source.num_classes
        lines = [
            f"{_counted(settings.num_generators, 'generator')} against "
            f"{_counted(settings.num_discriminators, 'discriminator')} "
            f"({settings.architecture or 'architecture not recorded'}, payoff "
            f"{settings.payoff}) on "
            f"{self.source.name}: {len(self.source):,} examples {size}"
            + (f", {classes} classes" if settings.conditional else ""),
        ]
        if settings.batch_size < settings.least_batch:
            lines.append(
                f"A batch of {settings.batch_size} grows to "
                f"{settings.least_batch} generated images."
            )
        if self.origin is not None and not step:
            lines.append(
                f"Starting from {self.origin['model']}, trained for "
                f"{self.origin['step']:,} steps."
            )
        if step >= settings.steps:
            lines.append(
                f"This run is finished: {step:,} steps. Drawing its pictures "
                "again."
            )
        elif step:
            lines.append(
                f"Resuming after step {step:,} of {settings.steps:,}, from "
                f"{self.checkpoint}."
            )
            if self.order != ORDER:
                lines.append(
                    "Batches come in a new order: another version started "
                    "this run."
                )
        return "\n".join(lines)

    def train(
        self, steps_per_execution: int, stop: signals.StopOnSignal
    ) -> None:
        """Trains from the model's step to the last one."""
        settings = self.settings
        self.began, self.first = time.monotonic(), self.model.step
        count = -(-settings.steps // self.per_epoch)
        bar = callbacks.ProgressBar(self.verbose, count, self.per_epoch)
        observers = [bar] if self.verbose else []
        observers += self.outputs.callbacks
        observers = [*observers, stop] if self.devices.is_chief else [stop]
        parts = epochs.parts(
            self.first, settings.steps, self.per_epoch, steps_per_execution
        )
        with (
            self.devices.training(self.workdir),
            epochs.in_calls_of(self.model, steps_per_execution),
        ):
            for epoch, count, steps in parts:
                stream = models.stream(self.model, self.source, settings)
                if steps % steps_per_execution:
                    # The last call is shorter, and ends with the stream.
                    stream, steps = stream.take(steps), None
                self.model.fit(
                    stream,
                    initial_epoch=epoch,
                    epochs=epoch + count,
                    steps_per_epoch=steps,
                    callbacks=observers,
                    verbose=0,
                )

    def stop(self) -> None:
        """Saves a checkpoint of a run that a signal ends."""
        if not self.devices.is_chief or self.model.step == self.first:
            return
        if self.outputs.save():
            self.say(
                f"Stopped after step {self.model.step:,}, saved in "
                f"{self._path(run_files.CHECKPOINT)}. The same command resumes."
            )

    def finish(self) -> None:
        """Writes the final files, and lists all files."""
        if not self.devices.is_chief:
            return
        trained = self.model.step - self.first
        self.outputs.finish(self.model, bool(trained))
        if trained:
            seconds = time.monotonic() - self.began
            self.say(f"Trained {trained:,} steps in {seconds:.0f} s.")
        self.outputs.describe(self.say)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
