"""Finds the newest intact checkpoint of a run."""

import os
import pathlib
from collections.abc import Callable
from collections.abc import Sequence

from keras_mixgan.cli.models import load_model
from keras_mixgan.mixgan import MixGAN


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
            model = load_model(path, "checkpoint", kind)
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
