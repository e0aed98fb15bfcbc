"""One training run in a folder: begun, resumed, finished.

`train` is what the command line calls. What it leaves in its folder is whole
at any moment, so that a run killed at any moment goes on where its last
checkpoint stopped, to the same weights.
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
from keras_mixgan.cli import checkpoints
from keras_mixgan.cli import epochs
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
    evaluate_images: int = 5000,
) -> MixGAN:
    """Trains a mixture in a folder, or goes on with the run that is there.

    Args:
        given: Settings by name, see `settings.resolve`.
        workdir: The run's folder; by default "runs/" and the name of the
            recipe, or else of the source.
        data_dir: TFDS's data folder.
        checkpoint_seconds: Seconds of training between checkpoints.
        sample_epochs: Epochs between pictures.
        history_steps: Steps between rows of `history.csv`.
        recipe: Key of `recipes.RECIPES`: settings that `given` leaves open.
        verbose: 0 for silence, 1 for a progress bar, 2 for a line an epoch.
        strategy: How to train over many devices, see `distribution.strategy`;
            `None` for one device. A run may go on under another strategy.
        devices: As in `distribution.strategy`.
        sync_batch_norm: Whether replicas share the statistics of batch
            normalization.
        steps_per_execution: Steps that one call trains, so that small
            networks do not wait for Python; `history_steps` has to be a
            multiple of it. A run may go on with another number.
        dry_run: Prints what would go where, and neither trains nor writes.
        keep_checkpoints: Checkpoints to keep. A run goes on from the newest
            that is intact.
        save_on_signals: Whether SIGTERM and Ctrl-C end the program by
            `SystemExit` with a checkpoint, after the step under way.
        evaluate_every: Epochs between scores of the mixture; `None` for none.
        classifier: Of these scores, see `metrics.classifiers.load`; by
            default the bundled one for the data.
        evaluate_images: Images to generate for each score.

    Returns:
        The trained model; of a dry run, the untrained.

    Raises:
        ValueError: A setting or the data are not as described, or settings
            differ from those of the run in the folder, which is left alone.
        OSError: Something cannot be read or written.
        NonFiniteError: A loss became NaN or infinite; the last good
            checkpoint stays.

    Example:
    >>> import tempfile
    >>> flags = {"source": "ring", "num_generators": 2, "steps": 20}
    >>> model = train(flags, tempfile.mkdtemp(), verbose=0)
    >>> model.step
    20
    """
    _check_numbers(
        checkpoint_seconds=checkpoint_seconds,
        sample_epochs=sample_epochs,
        history_steps=history_steps,
        steps_per_execution=steps_per_execution,
        keep_checkpoints=keep_checkpoints,
        evaluate_every=evaluate_every,
        evaluate_images=evaluate_images,
    )
    settings, workdir, start = starting.settle(given, recipe, workdir)
    if recipe is not None:
        given = {"recipe": recipe, **given}
    run = _Run(settings, workdir, verbose)
    # First of all: TensorFlow divides a CPU, or joins a cluster, but once.
    run.devices = run_devices.RunDevices(strategy, devices, settings.batch_size)
    if not dry_run:
        run.devices.open()
    run.check_workdir()
    run.open_source(data_dir)
    judge = run_scores.judge(run.source, classifier, evaluate_every)
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
    """The state of `train`, whose steps are its methods, in their order."""

    def __init__(self, settings: Settings, workdir, verbose: int):
        self.settings = settings
        self.workdir = pathlib.Path(workdir)
        self.verbose = verbose
        # Of `train --from`: where its model comes from.
        self.came = None

    def _path(self, name: str) -> pathlib.Path:
        return self.workdir / name

    def say(self, text: str) -> None:
        """Prints, unless it is to be silent."""
        if self.verbose:
            print(text, flush=True)

    def check_workdir(self) -> None:
        """Finds out early, before minutes of loading, what cannot work."""
        there = self.workdir.absolute()
        while not there.exists():
            there = there.parent
        if not there.is_dir():
            raise NotADirectoryError(
                f"`workdir` must be a folder. Received: {self.workdir}, where "
                f"{there} is a file"
            )
        if not os.access(there, os.W_OK | os.X_OK):
            raise PermissionError(
                f"`workdir` must be writable. Received: {self.workdir}, where "
                f"{there} is not"
            )
        if self._path(run_files.SETTINGS).exists():
            return
        for name in (*run_files.OUTPUTS, *run_files.SCORE_OUTPUTS):
            if self._path(name).exists():
                raise FileExistsError(
                    f"`workdir` holds {name} but no {run_files.SETTINGS}, so "
                    "it is no run to go on with. Choose another folder, or "
                    f"move that file away. Received: {self.workdir}"
                )

    def open_source(self, data_dir) -> None:
        """Loads the data, and settles what depends on them."""
        settings = self.settings
        try:
            self.source = sources.load_source(
                data_dir=data_dir,
                seed=settings.seed,
                **options.values(settings, "data"),
            )
        except UserError as error:
            hint = sources.nearest(settings.source)
            raise type(error)(f"{error}{hint}") from error
        for line in self.source.skipped:
            self.say(f"Skipped: {line}")
        self.settings = settings.for_source(self.source)
        self.facts = settings_module.facts(self.source)
        self.per_epoch = data.steps_per_epoch(self.source, settings.batch_size)

    def locked(self, writes: bool) -> contextlib.AbstractContextManager:
        """Keeps other runs out of the folder, and makes it if need be."""
        if writes and self.devices.is_chief:
            return lock.held(self.workdir, "workdir")
        return contextlib.nullcontext()

    def compare(self) -> None:
        """Refuses to go on with a run of other settings."""
        if not self._path(run_files.SETTINGS).exists():
            return
        saved = settings_module.read(self._path(run_files.SETTINGS))
        # Version 0.1 noted none: the order of batches was another one.
        self.order = saved.get("order", 1)
        self.came = saved.get("from")
        lines = settings_module.differences(saved, self.settings, self.facts)
        if not lines:
            return
        raise UserError(
            f"{self.workdir} holds a run of other settings (saved -> now):\n  "
            + "\n  ".join(lines)
            + "\nTo go on with that run: keras-mixgan train "
            f"--config={self._path(run_files.SETTINGS)} "
            f"--workdir={self.workdir}"
            + "\nTo begin another, give another --workdir."
        )

    def open_model(self, sync_batch_norm: bool) -> None:
        """Takes up the newest checkpoint, or makes the networks."""
        there = callbacks.checkpoints(self._path(run_files.CHECKPOINT))
        self.devices.agree(bool(there), self.workdir)
        self.damaged = []
        with self.devices.scope():
            if there:
                self.model, self.damaged = checkpoints.load_newest(there)
            else:
                self.model, self.came = starting.make_model(
                    self.settings, self.source, self.say
                )
        self.taken_up = there[len(self.damaged)] if there else None
        distribution.synchronize(self.model, sync_batch_norm)
        self.model.run_settings = dataclasses.asdict(self.settings)

    def begin(
        self, given: Mapping[str, Any], start: Mapping[str, Any] | None
    ) -> None:
        """Writes the settings, and says what comes."""
        if not self.devices.is_chief:
            return
        checkpoints.set_aside(self.damaged, self.taken_up, self.say)
        beginning = {} if start is None else {"start": start, "from": self.came}
        settings_module.write(
            self._path(run_files.SETTINGS),
            self.settings,
            self.facts,
            given={k: v for k, v in given.items() if v is not None},
            versions=settings_module.versions(),
            **beginning,
        )
        self.say(self._description())

    def _description(self) -> str:
        settings, step = self.settings, self.model.step
        size = "x".join(map(str, self.source.image_shape))
        classes = self.source.num_classes
        lines = [
            f"{_counted(settings.num_generators, 'generator')} against "
            f"{_counted(settings.num_discriminators, 'discriminator')} "
            f"({settings.architecture or 'networks of their own'}, payoff "
            f"{settings.payoff}) on "
            f"{self.source.name}: {len(self.source):,} examples {size}"
            + (f", {classes} classes" if settings.conditional else ""),
        ]
        if self.came is not None and not step:
            lines.append(
                f"It begins with {self.came['model']}, after step "
                f"{self.came['step']:,}."
            )
        if step >= settings.steps:
            lines.append(f"This run is finished: {step:,} steps. Drawing anew.")
        elif step:
            lines.append(
                f"Going on after step {step:,} of {settings.steps:,}, from "
                f"{self.taken_up}."
            )
            if self.order != ORDER:
                lines.append(
                    "The order of batches is new: the run was begun by another "
                    "version."
                )
        return "\n".join(lines)

    def train(
        self, steps_per_execution: int, stop: signals.StopOnSignal
    ) -> None:
        """Trains to the last step, from wherever the model stands."""
        settings = self.settings
        self.began, self.first = time.monotonic(), self.model.step
        count = -(-settings.steps // self.per_epoch)
        bar = callbacks.ProgressBar(self.verbose, count, self.per_epoch)
        written = [bar] if self.verbose else []
        written += self.outputs.callbacks
        written = [*written, stop] if self.devices.is_chief else [stop]
        source = self.source
        if not self.model.takes_labels and source.labels is not None:
            source = dataclasses.replace(source, labels=None, label_names=None)
        parts = epochs.parts(
            self.first, settings.steps, self.per_epoch, steps_per_execution
        )
        with (
            self.devices.training(self.workdir),
            epochs.in_calls_of(self.model, steps_per_execution),
        ):
            for epoch, count, steps in parts:
                stream = data.load(
                    source,
                    batch_size=settings.batch_size,
                    seed=settings.seed,
                    start_step=self.model.step,
                )
                if steps % steps_per_execution:
                    # Its last call is shorter: the data end with it.
                    stream, steps = stream.take(steps), None
                self.model.fit(
                    stream,
                    initial_epoch=epoch,
                    epochs=epoch + count,
                    steps_per_epoch=steps,
                    callbacks=written,
                    verbose=0,
                )

    def stop(self) -> None:
        """Saves in the midst of the run, which is to be left."""
        if not self.devices.is_chief or self.model.step == self.first:
            return
        if self.outputs.save():
            self.say(
                f"Stopped after step {self.model.step:,}, saved in "
                f"{self._path(run_files.CHECKPOINT)}. The same command goes on."
            )

    def finish(self) -> None:
        """Writes the end of the run, and says what lies where."""
        if not self.devices.is_chief:
            return
        trained = self.model.step - self.first
        self.outputs.finish(self.model, bool(trained))
        if trained:
            seconds = time.monotonic() - self.began
            self.say(f"Trained {trained:,} steps in {seconds:.0f} s.")
        self.outputs.describe(self.say)


def _counted(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")
