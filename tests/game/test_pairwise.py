"""Relativistic payoffs, against plain NumPy in float64."""

import copy

import keras
import numpy as np
import pytest
from conftest import small_discriminator
from conftest import small_generator
from keras import ops
from keras import optimizers
from reference import Mixture
from reference import sigmoid
from reference import softmax
from reference import two_layers

import keras_mixgan as kmg
from keras_mixgan.game import payoffs

RATE = 0.5
ATOL = 6e-6 if keras.backend.backend() == "jax" else 3e-6


def pair(real, fake):
    """Jolicoeur-Martineau 2018: what a discriminator ascends."""
    return np.log(sigmoid(real - fake))


def generator(real, fake):
    """What a generator descends."""
    return -np.log(sigmoid(fake - real))


class Relativistic(Mixture):
    """The step of `reference.Mixture` with payoffs of real and fake logits."""

    def __init__(self, model, estimate, average, minimax):
        super().__init__(model, "log", "minimax", 0.1)
        self.estimate, self.average = estimate, average
        self.minimax = minimax

    def means(self, term, images, fakes):
        pairs = np.empty((len(fakes), len(self.discriminators)))
        for j, d in enumerate(self.discriminators):
            part = slice(None)
            if self.estimate == "split":
                part = slice(j, None, len(self.discriminators))
            real = two_layers(d, images[part])[:, 0]
            start = 0
            for i, made in enumerate(fakes):
                fake = two_layers(d, made[part])[:, 0]
                if self.average:
                    pairs[i, j] = (
                        term(real, fake.mean()).mean()
                        + term(real.mean(), fake).mean()
                    )
                    continue
                rows = (start + np.arange(len(fake))) % len(real)
                start += 0 if self.estimate == "full" else len(fake)
                pairs[i, j] = term(real[rows], fake).mean()
        return pairs

    def payoffs(self, images, fakes):
        return self.means(pair, images, fakes)

    def generator_loss(self, latents, images):
        w_u, w_v = softmax(self.alpha_u), softmax(self.alpha_v)
        term = pair if self.minimax else generator
        losses = self.means(term, images, self.fakes(latents))
        return w_u @ losses @ w_v - self.regularizer * np.log(w_u).mean()

    def generator_step(self, rate, latents, images):
        self._descend(self.alpha_u, self.generators, rate,
                      lambda m: m.generator_loss(latents, images))  # fmt: skip


def build(payoff, **arguments):
    model = kmg.MixGAN(small_generator(), small_discriminator(), 2, 3, seed=3)
    rng = np.random.default_rng(0)
    model.generator_mixture_logits.assign(rng.normal(size=2))
    model.discriminator_mixture_logits.assign(rng.normal(size=3))
    # Larger weights, so that discriminators separate images.
    for network in model.discriminators:
        network.set_weights([3 * w for w in network.get_weights()])
    model.compile(
        payoff, optimizers.SGD(RATE), optimizers.SGD(RATE),
        run_eagerly=keras.backend.backend() == "tensorflow", **arguments,
    )  # fmt: skip
    return model


def assert_same(model, of_discriminators, of_generators):
    for networks, expected in (
        (model.discriminators, of_discriminators.discriminators),
        (model.generators, of_generators.generators),
    ):
        for network, weights in zip(networks, expected, strict=True):
            for w, e in zip(network.get_weights(), weights, strict=True):
                np.testing.assert_allclose(w, e, atol=ATOL)
    np.testing.assert_allclose(
        model.discriminator_mixture_logits, of_discriminators.alpha_v, atol=ATOL
    )
    np.testing.assert_allclose(
        model.generator_mixture_logits, of_generators.alpha_u, atol=ATOL
    )


@pytest.mark.parametrize(
    ("payoff", "estimate", "update", "kind", "batch", "sizes"),
    [
        ("relativistic", "full", "alternating", "non_saturating", 5, [5, 5]),
        ("relativistic", "linear", "alternating", "minimax", 7, [4, 3]),
        ("relativistic", "split", "alternating", "non_saturating", 12, [6, 6]),
        ("relativistic", "full", "simultaneous", "minimax", 5, [5, 5]),
        ("relativistic_average", "full", "alternating", "non_saturating", 5,
         [5, 5]),
        ("relativistic_average", "full", "simultaneous", "non_saturating", 5,
         [5, 5]),
    ],
)  # fmt: skip
def test_a_step(monkeypatch, payoff, estimate, update, kind, batch, sizes):
    model = build(
        payoff, payoff_estimate=estimate, update=update, generator_loss=kind
    )
    rng = np.random.default_rng(1)
    images = rng.uniform(-1, 1, (batch, 2))
    draws = [rng.normal(size=(sum(sizes), 3)) for _ in range(2)]
    pending = iter(draws)
    monkeypatch.setattr(
        model,
        "draw_latents",
        lambda count: ops.convert_to_tensor(next(pending), "float32"),
    )
    average = payoff == "relativistic_average"
    oracle = Relativistic(model, estimate, average, kind == "minimax")
    first, second = (np.split(draw, np.cumsum(sizes)[:-1]) for draw in draws)
    start = copy.deepcopy(oracle)
    oracle.discriminator_step(RATE, images, oracle.fakes(first))
    generators = oracle if update == "alternating" else start
    latents = second if update == "alternating" else first
    loss = generators.generator_loss(latents, images)
    generators.generator_step(RATE, latents, images)
    logs = model.train_on_batch(images.astype("float32"), return_dict=True)
    assert_same(model, oracle, generators)
    assert float(logs["generator_loss"]) == pytest.approx(
        loss, rel=1e-5, abs=2e-6
    )


@pytest.mark.parametrize("payoff", ["relativistic", "relativistic_average"])
def test_payoff_matrix(payoff):
    model = build(payoff)
    images = np.random.default_rng(2).uniform(-1, 1, (9, 2)).astype("float32")
    fakes = [model.generate(9, component=i, seed=4 + i) for i in range(2)]
    oracle = Relativistic(model, "full", "average" in payoff, False)
    np.testing.assert_allclose(
        model.payoff_matrix(images, seed=4, batch_size=4),
        oracle.payoffs(images, fakes),
        rtol=1e-5,
        atol=2e-6,
    )


def test_terms_match_numbers_worked_by_hand():
    """log sigmoid(1 - 3) = -2.126928, log sigmoid(3 - 1) = -0.126928."""
    payoff = payoffs.get("relativistic")
    logits = [ops.convert_to_tensor([x]) for x in ([1.0, 3.0], [3.0, 1.0])]
    np.testing.assert_allclose(
        payoff.pair(*logits), [[-2.126928, -0.126928]], rtol=1e-5
    )
    loss = payoff.generator_loss("non_saturating")
    np.testing.assert_allclose(loss(*logits), [[0.126928, 2.126928]], rtol=1e-5)
    assert payoff.generator_loss("minimax") is payoff.pair
    extreme = [ops.convert_to_tensor([x]) for x in (1e4, -1e4)]
    assert np.isfinite(ops.convert_to_numpy(payoff.pair(*extreme[::-1]))).all()


@pytest.mark.usefixtures("no_graph")
def test_fakes_meet_real_images_of_their_own_label(monkeypatch):
    """The logit of real images and of fakes is their label."""
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    made = keras.layers.Dense(2)(latents)
    one = keras.Model([latents, labels], made)
    images = keras.Input((2,))
    shift = keras.layers.Dense(1, kernel_initializer="zeros")(images)
    logit = ops.expand_dims(ops.cast(labels, "float32"), 1) + shift
    two = keras.Model([images, labels], logit)
    model = kmg.MixGAN(one, two, 2, 1, num_classes=9, seed=0)
    for estimate in ("linear", "split"):
        model.compile(
            "relativistic", *(optimizers.SGD(0.0) for _ in range(2)),
            payoff_estimate=estimate,
        )  # fmt: skip
        logs = model.train_on_batch(
            np.zeros((6, 2), "float32"), np.arange(6), return_dict=True
        )
        # All differences are 0.
        assert float(logs["payoff"]) == pytest.approx(-np.log(2))


def rising():
    return kmg.PairwisePayoff(
        "rising", lambda real, fake: ops.tanh(real - fake), average=True
    )


def test_one_of_ones_own_trains_and_comes_back(monkeypatch, tmp_path):
    monkeypatch.setattr(payoffs, "PAYOFFS", dict(payoffs.PAYOFFS))
    model = kmg.MixGAN(small_generator(), small_discriminator(), 2, 2, seed=0)
    mine = rising()
    model.compile(mine)
    data = np.random.default_rng(0).uniform(-1, 1, (8, 2)).astype("float32")
    with pytest.warns(kmg.UsageWarning, match="`save` will fail"):
        history = model.fit(data, batch_size=4, epochs=1, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    with pytest.raises(ValueError, match="must be registered"):
        model.save(tmp_path / "model.keras")
    kmg.payoffs.register(mine)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.objective.payoff.average
    np.testing.assert_allclose(
        loaded.payoff_matrix(data, seed=0),
        model.payoff_matrix(data, seed=0),
        atol=1e-6,
    )
    other = kmg.PairwisePayoff("rising", rising().pair)
    with pytest.raises(ValueError, match=r"another payoff named 'rising'"):
        kmg.payoffs.get(other)


def test_what_has_no_meaning_is_refused_in_a_line(generator, discriminator):
    model = kmg.MixGAN(generator, discriminator, 2, 2, seed=0)
    for estimate in ("linear", "split"):
        with pytest.raises(ValueError, match=r"must be full.*average'"):
            model.compile("relativistic_average", payoff_estimate=estimate)
    points = np.zeros((8, 2), "float32")
    with pytest.raises(ValueError, match=r"must be a sum.*'relativistic'"):
        kmg.metrics.equilibrium_gap(model, points, payoff="relativistic")
    with pytest.raises(ValueError, match=r"must be a sum.*'relativistic'"):
        kmg.metrics.neural_net_distance(points, points, payoff="relativistic")
