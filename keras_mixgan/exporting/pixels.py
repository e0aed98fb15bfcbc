"""Images as uint8 levels, inside a graph."""

import tensorflow as tf


def levels(images):
    """Maps images in [-1, 1] to the nearest of 256 levels, uint8."""
    rounded = tf.round((images + 1.0) * 127.5)
    return tf.cast(tf.clip_by_value(rounded, 0.0, 255.0), tf.uint8)
