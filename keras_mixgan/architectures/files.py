"""Architectures of a user's own, from a Python file."""

import functools
import importlib.util
import os
import pathlib
from typing import Any

from keras_mixgan.utils.errors import UserError

VARIABLE = "ARCHITECTURE"


def is_file(name: str) -> bool:
    """Whether a name is that of a Python file."""
    return name.endswith(".py")


def load(path: str | os.PathLike[str], kind: type) -> Any:
    """Runs a Python file and takes the architecture that it defines.

    Args:
        path: A Python file that sets `ARCHITECTURE`.
        kind: The class of an architecture.

    Returns:
        The architecture. The same file is run once a process.

    Raises:
        UserError: There is no such file, it cannot be run, or does not set
            `ARCHITECTURE` to an architecture.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise UserError(
            "`architecture` must be a name or a Python file that is there. "
            f"Received: architecture={str(path)!r}"
        )
    found = getattr(_run(path.resolve()), VARIABLE, None)
    if not isinstance(found, kind):
        raise UserError(
            f"`architecture` must be a Python file that sets {VARIABLE} to a "
            f"kmg.architectures.Architecture. Received: {path}, where it is "
            f"{type(found).__name__}"
        )
    return found


@functools.cache
def _run(path: pathlib.Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(
            f"`architecture`: {path} ended with {type(error).__name__}: {error}"
        ) from error
    return module
