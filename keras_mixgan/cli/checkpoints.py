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
    """Loads the newest checkpoint that is intact.

    Args:
        checkpoints: Files, newest first; at least one.

    Returns:
        The `MixGAN`, and the newer files, which are damaged.

    Raises:
        OSError, ValueError: No file can be loaded; the error of the newest.
    """
    errors = []
    for i, path in enumerate(checkpoints):
        try:
            return load_model(path, "checkpoint"), list(checkpoints[:i])
        except (OSError, ValueError) as error:
            errors.append(error)
    raise errors[0]


def set_aside(
    damaged: Sequence[pathlib.Path], intact: str, say: Callable[[str], None]
) -> None:
    """Renames damaged checkpoints, so that they do not displace intact ones.

    Args:
        damaged: The files.
        intact: The checkpoint that is used instead, for the message.
        say: Called with a line of text for each.

    Raises:
        OSError: A file cannot be renamed.
    """
    for path in damaged:
        aside = path.with_stem(f"{path.stem}.damaged")
        os.replace(path, aside)
        say(
            f"{path} is damaged. It is kept as {aside.name}; the run resumes "
            f"from {intact}."
        )
