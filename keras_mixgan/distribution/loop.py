"""The training function of a model under a `tf.distribute` strategy.

Keras's own runs `train_step` in every replica and averages its logs. Here the
host chooses the step: replicas exchange gradients, and no branch of a graph
may hold an exchange, so whether the generators are due (`discriminator_steps`)
cannot be asked in it. And logs need no averaging: what a step returns is
summed over replicas already.
"""

from keras_mixgan import steps
from keras_mixgan.distribution import batches
from keras_mixgan.distribution import replicas
from keras_mixgan.distribution import shares


def train_function(model):
    """Makes what `keras.Model.fit` calls with an iterator.

    Args:
        model: A compiled `MixGAN`, made in the scope of a strategy.

    Returns:
        Function from an iterator of what `batches.distribute` gives, or of
        one global batch `(x, y, sample_weight)`, to the logs. It trains
        `steps_per_execution` steps, or fewer at the end of the data; where
        there are none, it raises `StopIteration`.
    """
    import tensorflow as tf

    strategy = model.distribute_strategy

    def step(batch, due: bool):
        strategy.run(_replica_step, args=(model, batch, due))
        return model.get_metrics_result()

    if not model.run_eagerly:
        # One graph for steps with an update of the generators, one without.
        step = tf.function(step, autograph=False, reduce_retracing=True)

    def function(iterator):
        if not isinstance(iterator, tf.distribute.DistributedIterator):
            x, y, _ = next(iterator)
            iterator = iter([batches.of_one_batch(strategy, x, y)])
        logs = None
        for _ in range(model.steps_per_execution):
            batch = next(iterator, None)
            if batch is None:
                break
            logs = step(batch, _generators_are_due(model))
        if logs is None:
            raise StopIteration
        return logs

    return function


def _generators_are_due(model) -> bool:
    every = model.objective.discriminator_steps
    return every == 1 or (model.step + 1) % every == 0


def _replica_step(model, batch, due: bool) -> None:
    """What one replica does in a step."""
    images, labels, total = batches.parts_of(batch)
    share = None
    if replicas.several():
        index, number = replicas.index_and_number()
        if total is None:
            total = images.shape[0] * number
        share = shares.Share(index, number, total)
    with shares.sharing(share):
        model.record(steps.train_step(model, (images, labels), due=due))
