"""Turns any error of Keras about a file's contents into one line."""

import contextlib
from collections.abc import Iterator

from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.errors import first_line

NOT_BUILT = "networks that could not be built"


@contextlib.contextmanager
def one_line(message: str) -> Iterator[None]:
    """Turns any error into a `ValueError` of one line, after `message`.

    A damaged file may make Keras, NumPy or HDF5 raise anything. `message` says
    what is wrong with which file.

    Example:
    >>> with one_line("config.json"):
    ...     {}["layers"]
    Traceback (most recent call last):
    ...
    keras_mixgan.utils.errors.UserError: config.json (KeyError: 'layers')
    """
    try:
        yield
    except Exception as error:
        raise UserError(f"{message} ({first_line(error)})") from error
