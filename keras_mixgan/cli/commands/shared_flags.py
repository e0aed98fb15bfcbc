"""The flags that several commands have, and their checks."""

import os
import pathlib

from keras_mixgan.cli.commands.flag_groups import Flag
from keras_mixgan.utils.errors import UserError

DATA_DIR = Flag(
    "data_dir",
    str,
    "Data folder of TensorFlow Datasets.",
    shown="TFDS_DATA_DIR, or TFDS's default",
    placeholder="PATH",
)
MODEL = Flag(
    "model",
    str,
    "The folder of a run, such as runs/digits, whose model is used, or its "
    "newest intact checkpoint while it trains; a .keras file; or a preset: its "
    "name in the zoo, its folder, or hf://user/name on the Hugging Face hub.",
    placeholder="PATH",
)


def check_model(model: str | None) -> str:
    """Checks that a model is given, before anything slow is done."""
    if not model:
        raise UserError("`model` must be given: --model=runs/digits")
    return model


def picture(default: str) -> Flag:
    """The flag of a command that writes a picture."""
    return Flag(
        "out",
        str,
        "Picture to write, in the format of its file ending.",
        default=default,
        placeholder="PATH",
    )


def check_picture(out: str, figure: bool = False) -> pathlib.Path:
    """Checks the picture's path, before anything slow is done.

    `figure` says whether Matplotlib writes it, and not Pillow.
    """
    from keras_mixgan.utils import plotting

    try:
        plotting.check_format(out, figure)
    except UserError as error:
        raise UserError(
            "`out` must have the ending of a picture format, such as .png. "
            f"Received: out={out}"
        ) from error
    return check_file(pathlib.Path(out))


def check_file(path: pathlib.Path) -> pathlib.Path:
    """Checks that a file can be written there."""
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"`out` must be in an existing folder. Received: out={path}"
        )
    if path.is_dir():
        raise IsADirectoryError(
            f"`out` must be a file to write. Received: the folder {path}"
        )
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise PermissionError(
            "`out` must be in a folder that can be written to. Received: "
            f"out={path}"
        )
    return path
