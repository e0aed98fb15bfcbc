"""Another training of a trained mixture."""

import random

import keras

from keras_mixgan.game import components


def restart(model, seed: int) -> None:
    """Sets a model back to step 0, but keeps networks and mixture weights.

    `seed` is that of the latents of the new training. `compile` the model
    afterwards for fresh optimizers.

    Example:
    >>> import keras_mixgan as kmg
    >>> model = kmg.MixGAN.from_preset("wgan_mnist")
    >>> before = model.step
    >>> restart(model, seed=1)
    >>> before, model.step, model.seed
    (40185, 0, 1)
    """
    model.seed = seed
    model.host_step = None
    for variable in (
        model.step_variable, model.nonfinite_step, model.last_pairs,
        model.ema_updates, model.generator_steps_left,
    ):  # fmt: skip
        if variable is not None:
            variable.assign(keras.ops.zeros(variable.shape, variable.dtype))
    # The state that a new model of this seed would have.
    with components.seeded(f"{seed}/latents"):
        fresh = keras.random.SeedGenerator(random.randrange(2**31))
    model.seed_generator.state.assign(fresh.state)
