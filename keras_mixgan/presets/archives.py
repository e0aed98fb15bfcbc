"""Checks `.keras` files before Keras opens them."""

import io
import lzma
import os
import pathlib
import zipfile
import zlib

from keras_mixgan.presets import allowed
from keras_mixgan.presets import hdf5
from keras_mixgan.presets import sizes
from keras_mixgan.utils import json_files
from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.errors import printable

CONFIG = "config.json"
WEIGHTS = "model.weights.h5"
_MEMBERS = (CONFIG, "metadata.json", WEIGHTS)
# Keras does not compress. Weights that somebody compressed shrink by a tenth;
# what unpacks to a hundred times its size holds no weights.
_MAX_RATIO = 100
_FLOOR = 2**20
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    NotImplementedError,
    UnicodeError,
)


def check(
    path: str | os.PathLike[str], name: str = "path", compiled: bool = True
) -> str:
    """Checks that a `.keras` file is whole and has no code or references.

    `name` is what errors call it. Unless `compiled`, its `compile` arguments
    will not be loaded, and may hold the user's own losses and metrics. Returns
    the name of the model's class.
    """
    path = pathlib.Path(path)
    if path.exists() and not path.is_file():
        raise UserError(f"`{name}` must be a regular file. Received: {path}")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path)
            # Reads everything, and compares its checksums.
            bad = archive.testzip()
            if bad is not None:
                raise zipfile.BadZipFile(f"{bad} in it is damaged")
            elements = _check_weights(archive, f"{WEIGHTS} in {path}")
            content = archive.read(CONFIG)
    except _DAMAGED as error:
        raise UserError(
            f"{path} is damaged or truncated ({str(error)[:200]})"
        ) from error
    source = f"{CONFIG} in {path}"
    config = json_files.parse(content, source)
    if not isinstance(config, dict) or "class_name" not in config:
        raise UserError(f"{source} is damaged: it must describe a model")
    if not compiled:
        config.pop("compile_config", None)
    allowed.check(config, source)
    sizes.check(config, source, elements)
    return printable(config["class_name"])


def _check_members(archive: zipfile.ZipFile, path: pathlib.Path) -> None:
    members = archive.infolist()
    if sorted(member.filename for member in members) != list(_MEMBERS):
        names = ", ".join(ascii(member.filename) for member in members)
        raise UserError(
            f"{path} must hold {', '.join(_MEMBERS)}, once each. Received: "
            f"{names[:200] or 'nothing'}"
        )
    for member in members:
        name = member.filename
        if member.flag_bits & 1:
            raise UserError(
                f"{path} must not be encrypted. Received: an encrypted {name}"
            )
        if not member.file_size:
            raise UserError(f"{path} is damaged: {name} in it is empty")
        if member.file_size > _FLOOR + _MAX_RATIO * member.compress_size:
            raise UserError(
                f"{path} must not unpack to more than {_MAX_RATIO} times its "
                f"size. Received: {name} of {member.file_size:,} bytes, packed "
                f"in {member.compress_size:,}"
            )
        if name != WEIGHTS and member.file_size > json_files.MAX_BYTES:
            raise UserError(
                f"{name} in {path} must have at most {json_files.MAX_BYTES:,} "
                f"bytes. Received: {member.file_size:,}"
            )


def _check_weights(archive: zipfile.ZipFile, source: str) -> int:
    with archive.open(WEIGHTS) as file:
        if archive.getinfo(WEIGHTS).compress_type == zipfile.ZIP_STORED:
            return hdf5.check(file, source)
        # Seeking in a compressed member would unpack it again each time.
        return hdf5.check(io.BytesIO(file.read()), source)
