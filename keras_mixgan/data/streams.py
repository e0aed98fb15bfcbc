"""Sources as batches of images in [-1, 1]: by `tf.data`, or by NumPy.

Under Keras's TensorFlow backend they are `tf.data` pipelines, otherwise
`batches.Batches`, with the same batches. NumPy draws the order of an epoch, a
pure function of seed and epoch; a pipeline then gathers rows of one uint8
array, which costs far less than a training step. A resumed run skips row
numbers only, and gets the batches of an uninterrupted one.
"""

import os
from typing import TYPE_CHECKING
from typing import Any

import keras
import numpy as np

from keras_mixgan.data import sources
from keras_mixgan.data.batches import Batches
from keras_mixgan.data.batches import Passes
from keras_mixgan.data.batches import epoch_order
from keras_mixgan.utils import checks
from keras_mixgan.utils import pixels
from keras_mixgan.utils.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf


def load(
    source: str | os.PathLike[str] | sources.Source,
    image_size: int | None = None,
    batch_size: int = 64,
    split: str = "train",
    crop_size: int | None = None,
    shuffle: bool = True,
    seed: int = 0,
    data_dir: str | os.PathLike[str] | None = None,
    drop_remainder: bool = True,
    start_step: int | None = None,
) -> "tf.data.Dataset | Batches":
    """Makes a dataset of batches ready for `MixGAN.fit`.

    Args:
        source: What `load_source` takes, or a `Source` it returned (which
            already has its split, crop and size: leave these arguments out).
        image_size: Height and width to resize to; None keeps them.
        batch_size: Images per batch.
        split: Split of the source.
        crop_size: Side of the centre crop before resizing.
        shuffle: Whether every epoch has its own order.
        seed: Seed of the order, and of the points of "ring" and "grid".
        data_dir: TFDS's data folder.
        drop_remainder: Whether to leave out the last, smaller batch of an
            epoch. Batches then have a static size.
        start_step: None for one epoch per iteration: the first has the order
            of epoch 0, the next that of epoch 1. An integer k >= 0 for an
            endless stream, in which every iterator starts at batch k; pass
            `steps_per_epoch` to `fit` then.

    Returns:
        A dataset of float32 images (batch_size, *image_shape) in [-1, 1],
        or of (images, int32 labels (batch_size,)) where there are labels.

    Raises:
        ValueError: If an argument is out of its range, or there are fewer
            images than `batch_size`; and whatever `load_source` raises.

    Example:
    >>> dataset = load("ring", batch_size=32)
    >>> tuple(next(iter(dataset)).shape)
    (32, 2)
    """
    batch_size = checks.integer("batch_size", batch_size)
    seed = checks.integer("seed", seed, least=0)
    start_step = checks.optional_integer("start_step", start_step, least=0)
    if not isinstance(source, sources.Source):
        source = sources.load_source(
            source, split, image_size, crop_size, data_dir, seed
        )
    elif (image_size, crop_size, split) != (None, None, "train"):
        raise UserError(
            "`image_size`, `crop_size` and `split` must be left out where "
            "`source` is a Source; give them to load_source. Received: "
            f"image_size={image_size!r}, crop_size={crop_size!r}, "
            f"split={split!r}"
        )
    num_batches = steps_per_epoch(source, batch_size, drop_remainder)
    if keras.backend.backend() != "tensorflow":
        return Batches(
            source.images, source.labels, batch_size, num_batches,
            shuffle, seed, start_step,
        )  # fmt: skip
    import tensorflow as tf

    orders = _epoch_orders(len(source), num_batches, shuffle, seed, start_step)
    dataset = orders.flat_map(
        _batches_of_epoch(source, batch_size, num_batches, drop_remainder)
    )
    cardinality = (
        num_batches
        if start_step is None
        else tf.data.experimental.INFINITE_CARDINALITY
    )
    # Tells Keras's progress bar where an epoch ends.
    dataset = dataset.apply(
        tf.data.experimental.assert_cardinality(cardinality)
    )
    options = tf.data.Options()
    options.deterministic = True
    # There is nothing to tune, and at the end of each epoch the thread that
    # would tune is waited for, 0.2 s on a busy machine.
    options.autotune.enabled = False
    # There are no files to shard among workers.
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    return dataset.with_options(options).prefetch(2)


def steps_per_epoch(
    source: sources.Source, batch_size: int, drop_remainder: bool = True
) -> int:
    """Number of batches in one epoch.

    Args:
        source: A loaded source.
        batch_size: Images per batch.
        drop_remainder: Whether the last, smaller batch is left out.

    Returns:
        The number of batches, at least 1.

    Raises:
        ValueError: If there are fewer images than `batch_size`.

    Example:
    >>> steps_per_epoch(sources.load_source("digits"), batch_size=64)
    156
    """
    batch_size = checks.integer("batch_size", batch_size)
    if len(source) < batch_size:
        raise UserError(
            "`batch_size` must be at most the number of images. Received: "
            f"batch_size={batch_size}, {len(source)} images of source "
            f"{source.name!r}"
        )
    whole, rest = divmod(len(source), batch_size)
    return whole + bool(rest and not drop_remainder)


def _epoch_orders(
    size: int,
    num_batches: int,
    shuffle: bool,
    seed: int,
    start_step: int | None,
) -> "tf.data.Dataset":
    """Dataset of (order of the epoch int32 (size,), its first batch)."""
    import tensorflow as tf

    passes = Passes()

    def draw(epoch: np.ndarray) -> np.ndarray:
        if start_step is None:
            epoch = passes.begin()
        return epoch_order(size, seed, int(epoch))

    def order(epoch: tf.Tensor) -> tf.Tensor:
        if not shuffle:
            return tf.range(size)
        return tf.ensure_shape(tf.numpy_function(draw, [epoch], "int32"), size)

    if start_step is None:
        # One element, drawn anew by every iterator of the dataset.
        epochs, first_epoch, skipped = tf.data.Dataset.range(1), 0, 0
    else:
        first_epoch, skipped = divmod(start_step, num_batches)
        epochs = tf.data.Dataset.range(first_epoch, tf.int64.max)
    return epochs.map(
        lambda epoch: (
            order(epoch),
            tf.where(epoch == first_epoch, tf.constant(skipped, tf.int64), 0),
        )
    )


def _batches_of_epoch(
    source: sources.Source,
    batch_size: int,
    num_batches: int,
    drop_remainder: bool,
) -> Any:
    """Function from (order, first batch) to a dataset of batches."""
    import tensorflow as tf

    # On the host: a GPU would hold the data set, and copy every batch back.
    with tf.device("CPU:0"):
        images = tf.constant(source.images)
        labels = None if source.labels is None else tf.constant(source.labels)
    is_uint8 = images.dtype == tf.uint8

    def gather(rows: tf.Tensor) -> Any:
        batch = tf.gather(images, rows)
        if is_uint8:
            batch = pixels.to_floats(batch)
        return batch if labels is None else (batch, tf.gather(labels, rows))

    def batches(order: tf.Tensor, first: tf.Tensor) -> tf.data.Dataset:
        def batch(number: tf.Tensor) -> Any:
            rows = order[number * batch_size : (number + 1) * batch_size]
            if drop_remainder:
                rows = tf.ensure_shape(rows, (batch_size,))
            return gather(rows)

        return tf.data.Dataset.range(first, num_batches).map(batch)

    return batches
