"""Folders of image files to one uint8 array; crops and resizing.

A folder is read twice: headers first, so that a stray file, a small image or
a mixture of sizes is told within seconds, then the pixels, by threads
(Pillow decodes outside Python's lock).
"""

import concurrent.futures
import functools
import numbers
import os
import pathlib
from collections.abc import Callable
from collections.abc import Iterable
from typing import Any

import numpy as np
import PIL.Image

from keras_mixgan.utils.errors import UserError

_GRAY_MODES = ("1", "L", "LA")
_COLOR_MODES = ("P", "PA", "RGB", "RGBA", "RGBX", "CMYK", "YCbCr", "HSV")


def load_folder(
    folder: pathlib.Path,
    image_size: int | None = None,
    crop_size: int | None = None,
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...] | None]:
    """Reads every image of a folder, or of its class subfolders.

    Args:
        folder: The folder. Hidden files and folders are ignored.
        image_size: Height and width to resize to; None keeps them.
        crop_size: Side of the centre crop; None for the largest square.

    Returns:
        images uint8 (N, size, size, channels), gray (channels 1) if every
        image is gray, else RGB; labels int32 (N,) and the class names, or
        None and None where there are no subfolders.

    Raises:
        FileNotFoundError: If there is no such folder.
        ValueError: If the folder is a file or empty, mixes images and
            subfolders, or if a file is not a whole 8-bit image, is smaller
            than the crop, or differs in size from the others while
            `image_size` is None. The message names the file.
    """
    paths, labels, names = _list_images(folder)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        headers = list(pool.map(_read_header, paths))
        size = _common_size(paths, headers, image_size, crop_size)
        is_gray = all(mode in _GRAY_MODES for mode, _ in headers)
        mode = "L" if is_gray else "RGB"
        images = np.empty((len(paths), size, size, len(mode)), np.uint8)

        def decode(index: int) -> None:
            images[index] = _decode(paths[index], mode, size, crop_size)

        for _ in pool.map(decode, range(len(paths))):
            pass  # Draining the map raises the first error.
    return images, labels, names


def crop_and_resize_all(
    images: Iterable[np.ndarray],
    image_size: int | None,
    crop_size: int | None,
    name: str,
) -> np.ndarray:
    """Crops and resizes decoded images that may differ in size.

    Args:
        images: uint8 array (N, height, width, channels), or an iterable of
            uint8 (height, width, channels).
        image_size: Height and width to resize to; None keeps them.
        crop_size: Side of the centre crop; None for no crop, or for the
            largest square where `image_size` is given.
        name: What to call the images in messages.

    Returns:
        uint8 (N, height, width, channels).

    Raises:
        ValueError: If an image is smaller than the crop, or images differ
            in size while `image_size` is None.
    """
    if image_size is None and crop_size is None:
        if isinstance(images, np.ndarray):
            return images
        finish: Callable[[np.ndarray, str], np.ndarray] = _as_it_is
    else:
        finish = functools.partial(
            _crop_and_resize, image_size=image_size, crop_size=crop_size
        )
    finished: list[np.ndarray] = []
    for index, image in enumerate(images):
        where = f"{name}, image {index}"
        finished.append(finish(image, where))
        if finished[-1].shape != finished[0].shape:
            raise UserError(
                f"`image_size` must be given where images differ in size: "
                f"{name}, image 0 is {finished[0].shape}, {where} is "
                f"{finished[-1].shape}."
            )
    return np.stack(finished)


def check_size(argument: str, value: Any) -> None:
    """Checks an optional size in pixels.

    Args:
        argument: Name of the argument, for the message.
        value: What the caller passed.

    Raises:
        ValueError: If `value` is neither None nor a positive integer.
    """
    if value is None:
        return
    is_integer = isinstance(value, numbers.Integral)
    if not is_integer or isinstance(value, bool) or value < 1:
        raise UserError(
            f"`{argument}` must be a positive integer or None, got {value!r}."
        )


def _list_images(
    folder: pathlib.Path,
) -> tuple[list[pathlib.Path], np.ndarray | None, tuple[str, ...] | None]:
    if not folder.exists():
        raise FileNotFoundError(
            f"`source` is a folder that is not there: {folder}"
        )
    if not folder.is_dir():
        raise UserError(f"`source` must be a folder, got the file {folder}.")
    entries = _visible(folder)
    if not entries:
        raise UserError(f"`source` is an empty folder: {folder}")
    classes = [entry for entry in entries if entry.is_dir()]
    if not classes:
        return entries, None, None
    if len(classes) < len(entries):
        stray = next(entry for entry in entries if not entry.is_dir())
        raise UserError(
            f"`source` must hold either images or one folder a class, got "
            f"the file {stray} beside the folder {classes[0]}."
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


def _open(path: pathlib.Path) -> PIL.Image.Image:
    try:
        return PIL.Image.open(path)
    except (
        PIL.UnidentifiedImageError,
        PIL.Image.DecompressionBombError,
        SyntaxError,  # Pillow's for a broken header of some formats.
    ) as error:
        raise UserError(
            f"`source` holds a file that is no image: {path} ({error})"
        ) from error


def _read_header(path: pathlib.Path) -> tuple[str, tuple[int, int]]:
    with _open(path) as image:
        if image.mode not in _GRAY_MODES + _COLOR_MODES:
            raise UserError(
                f"`source` must hold images of 8 bits a channel, got mode "
                f"{image.mode!r} in {path}."
            )
        return image.mode, image.size


def _common_size(
    paths: list[pathlib.Path],
    headers: list[tuple[str, tuple[int, int]]],
    image_size: int | None,
    crop_size: int | None,
) -> int:
    """Side that all images end with, after a check of each."""
    sides = [
        _crop_side(width, height, crop_size, path)
        for path, (_, (width, height)) in zip(paths, headers, strict=True)
    ]
    if image_size is not None:
        return image_size
    for path, side in zip(paths, sides, strict=True):
        if side != sides[0]:
            raise UserError(
                "`image_size` must be given where images differ in size: "
                f"{paths[0]} is cropped to {sides[0]} pixels, {path} to "
                f"{side}."
            )
    return sides[0]


def _decode(
    path: pathlib.Path, mode: str, image_size: int, crop_size: int | None
) -> np.ndarray:
    try:
        with _open(path) as image:
            pixels = np.asarray(image.convert(mode))
    except (OSError, SyntaxError) as error:
        raise UserError(
            f"`source` holds a damaged or truncated image: {path} ({error})"
        ) from error
    pixels = pixels.reshape(*pixels.shape[:2], -1)
    return _crop_and_resize(
        pixels, str(path), image_size=image_size, crop_size=crop_size
    )


def _as_it_is(image: np.ndarray, where: str) -> np.ndarray:
    del where  # Nothing can go wrong that would name it.
    return image


def _crop_side(
    width: int, height: int, crop_size: int | None, where: object
) -> int:
    if crop_size is None:
        return min(width, height)
    if crop_size > min(width, height):
        raise UserError(
            f"`crop_size` must be at most the smaller side of every image, "
            f"got {crop_size} for {where}, {width} x {height} pixels."
        )
    return crop_size


def _crop_and_resize(
    image: np.ndarray,
    where: str,
    *,
    image_size: int | None,
    crop_size: int | None,
) -> np.ndarray:
    """uint8 (height, width, channels) to uint8 (size, size, channels)."""
    height, width, channels = image.shape
    side = _crop_side(width, height, crop_size, where)
    top, left = (height - side) // 2, (width - side) // 2
    image = image[top : top + side, left : left + side]
    if image_size is None or image_size == side:
        return image
    # Pillow's filters widen when they shrink an image, so nothing aliases
    # (Parmar et al., arXiv:2104.11222). Bicubic rings less than Lanczos at
    # the hard edges of digits.
    resized = PIL.Image.fromarray(
        image[..., 0] if channels == 1 else image
    ).resize((image_size, image_size), PIL.Image.Resampling.BICUBIC)
    return np.asarray(resized).reshape(image_size, image_size, channels)
