"""A trained mixture begins another training."""

import random

import keras

from keras_mixgan.game import components


def restart(model, seed: int) -> None:
    """Sets a model back to step 0 of a training, with the weights it has.

    Args:
        model: A `MixGAN`. Its networks and mixture weights stay as they are;
            `compile` it afterwards for optimizers without a past.
        seed: Int that the latents of the new training follow from.

    Example:
    >>> import keras_mixgan as kmg
    >>> model = kmg.MixGAN.from_preset("wgan_mnist")
    >>> before = model.step
    >>> restart(model, seed=1)
    >>> before, model.step, model.seed
    (3000, 0, 1)
    """
    model.seed = seed
    model.host_step = None
    for variable in (
        model.step_variable, model.nonfinite_step, model.last_pairs,
    ):  # fmt: skip
        variable.assign(keras.ops.zeros_like(variable))
    # As of a model that is made with this seed.
    with components.seeded(f"{seed}/latents"):
        fresh = keras.random.SeedGenerator(random.randrange(2**31))
    model.seed_generator.state.assign(fresh.state)
