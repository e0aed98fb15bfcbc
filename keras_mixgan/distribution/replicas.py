"""Replicas of a `tf.distribute` strategy, each on its rows of every batch.

Of n replicas, replica (k mod n) has row k of everything in a batch: real
images, labels, latents, draws of the gradient penalty. The batch is a multiple
of n. Every replica draws the latents of all from the same state and keeps its
own rows: no two share noise, and together they have that of one device. Losses
are means over a replica's rows, so their mean over replicas is that of one
device with the whole batch.
"""

import contextlib
import types

import keras
import tensorflow as tf

from keras_mixgan.backends import strata
from keras_mixgan.backends.executor import StepMean
from keras_mixgan.backends.on_tensorflow import TensorFlowExecutor
from keras_mixgan.utils.errors import UserError


class ReplicaExecutor(TensorFlowExecutor):
    """Replicas of a `tf.distribute` strategy; models are made in its scope."""

    def __init__(self, strategy):
        self.strategy = strategy
        self.replicas = strategy.num_replicas_in_sync

    def prepare(self, networks: list) -> None:
        """Gives replicas different random numbers in layers like dropout.

        States of random generators are the same in all replicas, as a saved
        model has one of each. The numbers drawn depend on the replica too; in
        the first they are as on one device.
        """
        for network in networks:
            for layer in network._flatten_layers():
                for generator in layer._seed_generators:
                    generator.next = types.MethodType(
                        _next_of_replica, generator
                    )

    def check_seed(self, seed: int | None) -> None:
        """Refuses `None` over several processes: each would draw its own."""
        kind = tf.distribute.MultiWorkerMirroredStrategy
        if seed is None and isinstance(self.strategy, kind):
            raise UserError(
                "`seed` must be given with multi_worker, the same in every "
                "process: the order of the data follows from it. Received: "
                "seed=None"
            )

    def check_optimizers(self, optimizers: list) -> None:
        """Optimizers must be made in the scope of the strategy."""
        for optimizer in optimizers:
            if optimizer._distribution_strategy is not self.strategy:
                raise UserError(
                    "Optimizers must be made in the scope of the strategy "
                    "that the model was made in. Received: "
                    f"{type(optimizer).__name__} made outside of it"
                )
            if optimizer.gradient_accumulation_steps or (
                optimizer.use_ema and optimizer.ema_overwrite_frequency
            ):
                raise UserError(
                    "Optimizers must not accumulate gradients, nor overwrite "
                    "weights by their averages every few steps, where a batch "
                    "is divided among replicas. Received: "
                    f"{type(optimizer).__name__}"
                )

    @contextlib.contextmanager
    def compiling(self, optimizers: list):
        """Context that makes variables where those of the model are."""
        for optimizer in optimizers:
            # Gradients are already means over replicas. Keras would sum them
            # only after clipping each replica's part.
            optimizer._all_reduce_sum_gradients = lambda pairs: pairs
        with self.strategy.scope():
            yield

    def jit_compile(self, asked):
        """See `Executor.jit_compile`: XLA compiles for one device."""
        return not_compiled(asked)

    def metric(self, name: str):
        """See `Executor.metric`."""
        return _Mean(name=name)

    def reduce(self, structure):
        """Means over all replicas, in one exchange; `None` stays."""
        if not self._in_several():
            return structure
        leaves = tf.nest.flatten(structure)
        parts = [x / self.replicas for x in leaves if x is not None]
        context = tf.distribute.get_replica_context()
        means = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, parts))
        return tf.nest.pack_sequence_as(
            structure, [None if x is None else next(means) for x in leaves]
        )

    def average(self, tensor):
        """See `Executor.average`."""
        return self.reduce(tensor)

    def own_rows(self, draws, sizes: list) -> list:
        """See `Executor.own_rows`."""
        if not self._in_several():
            return strata.split(draws, sizes)
        index = replica_index()
        parts = strata.split(draws, [size * self.replicas for size in sizes])
        return [part[index :: self.replicas] for part in parts]

    def _in_several(self) -> bool:
        return self.replicas > 1 and _in_replica()


def _in_replica() -> bool:
    return tf.distribute.has_strategy() and (
        not tf.distribute.in_cross_replica_context()
    )


def replica_index() -> int:
    """The number of the replica that this runs in."""
    context = tf.distribute.get_replica_context()
    return int(tf.get_static_value(context.replica_id_in_sync_group))


def not_compiled(asked) -> bool:
    """Returns `False`; refuses `True`, since XLA compiles for one device."""
    if asked is True:
        raise UserError(
            "`jit_compile` must not be True under a strategy: XLA compiles a "
            "step for one device. Received: jit_compile=True"
        )
    return False


def _next_of_replica(self, ordered=True):
    seed = type(self).next(self, ordered)
    if not _in_replica():
        return seed
    # Any odd factor will do: the streams of nearby seeds are unrelated.
    return seed + keras.ops.convert_to_tensor(
        [7919 * replica_index(), 0], seed.dtype
    )


class _Mean(StepMean):
    """A mean of numbers that are the same in every replica.

    Keras sums metrics over replicas whenever they are read. One of several
    processes must never start such an exchange alone.
    """

    def add_variable(self, *args, **kwargs):
        """As in `keras.metrics.Metric`, without exchanges."""
        kwargs["aggregation"] = "only_first_replica"
        return super().add_variable(*args, **kwargs)
