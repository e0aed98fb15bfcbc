"""Checks inside a graph: InvalidArgument errors that name the argument."""

import contextlib

import tensorflow as tf


@contextlib.contextmanager
def require(*conditions):
    """Makes the operations in its block wait for conditions on arguments.

    A condition is a bool scalar tensor, a message that says what was expected,
    and the tensor to show as received.
    """
    asserts = [
        tf.raw_ops.Assert(
            condition=condition,
            data=[f"{message}. Received: ", tf.convert_to_tensor(received)],
            summarize=8,
        )
        for condition, message, received in conditions
    ]
    with tf.control_dependencies(asserts):
        yield


def whole(num_images):
    """Returns a number of images, int scalar, checked to be at least 0."""
    with require(
        (num_images >= 0, "`num_images` must be at least 0", num_images)
    ):
        return tf.identity(num_images)


def component(number, num_generators: int, least: int = 0):
    """Returns the number of a generator, int scalar, checked."""
    inside = (number >= least) & (number < num_generators)
    expected = f"`component` must lie in [{least}, {num_generators})"
    if least < 0:
        expected += ", -1 for one drawn by the mixture"
    with require((inside, expected, number)):
        return tf.identity(number)


def labels(classes, num_classes: int | None):
    """Returns labels, int (K,), checked to be in [0, num_classes)."""
    inside = classes >= 0
    if num_classes is not None:
        inside &= classes < num_classes
    end = "..." if num_classes is None else num_classes
    with require(
        (
            tf.reduce_all(inside),
            f"`labels` must lie in [0, {end})",
            tf.boolean_mask(classes, ~inside),
        )
    ):
        return tf.identity(classes)


def rows(latents, component_uniform, classes):
    """Returns one batch, checked: finite latents, numbers in [0, 1], B each."""
    batch = tf.shape(latents)[0]
    uniform = component_uniform
    # 1 is allowed, since a number just below it may be rounded to 1.
    inside = (uniform >= 0.0) & (uniform <= 1.0)
    conditions = [
        (
            tf.reduce_all(tf.math.is_finite(latents)),
            "`latents` must be finite",
            "NaN or infinity",
        ),
        _as_many("component_uniform", uniform, batch),
        (
            tf.reduce_all(inside),
            "`component_uniform` must lie in [0, 1)",
            tf.boolean_mask(uniform, ~inside),
        ),
    ]
    if classes is not None:
        conditions.append(_as_many("labels", classes, batch))
    with require(*conditions):
        return (
            tf.identity(latents),
            tf.identity(uniform),
            None if classes is None else tf.identity(classes),
        )


def _as_many(name: str, values, batch):
    count = tf.shape(values)[0]
    return (
        tf.equal(count, batch),
        f"`{name}` must have as many rows as `latents`",
        tf.stack([count, batch]),
    )
