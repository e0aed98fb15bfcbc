"""Checks of a flag that names a picture to write."""

import pathlib

from keras_mixgan.utils.errors import UserError


def check(out: str) -> pathlib.Path:
    """Finds out, before anything slow is done, what cannot be written.

    Args:
        out: The flag's value.

    Returns:
        The path.

    Raises:
        ValueError: Its ending is of no picture.
        OSError: Its folder is not there.
    """
    from PIL import Image

    path = pathlib.Path(out)
    if path.suffix.lower() not in Image.registered_extensions():
        raise UserError(
            "`out` must end in the name of a picture format, such as .png. "
            f"Received: out={out}"
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"`out` must lie in a folder that is there. Received: out={out}"
        )
    return path
