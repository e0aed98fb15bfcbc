"""SHA-256 of the files of presets.

The hashes in a preset show damage, not forgery, since they lie beside the files
that they protect. Those of the zoo are part of this package.
"""

import hashlib
import json
import os
import pathlib

from keras_mixgan.utils import atomic
from keras_mixgan.utils import json_files
from keras_mixgan.utils.errors import UserError

FORMAT = 1
ZOO = pathlib.Path(__file__).with_name("zoo_hashes.json")


def sha256(path: str | os.PathLike[str]) -> str:
    """Returns a file's SHA-256 in hexadecimal.

    Raises:
        OSError: The file cannot be read.
    """
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def check(path: pathlib.Path, expected: str | None, source: str) -> None:
    """Checks a file against its hash.

    Args:
        path: The file.
        expected: Its SHA-256.
        source: The file that `expected` comes from, for the error.

    Raises:
        OSError: The file is missing, or cannot be read.
        ValueError: Its hash differs.
    """
    if not path.is_file():
        raise FileNotFoundError(f"A preset's file is missing: {path}")
    actual = sha256(path)
    if actual != expected:
        raise UserError(
            f"{path} is damaged: its SHA-256 is {actual}, that in {source} is "
            f"{expected}. Get the preset again."
        )


def of_zoo(name: str) -> dict[str, str]:
    """The hashes of a preset of the zoo, which this package holds.

    Args:
        name: A name in the zoo.

    Returns:
        SHA-256 by file name; empty if the package has none.
    """
    return json_files.read(ZOO, FORMAT, "presets")["presets"].get(name, {})


def write_zoo(folders: list[pathlib.Path]) -> None:
    """Writes the hashes of the zoo into this package.

    Args:
        folders: All presets of the zoo.

    Raises:
        OSError: A file cannot be read or written.
    """
    presets = {
        folder.name: {
            file.name: sha256(file) for file in sorted(folder.iterdir())
        }
        for folder in sorted(folders)
    }
    content = {"format": FORMAT, "presets": presets}
    with atomic.replacing(ZOO) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n")
