"""The flag `--out` of commands that write one file, and its checks."""

import os
import pathlib

from keras_mixgan.cli.commands.flag_groups import Flag
from keras_mixgan.utils.errors import UserError


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
    path = pathlib.Path(out)
    if path.suffix.lower() not in _endings(figure):
        raise UserError(
            "`out` must have the ending of a picture format, such as .png. "
            f"Received: out={out}"
        )
    return check_file(path)


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


def _endings(figure: bool) -> set[str]:
    if figure:
        from matplotlib.backend_bases import FigureCanvasBase

        return {f".{x}" for x in FigureCanvasBase.get_supported_filetypes()}
    from PIL import Image

    known = Image.registered_extensions()  # It also finds what can be saved.
    return {ending for ending, name in known.items() if name in Image.SAVE}
