"""Random draws inside a graph: stateless, functions of the seed alone.

Philox is named because TensorFlow's default depends on the device.
"""

import tensorflow as tf

from keras_mixgan.exporting import checks

# Streams of a seed that are independent of each other.
_COMPONENTS, _LATENTS, _LABELS = range(3)


def component_uniform(num_images, seed):
    """Uniform numbers in [0, 1), float32 (num_images,)."""
    return tf.random.stateless_uniform(
        [num_images], _stream(seed, _COMPONENTS), alg="philox"
    )


def latents(num_images, latent_dim: int, seed):
    """Standard normal latents, float32 (num_images, latent_dim)."""
    return tf.random.stateless_normal(
        [num_images, latent_dim], _stream(seed, _LATENTS), alg="philox"
    )


def labels(given, num_images, num_classes: int | None, seed):
    """One label per image, int32 (num_images,), as in `MixGAN.generate`.

    Given labels, int32 (K,), are repeated in order; with K = 0 labels are drawn
    uniformly. `num_images`, int32, is at least K. `num_classes` is `None` where
    it is not known. `seed` is an int64 scalar.
    """
    count = tf.size(given)
    conditions = [
        (
            count <= num_images,
            "`labels` must hold at most `num_images` labels",
            tf.stack([count, num_images]),
        )
    ]
    if num_classes is None:
        conditions.append(
            (
                (count > 0) | tf.equal(num_images, 0),
                "`labels` must be given: the number of classes is not known",
                "none",
            )
        )
    given = checks.labels(given, num_classes)
    with checks.require(*conditions):
        pool, period = given, count
        if num_classes is not None:
            drawn = tf.random.stateless_uniform(
                [num_images],
                _stream(seed, _LABELS),
                0,
                num_classes,
                tf.int32,
                alg="philox",
            )
            # Given labels come first, and `period` then ends with them.
            pool = tf.concat([given, drawn], axis=0)
            period = tf.where(count > 0, count, num_images)
        return tf.gather(pool, tf.range(num_images) % tf.maximum(period, 1))


def _stream(seed, stream: int):
    return tf.stack([tf.cast(seed, tf.int64), tf.constant(stream, tf.int64)])
