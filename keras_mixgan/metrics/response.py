"""Training a best response: one discriminator, or one generator, alone.

The distances and the equilibrium gap need the best network of one class
against a frozen opponent. A trained network approaches it from below, so the
measured value tends to lie below the supremum.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from keras_mixgan.game import payoffs
from keras_mixgan.game import penalties
from keras_mixgan.utils import checks

LEARNING_RATE = 1e-3


def train_discriminator(
    network: keras.Model,
    real: Any,
    fake: Any,
    payoff: payoffs.Payoff,
    steps: int = 500,
    batch_size: int = 64,
    learning_rate: float = LEARNING_RATE,
    seed: int = 0,
    weight_clip: float | None = None,
) -> None:
    """Trains a network in place to maximise F on two fixed sets.

    F = E_real[phi(D(x))] + E_fake[phi(1 - D(y))] (arXiv:1703.00573, equation
    5). Real and fake images go through the network in separate calls, so that
    batch normalization has separate statistics for them.

    `network` maps images (B, ...), or [images, labels], to logits (B, 1);
    `real` and `fake` are of that form. A step is an update of Adam on
    `batch_size` examples of each; the caller has checked both by `check`.
    `weight_clip` is the largest absolute weight,
    as for a Wasserstein critic, whose F has no maximum otherwise.
    """
    real, fake = _listed(real), _listed(fake)
    sides = [
        [keras.Input(t.shape[1:], dtype=t.dtype) for t in network.inputs]
        for _ in range(2)
    ]
    logits = [network(side if len(side) > 1 else side[0]) for side in sides]
    both = keras.Model(sides[0] + sides[1], ops.concatenate(logits, axis=-1))

    def loss(_, outputs):
        real_term = payoff.real(outputs[..., 0])
        fake_term = payoff.fake(outputs[..., 1])
        return -ops.mean(real_term + fake_term)

    rng = np.random.default_rng(seed)
    # Both have batches of one size, that of the smaller set at most.
    batch_size = min(batch_size, len(real[0]), len(fake[0]))
    real_rows = _rows(len(real[0]), steps, batch_size, rng)
    fake_rows = _rows(len(fake[0]), steps, batch_size, rng)
    _compile(both, loss, learning_rate)
    unused = np.zeros((batch_size, 1), "float32")
    for some_real, some_fake in zip(real_rows, fake_rows, strict=True):
        batch = [part[some_real] for part in real]
        batch += [part[some_fake] for part in fake]
        both.train_on_batch(batch, unused)
        if weight_clip:
            penalties.clip_weights(network.trainable_variables, weight_clip)


def train_generator(
    network: keras.Model,
    discriminators: list[keras.Model],
    weights: np.ndarray,
    payoff: payoffs.Payoff,
    steps: int = 500,
    batch_size: int = 64,
    learning_rate: float = LEARNING_RATE,
    labels: np.ndarray | None = None,
    seed: int = 0,
) -> None:
    """Trains a generator in place against a frozen mixture of discriminators.

    It minimises sum_j w_j E_h[l(D_j(G(h)))], with l the generators' loss of
    the payoff, whose gradient does not vanish when the discriminators win.

    `network` maps latents (B, Z), or [latents, labels], to images; labels are
    drawn from `labels` (N,). The discriminators must be copies, since they are
    made untrainable; their `weights` (T,) sum to 1. The caller has checked
    `steps` and `batch_size` by `check`.
    """
    inputs = [keras.Input(t.shape[1:], dtype=t.dtype) for t in network.inputs]
    images = network(inputs if len(inputs) > 1 else inputs[0])
    logits = []
    for discriminator in discriminators:
        discriminator.trainable = False
        labelled = len(discriminator.inputs) > 1
        seen = [images, inputs[1]] if labelled else images
        logits.append(discriminator(seen, training=False))
    both = keras.Model(inputs, ops.concatenate(logits, axis=-1))
    weights = np.asarray(weights, "float32")
    term = payoff.generator_loss("non_saturating")

    def loss(_, outputs):
        return ops.mean(ops.sum(weights * term(outputs), axis=-1))

    rng = np.random.default_rng(seed)
    _compile(both, loss, learning_rate)
    unused = np.zeros((batch_size, len(discriminators)), "float32")
    for _ in range(steps):
        latents = draw_latents(network, batch_size, labels, rng)
        both.train_on_batch(latents, unused)


def check(steps: int, batch_size: int) -> None:
    """Raises a ValueError unless both numbers are positive."""
    checks.integer("steps", steps)
    checks.integer("batch_size", batch_size)


def draw_latents(
    network: keras.Model,
    count: int,
    labels: np.ndarray | None,
    rng: np.random.Generator,
) -> list[np.ndarray]:
    """Returns a generator's inputs: latents, and labels if it takes them."""
    size = network.inputs[0].shape[1]
    inputs = [rng.standard_normal((count, size), dtype="float32")]
    if len(network.inputs) > 1:
        inputs.append(rng.choice(labels, count).astype("int32"))
    return inputs


def _compile(model: keras.Model, loss: Any, learning_rate: float) -> None:
    # beta_1 0.5 as in GAN training (arXiv:1511.06434): the response starts
    # far from its optimum and has few steps.
    optimizer = keras.optimizers.Adam(learning_rate, beta_1=0.5)
    model.compile(optimizer, loss=loss)


def _rows(
    length: int, steps: int, batch_size: int, rng: np.random.Generator
) -> np.ndarray:
    """Returns row numbers (steps, B), permutation after permutation."""
    needed = steps * batch_size
    rounds = -(-needed // length)
    order = np.concatenate([rng.permutation(length) for _ in range(rounds)])
    return order[:needed].reshape(steps, batch_size)


def _listed(inputs: Any) -> list[np.ndarray]:
    several = isinstance(inputs, (list, tuple))
    return list(inputs) if several else [inputs]
