"""SHA-256 of the files of presets.

The hashes in a preset show damage, not forgery, since they lie beside the files
that they protect. Those of the zoo are part of this package.
"""

import hashlib
import os
import pathlib

from keras_mixgan.utils import json_files
from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.errors import printable

FORMAT = 1
ZOO = pathlib.Path(__file__).with_name("zoo_hashes.json")


def sha256(path: str | os.PathLike[str]) -> str:
    """Returns a file's SHA-256 in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check(path: pathlib.Path, expected: str | None, source: str) -> None:
    """Checks a file against its SHA-256.

    `source` is the file that `expected` comes from, for the error.
    """
    if not path.is_file():
        raise FileNotFoundError(f"A preset's file is missing: {path}")
    actual = sha256(path)
    if actual != expected:
        raise UserError(
            f"{path} is damaged: its SHA-256 is {actual}, that in {source} is "
            f"{printable(expected, 100)}. Get the preset again."
        )


def of_zoo(name: str) -> dict[str, str]:
    """SHA-256 by file name of a preset of the zoo; empty if not known."""
    return json_files.read(ZOO, FORMAT, "presets")["presets"].get(name, {})
