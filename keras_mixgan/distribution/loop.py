"""The training function of a model under a `tf.distribute` strategy.

Keras's own runs `train_step` in every replica and averages its logs. Here the
host chooses the step: replicas exchange gradients, and a branch of a graph must
not contain an exchange, so the graph cannot decide whether the generators are
due. Logs need no averaging: the results of a step are already means over
replicas.
"""

import keras

from keras_mixgan.distribution import batches


def train_function(model):
    """Makes the function that `keras.Model.fit` calls with an iterator.

    The model was made in the scope of a strategy. The iterator is over the
    result of `batches.distribute`, or over one global batch `(x, y,
    sample_weight)`. The function trains `steps_per_execution` steps, or fewer
    at the end of the data, and returns the logs; if no data are left, it raises
    `StopIteration`.
    """
    import tensorflow as tf

    strategy = model.distribute_strategy

    compiled = {}

    def step_on(spec, due: bool):
        """One graph for steps with an update of the generators, one without."""

        def in_replica(batch):
            images, labels, _ = keras.utils.unpack_x_y_sample_weight(batch)
            model.train_on(images, labels, due=due)

        def step(batch):
            strategy.run(in_replica, args=(batch,))
            return model.get_metrics_result()

        if model.run_eagerly:
            return step
        key = (due, *tf.nest.flatten(spec))
        if key not in compiled:
            # Sizes are left open, or TensorFlow would trace the step again
            # for the last, smaller batch.
            compiled[key] = tf.function(
                step, input_signature=[spec], autograph=False
            )
        return compiled[key]

    def function(iterator):
        if not isinstance(iterator, tf.distribute.DistributedIterator):
            x, y, _ = next(iterator)
            data = batches.distribute(strategy, x, y, len(x), shuffle=False)
            iterator = iter(data)
        logs = None
        for _ in range(model.steps_per_execution):
            batch = next(iterator, None)
            if batch is None:
                break
            due = model.objective.generators_are_due(model.step + 1)
            step = step_on(iterator.element_spec, due)
            logs = step(batch)
        if logs is None:
            raise StopIteration
        return logs

    return function
