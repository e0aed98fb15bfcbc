"""One simultaneous step against plain NumPy: both sides at the old weights."""

import copy

import keras
import numpy as np
import pytest
from conftest import image_networks
from keras import layers
from keras import optimizers
from reference import Mixture
from test_step import RATE
from test_step import assert_logged
from test_step import assert_same
from test_step import build
from test_step import fixed_draws
from test_step import games
from test_step import softmax_of

from keras_mixgan import MixGAN
from keras_mixgan.game import mixtures
from keras_mixgan.game import objectives

IMAGES = np.random.default_rng(2).uniform(-1, 1, (7, 2)).astype("float32")


def expected_step(mixture, images, latents, points=None):
    """Moves each side in its own copy; returns both losses and the value."""
    ahead = copy.deepcopy(mixture)
    fakes = mixture.fakes(latents)
    value = (
        softmax_of(mixture.alpha_u)
        @ mixture.payoffs(images, fakes)
        @ softmax_of(mixture.alpha_v)
    )
    losses = mixture.generator_loss(latents), None
    if points is None:
        losses = losses[0], mixture.discriminator_loss(images, fakes)
    ahead.generator_step(RATE, latents)
    mixture.discriminator_step(RATE, images, fakes, points)
    mixture.generators, mixture.alpha_u = ahead.generators, ahead.alpha_u
    return *losses, value


@games((1, 1), (3, 1))
@pytest.mark.usefixtures("no_graph")
def test_both_sides_step_from_the_old_weights(
    generator, discriminator, monkeypatch, payoff, kind, numbers, estimate
):
    model = build(
        generator, discriminator, numbers, payoff=payoff,
        generator_loss=kind, payoff_estimate=estimate, update="simultaneous",
    )  # fmt: skip
    sizes = [len(IMAGES)] * numbers[0]
    if estimate == "linear":
        sizes = mixtures.stratum_sizes(len(IMAGES), numbers[0])
    latents, _ = fixed_draws(model, sizes, monkeypatch)
    mixture = Mixture(model, payoff, kind, regularizer=0.1)
    generator_loss, discriminator_loss, value = expected_step(
        mixture, IMAGES, latents
    )
    logs = model.train_on_batch(IMAGES, return_dict=True)
    assert_same(model, mixture)
    assert_logged(logs, value, discriminator_loss, generator_loss)


@pytest.mark.usefixtures("no_graph")
@pytest.mark.parametrize("kind", ["non_saturating", "minimax"])
def test_with_gradient_penalty(generator, discriminator, monkeypatch, kind):
    model = build(
        generator, discriminator, (2, 3), payoff="wasserstein",
        generator_loss=kind, gradient_penalty=10.0, update="simultaneous",
    )  # fmt: skip
    sizes = [len(IMAGES)] * 2
    latents, _ = fixed_draws(model, sizes, monkeypatch)
    mixing = np.random.default_rng(4).uniform(size=(sum(sizes), 1))
    monkeypatch.setattr(
        model, "draw_uniform", lambda count: mixing[:, 0].astype("float32")
    )
    mixture = Mixture(model, "wasserstein", kind, 0.1, penalty=10.0)
    lines = mixing * np.resize(IMAGES, (sum(sizes), 2)) + (
        1 - mixing
    ) * np.concatenate(mixture.fakes(latents))
    expected_step(mixture, IMAGES, latents, np.split(lines, 2))
    model.train_on_batch(IMAGES)
    assert_same(model, mixture)


@pytest.mark.usefixtures("no_graph")
def test_a_shared_value_needs_the_payoff_alone(generator, discriminator):
    def shares(discriminator=discriminator, **arguments):
        model = MixGAN(generator, discriminator, 2, 2, seed=0)
        model.compile(update="simultaneous", **arguments)
        return objectives.sides_share_a_value(model)

    assert shares(generator_loss="minimax")
    assert not shares()
    assert not shares(generator_loss="minimax", gradient_penalty=1.0)
    for layer in discriminator.layers:
        if isinstance(layer, layers.Dense):
            layer.kernel_regularizer = "l2"
    discriminator = type(discriminator).from_config(discriminator.get_config())
    assert not shares(discriminator, generator_loss="minimax")


@pytest.mark.usefixtures("no_graph")
def test_networks_own_losses_stay_their_own(generator):
    """A discriminator's activity regulariser does not move the generators."""

    def discriminator(strength):
        return keras.Sequential(
            [
                keras.Input((2,)),
                layers.Dense(4, "tanh", activity_regularizer=strength),
                layers.Dense(1),
            ]
        )

    moved = []
    for strength in (None, "l2"):
        model = MixGAN(generator, discriminator(strength), 2, 2, seed=0)
        model.compile(
            generator_loss="minimax",
            update="simultaneous",
            generator_optimizer=optimizers.SGD(RATE),
            discriminator_optimizer=optimizers.SGD(RATE),
        )
        model.train_on_batch(IMAGES)
        moved.append(
            [
                [w for n in networks for w in n.get_weights()]
                for networks in (model.generators, model.discriminators)
            ]
        )
    for a, b in zip(moved[0][0], moved[1][0], strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)
    assert any(
        not np.allclose(a, b, atol=1e-6)
        for a, b in zip(moved[0][1], moved[1][1], strict=True)
    )


@pytest.mark.usefixtures("no_graph")
@pytest.mark.parametrize("kind", ["non_saturating", "minimax"])
def test_moving_statistics_take_one_update(kind, discriminator):
    small = keras.initializers.RandomNormal(stddev=0.1)
    generator = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(4, use_bias=False, kernel_initializer=small),
            layers.BatchNormalization(),
            layers.Dense(2, activation="tanh"),
        ]
    )
    images = np.random.default_rng(0).normal(size=(4, 2))
    variances = []
    for update in ("alternating", "simultaneous"):
        model = MixGAN(generator, discriminator, 2, 2, seed=0)
        model.compile(update=update, generator_loss=kind)
        model.train_on_batch(images.astype("float32"))
        layer = next(
            layer
            for layer in model.generators[0].layers
            if isinstance(layer, layers.BatchNormalization)
        )
        variances.append((np.asarray(layer.moving_variance), layer.momentum))
    # It begins at one, and each call pulls it to a small batch variance.
    (twice, momentum), (once, _) = variances
    assert (once < 1).all()
    assert once.min() >= momentum
    assert (twice < once).all()


def test_settings_are_checked_and_saved(generator, discriminator):
    model = MixGAN(generator, discriminator, 2, 2, seed=0)
    assert model.get_compile_config() is None
    with pytest.raises(ValueError, match="`update` must be one of"):
        model.compile(update="both")
    with pytest.raises(ValueError, match="`discriminator_steps` must be 1"):
        model.compile(update="simultaneous", discriminator_steps=2)
    model.compile()
    assert model.objective.update == "alternating"
    model.compile(update="simultaneous")
    assert model.get_compile_config()["update"] == "simultaneous"


def test_trains_in_a_graph_with_averages_and_clipping():
    generator, discriminator = image_networks(num_classes=3)
    model = MixGAN(generator, discriminator, 3, 2, ema_decay=0.9, seed=0)
    model.compile(
        payoff="wasserstein", weight_clip=0.05, update="simultaneous",
        generator_loss="minimax", steps_per_execution=2,
    )  # fmt: skip
    images = np.random.default_rng(0).uniform(-1, 1, size=(10, 8, 8, 1))
    labels = np.arange(10) % 3
    # The last batch is smaller.
    history = model.fit(
        images.astype("float32"), labels, batch_size=4, epochs=2, verbose=0
    )
    assert np.isfinite(history.history["loss"]).all()
    assert model.step == 6
    assert int(model.optimizer.generator_optimizer.iterations) == 6
