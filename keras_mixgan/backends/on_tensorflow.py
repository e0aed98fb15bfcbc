"""The executor of Keras's TensorFlow backend."""

import contextlib

import keras
import tensorflow as tf

from keras_mixgan.backends.executor import Executor
from keras_mixgan.backends.executor import in_units

# Options of Keras's Adam that TensorFlow's kernel does not have.
ADAM_OPTIONS = (
    "amsgrad",
    "weight_decay",
    "clipnorm",
    "clipvalue",
    "global_clipnorm",
    "use_ema",
    "loss_scale_factor",
    "gradient_accumulation_steps",
)


class TensorFlowExecutor(Executor):
    """One device under TensorFlow."""

    def gradients(self, function, sides):
        """See `Executor.gradients`."""
        watched = [[variable.value for variable in side] for side in sides]
        with tf.GradientTape(
            persistent=len(sides) > 1, watch_accessed_variables=False
        ) as tape:
            tape.watch(watched)
            values, more = function()
        with self.following([v for side in sides for v in side]):
            if all(value is values[0] for value in values):
                gradients = tape.gradient(values[0], watched)
            else:
                gradients = [
                    tape.gradient(value, side)
                    for value, side in zip(values, watched, strict=True)
                ]
            gradients = [_ordered(side, (values, more)) for side in gradients]
        del tape
        more, gradients = self.reduce((more, gradients))
        return values, more, gradients

    def input_gradients(self, function, inputs):
        """See `Executor.input_gradients`."""
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            total = function(inputs)
        return tape.gradient(total, inputs)

    def apply(
        self, optimizer, gradients: list, variables: list, units: list
    ) -> None:
        """See `Executor.apply`.

        Keras's Adam is some forty operations per variable: at T=5 almost half
        of a step's graph, and so of the time to build it. For plain Adam
        TensorFlow's kernel does the same arithmetic in one operation.
        """
        with self.following(variables):
            gradients = in_units(gradients, units)
        if not is_plain_adam(optimizer, gradients, variables):
            with self.following(variables):
                optimizer.apply(gradients, variables)
            return
        step = tf.cast(optimizer.iterations.value + 1, "float32")
        settings = {
            "lr": tf.cast(optimizer.learning_rate, "float32"),
            "beta1": tf.constant(optimizer.beta_1, "float32"),
            "beta2": tf.constant(optimizer.beta_2, "float32"),
            "epsilon": tf.constant(optimizer.epsilon, "float32"),
        }
        settings["beta1_power"] = tf.pow(settings["beta1"], step)
        settings["beta2_power"] = tf.pow(settings["beta2"], step)
        for gradient, variable in zip(gradients, variables, strict=True):
            index = optimizer._get_variable_index(variable)
            # On the device of the variable and of its gradient.
            with self.following(variables):
                tf.raw_ops.ResourceApplyAdam(
                    var=variable.value.handle,
                    m=optimizer._momentums[index].value.handle,
                    v=optimizer._velocities[index].value.handle,
                    grad=gradient,
                    **settings,
                )
        optimizer.iterations.assign_add(1)

    def following(self, variables: list):
        """Context that places operations on the device of their inputs."""
        return contextlib.nullcontext()

    def reduce(self, structure):
        """Means of tensors over replicas, in one exchange; `None` stays."""
        return structure


def _ordered(gradients: list, forward) -> list:
    """Makes gradients wait for the whole forward pass.

    Gradients that need no logits, as with the Wasserstein payoff, may come
    earlier. TensorFlow's graph optimizer (`dependency_optimization`,
    TensorFlow 2.21) then lets updates of the last layers overtake the forward
    pass's reads, and at times losses were those of updated weights. Sparse
    gradients, of embeddings, are made dense: nothing after this gains from
    them.
    """
    with tf.control_dependencies(tf.nest.flatten(forward)):
        return [
            g if g is None else tf.identity(tf.convert_to_tensor(g))
            for g in gradients
        ]


def is_plain_adam(optimizer, gradients: list, variables: list) -> bool:
    """Whether TensorFlow's kernel does all that the optimizer would do."""
    return (
        type(optimizer) is keras.optimizers.Adam
        and not any(getattr(optimizer, option) for option in ADAM_OPTIONS)
        and all(gradient is not None for gradient in gradients)
        and all(v.constraint is None for v in variables)
        and all(v.dtype == "float32" for v in variables)
    )
