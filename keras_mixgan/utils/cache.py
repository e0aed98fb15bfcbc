"""The cache: a place for files that can be made or fetched again."""

import os
import pathlib

VARIABLE = "KERAS_MIXGAN_CACHE"


def folder(name: str) -> pathlib.Path:
    """A folder in `$KERAS_MIXGAN_CACHE`, or in `~/.cache/keras_mixgan`.

    It may not exist yet.

    Example:
    >>> folder("activations").name
    'activations'
    """
    given = os.environ.get(VARIABLE)
    return pathlib.Path(given or "~/.cache/keras_mixgan").expanduser() / name
