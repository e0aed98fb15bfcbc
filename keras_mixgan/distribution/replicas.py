"""What replicas of a `tf.distribute` strategy say to each other in a step."""

import contextlib
import types

import keras


def several() -> bool:
    """Whether this code runs in one of several replicas (TensorFlow)."""
    context = _context()
    return context is not None and context.num_replicas_in_sync > 1


def total(structure):
    """Sums tensors over all replicas, in one exchange.

    Args:
        structure: Nested tuples and lists of tensors, `None` among them.

    Returns:
        The same structure of sums, the same in every replica; where there is
        one device, what was given.
    """
    if not several():
        return structure
    import tensorflow as tf

    leaves = tf.nest.flatten(structure)
    # Sums of sparse gradients would not be packed with the others.
    given = [tf.convert_to_tensor(leaf) for leaf in leaves if leaf is not None]
    sums = iter(_context().all_reduce(tf.distribute.ReduceOp.SUM, given))
    return tf.nest.pack_sequence_as(
        structure, [None if leaf is None else next(sums) for leaf in leaves]
    )


def gather(tensors):
    """Gathers what every replica has, in one exchange; differentiable.

    Args:
        tensors: Float tensors of known shapes, the same in all replicas.

    Returns:
        List of tensors (replicas, ...), the same in every replica.
    """
    from keras import ops

    index, number = index_and_number()
    # A sum of own rows, as TensorFlow's own `all_gather` has no second
    # derivative, which a gradient penalty takes.
    own = ops.one_hot(index, number)
    return total(
        [
            ops.reshape(own, (number,) + (1,) * len(tensor.shape)) * tensor
            for tensor in tensors
        ]
    )


def index_and_number() -> tuple[int, int]:
    """This replica's number, and how many there are."""
    import tensorflow as tf

    context = _context()
    index = tf.get_static_value(context.replica_id_in_sync_group)
    return int(index), context.num_replicas_in_sync


def separate_draws(networks) -> None:
    """Gives every replica random numbers of its own in layers like dropout.

    States of random generators are the same in all replicas, as a saved model
    has one of each. What is drawn from a state follows from the replica too;
    in the first it is as on one device.

    Args:
        networks: Keras models, changed in place.
    """
    for network in networks:
        for layer in network._flatten_layers():
            for generator in layer._seed_generators:
                generator.next = types.MethodType(_next_of_replica, generator)


def _next_of_replica(self, ordered=True):
    seed = type(self).next(self, ordered)
    if not several():
        return seed
    index, _ = index_and_number()
    # Any odd number: the streams of nearby seeds are unrelated.
    return seed + keras.ops.convert_to_tensor([7919 * index, 0], seed.dtype)


def synchronize(model, synchronized: bool = True) -> None:
    """Makes batch normalization take its statistics over all replicas.

    Otherwise each replica normalises its rows by their own statistics, and
    moving statistics are the first replica's. It is what
    `keras.layers.BatchNormalization(synchronized=True)` asks for, set in all
    networks, and is saved with them. Call it before `fit`. Under JAX there is
    nothing to do: a batch over many devices is one batch.

    Args:
        model: A `MixGAN`.
        synchronized: `False` to undo it.
    """
    if keras.backend.backend() == "jax":
        return
    networks = (*model.generators, *model.discriminators)
    for network in (*networks, *model.ema_generators):
        for layer in network._flatten_layers():
            if isinstance(layer, keras.layers.BatchNormalization):
                layer.synchronized = synchronized


def summed_already(optimizer) -> None:
    """Makes an optimizer take gradients as they are, sums over replicas.

    Keras's own sum comes after clipping, which would then clip each replica's
    part of a gradient in place of the gradient.
    """
    optimizer._all_reduce_sum_gradients = lambda pairs: pairs


def _context():
    if keras.backend.backend() != "tensorflow":
        return None
    import tensorflow as tf

    if not tf.distribute.has_strategy():
        return None
    return tf.distribute.get_replica_context()


def check_seed(model, seed: int | None) -> None:
    """Checks that all processes that train a model have the same seed.

    Raises:
        ValueError: Each would draw one of its own.
    """
    if seed is not None or not has_strategy(model):
        return
    import tensorflow as tf

    kind = tf.distribute.MultiWorkerMirroredStrategy
    if isinstance(model.distribute_strategy, kind):
        raise ValueError(
            "`seed` must be given with multi_worker, the same in every "
            "process: the order of the data follows from it. Received: "
            "seed=None"
        )


def has_strategy(model) -> bool:
    """Whether a model was made in the scope of a `tf.distribute` strategy."""
    return getattr(model, "_distribute_strategy", None) is not None


class Mean(keras.metrics.Mean):
    """A mean of numbers that are the same in every replica.

    Keras sums metrics over replicas whenever they are read: an exchange, which
    one process of several must never begin alone.
    """

    def add_variable(self, *args, **kwargs):
        """As in `keras.metrics.Metric`, without exchanges."""
        kwargs["aggregation"] = "only_first_replica"
        return super().add_variable(*args, **kwargs)


@contextlib.contextmanager
def scope(model, optimizer):
    """Within it, variables are made where those of the model are.

    Args:
        model: A `MixGAN`.
        optimizer: Its `TwoPlayerOptimizer`.

    Raises:
        ValueError: An optimizer was made outside of the model's strategy.
    """
    if not has_strategy(model):
        yield
        return
    strategy = model.distribute_strategy
    for side in ("generator_optimizer", "discriminator_optimizer"):
        given = getattr(optimizer, side)
        if given._distribution_strategy is not strategy:
            raise ValueError(
                f"`{side}` must be made in the scope of the strategy that "
                "the model was made in. Received: one made outside of it"
            )
    with strategy.scope():
        yield


def jit(model, jit_compile):
    """What to pass to Keras as `jit_compile`.

    Raises:
        ValueError: XLA is asked for, which compiles for one device.
    """
    if not has_strategy(model) and model.placement is None:
        return jit_compile
    if jit_compile is True:
        raise ValueError(
            "`jit_compile` must not be True under a strategy: XLA compiles a "
            "step for one device. Received: jit_compile=True"
        )
    return False
