"""JSON files of a numbered format, which later versions may change."""

import json
import os
import pathlib
from typing import Any

from keras_mixgan.utils.errors import UserError

# A hundred components of a deep network take a tenth of it.
MAX_BYTES = 64 * 2**20


def read(
    path: str | os.PathLike[str], newest: int, *needed: str
) -> dict[str, Any]:
    """Reads a JSON object that says its `format`.

    Args:
        path: The file.
        newest: The newest format that this version can read.
        *needed: Keys that must be there besides `format`.

    Returns:
        The object.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or of a newer format.

    Example:
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.json"
    >>> _ = path.write_text('{"format": 1, "step": 7}')
    >>> read(path, 1, "step")["step"]
    7
    """
    path = pathlib.Path(path)
    if path.exists() and not path.is_file():
        raise UserError(f"`path` must be a regular file. Received: {path}")
    with open(path, "rb") as file:
        content = parse(file.read(MAX_BYTES + 1), os.fspath(path))
    try:
        for name in needed:
            content[name]
        newer = content["format"] > newest
    except (KeyError, TypeError) as error:
        raise UserError(
            f"{path} is damaged ({type(error).__name__}: {error})"
        ) from error
    if newer:
        raise UserError(
            f"{path} is of format {content['format']}, newer than this "
            f"version's {newest}. Upgrade keras-mixgan."
        )
    return content


def parse(content: bytes, source: str) -> Any:
    """Parses JSON.

    Args:
        content: At most `MAX_BYTES` of it.
        source: What to call it in an error.

    Returns:
        What it says.

    Raises:
        ValueError: It is no JSON, too long, or nested too deeply.
    """
    if len(content) > MAX_BYTES:
        raise UserError(
            f"{source} must have at most {MAX_BYTES:,} bytes. Received: more"
        )
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
