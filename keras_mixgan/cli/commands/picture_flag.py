"""Checks of a flag that names a picture to write."""

import pathlib

from keras_mixgan.utils.errors import UserError


def check(out: str, figure: bool = False) -> pathlib.Path:
    """Checks the picture's path, before anything slow is done.

    `figure` says whether Matplotlib writes it, and not Pillow.
    """
    path = pathlib.Path(out)
    if path.suffix.lower() not in _endings(figure):
        raise UserError(
            "`out` must have the ending of a picture format, such as .png. "
            f"Received: out={out}"
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"`out` must be in an existing folder. Received: out={out}"
        )
    return path


def _endings(figure: bool) -> set[str]:
    if figure:
        from matplotlib.backend_bases import FigureCanvasBase

        return {f".{x}" for x in FigureCanvasBase.get_supported_filetypes()}
    from PIL import Image

    known = Image.registered_extensions()  # It also finds what can be saved.
    return {ending for ending, name in known.items() if name in Image.SAVE}
