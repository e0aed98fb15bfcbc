"""What a saved `MixGAN` holds beside the weights that Keras finds itself."""

import functools

import keras

from keras_mixgan.distribution import executors
from keras_mixgan.game import adapting
from keras_mixgan.game import components
from keras_mixgan.game import payoffs
from keras_mixgan.game import sharing

SIDES = ("generator", "discriminator")
OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")


def random_states(network) -> list:
    """Variables of a network that are no weights: of random generators."""
    kept = {id(v) for v in network.weights}
    return [v for v in network.variables if id(v) not in kept]


def own_state(model) -> dict:
    """The model's own variables by name, random states among them.

    Keras leaves the states of random generators out of saved files; training
    would then go on with other latents and other dropout.
    """
    state = {
        # The names of version 0.1, whose files still load.
        "generator_log_probabilities": model.generator_mixture_logits,
        "discriminator_log_probabilities": model.discriminator_mixture_logits,
        "step": model.step_variable,
        "nonfinite_step": model.nonfinite_step,
        "last_pairs": model.last_pairs,
    }
    if model.ema_decay is not None:
        state["ema_updates"] = model.ema_updates
    if model.generator_steps_left is not None:
        state["generator_steps_left"] = model.generator_steps_left
    states = [model.seed_generator.state]
    sides = (model.generator_ensemble, model.discriminator_ensemble)
    for network in (part for side in sides for part in side.parts):
        states += random_states(network)
    for i, variable in enumerate(states):
        state[f"random_state_{i}"] = variable
    return state


def config_of(model) -> dict:
    """The arguments that build the model, and every network's configuration."""
    config = {
        "num_generators": model.num_generators,
        "num_discriminators": model.num_discriminators,
        "num_classes": model.num_classes,
        "ema_decay": model.ema_decay,
        "seed": model.seed,
        "name": model.name,
    }
    ensembles = (model.generator_ensemble, model.discriminator_ensemble)
    serialize = keras.saving.serialize_keras_object
    for side, ensemble in zip(SIDES, ensembles, strict=True):
        shared = ensemble.shared
        networks = ensemble.networks if shared is None else shared.own
        for network in networks:
            adapting.check_clonable(network)
        config[side] = [serialize(network) for network in networks]
        if shared is not None:
            config[f"{side}_body"] = serialize(shared.body)
    return config


def arguments_from(config: dict, custom_objects=None) -> dict:
    """Turns `config_of` back into arguments; weights are those of the seed."""
    arguments, executor = dict(config), executors.current()
    arguments["seed"] = abs(config["seed"])  # It could once be negative.
    # Keras allows synchronized normalization under TensorFlow alone; elsewhere
    # a batch over many devices is one batch.
    keep = keras.backend.backend() == "tensorflow"
    load = functools.partial(
        keras.saving.deserialize_keras_object, custom_objects=custom_objects
    )
    for side in SIDES:
        arguments[side] = []
        body = arguments.pop(f"{side}_body", None)
        if not keep:
            body = _not_synchronized(body)
        for i, network in enumerate(config[side]):
            network = network if keep else _not_synchronized(network)
            seed = f"{config['seed']}/{side}/{i}"
            with components.seeded(seed), executor.placing(i):
                arguments[side].append(load(network))
        if body is not None:
            seed = f"{config['seed']}/{side}/body"
            with components.seeded(seed), executor.placing(0):
                body = load(body)
            arguments[side] = sharing.Shared(arguments[side], body, side)
    return arguments


def _not_synchronized(config):
    """A copy of a configuration without `synchronized` normalization."""
    if isinstance(config, dict):
        return {
            key: False if key == "synchronized" else _not_synchronized(value)
            for key, value in config.items()
        }
    if isinstance(config, list | tuple):
        return type(config)(map(_not_synchronized, config))
    return config


def settings_of(model, source) -> dict | None:
    """The settings of the run that trained `source`, as they fit `model`.

    `model` was made of components of `source`. A component classifier is left
    out where it counts generators that `model` has not.
    """
    if source.run_settings is None:
        return None
    ensembles = (model.generator_ensemble, model.discriminator_ensemble)
    sharing_sides = [ensemble.shared is not None for ensemble in ensembles]
    settings = source.run_settings | {
        "num_generators": model.num_generators,
        "num_discriminators": model.num_discriminators,
        "share": {
            (False, False): "none",
            (True, False): "generators",
            (False, True): "discriminators",
            (True, True): "both",
        }[tuple(sharing_sides)],
    }
    losses = settings.get("auxiliary")
    if losses and model.num_generators != source.num_generators:
        settings["auxiliary"] = type(losses)(
            loss
            for loss in losses
            if loss.partition(":")[0] != "component_classifier"
        )
    return settings


def compile_config_of(model) -> dict:
    """The arguments of `compile`, the payoff by name."""
    objective = model.objective
    config = {
        field: getattr(objective, field)
        for field in objective.__dataclass_fields__
    }
    config["payoff"] = payoffs.saved_name(objective.payoff)
    config["steps_per_execution"] = int(model.steps_per_execution)
    config["run_eagerly"] = model.run_eagerly
    # Where XLA was asked for, it need not be there when the file is loaded.
    config["jit_compile"] = False if model.jit_asked is False else "auto"
    config["auxiliary"] = [
        keras.saving.serialize_keras_object(loss)
        for loss in objective.auxiliary
    ]
    for side in OPTIMIZERS:
        config[side] = keras.saving.serialize_keras_object(
            getattr(model.optimizer, side)
        )
    return config


def compile_arguments_from(config: dict) -> dict:
    """Turns `compile_config_of` back into arguments."""
    auxiliary = [
        keras.saving.deserialize_keras_object(loss)
        for loss in config.get("auxiliary", ())
    ]
    optimizers = {
        side: keras.saving.deserialize_keras_object(config[side])
        for side in OPTIMIZERS
    }
    return config | optimizers | {"auxiliary": auxiliary}
