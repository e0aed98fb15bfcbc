"""A mixture without its generators of small weight."""

import numpy as np
from keras import ops

from keras_mixgan.training import serialization
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError


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
            twin.assign(ops.convert_to_numpy(state))
    logits = ops.convert_to_numpy(model.generator_log_probabilities)
    pruned.generator_log_probabilities.assign(logits[kept])
    for name in (
        "discriminator_log_probabilities", "step_variable", "ema_updates",
    ):  # fmt: skip
        # Through NumPy: training under JAX donates the variables' buffers.
        value = ops.convert_to_numpy(getattr(model, name))
        getattr(pruned, name).assign(value)
    # So that it does not draw the first latents of the training again.
    state = ops.convert_to_numpy(model.seed_generator.state)
    pruned.seed_generator.state.assign(state)
    pruned.run_settings = serialization.settings_of(pruned, model)
    return pruned
