"""Global batches, cut into the rows of each replica; see `shares`."""

import keras


def distribute(strategy, x, y=None, batch_size=None, shuffle=True, seed=0):
    """Distributes what is given to `fit` over the replicas of a strategy.

    Every process reads the whole data set, in the same order, and its
    replicas take their rows of each batch. Nothing has to divide: a batch may
    give some replicas a row more, or, at the end of the data, others none.

    Args:
        strategy: A `tf.distribute.Strategy`.
        x: A `tf.data.Dataset` of global batches; an array; or a
            `tf.distribute.DistributedDataset`, which is taken as it is and
            must give every replica equally many rows.
        y: Labels, where `x` is an array.
        batch_size: Images of a global batch, where `x` is an array.
        shuffle: Whether an array is shuffled anew each epoch.
        seed: Of the order of an array.

    Returns:
        A `tf.distribute.DistributedDataset` of dicts of "images", "labels"
        (where there are any), and "total", the images of the global batch
        (where that is not the replicas' number times the rows of each).

    Raises:
        ValueError: `x` is nothing of that kind.
    """
    import tensorflow as tf

    if isinstance(x, tf.distribute.DistributedDataset):
        return x
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        x = _from_arrays(x, y, batch_size or 32, shuffle, seed)
    if not isinstance(x, tf.data.Dataset):
        raise ValueError(
            "`x` must be an array or a tf.data.Dataset of global batches "
            "under a distribution strategy, whose replicas each take their "
            f"rows. Received: {type(x).__name__}"
        )

    def per_replica(context):
        pipelines = context.num_input_pipelines
        count = context.num_replicas_in_sync
        here = count // pipelines
        first = context.input_pipeline_id * here
        return _rows_of(x, range(first, first + here), count)

    distributed = strategy.distribute_datasets_from_function(per_replica)
    # TensorFlow counts the elements of one process, one a replica.
    distributed._cardinality = x.cardinality().numpy()
    # All replicas come to the end of the data together: they need not ask one
    # another at each step, and shapes stay known.
    distributed._enable_get_next_as_optional = False
    return distributed


def parts_of(batch) -> tuple:
    """What a replica's part of a batch holds.

    Args:
        batch: An element of what `distribute` returned, in a replica.

    Returns:
        Images, labels or `None`, and the images of the global batch; `None`
        where these are the replicas' number times the rows of each.

    Raises:
        ValueError: A data set that was distributed elsewhere does not say how
            many rows each replica has.
    """
    if isinstance(batch, dict):
        return batch["images"], batch.get("labels"), batch.get("total")
    images, labels, _ = keras.utils.unpack_x_y_sample_weight(batch)
    if images.shape[0] is None:
        raise ValueError(
            "`x` must give every replica batches of one known size where it "
            "is distributed already; a tf.data.Dataset of global batches may "
            f"be uneven. Received: batches of shape {images.shape}"
        )
    return images, labels, None


def _from_arrays(x, y, batch_size: int, shuffle: bool, seed: int):
    import tensorflow as tf

    with tf.device("CPU:0"):
        arrays = tf.nest.map_structure(
            tf.convert_to_tensor, (x,) if y is None else (x, y)
        )
    rows = tf.data.Dataset.range(len(x))
    if shuffle:
        rows = rows.shuffle(len(x), seed=seed)
    batches = rows.batch(batch_size).map(
        lambda rows: tuple(tf.gather(array, rows) for array in arrays)
    )
    return batches if y is not None else batches.map(lambda images: images)


def _rows_of(dataset, indices: range, count: int):
    """Dataset of the parts of some replicas, batch after batch."""
    import tensorflow as tf

    static = tf.nest.flatten(dataset.element_spec)[0].shape[0]
    equal = static is not None and static % count == 0

    def part(index, images, labels=None):
        total = static if equal else tf.shape(images)[0]
        images, labels = (
            None if whole is None else whole[index::count]
            for whole in (images, labels)
        )
        if equal:
            images = tf.ensure_shape(
                images, (static // count, *images.shape[1:])
            )
        return _element(images, labels, None if equal else total)

    if len(indices) == 1:
        parts = dataset.map(lambda *batch: part(indices[0], *batch))
    else:
        parts = dataset.flat_map(
            lambda *batch: tf.data.Dataset.range(
                indices.start, indices.stop, output_type=tf.int32
            ).map(lambda index: part(index, *batch))
        )
    options = tf.data.Options()
    options.deterministic = True
    return parts.with_options(options).prefetch(2 * len(indices))


def _element(images, labels, total):
    element = {"images": images}
    if labels is not None:
        element["labels"] = labels
    if total is not None:
        element["total"] = total
    return element
