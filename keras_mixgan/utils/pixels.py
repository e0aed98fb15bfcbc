"""8-bit levels to floats in [-1, 1], and back."""

import numpy as np


def to_floats(levels):
    """Maps the levels 0..255 to [-1, 1], exactly at both ends.

    A uint8 array, or a tensor of the backend, gives float32 of its kind.

    Example:
    >>> to_floats(np.array([0, 255], "uint8")).tolist()
    [-1.0, 1.0]
    """
    if hasattr(levels, "astype"):  # NumPy's and JAX's arrays keep their kind.
        floats = levels.astype("float32")
    else:
        import keras  # Deferred: arrays need no backend.

        floats = keras.ops.cast(levels, "float32")
    return floats / np.float32(127.5) - np.float32(1)


def to_levels(images) -> np.ndarray:
    """Maps [-1, 1] to the nearest of the levels 0..255; clips other values.

    The levels are uint8. `to_levels(to_floats(levels))` gives `levels` back.

    Example:
    >>> to_levels(np.array([-1.0, 1.0])).tolist()
    [0, 255]
    """
    levels = (np.asarray(images, "float64") + 1.0) * 127.5
    return np.clip(np.rint(levels), 0, 255).astype("uint8")


def has_png(image_shape: tuple) -> bool:
    """Whether images of this shape, (H, W, C), can be PNG files.

    Example:
    >>> has_png((28, 28, 1)), has_png((16, 16, 16, 1))
    (True, False)
    """
    return len(image_shape) == 3 and image_shape[-1] in (1, 2, 3, 4)
