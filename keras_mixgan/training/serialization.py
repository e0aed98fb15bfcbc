"""What a saved `MixGAN` holds beside the weights that Keras finds itself."""

import keras

from keras_mixgan.distribution import placement
from keras_mixgan.game import components
from keras_mixgan.game import payoffs

SIDES = ("generator", "discriminator")
OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")


def own_state(model) -> dict:
    """The model's own variables by name, random states among them.

    Keras leaves the states of random generators out of saved files, so that
    training would go on with other latents and other dropout.

    Args:
        model: A `MixGAN`.

    Returns:
        Dict from names to Keras variables.
    """
    state = {
        "generator_log_probabilities": model.generator_log_probabilities,
        "discriminator_log_probabilities": (
            model.discriminator_log_probabilities
        ),
        "step": model.step_variable,
        "nonfinite_step": model.nonfinite_step,
        "last_pairs": model.last_pairs,
    }
    random_states = [model.seed_generator.state]
    for network in (*model.generators, *model.discriminators):
        kept = {id(v) for v in network.weights}
        random_states += [v for v in network.variables if id(v) not in kept]
    for i, variable in enumerate(random_states):
        state[f"random_state_{i}"] = variable
    return state


def config_of(model) -> dict:
    """The arguments that build the model, every network's configuration."""
    config = {
        "num_generators": model.num_generators,
        "num_discriminators": model.num_discriminators,
        "num_classes": model.num_classes,
        "ema_decay": model.ema_decay,
        "seed": model.seed,
        "name": model.name,
    }
    sides = (model.generators, model.discriminators)
    for side, networks in zip(SIDES, sides, strict=True):
        config[side] = [
            keras.saving.serialize_keras_object(network) for network in networks
        ]
    return config


def arguments_from(config: dict, custom_objects=None) -> dict:
    """Turns `config_of` back into arguments, with the seed's weights."""
    arguments = dict(config)
    for side in SIDES:
        arguments[side] = []
        for i, network in enumerate(config[side]):
            seed = f"{config['seed']}/{side}/{i}"
            with components.seeded(seed), placement.component(i):
                arguments[side].append(
                    keras.saving.deserialize_keras_object(
                        network, custom_objects=custom_objects
                    )
                )
    return arguments


def compile_config_of(model) -> dict:
    """The arguments of `compile`, the payoff by name."""
    objective = model.objective
    config = {
        field: getattr(objective, field)
        for field in objective.__dataclass_fields__
    }
    config["payoff"] = payoffs.saved_name(objective.payoff)
    config["steps_per_execution"] = model.steps_per_execution
    for side in OPTIMIZERS:
        config[side] = keras.saving.serialize_keras_object(
            getattr(model.optimizer, side)
        )
    return config


def compile_arguments_from(config: dict) -> dict:
    """Turns `compile_config_of` back into arguments."""
    return config | {
        side: keras.saving.deserialize_keras_object(config[side])
        for side in OPTIMIZERS
    }
