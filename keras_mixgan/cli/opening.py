"""Opens the model that a user names: a file, a run, a preset or a URL."""

import os
import pathlib
from collections.abc import Callable
from collections.abc import Sequence

from keras_mixgan import presets
from keras_mixgan.cli import models
from keras_mixgan.cli import records
from keras_mixgan.cli import run_files
from keras_mixgan.mixgan import MixGAN
from keras_mixgan.presets import hub
from keras_mixgan.training import callbacks


def open_model(
    name: str | os.PathLike[str],
    say: Callable[[str], None] = print,
    kinds: str = models.KINDS,
) -> tuple[MixGAN, pathlib.Path]:
    """Opens the model that a user names; returns it, and its file or folder.

    `name` is a `.keras` file; the folder of a run (its trained model, or its
    newest intact checkpoint where that is newer); or a preset by name, folder
    or URL. The model gets the settings of its run, if they are recorded.
    `kinds` is what an error says that it may be.
    """
    if run_files.is_run(name):
        model, file = _open_run(pathlib.Path(name), say)
    elif presets.is_preset(name):
        file = presets.find(name)
        # By name, a preset of the zoo is checked by this package's hashes.
        model = MixGAN.from_preset(file if hub.is_url(name) else name)
    else:
        file, model = pathlib.Path(name), models.load_model(name, kinds=kinds)
    if model.run_settings is None:
        model.run_settings = records.of_file(file)
    return model, file


def _open_run(
    folder: pathlib.Path, say: Callable[[str], None]
) -> tuple[MixGAN, pathlib.Path]:
    """The model of a run's folder, and the file that was taken."""
    files = callbacks.checkpoints(folder / run_files.CHECKPOINT)
    trained = folder / run_files.MODEL
    if trained.is_file():
        # Older where a finished run was made longer and goes on.
        time = trained.stat().st_mtime_ns
        newer = sum(file.stat().st_mtime_ns > time for file in files)
        files.insert(newer, trained)
    if not files:
        raise FileNotFoundError(
            "`model` must be a run's folder that holds model.keras or a "
            f"checkpoint. Received: model={folder}, which has neither"
        )
    model, damaged = load_newest(files)
    file = files[len(damaged)]
    note = "".join(f", as {path.name} is damaged" for path in damaged)
    say(f"Model: {file}, step {model.step:,}{note}")
    return model, file


def load_newest(
    checkpoints: Sequence[pathlib.Path],
) -> tuple[MixGAN, list[pathlib.Path]]:
    """Loads the newest intact checkpoint; also lists the newer, damaged ones.

    The files come newest first, at least one. If none can be loaded, the error
    of the newest is raised.
    """
    errors = []
    for i, path in enumerate(checkpoints):
        try:
            kind = "a .keras file of a MixGAN"
            model = models.load_model(path, "checkpoint", kind)
            return model, list(checkpoints[:i])
        except (OSError, ValueError) as error:
            errors.append(error)
    raise errors[0]


def set_aside(
    damaged: Sequence[pathlib.Path], intact: str, say: Callable[[str], None]
) -> None:
    """Renames damaged checkpoints, so that they do not displace intact ones.

    `intact` is the checkpoint that is used instead, for the message.
    """
    for path in damaged:
        aside = path.with_stem(f"{path.stem}.damaged")
        os.replace(path, aside)
        say(
            f"{path} is damaged. It is kept as {aside.name}; the run resumes "
            f"from {intact}."
        )
