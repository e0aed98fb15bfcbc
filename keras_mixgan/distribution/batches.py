"""Splits global batches into the rows of each replica; see `replicas`."""

from keras_mixgan.utils.errors import UserError


def distribute(strategy, x, y=None, batch_size=None, shuffle=True, seed=0):
    """Distributes the data of `fit` over the replicas of a strategy.

    Every process reads the whole data set, in the same order, and its
    replicas take their rows of each batch. `x` is a `tf.data.Dataset` of global
    batches; an array, with labels `y`; or a `tf.distribute.DistributedDataset`,
    which is returned as it is. Batches must be multiples of the number of
    replicas. The other arguments are for an array: the size of a global batch,
    whether to shuffle anew each epoch, and the seed of that order.
    """
    import tensorflow as tf

    if isinstance(x, tf.distribute.DistributedDataset):
        return x
    count = strategy.num_replicas_in_sync
    if hasattr(x, "shape") and hasattr(x, "dtype"):
        batch_size = batch_size or 32
        check_sizes(batch_size, len(x) % batch_size, count)
        x = _from_arrays(x, y, batch_size, shuffle, seed)
    if not isinstance(x, tf.data.Dataset):
        raise UserError(
            "`x` must be an array or a tf.data.Dataset of global batches "
            f"under a distribution strategy. Received: x={type(x).__name__}"
        )
    static = tf.nest.flatten(x.element_spec)[0].shape[0]
    if static is not None:
        check_divides("x", static, count, "rows in a batch")

    def per_replica(context):
        here = count // context.num_input_pipelines
        first = context.input_pipeline_id * here
        return _rows_of(x, range(first, first + here), count)

    distributed = strategy.distribute_datasets_from_function(per_replica)
    # TensorFlow would count one element per replica of this process.
    distributed._cardinality = x.cardinality().numpy()
    # All replicas reach the end of the data together: they need no exchange
    # about it at each step, and shapes stay known.
    distributed._enable_get_next_as_optional = False
    return distributed


def check_sizes(batch_size: int, last: int, replicas: int) -> None:
    """Checks that all batches, and a smaller last one, divide by replicas."""
    check_divides("batch_size", batch_size, replicas)
    check_divides("x", last, replicas, "rows in the last batch")


def check_divides(name: str, size: int, replicas: int, what: str = "") -> None:
    """Checks that a batch is a multiple of the number of replicas.

    `name` is that of the argument. `what` says what `size` is, if it is not
    the argument itself.
    """
    if size % replicas:
        received = f"{size} {what}" if what else f"{name}={size}"
        must = "give batches that are" if what else "be"
        raise UserError(
            f"`{name}` must {must} a multiple of the number of replicas. "
            f"Received: {received}, {replicas} replicas"
        )


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
    """Dataset of the rows of some replicas, batch after batch."""
    import tensorflow as tf

    def part(index, *batch):
        size = tf.shape(batch[0])[0]
        message = (
            "`x` must give batches that are a multiple of the number of "
            f"replicas, {count}; drop the last, smaller one with "
            "`batch(..., drop_remainder=True)`"
        )
        checked = tf.debugging.assert_equal(size % count, 0, message)
        with tf.control_dependencies([checked]):
            parts = [tf.identity(whole[index::count]) for whole in batch]
        for own, whole in zip(parts, batch, strict=True):
            if whole.shape[0] is not None:
                own.set_shape((whole.shape[0] // count, *whole.shape[1:]))
        return tuple(parts) if len(parts) > 1 else parts[0]

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
