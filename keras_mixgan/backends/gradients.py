"""Where gradients are taken and applied, for each Keras backend."""

import keras

from keras_mixgan.backends import stateless
from keras_mixgan.distribution import placement
from keras_mixgan.distribution import replicas

# What Keras's Adam can do beyond Adam.
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


def input_gradients(function, inputs):
    """Gradient of a scalar function by its input.

    Args:
        function: Maps a float tensor to a scalar.
        inputs: Float tensor of any shape.

    Returns:
        Float tensor of the shape of `inputs`, itself differentiable.
    """
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch(inputs)
            total = function(inputs)
        return tape.gradient(total, inputs)
    return stateless.input_gradients(function, inputs)


def value_and_gradients(function, variables):
    """Value of a function and its gradients by variables.

    Args:
        function: Without arguments; returns a scalar and anything more.
        variables: List of Keras variables.

    Returns:
        What the function returned, and a list of gradients; `None`, or zeros
        under JAX, where a variable has no part in the value. Of several
        replicas, each with its contribution, the sums.
    """
    if keras.backend.backend() == "jax":
        return stateless.value_and_gradients(function, variables)
    import tensorflow as tf

    watched = [variable.value for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(watched)
        value, more = function()
    with placement.following(variables):
        slopes = tape.gradient(value, watched)
    return replicas.total(((value, more), slopes))


def values_and_gradients(function, sides):
    """Two values from one forward pass, and gradients of each.

    Args:
        function: Without arguments; returns a pair of scalars, one a side,
            and anything more. Where both are one tensor, there is one
            backward pass as well.
        sides: Pair of lists of Keras variables.

    Returns:
        What the function returned, and for each side the gradients of its
        scalar by its variables. Of several replicas the sums.
    """
    if keras.backend.backend() == "jax":
        return stateless.values_and_gradients(function, sides)
    import tensorflow as tf

    watched = [[variable.value for variable in side] for side in sides]
    with tf.GradientTape(
        persistent=True, watch_accessed_variables=False
    ) as tape:
        tape.watch(watched)
        values, more = function()
    with placement.following([*sides[0], *sides[1]]):
        if values[0] is values[1]:
            slopes = tape.gradient(values[0], watched)
        else:
            slopes = [
                tape.gradient(value, side)
                for value, side in zip(values, watched, strict=True)
            ]
    del tape
    more, slopes = replicas.total((more, slopes))
    return (values, more), slopes


def apply(optimizer, slopes: list, variables: list) -> None:
    """Updates variables, as `optimizer.apply(slopes, variables)` does.

    Keras's Adam is some forty operations a variable: at T=5 almost half of a
    step's graph, and so of the time to build it. Where nothing but Adam is
    asked for, TensorFlow's kernel does the same arithmetic in one.

    Args:
        optimizer: A Keras optimizer, built.
        slopes: Gradients, one a variable; `None` where there is none. Where
            there are several replicas, the same in all.
        variables: Keras variables.
    """
    if replicas.several():
        replicas.summed_already(optimizer)
    if not _is_plain_adam(optimizer, slopes, variables):
        with placement.following(variables):
            optimizer.apply(slopes, variables)
        return
    import tensorflow as tf

    step = tf.cast(optimizer.iterations.value + 1, "float32")
    settings = {
        "lr": tf.cast(optimizer.learning_rate, "float32"),
        "beta1": tf.constant(optimizer.beta_1),
        "beta2": tf.constant(optimizer.beta_2),
        "epsilon": tf.constant(optimizer.epsilon),
    }
    settings["beta1_power"] = tf.pow(settings["beta1"], step)
    settings["beta2_power"] = tf.pow(settings["beta2"], step)
    for slope, variable in zip(slopes, variables, strict=True):
        index = optimizer._get_variable_index(variable)
        # Where the variable is, which is where the gradient was computed.
        with placement.following(variables):
            tf.raw_ops.ResourceApplyAdam(
                var=variable.value.handle,
                m=optimizer._momentums[index].value.handle,
                v=optimizer._velocities[index].value.handle,
                grad=tf.convert_to_tensor(slope),
                **settings,
            )
    optimizer.iterations.assign_add(1)


def _is_plain_adam(optimizer, slopes: list, variables: list) -> bool:
    """Whether the kernel does all that the optimizer would do."""
    adam = keras.optimizers.Adam
    if keras.backend.backend() != "tensorflow" or type(optimizer) is not adam:
        return False
    return (
        not any(getattr(optimizer, option) for option in ADAM_OPTIONS)
        and all(slope is not None for slope in slopes)
        and all(v.constraint is None for v in variables)
        and all(v.dtype == "float32" for v in variables)
    )
