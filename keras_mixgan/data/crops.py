"""Centre crops of images, and their resizing."""

from collections.abc import Iterable

import numpy as np
import PIL.Image

from keras_mixgan.utils import memory
from keras_mixgan.utils.errors import UserError


def crop_and_resize_all(
    images: Iterable[np.ndarray],
    image_size: int | None,
    crop_size: int | None,
    name: str,
    count: int | None = None,
) -> np.ndarray:
    """Crops and resizes decoded images that may differ in size.

    The result is uint8 (N, height, width, channels). It must have one size, and
    fit into half of the machine's memory. `images` is such an array, or an
    iterable of N=`count` images. Without `crop_size` they are cropped to the
    largest square if `image_size` is given, else not at all. Messages call them
    `name`.
    """
    changes = (image_size, crop_size) != (None, None)
    if isinstance(images, np.ndarray):
        if not changes:
            return images
        count = len(images)
    finished: list[np.ndarray] = []
    for index, image in enumerate(images):
        where = f"{name}, image {index}"
        if changes:
            image = crop_and_resize(
                image, where, image_size=image_size, crop_size=crop_size
            )
        finished.append(image)
        if index == 0 and count is not None:
            shape = "x".join(map(str, finished[0].shape))
            memory.check_fits(
                "source",
                count * finished[0].nbytes,
                f"{name}, {count:,} images of {shape}",
            )
        if finished[-1].shape != finished[0].shape:
            raise UserError(
                f"`image_size` must be given where images differ in size: "
                f"{name}, image 0 is {finished[0].shape}, {where} is "
                f"{finished[-1].shape}."
            )
    return np.stack(finished)


def crop_side(
    width: int, height: int, crop_size: int | None, where: object
) -> int:
    """The side of the square to crop; an error names the image `where`."""
    if crop_size is None:
        return min(width, height)
    if crop_size > min(width, height):
        raise UserError(
            "`crop_size` must be at most the smaller side of every image. "
            f"Received: crop_size={crop_size} for {where}, {width} x {height} "
            "pixels"
        )
    return crop_size


def crop_and_resize(
    image: np.ndarray,
    where: str,
    *,
    image_size: int | None,
    crop_size: int | None,
) -> np.ndarray:
    """uint8 (height, width, channels) to uint8 (size, size, channels)."""
    height, width, channels = image.shape
    side = crop_side(width, height, crop_size, where)
    top, left = (height - side) // 2, (width - side) // 2
    image = image[top : top + side, left : left + side]
    if image_size is None or image_size == side:
        # A view would keep the whole image, or its batch, in memory.
        return image.copy()
    # Pillow's filters widen when they shrink an image, so nothing aliases
    # (Parmar et al., arXiv:2104.11222). Bicubic rings less than Lanczos at
    # the hard edges of digits.
    resized = PIL.Image.fromarray(
        image[..., 0] if channels == 1 else image
    ).resize((image_size, image_size), PIL.Image.Resampling.BICUBIC)
    return np.asarray(resized).reshape(image_size, image_size, channels)
