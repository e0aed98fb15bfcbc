"""Chooses a model's executor by the scope that the model is made in."""

import keras

from keras_mixgan.backends import executor
from keras_mixgan.backends.executor import Executor


def current() -> Executor:
    """Makes the executor of the current scope."""
    if keras.backend.backend() != "tensorflow":
        return executor.of_backend()
    import tensorflow as tf

    from keras_mixgan.distribution import placement
    from keras_mixgan.distribution.replicas import ReplicaExecutor

    if tf.distribute.has_strategy():
        return ReplicaExecutor(tf.distribute.get_strategy())
    strategy = placement.current()
    if strategy is not None:
        return strategy.executor()
    return executor.of_backend()


def synchronize(model, synchronized: bool = True) -> None:
    """Makes batch normalization take its statistics over all replicas.

    Otherwise each replica uses the statistics of its rows, and moving
    statistics are the first replica's. This sets `synchronized` of every
    `keras.layers.BatchNormalization` in all networks, which is saved with them.
    Call it before `fit`. Under JAX there is nothing to do: a batch over many
    devices is one batch.

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
