"""K + 1 classes, labels of some images, generators without the payoff.

A whole step of gradient descent against NumPy float64, with gradients by
central differences of the objective.
"""

import keras
import numpy as np
import pytest
from conftest import image_networks
from conftest import small_discriminator
from conftest import small_generator
from keras import layers
from keras import ops
from keras import optimizers
from reference import Mixture
from reference import softmax
from reference import two_layers

from keras_mixgan import MixGAN
from keras_mixgan import auxiliary

RATE = 0.3
CLASSES = 3
LABELS = np.array([0, -1, 2, 1, -1, -1], "int32")


def classifier():
    """Logits of classes; the payoff's logit is their logsumexp."""
    images = keras.Input((2,))
    hidden = layers.Dense(4, activation="tanh")(images)
    classes = layers.Dense(CLASSES)(hidden)
    outputs = {
        "logits": ops.logsumexp(classes, axis=1, keepdims=True),
        "class_logits": classes,
        "features": hidden,
    }
    return keras.Model(images, outputs)


def logsumexp(x):
    peak = x.max(axis=1, keepdims=True)
    return peak + np.log(np.exp(x - peak).sum(axis=1, keepdims=True))


class Classes(Mixture):
    """The reference mixture with classifiers as discriminators."""

    def __init__(self, model, kind, class_loss, matching):
        super().__init__(model, "log", "minimax", 0.1)
        self.kind, self.class_loss, self.matching = kind, class_loss, matching

    def payoffs(self, images, fakes):
        return np.array(
            [
                [
                    self.real(logsumexp(two_layers(d, images))).mean()
                    + self.fake(logsumexp(two_layers(d, fake))).mean()
                    for d in self.discriminators
                ]
                for fake in fakes
            ]
        )

    def freeze(self, fakes=None):
        self.frozen = [softmax(self.alpha_u), softmax(self.alpha_v)]
        self.frozen_fakes = fakes

    def class_costs(self, images):
        known = LABELS >= 0
        costs = []
        for d in self.discriminators:
            logits = two_layers(d, images)[known]
            chosen = logits[np.arange(known.sum()), LABELS[known]]
            costs.append((logsumexp(logits)[:, 0] - chosen).mean())
        return np.array(costs)

    def discriminator_loss(self, images, fakes):
        costs = self.frozen[1] @ self.class_costs(images)
        return (
            super().discriminator_loss(images, fakes) + self.class_loss * costs
        )

    def generator_loss(self, latents, images):
        w_u, (u, v) = softmax(self.alpha_u), self.frozen
        fakes = self.fakes(latents)
        # If networks minimise auxiliary losses alone, the images in the
        # payoff are held fixed.
        judged = self.frozen_fakes if self.kind == "auxiliary" else fakes
        pairs = np.array(
            [
                [
                    self.fake(logsumexp(two_layers(d, x))).mean()
                    for d in self.discriminators
                ]
                for x in judged
            ]
        )
        gaps = np.array(
            [
                [
                    np.sum(
                        (
                            np.tanh(x @ d[0] + d[1]).mean(axis=0)
                            - np.tanh(images @ d[0] + d[1]).mean(axis=0)
                        )
                        ** 2
                    )
                    for d in self.discriminators
                ]
                for x in fakes
            ]
        )
        return (
            w_u @ pairs @ v
            - self.regularizer * np.log(w_u).mean()
            + self.matching * u @ gaps @ v
        )


@pytest.mark.parametrize(
    ("kind", "losses"),
    [
        ("minimax", ["real_classifier:2"]),
        ("auxiliary", ["real_classifier:2", "feature_matching:0.5"]),
    ],
)
def test_a_step(monkeypatch, kind, losses):
    model = MixGAN(small_generator(), classifier(), 2, 3, seed=1)
    rng = np.random.default_rng(0)
    model.generator_mixture_logits.assign(rng.normal(size=2))
    model.discriminator_mixture_logits.assign(rng.normal(size=3))
    model.compile(
        "log",
        optimizers.SGD(RATE),
        optimizers.SGD(RATE),
        auxiliary=losses,
        generator_loss=kind,
        run_eagerly=keras.backend.backend() == "tensorflow",
    )
    images = rng.uniform(-1, 1, (6, 2))
    draws = [rng.normal(size=(12, 3)) for _ in range(2)]
    pending = iter(draws)
    monkeypatch.setattr(
        model,
        "draw_latents",
        lambda count: ops.convert_to_tensor(next(pending), "float32"),
    )
    oracle = Classes(model, kind, 2.0, 0.5 * (kind == "auxiliary"))
    oracle.freeze()
    first, second = (np.split(draw, 2) for draw in draws)
    fakes = oracle.fakes(first)
    oracle._descend(
        oracle.alpha_v, oracle.discriminators, RATE,
        lambda m: m.discriminator_loss(images, fakes),
    )  # fmt: skip
    oracle.freeze(oracle.fakes(second))
    oracle._descend(
        oracle.alpha_u, oracle.generators, RATE,
        lambda m: m.generator_loss(second, images),
    )  # fmt: skip
    model.train_on_batch(images.astype("float32"), LABELS)
    expected = Mixture(model, "log", "minimax", 0.1)
    for ours, theirs in (
        (expected.generators, oracle.generators),
        (expected.discriminators, oracle.discriminators),
    ):
        for a, b in zip(ours, theirs, strict=True):
            for w, e in zip(a, b, strict=True):
                np.testing.assert_allclose(w, e, atol=5e-6)
    np.testing.assert_allclose(expected.alpha_u, oracle.alpha_u, atol=5e-6)
    np.testing.assert_allclose(expected.alpha_v, oracle.alpha_v, atol=5e-6)


def test_d_is_the_share_of_the_k_classes():
    """1 - D(x) is the softmax of K + 1 logits, the last of which is 0."""
    network = classifier()
    points = np.random.default_rng(0).normal(size=(5, 2))
    outputs = network(points.astype("float32"))
    classes = np.asarray(outputs["class_logits"], "float64")
    whole = np.exp(np.concatenate([classes, np.zeros((5, 1))], axis=1))
    d = 1 / (1 + np.exp(-np.asarray(outputs["logits"], "float64")[:, 0]))
    np.testing.assert_allclose(
        1 - d, whole[:, -1] / whole.sum(axis=1), rtol=1e-5
    )


def points(labels=LABELS):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (len(labels), 2)).astype("float32"), labels


def compiled(discriminator=None, **arguments):
    model = MixGAN(small_generator(), discriminator or classifier(), 2, 1)
    model.compile(**{"auxiliary": ["real_classifier"], **arguments})
    return model


@pytest.mark.usefixtures("no_graph")
def test_labels_reach_the_loss_alone(tmp_path):
    model = compiled()
    assert model.takes_labels
    assert not model.conditional
    model.fit(*points(), batch_size=3, verbose=0)
    # Neither samples nor payoffs need labels.
    assert model.generate(3, seed=0).shape == (3, 2)
    assert model.payoff_matrix(points()[0], seed=0).shape == (2, 1)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.takes_labels
    assert loaded.objective == model.objective


@pytest.mark.usefixtures("no_graph")
def test_a_batch_without_any_label_adds_nothing():
    model = compiled()
    model.fit(*points(np.full(6, -1, "int32")), batch_size=3, verbose=0)
    assert np.isfinite(model.generate(3, seed=0)).all()


def conditional_generator():
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    x = layers.Embedding(CLASSES, 2)(labels)
    x = layers.Concatenate()([latents, x])
    return keras.Model([latents, labels], layers.Dense(2, "tanh")(x))


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        (None, "auxiliary losses take labels"),
        (LABELS + 1, r"must lie in \[-1, 3\).*from 0 to 3"),
        (LABELS - 1, r"must lie in \[-1, 3\).*from -2 to 1"),
        (LABELS.astype("float32"), "vector of integers"),
    ],
)
def test_wrong_labels_are_named(labels, text):
    model = compiled()
    with pytest.raises(ValueError, match=text):
        model.fit(points()[0], labels, batch_size=3, verbose=0)


def test_generators_need_all_labels():
    model = MixGAN(conditional_generator(), classifier(), 1, 1)
    model.compile(auxiliary=["auxiliary_classifier"])
    with pytest.raises(ValueError, match=r"known for all images.*3 of 6"):
        model.fit(*points(), batch_size=3, verbose=0)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"auxiliary": []}, "without an auxiliary loss of generators"),
        (
            {"auxiliary": ["real_classifier"]},
            r"without an auxiliary.*\['real_classifier'\]",
        ),
    ],
)
def test_generators_must_have_something_to_minimise(arguments, text):
    with pytest.raises(ValueError, match=text):
        compiled(generator_loss="auxiliary", **arguments)


def test_a_classifier_needs_classes():
    with pytest.raises(ValueError, match=r"output `class_logits`.*logits"):
        compiled(small_discriminator())


def test_the_loss_is_known_by_its_name():
    assert auxiliary.get("real_classifier:2") == auxiliary.RealClassifier(2.0)


def test_labels_of_no_logit_are_told_where_generators_encode_them_themselves():
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    x = layers.Concatenate()([latents, ops.one_hot(labels, 10)])
    generator = keras.Model([latents, labels], layers.Dense(2)(x))
    images = keras.Input((2,))
    outputs = {name: layers.Dense(n)(images)
               for name, n in (("logits", 1), ("class_logits", 5))}  # fmt: skip
    model = MixGAN(generator, keras.Model(images, outputs), 2, 1, seed=0)
    model.compile(auxiliary="auxiliary_classifier")
    with pytest.raises(ValueError, match=r"`labels` must lie in \[0, 5\)"):
        model.fit(np.zeros((8, 2)), np.arange(8) % 10, batch_size=4, verbose=0)


@pytest.mark.parametrize("name", ["auxiliary_classifier", "real_classifier"])
def test_a_class_without_a_logit_is_refused(name):
    generator, _ = image_networks(5)
    _, unlabelled = image_networks()
    outputs = {
        "logits": unlabelled.output,
        "class_logits": layers.Dense(3)(unlabelled.layers[-2].output),
    }
    critic = keras.Model(unlabelled.input, outputs)
    model = MixGAN(generator, critic, 2, 1, seed=0)
    with pytest.raises(ValueError, match="3 numbers, 5 classes"):
        model.compile(auxiliary=[name])
