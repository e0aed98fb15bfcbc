"""Images and labels from a NumPy archive, `.npz`."""

import pathlib
import zipfile

import numpy as np

from keras_mixgan.data import image_files
from keras_mixgan.utils.errors import UserError


def load_npz(
    path: pathlib.Path,
    image_size: int | None = None,
    crop_size: int | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """Reads an archive with an array `images`, and maybe `labels`.

    Args:
        path: The file, as `numpy.savez` writes it.
        image_size: Height and width to resize to; None keeps them.
        crop_size: Side of the centre crop; None for no crop, or for the
            largest square where `image_size` is given.

    Returns:
        Images uint8 (N, height, width, channels), or points float32
        (N, features); labels int32 (N,), or None. Float images, which must
        lie in [-1, 1], are rounded to 8 bits.

    Raises:
        FileNotFoundError: If the file does not exist.
        ValueError: If it is no such archive, or an array is not as described.
    """
    if not path.exists():
        raise FileNotFoundError(f"`source` is a file that is not there: {path}")
    wanted = "`source` must be a .npz file with an array `images`"
    try:
        if not zipfile.is_zipfile(path):
            raise zipfile.BadZipFile("not a zip file")
        with open(path, "rb") as file, np.load(file) as arrays:
            if "images" not in arrays:
                raise UserError(
                    f"{wanted}. Received: {path} with {sorted(arrays)}"
                )
            images = arrays["images"]
            labels = arrays.get("labels")
    except (zipfile.BadZipFile, EOFError, AttributeError, TypeError) as error:
        raise UserError(
            f"{wanted}. Received: {path}, which is damaged or no archive "
            f"({error})"
        ) from error
    if images.ndim < 2 or len(images) == 0:
        raise UserError(
            "`images` must have shape (N, height, width), (N, height, width, "
            f"channels) or (N, features). Received: shape {images.shape} in "
            f"{path}"
        )
    labels = None if labels is None else _labels(labels, len(images), path)
    if images.ndim == 2:
        if images.dtype.kind != "f" or not np.isfinite(images).all():
            raise UserError(
                "`images` of shape (N, features) must be finite floats. "
                f"Received: {images.dtype} in {path}"
            )
        return images.astype(np.float32), labels
    images = _as_uint8(images, path)
    return (
        image_files.crop_and_resize_all(
            images, image_size, crop_size, str(path)
        ),
        labels,
    )


def _as_uint8(images: np.ndarray, path: pathlib.Path) -> np.ndarray:
    if images.ndim == 3:
        images = images[..., None]
    if images.ndim != 4 or images.shape[-1] not in (1, 3):
        raise UserError(
            "`images` must have 1 or 3 channels, in the last axis. Received: "
            f"shape {images.shape} in {path}"
        )
    if images.dtype == np.uint8:
        return images
    if images.dtype.kind != "f":
        raise UserError(
            "`images` must be uint8 in 0..255, or float in [-1, 1]. Received: "
            f"{images.dtype} in {path}"
        )
    low, high = images.min(), images.max()
    # NaN fails every comparison. Images in [0, 1] would train in a fog.
    if not (-1.004 <= low < 0 and high <= 1.004):
        raise UserError(
            "`images` must be uint8 in 0..255, or float in [-1, 1]. Received: "
            f"floats from {low:g} to {high:g} in {path}"
        )
    return np.clip(np.rint((images + 1) * 127.5), 0, 255).astype(np.uint8)


def _labels(labels: np.ndarray, count: int, path: pathlib.Path) -> np.ndarray:
    if labels.shape == (count, 1):  # As CIFAR-10 often comes.
        labels = labels[:, 0]
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        raise UserError(
            f"`labels` must be integers of shape ({count},), one an image. "
            f"Received: {labels.dtype} {labels.shape} in {path}"
        )
    if labels.min() < 0:
        raise UserError(
            f"`labels` must be at least 0. Received: {labels.min()} in {path}"
        )
    return labels.astype(np.int32)
