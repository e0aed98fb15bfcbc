"""JSON files with the number of their format, which may change."""

import json
import os
import pathlib
from typing import Any

from keras_mixgan.utils import atomic
from keras_mixgan.utils.errors import UserError

# A hundred components of a deep network take a tenth of this.
MAX_BYTES = 64 * 2**20


def read(
    path: str | os.PathLike[str], newest: int, *needed: str
) -> dict[str, Any]:
    """Reads a JSON object of a `format` up to `newest`, with the keys `needed`.

    It is a UserError if the file is damaged, or of a newer format.

    Example:
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.json"
    >>> _ = path.write_text('{"format": 1, "step": 7}')
    >>> read(path, 1, "step")["step"]
    7
    """
    content = parse(content_of(path), os.fspath(path))
    try:
        for name in needed:
            content[name]
        check_format(content, newest, os.fspath(path))
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{path} is damaged ({type(error).__name__}: {error})"
        ) from error
    return content


def write(path: str | os.PathLike[str], content: Any, strict=False) -> None:
    """Writes JSON for readers, whole or not at all.

    `strict` refuses NaN and infinities, which only Python reads back.
    """
    text = json.dumps(content, indent=2, allow_nan=not strict) + "\n"
    with atomic.replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")


def content_of(path: str | os.PathLike[str], name: str = "path") -> bytes:
    """Reads a regular file of at most `MAX_BYTES`; errors call it `name`."""
    path = pathlib.Path(path)
    if path.exists() and not path.is_file():
        raise UserError(f"`{name}` must be a regular file. Received: {path}")
    with open(path, "rb") as file:
        content = file.read(MAX_BYTES + 1)
    _check_size(content, os.fspath(path))
    return content


def _check_size(content: bytes, source: str) -> None:
    if len(content) > MAX_BYTES:
        raise UserError(
            f"{source} must have at most {MAX_BYTES:,} bytes. Received: more"
        )


def check_format(content: Any, newest: int, source: str) -> None:
    """Checks that the `format` of what was read is at most `newest`.

    An error calls the content `source`. A format that is missing, or no
    number, is a KeyError or a TypeError.
    """
    if content["format"] > newest:
        raise UserError(
            f"{source} is of format {content['format']}, newer than this "
            f"version's {newest}. Upgrade keras-mixgan."
        )


def parse(content: bytes, source: str) -> Any:
    """Parses JSON of at most `MAX_BYTES`; an error calls it `source`."""
    _check_size(content, source)
    try:
        return json.loads(content)
    except RecursionError as error:
        raise UserError(
            f"{source} is damaged (it is nested too deeply)"
        ) from error
    except ValueError as error:
        raise UserError(
            f"{source} is damaged ({type(error).__name__}: {error})"
        ) from error
