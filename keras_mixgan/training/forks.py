"""Mixtures of trained networks: copies of one pair, snapshots, pruned ones."""

from typing import Any

import keras
import numpy as np

from keras_mixgan.game import adapting
from keras_mixgan.game import matrix_games
from keras_mixgan.game.auxiliary import ComponentClassifier
from keras_mixgan.training import serialization
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

# How far copies are told apart, in standard deviations of each variable.
NOISE = 0.05


def from_pair(cls, pair, numbers: tuple, noise: float, seed, **arguments):
    """Makes a mixture of copies of a pair; see `MixGAN.from_pair`."""
    model = copies_of_pair(cls, pair, numbers, noise, seed, **arguments)
    if pair.compiled:
        model.compile_from_config(pair.get_compile_config())
        _copy_optimizers(pair, model)
    return model


def copies_of_pair(
    cls, pair, numbers: tuple, noise: float, seed, critic=None, **arguments
):
    """Makes the mixture of `from_pair`, but does not compile it.

    `critic` is the pair's discriminator with more outputs; by default as it is.
    """
    _check_mixgan("model", pair)
    if pair.num_generators != 1 or pair.num_discriminators != 1:
        raise UserError(
            "`model` must be a pair, one generator and one discriminator. "
            f"Received: {pair.num_generators} generators and "
            f"{pair.num_discriminators} discriminators"
        )
    checks.number("noise", noise, "[0, 1)")
    networks = {
        "generators": pair.generators[:1],
        "discriminators": [critic] if critic else pair.discriminators[:1],
        "ema_generators": pair.ema_generators[:1],
    }
    model = cls(
        *networks["generators"],
        *networks["discriminators"],
        *numbers,
        num_classes=pair.num_classes,
        ema_decay=pair.ema_decay,
        seed=seed,
        **arguments,
    )
    for name, found in networks.items():
        for copy in getattr(model, name):
            for variable, its in _pairs(*found, copy, model):
                _assign(its, variable)
    _assign(model.ema_updates, pair.ema_updates)
    model.run_settings = serialization.settings_of(model, pair)
    rng = np.random.default_rng(model.seed)
    for side in (model.generator_ensemble, model.discriminator_ensemble):
        own = side.networks if side.shared is None else side.shared.own
        for variable in (v for x in own[1:] for v in x.trainable_variables):
            value = keras.ops.convert_to_numpy(variable)
            # Noise relative to the spread of each variable.
            spread = noise * value.std()
            variable.assign(value + spread * rng.standard_normal(value.shape))
    return model


def from_snapshots(cls, models: list, images, labels, seed):
    """Makes a mixture of one run's snapshots; see `MixGAN.from_snapshots`."""
    if not isinstance(models, list | tuple) or len(models) < 2:
        raise UserError(
            "`models` must list at least two snapshots. Received: "
            f"models={models!r}"
        )
    for model in models:
        _check_mixgan("models", model)
    if not models[-1].compiled:
        raise UserError(
            "`models` must be compiled, since the last one's payoff weighs "
            "them. Received: the last one without `compile`"
        )
    snapshots = [copy_networks(model, i) for i, model in enumerate(models)]
    return join(cls, snapshots, models[-1], images, labels, seed)


def _check_mixgan(name: str, model) -> None:
    if not hasattr(model, "generator_ensemble"):
        raise UserError(
            f"`{name}` must be a MixGAN. Received: {type(model).__name__}"
        )


def copy_networks(model, number: int) -> tuple[list, list]:
    """Copies a model's sampling generators and its discriminators."""
    return (
        copies_of_generators(model, f"generator_{number}"),
        copies(model.discriminators, f"discriminator_{number}"),
    )


def join(cls, snapshots: list, model, images, labels, seed):
    """Makes a mixture of snapshots; see `MixGAN.from_snapshots`.

    `snapshots` holds what `copy_networks` returned for each, oldest first, and
    `model` is the one that they were copied from. The mixture is compiled as
    `model` is, without component classifiers.
    """
    mixture = cls(
        [generator for generators, _ in snapshots for generator in generators],
        [critic for _, critics in snapshots for critic in critics],
        num_classes=model.num_classes,
        seed=seed,
    )
    # So that it does not draw the first latents of the training again.
    _assign(mixture.seed_generator.state, model.seed_generator.state)
    config = model.get_compile_config()
    # The classes of a component classifier are one snapshot's generators.
    config["auxiliary"] = [
        saved
        for saved, loss in zip(
            config["auxiliary"], model.objective.auxiliary, strict=True
        )
        if not isinstance(loss, ComponentClassifier)
    ]
    mixture.compile_from_config(config)
    mixture.run_settings = serialization.settings_of(mixture, model)
    game = matrix_games.matrix_game(
        mixture.payoff_matrix(images, labels, seed=seed)
    )
    for logits, w in (
        (mixture.generator_mixture_logits, game.generator_weights),
        (mixture.discriminator_mixture_logits, game.discriminator_weights),
    ):
        logits.assign(np.log(np.maximum(w, 1e-12)))
    return mixture


def prune(model, below: float):
    """Makes the mixture of the other generators; see `MixGAN.prune`."""
    checks.number("below", below, "(0, 1)")
    weights = model.generator_weights
    kept = np.flatnonzero(weights >= below)
    if not len(kept):
        raise UserError(
            f"`below` must leave a generator; the largest weight is "
            f"{weights.max():.4f}. Received: below={below!r}"
        )
    config = model.get_config()
    config["generator"] = [config["generator"][i] for i in kept]
    config["num_generators"] = len(kept)
    pruned = type(model).from_config(config)
    pairs = list(zip(pruned.discriminators, model.discriminators, strict=True))
    for name in ("generators", "ema_generators"):
        networks = getattr(model, name)
        if networks:
            pairs += zip(
                getattr(pruned, name), [networks[i] for i in kept], strict=True
            )
    for copy, network in pairs:
        copy.set_weights(network.get_weights())
        # Of dropout and noise, which would begin anew.
        states = map(serialization.random_states, (copy, network))
        for twin, state in zip(*states, strict=True):
            _assign(twin, state)
    logits = keras.ops.convert_to_numpy(model.generator_mixture_logits)
    pruned.generator_mixture_logits.assign(logits[kept])
    for name in (
        "discriminator_mixture_logits", "step_variable", "ema_updates",
    ):  # fmt: skip
        _assign(getattr(pruned, name), getattr(model, name))
    # So that it does not draw the first latents of the training again.
    _assign(pruned.seed_generator.state, model.seed_generator.state)
    pruned.run_settings = serialization.settings_of(pruned, model)
    return pruned


def copies(networks: list[keras.Model], name: str) -> list[keras.Model]:
    """Copies Functional or Sequential models with their weights.

    The copies have variables of their own. Their names are `name` and a number.
    """
    made = []
    for i, network in enumerate(networks):
        adapting.check_clonable(network, "for copies of it")
        copy = keras.models.clone_model(network)
        copy.name = f"{name}_{i}"
        copy.set_weights(network.get_weights())
        made.append(copy)
    return made


def copies_of_generators(model, name: str) -> list[keras.Model]:
    """Copies the generators that `generate` uses, fit for training.

    Averages are not: their layers are frozen, and so would be those of copies.
    """
    made = copies(model.generators, name)
    for copy, average in zip(made, model.sampling_generators, strict=True):
        copy.set_weights(average.get_weights())
    return made


def _pairs(network: keras.Model, copy: keras.Model, model) -> list[tuple]:
    """Pairs of a variable of a network and that of its copy in a model.

    Where a side shares a body its networks were cut, and have their layers in
    another order: they are found by name.
    """
    ensembles = (model.generator_ensemble, model.discriminator_ensemble)
    judges = any(copy is x for x in model.discriminators)
    if ensembles[judges].shared is None:
        return list(zip(network.weights, copy.weights, strict=True))
    layers = {layer.name: layer for layer in _leaves(copy)}
    # A layer around another one lists the other's variables too.
    found = {
        id(variable): (variable, its)
        for layer in _leaves(network)
        for variable, its in zip(
            layer.weights, layers[layer.name].weights, strict=True
        )
    }
    theirs = {id(its) for _, its in found.values()}
    sizes = (len(theirs), len(network.weights), len(copy.weights))
    if any(size != len(found) for size in sizes):
        raise UserError(
            "`model` must have networks whose layers have names of their own, "
            f"so that each is found in a copy. Received: {network.name}"
        )
    return list(found.values())


def _assign(variable, source) -> None:
    # Through NumPy: training under JAX donates the variables' buffers.
    variable.assign(keras.ops.convert_to_numpy(source))


def _leaves(network: keras.Model) -> list:
    return [
        layer
        for layer in network._flatten_layers(include_self=False)
        if not isinstance(layer, keras.Model) and layer.weights
    ]


def _copy_optimizers(pair, model) -> None:
    """Gives every copy of a variable the state of the original.

    The state of the mixture logits, which have another length, starts afresh.
    """
    sides = ("generator", "discriminator")
    optimizers = zip(pair.optimizer.sides, model.optimizer.sides, strict=True)
    for side, (old, new) in zip(sides, optimizers, strict=True):
        known, states = (
            _slots(optimizer, getattr(m, f"{side}_ensemble"))
            for m, optimizer in ((pair, old), (model, new))
        )
        (original,) = getattr(pair, f"{side}s")
        twins = {None: None}  # Of states that are no variable's.
        for network in getattr(model, f"{side}s"):
            for variable, copy in _pairs(original, network, model):
                twins[id(copy)] = id(variable)
        for (variable, slot), state in states.items():
            source = known.get((twins.get(variable, 0), slot))
            if source is not None and source.shape == state.shape:
                _assign(state, source)


def _slots(optimizer, side) -> dict[tuple[int | None, str], Any]:
    """An optimizer's states, by the variable's id and the slot's name.

    A state's name begins with that of its variable; where several variables
    have one name, their states come in the variables' order. States of the
    whole optimizer have `None` in place of an id.
    """
    named: dict[str, list[int]] = {}
    for variable in side.trainable_variables:
        path = variable.path.replace("/", "_")
        named.setdefault(path, []).append(id(variable))
    found: dict[tuple[int | None, str], Any] = {}
    for state in optimizer.variables:
        name = state.path.partition("/")[2]
        paths = [path for path in named if name.startswith(f"{path}_")]
        if not paths:
            if (None, name) in found:
                raise UserError(
                    "`model` must have optimizers whose states tell their "
                    f"variable by name. Received: {type(optimizer).__name__}, "
                    f"with several states called {name!r}"
                )
            found[None, name] = state
            continue
        path = max(paths, key=len)
        slot = name.removeprefix(path)
        free = (i for i in named[path] if (i, slot) not in found)
        found[next(free), slot] = state
    return found
