"""Files of flags: `train --config=FILE`."""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

from keras_mixgan.cli import options
from keras_mixgan.cli import records
from keras_mixgan.utils import json_files
from keras_mixgan.utils.checks import nearest_of
from keras_mixgan.utils.errors import MissingPackageError
from keras_mixgan.utils.errors import UserError

ENDINGS = (".yaml", ".yml", ".json")
# Settings that version 0.1 did not know, as its runs had them.
_BEFORE = {"share": "none", "auxiliary": None}


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    r"""Reads a file of flags.

    Args:
        path: A `.yaml` or `.json` file: flags of `train` by name, or what a
            run wrote as its `settings.json`.

    Returns:
        Values by the names of `options.OPTIONS`; those that are null are left
        out.

    Raises:
        OSError: The file is not there, or cannot be read.
        ValueError: It is no such file, has an unknown flag, or a value is not
            as described.
        ImportError: It is YAML, and PyYAML is missing.

    Example:
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.yaml"
    >>> _ = path.write_text("source: ring\nnum_generators: 8\n")
    >>> read(path)
    {'source': 'ring', 'num_generators': 8}
    """
    path = pathlib.Path(path)
    content = _parsed(path)
    if not isinstance(content, dict):
        raise UserError(
            f"`config` must hold flags by name. Received: {path}, which holds "
            f"{'nothing' if content is None else type(content).__name__}"
        )
    written = isinstance(content.get("settings"), dict)
    if written and isinstance(content.get("format"), int):  # By a run.
        json_files.check_format(content, records.SETTINGS_FORMAT, str(path))
        content = records.settings_of(_BEFORE | content["settings"])
    known = {
        name: option
        for option in options.OPTIONS.values()
        if option.to != "command"
        for name in (option.flag_name, option.name)
    }
    found = {}
    for key, value in content.items():
        if key not in known:
            raise UserError(
                f"`config` must hold flags of `keras-mixgan train`. Received: "
                f"{path} with {key!r}{nearest_of(key, known)}"
            )
        option = known[key]
        if value is not None:
            found[option.name] = value = _as_typed(option, value)
            try:
                option.check(value)
            except UserError as error:
                raise UserError(f"{path}: {error}") from error
    return found


def completed(
    given: Mapping[str, Any], path: str | os.PathLike[str]
) -> dict[str, Any]:
    """Completes flags by those of a file.

    Args:
        given: Flags by name, which win.
        path: See `read`.

    Returns:
        Values by name.

    Raises:
        OSError, ValueError, ImportError: See `read`.
    """
    found = read(path)
    # Each stands for the other, too: one that is given is enough.
    for one, other in (("steps", "epochs"), ("epochs", "steps")):
        if one in given:
            found.pop(other, None)
    return found | dict(given)


def _parsed(path: pathlib.Path) -> Any:
    if path.suffix not in ENDINGS:
        raise UserError(
            f"`config` must be a file that ends in {', '.join(ENDINGS)}. "
            f"Received: {path}"
        )
    if not path.exists():
        raise FileNotFoundError(f"`config` is a file that is not there: {path}")
    if not path.is_file():
        raise UserError(f"`config` must be a regular file. Received: {path}")
    with open(path, "rb") as file:
        text = file.read(json_files.MAX_BYTES + 1)
    if path.suffix == ".json":
        return json_files.parse(text, os.fspath(path))
    if len(text) > json_files.MAX_BYTES:
        raise UserError(
            f"{path} must have at most {json_files.MAX_BYTES:,} bytes. "
            "Received: more"
        )
    try:
        import yaml
    except ImportError as error:
        raise MissingPackageError(
            f"`config` is YAML, which needs PyYAML: pip install pyyaml. "
            f"Or write JSON. Received: {path}"
        ) from error
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        first = " ".join(str(error).split())[:200]
        raise UserError(f"{path} is no YAML ({first})") from error


def _as_typed(option, value: Any) -> Any:
    """A value as the flag would have it."""
    if option.kind is list and isinstance(value, str):
        return value.split(",")
    if option.kind is float and isinstance(value, str):
        # YAML 1.1 reads 1e-4, without a point, as text.
        try:
            return float(value)
        except ValueError:
            return value
    return value
