"""Folders of image files to one uint8 array.

A folder is read twice: first the headers, so that a stray file, a small image
or differing sizes are reported within seconds; then the pixels, in threads
(Pillow decodes outside Python's lock). Only regular files are opened, and only
by decoders of plain raster formats: Pillow also knows EPS, for which it runs
Ghostscript.
"""

import collections
import concurrent.futures
import contextlib
import math
import os
import pathlib
import struct
import zlib
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Iterator
from typing import Any

import numpy as np
import PIL.Image

from keras_mixgan.data import crops
from keras_mixgan.utils import memory
from keras_mixgan.utils.errors import UserError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
# Pillow warns of a decompression bomb above this: 256 MiB of 8-bit RGB.
MAX_PIXELS = 1024 * 1024 * 1024 // 4 // 3
# Modes and sizes of images, by number.
_Headers = dict[int, tuple[str, tuple[int, int]]]
_GRAY_MODES = ("1", "L", "LA")
_COLOR_MODES = ("P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV")


class BadImageError(UserError):
    """A file is not a whole 8-bit image; the message names it."""


def load_folder(
    folder: pathlib.Path,
    image_size: int | None = None,
    crop_size: int | None = None,
    skip_bad_images: bool = False,
) -> tuple[
    np.ndarray, np.ndarray | None, tuple[str, ...] | None, tuple[str, ...]
]:
    """Reads every image of a folder, or of its class subfolders.

    Returns images uint8 (N, size, size, channels), gray if every image is gray,
    else RGB; labels int32 (N,) and the names of classes, both None without
    subfolders; and a line per file that is left out.

    Hidden files are ignored. Without `crop_size`, images are cropped to the
    largest square; without `image_size`, they are not resized. An error names
    the file that is not a whole 8-bit image (`skip_bad_images` leaves such
    files out instead), is smaller than the crop, or differs in size from the
    others while `image_size` is None. The images must fit into half of the
    machine's memory.
    """
    paths, labels, names = _list_images(folder)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        files = _Files(paths, skip_bad_images, pool)
        headers = files.read(range(len(paths)), _read_header)
        if skip_bad_images:
            # A damaged file must not decide the size of the others.
            files.read(_misfits(headers, image_size, crop_size), _load)
            headers = files.left(headers)
        _check_left(folder, headers, labels, names)
        size = _common_size(paths, headers, image_size, crop_size)
        mode = "L" if _all_gray(headers) else "RGB"
        shape = (len(paths), size, size, len(mode))
        memory.check_fits(
            "source", math.prod(shape), f"{len(paths)} images of {folder}"
        )
        images = np.empty(shape, np.uint8)
        places = dict(zip(paths, images, strict=True))

        def decode(path: pathlib.Path) -> None:
            places[path][:] = _decode(path, mode, size, crop_size)

        files.read(headers, decode)
    headers = files.left(headers)
    _check_left(folder, headers, labels, names)
    if files.skipped:
        left = list(headers)
        # Where the only files with colours are left out, so are the colours.
        channels = 1 if _all_gray(headers) else len(mode)
        images = images[left][..., :channels]
        labels = None if labels is None else labels[left]
    lines = tuple(files.skipped[i] for i in sorted(files.skipped))
    return images, labels, names, lines


class _Files:
    """Files that are read in threads, and which of them are no whole images.

    Attributes:
        skipped: By number, what is wrong with a file that is left out.
    """

    def __init__(
        self,
        paths: list[pathlib.Path],
        skip: bool,
        pool: concurrent.futures.Executor,
    ):
        self.skipped: dict[int, str] = {}
        self._paths, self._skip, self._pool = paths, skip, pool

    def read(
        self, numbers: Iterable[int], function: Callable[[pathlib.Path], Any]
    ) -> dict[int, Any]:
        """What a function of a path returns, by number, of whole images."""

        def one(number: int) -> Any:
            try:
                return function(self._paths[number])
            except BadImageError as error:
                if not self._skip:
                    raise
                self.skipped[number] = str(error).removesuffix(f" {_CURE}")
                return None

        numbers = list(numbers)
        found = dict(zip(numbers, self._pool.map(one, numbers), strict=True))
        return self.left(found)

    def left(self, found: dict[int, Any]) -> dict[int, Any]:
        """Those of these numbers that are not skipped."""
        return {i: x for i, x in found.items() if i not in self.skipped}


def _list_images(
    folder: pathlib.Path,
) -> tuple[list[pathlib.Path], np.ndarray | None, tuple[str, ...] | None]:
    if not folder.exists():
        raise FileNotFoundError(
            f"`source` is a folder that is not there: {folder}"
        )
    if not folder.is_dir():
        raise UserError(
            f"`source` must be a folder. Received: the file {folder}"
        )
    entries = _visible(folder)
    if not entries:
        raise UserError(f"`source` is an empty folder: {folder}")
    classes = [entry for entry in entries if entry.is_dir()]
    if not classes:
        return entries, None, None
    if len(classes) < len(entries):
        stray = next(entry for entry in entries if not entry.is_dir())
        raise UserError(
            "`source` must hold either images or one folder per class. "
            f"Received: the file {stray} beside the folder {classes[0]}. Move "
            "the file into a class, or elsewhere"
        )
    paths: list[pathlib.Path] = []
    labels: list[int] = []
    for label, class_folder in enumerate(classes):
        files = _visible(class_folder)
        if not files:
            raise UserError(
                f"`source` has an empty class folder: {class_folder}"
            )
        for file in files:
            if file.is_dir():
                raise UserError(
                    f"`source` has a folder within a class folder: {file}"
                )
        paths.extend(files)
        labels.extend([label] * len(files))
    names = tuple(class_folder.name for class_folder in classes)
    return paths, np.asarray(labels, np.int32), names


def _visible(folder: pathlib.Path) -> list[pathlib.Path]:
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries]
    return [folder / name for name in sorted(names) if name[0] != "."]


def _check_left(
    folder: pathlib.Path,
    indices: Iterable[int],
    labels: np.ndarray | None,
    names: tuple[str, ...] | None,
) -> None:
    """Checks that images are left, of every class, without the skipped ones."""
    indices = list(indices)
    if not indices:
        raise UserError(
            f"`source` must hold images. Received: {folder}, with no intact one"
        )
    if labels is None:
        return
    empty = set(range(len(names))) - set(labels[indices].tolist())
    if empty:
        raise UserError(
            "`source` must hold images of every class. Received: "
            f"{folder / names[min(empty)]}, with no intact one"
        )


_CURE = (
    "`train --skip_bad_images` and `load_source(..., skip_bad_images=True)` "
    "leave such files out."
)


@contextlib.contextmanager
def _opened(path: pathlib.Path) -> Iterator[PIL.Image.Image]:
    """Opens an image; errors within the block name its file."""
    if not path.is_file():
        raise BadImageError(
            "`source` must hold regular files, no broken link, pipe, socket "
            f"or device. Received: {path}"
        )
    PIL.Image.init()
    known = tuple(f for f in FORMATS if f in PIL.Image.OPEN)
    try:
        with PIL.Image.open(path, formats=known) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise BadImageError(
                    f"`source` must hold images of at most {MAX_PIXELS:,} "
                    f"pixels. Received: {path}, {width} x {height} pixels"
                )
            yield image
    except (UserError, PermissionError, FileNotFoundError):
        raise
    except (
        PIL.Image.DecompressionBombError,
        PIL.Image.DecompressionBombWarning,  # Where warnings are errors.
    ) as error:
        raise BadImageError(
            f"`source` must hold images of at most {MAX_PIXELS:,} pixels. "
            f"Received: {path} ({error})"
        ) from error
    except PIL.UnidentifiedImageError as error:
        raise BadImageError(
            f"`source` holds a file that is no image: {path} (it must be "
            f"one of {', '.join(known)}). {_CURE}"
        ) from error
    except (
        OSError,
        SyntaxError,  # From Pillow, for a broken header of some formats.
        ValueError,  # From a number in a header, such as PPM's.
        EOFError,
        IndexError,
        KeyError,
        TypeError,
        OverflowError,
        struct.error,
        zlib.error,
    ) as error:
        raise BadImageError(
            f"`source` holds a damaged or truncated image: {path} ({error}). "
            f"{_CURE}"
        ) from error


def _read_header(path: pathlib.Path) -> tuple[str, tuple[int, int]]:
    with _opened(path) as image:
        if image.mode not in _GRAY_MODES + _COLOR_MODES:
            raise BadImageError(
                "`source` must hold images of 8 bits per channel. Received: "
                f"mode {image.mode!r} in {path}"
            )
        return _mode_of(image), image.size


def _mode_of(image: PIL.Image.Image) -> str:
    """The mode; "L" where a palette, such as a GIF's, has grays alone."""
    if image.mode == "P" and "transparency" not in image.info:
        palette = np.reshape(image.getpalette("RGB"), (-1, 3))
        if (palette == palette[:, :1]).all():
            return "L"
    return image.mode


def _load(path: pathlib.Path) -> None:
    """Raises a `BadImageError` unless the whole image can be decoded."""
    with _opened(path) as image:
        image.load()


def _all_gray(headers: _Headers) -> bool:
    return all(mode in _GRAY_MODES for mode, _ in headers.values())


def _misfits(
    headers: _Headers, image_size: int | None, crop_size: int | None
) -> list[int]:
    """Numbers of images smaller than the crop, or unlike most in size."""
    sides = {i: min(size) for i, (_, size) in headers.items()}
    if crop_size is not None:
        return [i for i, side in sides.items() if side < crop_size]
    if image_size is not None or not sides:
        return []
    ((usual, _),) = collections.Counter(sides.values()).most_common(1)
    return [i for i, side in sides.items() if side != usual]


def _common_size(
    paths: list[pathlib.Path],
    headers: _Headers,
    image_size: int | None,
    crop_size: int | None,
) -> int:
    """Checks all images; returns the side that all of them will have."""
    sides = {
        paths[i]: crops.crop_side(*size, crop_size, paths[i])
        for i, (_, size) in headers.items()
    }
    if image_size is not None:
        return image_size
    first, common = next(iter(sides.items()))
    for path, side in sides.items():
        if side != common:
            raise UserError(
                "`image_size` must be given where images differ in size: "
                f"{first} is cropped to {common} pixels, {path} to {side}."
            )
    return common


def _decode(
    path: pathlib.Path, mode: str, image_size: int, crop_size: int | None
) -> np.ndarray:
    with _opened(path) as image:
        pixels = np.asarray(image.convert(mode))
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return crops.crop_and_resize(
        pixels, str(path), image_size=image_size, crop_size=crop_size
    )
