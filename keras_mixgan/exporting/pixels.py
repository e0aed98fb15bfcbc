"""Images as bytes: uint8 levels and PNG files, inside a graph."""

import tensorflow as tf


def levels(images):
    """Maps images in [-1, 1] to the nearest of 256 levels, uint8."""
    rounded = tf.round((images + 1.0) * 127.5)
    return tf.cast(tf.clip_by_value(rounded, 0.0, 255.0), tf.uint8)


def png(images):
    """Encodes images (N, H, W, C) in [-1, 1] as PNG, string (N,)."""
    return tf.io.encode_png(levels(images))
