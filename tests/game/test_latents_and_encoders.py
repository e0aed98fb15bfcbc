"""Huang's losses in a step, against NumPy float64, finite differences."""

import pathlib
import runpy
import sys
import types

import keras
import numpy as np
import pytest
from conftest import small_discriminator
from conftest import small_generator
from conftest import tensorflow_only
from keras import layers
from keras import ops
from keras import optimizers
from reference import Mixture
from reference import softmax
from scipy import stats

from keras_mixgan import MixGAN
from keras_mixgan import auxiliary
from keras_mixgan.architectures import encoder as encoders

RATE = 0.3
CLASSES = 3
LATENTS = 3


def conditional_generator():
    latents, labels = keras.Input((LATENTS,)), keras.Input((), dtype="int32")
    x = layers.Embedding(CLASSES, 2, name="label")(labels)
    x = layers.Concatenate()([latents, x])
    x = layers.Dense(4, activation="tanh", name="hidden")(x)
    x = layers.Dense(2, activation="tanh", name="image")(x)
    return keras.Model([latents, labels], x)


def three_outputs(latents=LATENTS):
    images = keras.Input((2,))
    hidden = layers.Dense(4, activation="tanh", name="hidden")(images)
    classes = layers.Dense(CLASSES, name="class")(hidden)
    outputs = {
        "logits": ops.logsumexp(classes, axis=1, keepdims=True),
        "class_logits": classes,
        "latents": layers.Dense(latents, name="latents")(hidden),
    }
    return keras.Model(images, outputs)


def weights_of(network):
    return [
        np.asarray(w, "float64")
        for name in ("label", "hidden", "class", "latents", "image")
        for layer in network.layers
        if layer.name == name
        for w in layer.get_weights()
    ]


def logsumexp(x):
    peak = x.max(axis=1, keepdims=True)
    return peak + np.log(np.exp(x - peak).sum(axis=1, keepdims=True))


def cross_entropy(logits, labels):
    chosen = logits[np.arange(len(labels)), labels]
    return (logsumexp(logits)[:, 0] - chosen).mean()


class Huang(Mixture):
    """The reference mixture with the three losses, which may move weights."""

    def __init__(self, model, labels, frozen_encoder, moves):
        super().__init__(model, "log", "minimax", 0.1)
        self.generators = [weights_of(n) for n in model.generators]
        self.discriminators = [weights_of(n) for n in model.discriminators]
        self.labels, self.encoder, self.moves = labels, frozen_encoder, moves

    def fakes(self, latents):
        fakes = []
        for (table, k1, b1, k2, b2), z in zip(
            self.generators, latents, strict=True
        ):
            x = np.concatenate([z, table[self.labels]], axis=1)
            fakes.append(np.tanh(np.tanh(x @ k1 + b1) @ k2 + b2))
        return fakes

    def pairs(self, function):
        return np.array(
            [
                [function(i, d) for d in self.discriminators]
                for i in range(len(self.generators))
            ]
        )

    def classes(self, d, x):
        return np.tanh(x @ d[0] + d[1]) @ d[2] + d[3]

    def reconstruction(self, d, x, z):
        """Mean squared error of the latents, made uniform."""
        guess = np.tanh(x @ d[0] + d[1]) @ d[4] + d[5]
        return ((guess - stats.norm.cdf(z)) ** 2).mean()

    def weights(self, own):
        now = [softmax(self.alpha_u), softmax(self.alpha_v)]
        return [
            now[side] if side == own and self.moves else self.frozen[side]
            for side in (0, 1)
        ]

    def freeze(self):
        self.frozen = [softmax(self.alpha_u), softmax(self.alpha_v)]

    def payoffs(self, images, fakes):
        return self.pairs(
            lambda i, d: (
                self.real(logsumexp(self.classes(d, images))).mean()
                + self.fake(logsumexp(self.classes(d, fakes[i]))).mean()
            )
        )

    def discriminator_loss(self, images, fakes, latents):
        loss = super().discriminator_loss(images, fakes)
        w_u, w_v = self.weights(1)
        named = np.array(
            [
                cross_entropy(self.classes(d, images), self.labels)
                for d in self.discriminators
            ]
        )
        errors = self.pairs(
            lambda i, d: self.reconstruction(d, fakes[i], latents[i])
        )
        return loss + 2 * w_v @ named + 2 * 10 * w_u @ errors @ w_v

    def generator_loss(self, latents):
        fakes = self.fakes(latents)
        pairs = self.pairs(
            lambda i, d: self.fake(logsumexp(self.classes(d, fakes[i]))).mean()
        )
        loss = softmax(self.alpha_u) @ pairs @ self.frozen[1]
        loss -= 0.1 * np.log(softmax(self.alpha_u)).mean()
        w_u, w_v = self.weights(0)
        errors = self.pairs(
            lambda i, d: self.reconstruction(d, fakes[i], latents[i])
        )
        kernel, bias = self.encoder
        encoded = np.array(
            [cross_entropy(x @ kernel + bias, self.labels) for x in fakes]
        )
        return loss + 10 * w_u @ errors @ w_v + w_u @ encoded


def linear_encoder(rng):
    """A frozen classifier of points, in place of one from a file."""
    images = keras.Input((2,))
    network = keras.Model(images, layers.Dense(CLASSES)(images))
    weights = [rng.normal(size=(2, CLASSES)), rng.normal(size=CLASSES)]
    network.set_weights(weights)
    network.trainable = False
    return network, weights


def losses(network=None):
    encoded = auxiliary.EncodedClass(encoder="somewhere.npz")
    encoded.network = network
    return ["real_classifier:2", "latent_reconstruction:10", encoded]


@pytest.mark.parametrize("released", [False, True])
def test_a_step(monkeypatch, released):
    rng = np.random.default_rng(0)
    network, frozen = linear_encoder(rng)
    model = MixGAN(conditional_generator(), three_outputs(), 2, 3, seed=1)
    model.generator_mixture_logits.assign(rng.normal(size=2))
    model.discriminator_mixture_logits.assign(rng.normal(size=3))
    model.compile(
        "log",
        optimizers.SGD(RATE),
        optimizers.SGD(RATE),
        generator_loss="minimax",
        auxiliary=losses(network),
        as_released=released,
        run_eagerly=keras.backend.backend() == "tensorflow",
    )
    images = rng.uniform(-1, 1, (6, 2))
    labels = rng.integers(0, CLASSES, 6)
    draws = [rng.normal(size=(12, LATENTS)) for _ in range(2)]
    pending = iter(draws)
    monkeypatch.setattr(
        model,
        "draw_latents",
        lambda count: ops.convert_to_tensor(next(pending), "float32"),
    )
    oracle = Huang(model, labels, frozen, released)
    first, second = (np.split(draw, 2) for draw in draws)
    oracle.freeze()
    fakes = oracle.fakes(first)
    oracle._descend(
        oracle.alpha_v, oracle.discriminators, RATE,
        lambda m: m.discriminator_loss(images, fakes, first),
    )  # fmt: skip
    oracle.freeze()
    oracle._descend(
        oracle.alpha_u, oracle.generators, RATE,
        lambda m: m.generator_loss(second),
    )  # fmt: skip
    model.train_on_batch(images.astype("float32"), labels.astype("int32"))
    for networks, expected in (
        (model.generators, oracle.generators),
        (model.discriminators, oracle.discriminators),
    ):
        for trained, weights in zip(networks, expected, strict=True):
            for w, e in zip(weights_of(trained), weights, strict=True):
                np.testing.assert_allclose(w, e, atol=2e-5)
    for logits, alpha in (
        (model.generator_mixture_logits, oracle.alpha_u),
        (model.discriminator_mixture_logits, oracle.alpha_v),
    ):
        np.testing.assert_allclose(logits, alpha, atol=1e-5)
    for w, e in zip(network.get_weights(), frozen, strict=True):
        np.testing.assert_array_equal(w, e.astype("float32"))


@tensorflow_only  # Terms are read eagerly.
@pytest.mark.parametrize("estimate", ["linear", "split"])
def test_latents_go_with_their_images(estimate):
    """The generator outputs its latents, discriminators copy them."""
    latents = keras.Input((2,))
    generator = keras.Model(latents, layers.Rescaling(1.0)(latents))
    copying = [_copying() for _ in range(1 if estimate == "linear" else 2)]
    model = MixGAN(generator, copying, 2, seed=0)
    seen = []

    class Watched(auxiliary.LatentReconstruction):
        def generator_terms(self, turn):
            terms = super().generator_terms(turn)
            seen.append(ops.convert_to_numpy(terms))
            return terms

    model.compile(
        auxiliary=[Watched()], payoff_estimate=estimate, run_eagerly=True
    )
    model.train_on_batch(np.zeros((8, 2), "float32"))
    assert seen
    for terms in seen:
        assert terms.shape == (2, model.num_discriminators)
        np.testing.assert_allclose(terms, 0, atol=1e-10)


def _copying():
    images = keras.Input((2,))
    outputs = {
        "logits": layers.Dense(1)(images),
        "latents": 0.5 * (1 + ops.erf(images / np.sqrt(2.0))),
    }
    return keras.Model(images, outputs)


def test_the_encoder_is_read_before_training_alone(tmp_path):
    path = tmp_path / "encoder.npz"
    network = encoders.encoder((28, 28, 1), 4, width=2)
    encoders.save(network, path)
    again = encoders.load(path)
    images = np.random.default_rng(0).uniform(-1, 1, (3, 28, 28, 1))
    np.testing.assert_array_equal(
        again(images.astype("float32")), network(images.astype("float32"))
    )
    loss = auxiliary.EncodedClass(2.0, encoder=path)
    same = auxiliary.EncodedClass.from_config(loss.get_config())
    assert same == loss
    assert same.network is None


def test_an_encoder_is_checked_for_every_model(tmp_path):
    path = tmp_path / "encoder.npz"
    encoders.save(encoders.encoder((28, 28, 1), 3, width=2), path)
    loss = auxiliary.EncodedClass(encoder=path)
    model = types.SimpleNamespace(image_shape=(28, 28, 1), num_classes=3)
    loss.prepare(model)
    model.num_classes = 10
    with pytest.raises(ValueError, match="of 3 classes"):
        loss.prepare(model)


def test_one_command_makes_the_encoder(tmp_path, monkeypatch, capsys):
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    images = 20 * labels[:, None, None] + rng.integers(0, 9, (40, 16, 16))
    data, out = tmp_path / "few.npz", tmp_path / "encoder.npz"
    np.savez(data, images=images.astype("uint8"), labels=labels)
    tool = pathlib.Path(__file__).parents[2] / "tools" / "train_encoder.py"
    flags = [f"--source={data}", f"--out={out}", "--width=2", "--epochs=1"]
    flags.append("--image_size=20")
    monkeypatch.setattr(sys, "argv", [str(tool), *flags])
    runpy.run_path(str(tool), run_name="__main__")
    assert "right on held-out images" in capsys.readouterr().out
    network = encoders.load(out)
    assert network.input_shape == (None, 20, 20, 1)
    assert network.output_shape == (None, 2)
    assert not network.trainable


def conditional_model(**arguments):
    model = MixGAN(conditional_generator(), three_outputs(), 1, 1, seed=0)
    model.compile(**arguments)
    return model


def test_a_model_without_its_encoder_generates_and_does_not_train(tmp_path):
    gone = auxiliary.EncodedClass(encoder=tmp_path / "gone.npz")
    conditional_model(auxiliary=[gone]).save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    assert model.generate(2, labels=[0], seed=0).shape == (2, 2)
    points = np.zeros((4, 2), "float32"), np.zeros(4, "int32")
    with pytest.raises(FileNotFoundError, match=r"train_encoder.*gone\.npz"):
        model.fit(*points, batch_size=2, verbose=0)
    (tmp_path / "gone.npz").write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"`encoder` must be a file that"):
        model.fit(*points, batch_size=2, verbose=0)
    encoders.save(
        encoders.encoder((28, 28, 1), 4, width=2), tmp_path / "gone.npz"
    )
    with pytest.raises(ValueError, match=r"images \(2,\) of 3 classes.*28"):
        model.fit(*points, batch_size=2, verbose=0)


def test_what_the_losses_need():
    with pytest.raises(ValueError, match="`encoder` must be the file"):
        conditional_model(auxiliary=["encoded_class"])
    with pytest.raises(ValueError, match="generators that take labels"):
        MixGAN(small_generator(), small_discriminator(), 1, 1).compile(
            auxiliary=["encoded_class"]
        )
    model = MixGAN(small_generator(), three_outputs(2), 1, 1)
    with pytest.raises(ValueError, match="2 numbers, latent_dim=3"):
        model.compile(auxiliary=["latent_reconstruction"])
    with pytest.raises(ValueError, match="output `latents`"):
        MixGAN(small_generator(), small_discriminator(), 1, 1).compile(
            auxiliary=["latent_reconstruction"]
        )


@pytest.mark.parametrize("payoff", ["hinge", "wasserstein", "least_squares"])
def test_only_the_released_payoff_is_mixed_as_released(payoff):
    with pytest.raises(ValueError, match=f"payoff log.*payoff='{payoff}'"):
        conditional_model(
            payoff=payoff, auxiliary=["auxiliary_classifier"], as_released=True
        )


def test_a_model_that_is_mixed_as_released_comes_back(tmp_path):
    model = conditional_model(
        auxiliary=["auxiliary_classifier:0.5"], as_released=True
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.objective == model.objective
    assert loaded.objective.losses[0].moves_mixture


def test_an_encoder_in_another_format_is_named(tmp_path):
    path = tmp_path / "encoder.npz"
    with open(path, "wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match="could not be read"):
        encoders.load(path)
