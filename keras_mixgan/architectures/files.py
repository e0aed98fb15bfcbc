"""Users' architectures, from Python files."""

import functools
import importlib.util
import os
import pathlib
import sys
import zlib

from keras_mixgan.architectures.architecture import Architecture
from keras_mixgan.utils.errors import UserError

VARIABLE = "ARCHITECTURE"


def load(path: str | os.PathLike[str]) -> Architecture:
    """Runs a Python file and returns the architecture that it defines.

    Anything but an `Architecture` in `ARCHITECTURE` is a UserError. A process
    runs the same file once.
    """
    path = pathlib.Path(path)
    if not path.is_file():
        raise UserError(
            "`architecture` must be a name or an existing Python file. "
            f"Received: architecture={str(path)!r}"
        )
    architecture = getattr(_run(path.resolve()), VARIABLE, None)
    if not isinstance(architecture, Architecture):
        raise UserError(
            f"`architecture` must be a Python file that sets {VARIABLE} to a "
            f"kmg.architectures.Architecture. Received: {path}, where it is "
            f"{type(architecture).__name__}"
        )
    return architecture


@functools.cache
def _run(path: pathlib.Path):
    # A name that no other module has; dataclasses look their module up.
    name = f"keras_mixgan_file.{path.stem}.{zlib.crc32(bytes(path)):08x}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise UserError(
            f"`architecture`: {path} ended with {type(error).__name__}: {error}"
        ) from error
    return module
