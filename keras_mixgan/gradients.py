"""The one place where a gradient is taken, for each Keras backend."""

import keras


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
    import jax

    return jax.grad(function)(inputs)


def value_and_gradients(function, variables):
    """Value of a function and its gradients by variables (TensorFlow).

    Args:
        function: Without arguments; returns a scalar and anything more.
        variables: List of Keras variables.

    Returns:
        What the function returned, and a list of gradients, `None` where a
        variable has no part in the value.
    """
    import tensorflow as tf

    watched = [variable.value for variable in variables]
    with tf.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(watched)
        value, more = function()
    return (value, more), tape.gradient(value, watched)
