"""Reads files of flags: `train --config=FILE`."""

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
# Version 0.1 did not have these settings; its runs used these values.
_BEFORE = {"share": "none", "auxiliary": None}


def completed(
    given: Mapping[str, Any], path: str | os.PathLike[str]
) -> dict[str, Any]:
    r"""Adds the flags of a file to given ones, which override them.

    The file is a `.yaml` or `.json` file of flags, or a run's `settings.json`.
    Its values go by the names of `options.OPTIONS`; those that are null are
    left out. Unknown flags and invalid values are refused. YAML needs PyYAML.

    Example:
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "a.yaml"
    >>> _ = path.write_text("source: ring\nnum_generators: 8\n")
    >>> completed({"num_generators": 5}, path)
    {'source': 'ring', 'num_generators': 5}
    """
    path = pathlib.Path(path)
    content = _parsed(path)
    values = _values_of(content, path)
    if "recipe" in given and _is_of_a_run(content):
        raise UserError(
            "`recipe` must not come with the settings of a run, which leave "
            f"nothing for it to set. Received: recipe={given['recipe']!r}, "
            f"config={os.fspath(path)!r}"
        )
    return options.replaced(values, given)


def _values_of(content: dict[str, Any], path: pathlib.Path) -> dict[str, Any]:
    if _is_of_a_run(content):
        json_files.check_format(content, records.SETTINGS_FORMAT, str(path))
        content = _BEFORE | records.as_recorded(content["settings"])
        content = records.settings_of(content)
    known = {
        name: option
        for option in options.OPTIONS.values()
        if option.to != "command"
        for name in (option.flag_name, option.name)
    }
    values = {}
    for key, value in content.items():
        if key not in known:
            raise UserError(
                f"`config` must hold flags of `keras-mixgan train`. Received: "
                f"{path} with {key!r}{nearest_of(key, known)}"
            )
        option = known[key]
        if value is not None:
            values[option.name] = value = _converted(option, value)
            try:
                option.check(value)
            except UserError as error:
                raise UserError(f"{path}: {error}") from error
    return values


def _is_of_a_run(content: dict[str, Any]) -> bool:
    """Whether this is what a run's `settings.json` holds."""
    has_settings = isinstance(content.get("settings"), dict)
    return has_settings and isinstance(content.get("format"), int)


def _parsed(path: pathlib.Path) -> dict[str, Any]:
    if path.suffix not in ENDINGS:
        raise UserError(
            f"`config` must be a file that ends in {', '.join(ENDINGS)}. "
            f"Received: {path}"
        )
    if not path.exists():
        raise FileNotFoundError(
            f"`config` must be an existing file. Received: {path}"
        )
    text = json_files.content_of(path, "config")
    if path.suffix == ".json":
        content = json_files.parse(text, os.fspath(path))
    else:
        content = _of_yaml(text, path)
    if not isinstance(content, dict):
        raise UserError(
            f"`config` must hold flags by name. Received: {path}, which holds "
            f"{'nothing' if content is None else type(content).__name__}"
        )
    return content


def _of_yaml(text: bytes, path: pathlib.Path) -> Any:
    try:
        import yaml
    except ImportError as error:
        raise MissingPackageError(
            "`config` must be JSON unless PyYAML is installed: pip install "
            f"pyyaml. Received: {path}"
        ) from error
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        first = " ".join(str(error).split())[:200]
        raise UserError(f"{path} is not valid YAML ({first})") from error


def _converted(option, value: Any) -> Any:
    """Converts a value to the kind of its flag."""
    if option.kind is list and isinstance(value, str):
        return [x.strip() for x in value.split(",")] if value.strip() else []
    if option.kind is str and isinstance(value, str):
        return os.path.expanduser(value)
    if option.kind is float and isinstance(value, str):
        # YAML 1.1 reads 1e-4 as text, because it has no point.
        try:
            return float(value)
        except ValueError:
            return value
    return value
