"""Checks of a flag that names a picture to write."""

import pathlib

from keras_mixgan.utils.errors import UserError


def check(out: str) -> pathlib.Path:
    """Checks the picture's path, before anything slow is done.

    Args:
        out: The flag's value.

    Returns:
        The path.

    Raises:
        ValueError: Its ending is not that of a picture.
        OSError: Its folder is missing.
    """
    from PIL import Image

    path = pathlib.Path(out)
    if path.suffix.lower() not in Image.registered_extensions():
        raise UserError(
            "`out` must have the ending of a picture format, such as .png. "
            f"Received: out={out}"
        )
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"`out` must be in an existing folder. Received: out={out}"
        )
    return path
