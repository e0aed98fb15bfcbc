"""JSON files of a numbered format, which later versions may change."""

import json
import os
import pathlib
from typing import Any


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
    try:
        content = json.loads(pathlib.Path(path).read_text("utf-8"))
        for name in needed:
            content[name]
        newer = content["format"] > newest
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{path} is damaged ({type(error).__name__}: {error})"
        ) from error
    if newer:
        raise ValueError(
            f"{path} is of format {content['format']}, newer than this "
            f"version's {newest}. Upgrade keras-mixgan."
        )
    return content
