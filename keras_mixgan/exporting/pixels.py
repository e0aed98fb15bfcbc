"""Images as bytes: uint8 levels and PNG files, inside a graph."""

import tensorflow as tf

_PNG_CHANNELS = (1, 2, 3, 4)


def levels(images):
    """Maps images in [-1, 1] to the nearest of 256 levels, uint8."""
    rounded = tf.round((images + 1.0) * 127.5)
    return tf.cast(tf.clip_by_value(rounded, 0.0, 255.0), tf.uint8)


def has_png(image_shape: tuple) -> bool:
    """Whether images of this shape, (H, W, C), can be PNG files."""
    return len(image_shape) == 3 and image_shape[-1] in _PNG_CHANNELS


def png(images):
    """Encodes images (N, H, W, C) in [-1, 1] as PNG, string (N,)."""
    return tf.io.encode_png(levels(images))
