"""A run goes on from its newest intact checkpoint."""

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
        The `MixGAN`, and the files before it in the list, which are damaged.

    Raises:
        OSError, ValueError: None can be loaded. It says what is wrong with
            the newest.
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
    """Renames damaged checkpoints, so that no intact one makes room for them.

    Args:
        damaged: The files.
        intact: What the run goes on from, for what is said.
        say: Called with a line of text for each.

    Raises:
        OSError: One cannot be renamed.
    """
    for path in damaged:
        aside = path.with_stem(f"{path.stem}.damaged")
        os.replace(path, aside)
        say(
            f"{path} is damaged, and kept as {aside.name}: going back to "
            f"{intact}."
        )
