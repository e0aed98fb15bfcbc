"""Images and labels from a NumPy archive, `.npz`.

The header of a member is checked before its data are read, so that a small file
cannot claim more memory than there is.
"""

import contextlib
import lzma
import math
import pathlib
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

import numpy as np

from keras_mixgan.data import crops
from keras_mixgan.utils import memory
from keras_mixgan.utils import pixels
from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.errors import first_line

# Of few images; of many, as many as there are images.
MOST_CLASSES = 1000
_WANTED = "`source` must be a .npz file with an array `images`"


def load_npz(
    path: pathlib.Path,
    image_size: int | None = None,
    crop_size: int | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Reads an archive with an array `images`, and maybe `labels`.

    Images are uint8 (N, height, width, channels), cropped and resized as by
    `crops.crop_and_resize_all`; points are float32 (N, features). Labels
    are int32 (N,), or None. Float images, which must lie in [-1, 1], are
    rounded to 8 bits. Arrays must fit into half of the machine's memory.
    """
    if not path.exists():
        raise FileNotFoundError(f"`source` is a file that is not there: {path}")
    if not path.is_file():
        raise UserError(f"{_WANTED}. Received: {path}, which is no file")
    with open(path, "rb") as file, _errors_of(path):
        archive = zipfile.ZipFile(file)
        images = _read_images(archive, path)
        labels = None
        if "labels.npy" in archive.namelist():
            labels = _read_labels(archive, len(images), path)
    if images.ndim == 2:
        refuse_sizes(str(path), image_size, crop_size)
        if not (np.abs(images) <= 1).all():
            raise UserError(
                "`images` of shape (N, features) must be floats in [-1, 1]. "
                f"Received: {path} with values from {images.min():g} to "
                f"{images.max():g}"
            )
        return images.astype(np.float32, copy=False), labels
    images = _as_uint8(images, path)
    return (
        crops.crop_and_resize_all(images, image_size, crop_size, str(path)),
        labels,
    )


def refuse_sizes(
    name: str, image_size: int | None, crop_size: int | None
) -> None:
    """Refuses sizes of images for a source of points."""
    for argument, value in (
        ("image_size", image_size),
        ("crop_size", crop_size),
    ):
        if value is not None:
            raise UserError(
                f"`{argument}` must be None for points ({name!r}). "
                f"Received: {argument}={value!r}"
            )


def check_labels(
    labels: np.ndarray, num_classes: int, where: object, least: int = 0
) -> None:
    """Checks labels (N,) before they are cast to int32.

    They lie in [least, num_classes), where `num_classes` may be the most there
    can be. An error has the number of the row, and `where` they come from.
    """
    bad = np.flatnonzero((labels < least) | (labels >= num_classes))
    if len(bad):
        raise UserError(
            f"`labels` must lie in [{least}, {num_classes}). Received: "
            f"{labels[bad[0]]} in row {bad[0]} of {where}"
        )


@contextlib.contextmanager
def _errors_of(path: pathlib.Path) -> Iterator[None]:
    """Turns the errors of a damaged archive into one that names the file."""
    try:
        yield
    except (
        zipfile.BadZipFile,
        zlib.error,
        lzma.LZMAError,
        EOFError,
        OSError,  # From bzip2, or from the disk.
        RuntimeError,  # From an encrypted member.
        NotImplementedError,  # From a compression that Python does not know.
        UnicodeError,
        OverflowError,
        MemoryError,  # From the parser, for a header of many brackets.
        SyntaxError,
    ) as error:
        raise UserError(
            f"{_WANTED}. Received: {path}, which is damaged or no archive "
            f"({first_line(error)})"
        ) from error


def _read_images(archive: zipfile.ZipFile, path: pathlib.Path) -> np.ndarray:
    """The array `images` as stored, after a check of its shape and type."""
    if "images.npy" not in archive.namelist():
        names = sorted(n.removesuffix(".npy") for n in archive.namelist())
        raise UserError(f"{_WANTED}. Received: {path} with {names}")
    with archive.open("images.npy") as file:
        shape, dtype = _header(archive, "images", file, path)
        if not 2 <= len(shape) <= 4 or 0 in shape:
            raise UserError(
                "`images` must have shape (N, height, width), (N, height, "
                "width, channels) or (N, features). Received: shape "
                f"{shape} in {path}"
            )
        if len(shape) == 2 and dtype.kind != "f":
            raise UserError(
                "`images` of shape (N, features) must be finite floats. "
                f"Received: {dtype} in {path}"
            )
        if len(shape) == 4 and shape[-1] not in (1, 3):
            raise UserError(
                "`images` must have 1 or 3 channels, in the last axis. "
                f"Received: shape {shape} in {path}"
            )
        if dtype != np.uint8 and dtype.kind != "f":
            raise UserError(
                "`images` must be uint8 in 0..255, or float in [-1, 1]. "
                f"Received: {dtype} in {path}"
            )
    return _read(archive, "images")


def _read_labels(
    archive: zipfile.ZipFile, count: int, path: pathlib.Path
) -> np.ndarray:
    """The array `labels` as int32 (count,)."""
    with archive.open("labels.npy") as file:
        shape, dtype = _header(archive, "labels", file, path)
    # Labels of CIFAR-10 often have the second axis.
    if shape not in ((count,), (count, 1)) or dtype.kind not in "iu":
        raise UserError(
            f"`labels` must be integers of shape ({count},), one per image. "
            f"Received: {dtype} {shape} in {path}"
        )
    labels = _read(archive, "labels").reshape(count)
    check_labels(labels, max(count, MOST_CLASSES), path)
    return labels.astype(np.int32)


def _header(
    archive: zipfile.ZipFile, name: str, file: IO[bytes], path: pathlib.Path
) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of a member, after a check that its size fits them."""
    try:
        version = np.lib.format.read_magic(file)
        reader = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[version]
        shape, _, dtype = reader(file)
    # A header is a Python literal, and parsing it may raise all of these.
    except (
        ValueError,
        KeyError,
        TypeError,
        RecursionError,
        tokenize.TokenError,
    ) as error:
        raise UserError(
            f"`{name}` must be an array. Received: {path}, where it is not "
            f"({first_line(error)})"
        ) from error
    if dtype.hasobject:
        raise UserError(
            f"`{name}` must be an array of numbers. Received: Python objects "
            f"in {path}, which are never read"
        )
    size = math.prod(shape) * dtype.itemsize
    held = archive.getinfo(f"{name}.npy").file_size - file.tell()
    memory.check_fits("source", max(size, held), f"`{name}` in {path}")
    if size != held or min(shape, default=0) < 0:
        raise UserError(
            f"`{name}` must be a whole array. Received: {path}, with "
            f"{held} bytes for {dtype} {shape}"
        )
    return shape, dtype


def _read(archive: zipfile.ZipFile, name: str) -> np.ndarray:
    with archive.open(f"{name}.npy") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _as_uint8(images: np.ndarray, path: pathlib.Path) -> np.ndarray:
    """Images uint8 (N, height, width, channels) from uint8 or floats."""
    if images.ndim == 3:
        images = images[..., None]
    if images.dtype == np.uint8:
        return images
    low, high = images.min(), images.max()
    # `not`, since NaN fails every comparison.
    if not (-1.004 <= low < 0 and high <= 1.004):
        unit = low >= 0 and high <= 1
        remedy = ". Save 2 * images - 1 in place of images" if unit else ""
        raise UserError(
            "`images` must be uint8 in 0..255, or float in [-1, 1]. Received: "
            f"floats from {low:g} to {high:g} in {path}{remedy}"
        )
    levels = np.empty(images.shape, np.uint8)
    # In parts, since 64-bit floats take eight times the memory.
    for start in range(0, len(images), 1024):
        part = slice(start, start + 1024)
        levels[part] = pixels.to_levels(images[part])
    return levels
