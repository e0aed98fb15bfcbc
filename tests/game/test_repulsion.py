"""Amortised Stein variational gradients, against NumPy float64.

The kernel and its gradient in closed form; and a whole step of generators that
minimise -E[stop(dx)^T G(z)]: dx by the chain rule, the rest by differences.
"""

import keras
import numpy as np
import pytest
from conftest import small_discriminator
from conftest import small_generator
from keras import layers
from keras import ops
from keras import optimizers
from reference import Mixture
from reference import softmax

from keras_mixgan import MixGAN
from keras_mixgan import auxiliary
from keras_mixgan.backends import executor
from keras_mixgan.game.auxiliary import repulsion

RATE = 0.3


def repulsions(codes):
    """Kernels of nearest neighbours (N,), and repulsions of codes (N, d).

    h is by the authors' formula.
    """
    squares = ((codes[:, None] - codes[None]) ** 2).sum(axis=2)
    h = np.sqrt(0.5 * np.median(squares) / np.log(len(codes) + 1)) / 2
    np.fill_diagonal(squares, np.inf)
    nearest = squares.argmin(axis=1)
    kernels = np.exp(-squares.min(axis=1) / h**2 / 2)
    return kernels, kernels[:, None] * (codes - codes[nearest]) / h**2


def gradients(codes):
    """Gradients of the sum of all kernels by the codes (N, T, d)."""
    slopes = executor.of_backend().input_gradients(
        lambda x: ops.sum(repulsion.kernels(x)), ops.convert_to_tensor(codes)
    )
    return ops.convert_to_numpy(slopes)


@pytest.mark.parametrize("count", [2, 5, 8])
def test_kernels_and_gradients_in_closed_form(count):
    codes = np.random.default_rng(count).normal(size=(count, 3, 4))
    kernels = repulsion.kernels(ops.convert_to_tensor(codes, "float32"))
    slopes = gradients(codes.astype("float32"))
    for j in range(3):
        expected, apart = repulsions(codes[:, j])
        np.testing.assert_allclose(kernels[:, j], expected, atol=1e-6)
        np.testing.assert_allclose(slopes[:, j], -apart, atol=1e-5)


def test_far_from_zero_distances_are_as_exact():
    codes = np.random.default_rng(0).normal(size=(6, 1, 4))
    near = repulsion.kernels(ops.convert_to_tensor(codes, "float32"))
    far = repulsion.kernels(ops.convert_to_tensor(codes + 1000, "float32"))
    np.testing.assert_allclose(far, near, atol=1e-3)


def test_samples_move_apart():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(6, 1, 2)).astype("float32")
    matrix = rng.normal(size=(2, 3)).astype("float32")

    def features(x):
        return np.tanh(x @ matrix)

    def total(x):
        return ops.sum(repulsion.kernels(ops.tanh(ops.matmul(x, matrix))))

    slopes = executor.of_backend().input_gradients(
        total, ops.convert_to_tensor(points)
    )
    before = features(points)[:, 0]
    after = features(points - 1e-3 * np.asarray(slopes))[:, 0]
    squares = ((before[:, None] - before[None]) ** 2).sum(axis=2)
    np.fill_diagonal(squares, np.inf)
    nearest = squares.argmin(axis=1)
    # Measured from the neighbour's old place, since it moves too.
    now = ((after - before[nearest]) ** 2).sum(axis=1)
    assert (now > squares.min(axis=1)).all()


@pytest.mark.parametrize("codes", [np.ones((4, 2, 3)), np.ones((1, 2, 3))])
def test_equal_images_and_one_alone_do_not_break(codes):
    codes = codes.astype("float32")
    np.testing.assert_array_equal(repulsion.kernels(codes), 1.0)
    np.testing.assert_array_equal(gradients(codes), 0.0)


def test_features_may_be_maps():
    maps = np.random.default_rng(0).normal(size=(5, 2, 2, 3)).astype("float32")
    flat = maps.reshape(5, 2, 6)
    np.testing.assert_array_equal(
        repulsion.kernels(maps), repulsion.kernels(flat)
    )


def energy():
    """A discriminator with logits below 0, which are minus energies."""
    images = keras.Input((2,))
    hidden = layers.Dense(4, activation="tanh")(images)
    logits = layers.Dense(1, bias_initializer=keras.initializers.Constant(-9))
    return keras.Model(images, {"logits": logits(hidden), "features": hidden})


class Stein(Mixture):
    """The reference mixture, generators by amortised SVGD."""

    def __init__(self, model, coefficient):
        super().__init__(model, "energy", "non_saturating", 0.1)
        self.coefficient = coefficient

    def freeze(self, latents):
        """Directions dx of all images, by closed forms."""
        images = np.concatenate(self.fakes(latents))
        w_v = softmax(self.alpha_v)
        directions = np.zeros_like(images)
        self.frozen = softmax(self.alpha_u), w_v
        self.energies = np.zeros((len(latents), len(w_v)))
        for j, (k1, b1, k2, b2) in enumerate(self.discriminators):
            hidden = np.tanh(images @ k1 + b1)
            slope = 1 - hidden**2
            # E = -logit. Samples are those of the whole mixture.
            falling = (slope * k2[:, 0]) @ k1.T
            _, apart = repulsions(hidden)
            away = (slope * apart) @ k1.T
            directions += w_v[j] * (falling + self.coefficient * away)
            parts = np.split(-(hidden @ k2 + b2), len(latents))
            self.energies[:, j] = [part.mean() for part in parts]
        assert self.energies.min() > 0
        self.directions = np.split(directions, len(latents))

    def generator_loss(self, latents):
        w_u, w_v = self.frozen
        loss = sum(
            -w * (dx * x).sum(axis=1).mean()
            for w, dx, x in zip(
                w_u, self.directions, self.fakes(latents), strict=True
            )
        )
        # Only energies move the mixture logits.
        own = softmax(self.alpha_u)
        return loss + own @ self.energies @ w_v - 0.1 * np.log(own).mean()


@pytest.mark.parametrize("estimate", ["full", "linear"])
def test_a_step_is_amortised_svgd(monkeypatch, estimate):
    model = MixGAN(small_generator(), energy(), 2, 3, seed=1)
    rng = np.random.default_rng(0)
    model.generator_mixture_logits.assign(rng.normal(size=2))
    model.discriminator_mixture_logits.assign(rng.normal(size=3))
    model.compile(
        "energy",
        optimizers.SGD(RATE),
        optimizers.SGD(RATE),
        auxiliary=["kernel_repulsion:0.7"],
        payoff_estimate=estimate,
        run_eagerly=keras.backend.backend() == "tensorflow",
    )
    images = rng.uniform(-1, 1, (6, 2))
    count = 12 if estimate == "full" else 6
    draws = [rng.normal(size=(count, 3)) for _ in range(2)]
    pending = iter(draws)
    monkeypatch.setattr(
        model,
        "draw_latents",
        lambda count: ops.convert_to_tensor(next(pending), "float32"),
    )
    oracle = Stein(model, 0.7)
    first, second = (np.split(draw, 2) for draw in draws)
    oracle.discriminator_step(RATE, images, oracle.fakes(first))
    oracle.freeze(second)
    oracle.generator_step(RATE, second)
    before = [np.asarray(w) for w in model.generators[0].get_weights()]
    model.train_on_batch(images.astype("float32"))
    trained = Stein(model, 0.7)
    for ours, theirs in (
        (trained.generators, oracle.generators),
        (trained.discriminators, oracle.discriminators),
    ):
        for a, b in zip(ours, theirs, strict=True):
            for w, e in zip(a, b, strict=True):
                np.testing.assert_allclose(w, e, atol=2e-5)
    np.testing.assert_allclose(trained.alpha_u, oracle.alpha_u, atol=1e-5)
    np.testing.assert_allclose(trained.alpha_v, oracle.alpha_v, atol=1e-5)
    assert any(
        np.abs(w - b).max() > 1e-2
        for w, b in zip(trained.generators[0], before, strict=True)
    )


def test_generators_repel_one_another():
    """One image each, so the neighbour is the other generator's."""
    features = np.array([[[0.0, 0.0]], [[0.3, 0.0]]], "float32")
    first, second = -gradients(features)[:, 0]
    assert first[0] < 0 < second[0]
    assert first[1] == second[1] == 0


def test_it_needs_features():
    model = MixGAN(small_generator(), small_discriminator(), 1, 1)
    with pytest.raises(ValueError, match=r"kernel_repulsion.*`features`"):
        model.compile(auxiliary=["kernel_repulsion"])
    with pytest.raises(ValueError, match="positive coefficient"):
        model.compile("energy", auxiliary=["kernel_repulsion:0"])
    assert auxiliary.get("kernel_repulsion") == auxiliary.KernelRepulsion(0.5)
