"""Auxiliary losses in a step, against NumPy float64, finite differences."""

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
from keras_mixgan import architectures
from keras_mixgan import auxiliary

RATE = 0.5
CLASSES = 3


def conditional_generator():
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    x = layers.Embedding(CLASSES, 2, name="label")(labels)
    x = layers.Concatenate()([latents, x])
    x = layers.Dense(4, activation="tanh", name="hidden")(x)
    x = layers.Dense(2, activation="tanh", name="image")(x)
    return keras.Model([latents, labels], x)


def many_outputs(classes="class_logits", units=CLASSES):
    """Maps images to logits, features and logits of classes or components."""
    images = keras.Input((2,))
    hidden = layers.Dense(4, activation="tanh", name="hidden")(images)
    outputs = {
        "logits": layers.Dense(1, name="logit")(hidden),
        "features": hidden,
    }
    if classes:
        outputs[classes] = layers.Dense(units, name="class")(hidden)
    return keras.Model(images, outputs)


def conditional_outputs(*arguments):
    """Takes labels too, and ignores them."""
    images, labels = keras.Input((2,)), keras.Input((), dtype="int32")
    return keras.Model([images, labels], many_outputs(*arguments)(images))


def weights_of(network):
    network = next(
        (x for x in network.layers if isinstance(x, keras.Model)), network
    )
    names = ("label", "hidden", "logit", "class", "image")
    return [
        np.asarray(w, "float64")
        for name in names
        for layer in network.layers
        if layer.name == name
        for w in layer.get_weights()
    ]


class Oracle(Mixture):
    """The reference mixture, for these networks and their extra losses."""

    def __init__(self, model, losses, labels, fake_labels):
        super().__init__(model, "log", "non_saturating", 0.1)
        self.generators = [weights_of(n) for n in model.generators]
        self.discriminators = [weights_of(n) for n in model.discriminators]
        self.losses, self.labels, self.fake_labels = losses, labels, fake_labels

    def fakes(self, latents):
        fakes = []
        for g, z, y in zip(
            self.generators, latents, self.fake_labels, strict=True
        ):
            table, k1, b1, k2, b2 = g
            x = np.concatenate([z, table[y]], axis=1)
            fakes.append(np.tanh(np.tanh(x @ k1 + b1) @ k2 + b2))
        return fakes

    def features(self, d, x):
        return np.tanh(x @ d[0] + d[1])

    def payoffs(self, images, fakes):
        """The weights of the logit are d[2:4]."""
        whole = self.discriminators
        self.discriminators = [d[:4] for d in whole]
        payoffs = super().payoffs(images, fakes)
        self.discriminators = whole
        return payoffs

    def cross_entropy(self, d, x, y):
        logits = self.features(d, x) @ d[4] + d[5]
        peak = logits.max(axis=1, keepdims=True)
        total = np.log(np.exp(logits - peak).sum(axis=1)) + peak[:, 0]
        return (total - logits[np.arange(len(x)), y]).mean()

    def named(self, fakes):
        """Cross-entropies of the generator's index."""
        return self.pairs(
            lambda i, d: self.cross_entropy(
                d, fakes[i], np.full(len(fakes[i]), i)
            )
        )

    def pairs(self, function):
        return np.array(
            [
                [function(i, d) for d in self.discriminators]
                for i in range(len(self.generators))
            ]
        )

    def weights(self, own, moves):
        """Weights of both sides, frozen where the loss must not move them."""
        now = [softmax(self.alpha_u), softmax(self.alpha_v)]
        frozen = list(self.frozen)
        return [
            now[side] if side == own and moves else frozen[side]
            for side in (0, 1)
        ]

    def discriminator_loss(self, images, fakes, points=None):
        loss = super().discriminator_loss(images, fakes)
        return loss + self.discriminators_pay(images, fakes)

    def discriminators_pay(self, images, fakes):
        loss = 0.0
        for extra in self.losses:
            w_u, w_v = self.weights(1, extra.moves_mixture)
            if extra.name == "auxiliary_classifier":
                real = [
                    self.cross_entropy(d, images, self.labels)
                    for d in self.discriminators
                ]
                fake = self.pairs(
                    lambda i, d: self.cross_entropy(
                        d, fakes[i], self.fake_labels[i]
                    )
                )
                loss += extra.coefficient * (w_v @ real + w_u @ fake @ w_v)
            if extra.name == "component_classifier":
                loss += extra.coefficient * w_u @ self.named(fakes) @ w_v
        return loss

    def generator_loss(self, latents, images):
        fakes = self.fakes(latents)
        w_u, w_v = softmax(self.alpha_u), softmax(self.alpha_v)
        adversarial = self.pairs(
            lambda i, d: self.loss(
                self.features(d, fakes[i]) @ d[2] + d[3]
            ).mean()
        )
        loss = w_u @ adversarial @ w_v - 0.1 * np.log(w_u).mean()
        return loss + self.generators_pay(fakes, images)

    def generators_pay(self, fakes, images):
        loss = 0.0
        for extra in self.losses:
            w_u, w_v = self.weights(0, extra.moves_mixture)
            if extra.name == "auxiliary_classifier":
                terms = self.pairs(
                    lambda i, d: self.cross_entropy(
                        d, fakes[i], self.fake_labels[i]
                    )
                )
            elif extra.name == "component_classifier":
                terms = self.named(fakes)
            else:
                terms = self.pairs(
                    lambda i, d: (
                        (
                            self.features(d, fakes[i]).mean(axis=0)
                            - self.features(d, images).mean(axis=0)
                        )
                        ** 2
                        # Of images fewer than the batch, see the class.
                        - self.features(d, fakes[i]).var(axis=0, ddof=1)
                        * (1 / len(fakes[i]) - 1 / len(images))
                    ).sum()
                )
            loss += extra.coefficient * w_u @ terms @ w_v
        return loss

    def freeze(self):
        self.frozen = [softmax(self.alpha_u), softmax(self.alpha_v)]


@pytest.mark.parametrize("estimate", ["full", "linear"])
@pytest.mark.parametrize("moves", [False, True])
@pytest.mark.parametrize(
    "loss",
    [
        auxiliary.AuxiliaryClassifier,
        auxiliary.ComponentClassifier,
        auxiliary.FeatureMatching,
    ],
)
def test_a_step_with_an_auxiliary_loss(monkeypatch, loss, moves, estimate):
    losses = [loss(0.7, moves_mixture=moves)]
    # All networks take labels or none, unless there is a class output.
    if loss is auxiliary.AuxiliaryClassifier:
        discriminator = many_outputs()
    elif loss is auxiliary.ComponentClassifier:
        discriminator = conditional_outputs("component_logits", 2)
    else:
        discriminator = conditional_outputs(None)
    model = MixGAN(conditional_generator(), discriminator, 2, 3, seed=1)
    rng = np.random.default_rng(0)
    model.generator_mixture_logits.assign(rng.normal(size=2))
    model.discriminator_mixture_logits.assign(rng.normal(size=3))
    model.compile(
        "log",
        optimizers.SGD(RATE),
        optimizers.SGD(RATE),
        auxiliary=losses,
        payoff_estimate=estimate,
        run_eagerly=keras.backend.backend() == "tensorflow",
    )
    images = rng.uniform(-1, 1, (6, 2))
    labels = rng.integers(0, CLASSES, 6)
    sizes = [6, 6] if estimate == "full" else [3, 3]
    parts = [labels, labels] if estimate == "full" else np.split(labels, 2)
    draws = [rng.normal(size=(sum(sizes), 3)) for _ in range(2)]
    pending = iter(draws)
    monkeypatch.setattr(
        model,
        "draw_latents",
        lambda count: ops.convert_to_tensor(next(pending), "float32"),
    )
    oracle = Oracle(model, losses, labels, parts)
    first, second = (np.split(draw, [sizes[0]]) for draw in draws)
    oracle.freeze()
    fakes = oracle.fakes(first)
    paid = {"discriminator": oracle.discriminators_pay(images, fakes)}
    oracle._descend(
        oracle.alpha_v, oracle.discriminators, RATE,
        lambda m: m.discriminator_loss(images, fakes),
    )  # fmt: skip
    oracle.freeze()
    paid["generator"] = oracle.generators_pay(oracle.fakes(second), images)
    oracle._descend(
        oracle.alpha_u, oracle.generators, RATE,
        lambda m: m.generator_loss(second, images),
    )  # fmt: skip
    logs = model.train_on_batch(
        images.astype("float32"), labels.astype("int32"), return_dict=True
    )
    if loss is auxiliary.FeatureMatching:  # Only generators have this loss.
        assert not paid.pop("discriminator")
    logged = {n: v for n, v in logs.items() if n.endswith(losses[0].name)}
    assert logged == pytest.approx(
        {f"{side}_{losses[0].name}": v for side, v in paid.items()},
        rel=1e-5,
        abs=2e-6,
    )
    for networks, expected in (
        (model.generators, oracle.generators),
        (model.discriminators, oracle.discriminators),
    ):
        for network, weights in zip(networks, expected, strict=True):
            for w, e in zip(weights_of(network), weights, strict=True):
                np.testing.assert_allclose(w, e, atol=3e-6)
    np.testing.assert_allclose(
        model.generator_mixture_logits, oracle.alpha_u, atol=3e-6
    )
    np.testing.assert_allclose(
        model.discriminator_mixture_logits, oracle.alpha_v, atol=3e-6
    )


def independent_heads():
    """Two discriminators, and one network with both as its heads."""
    apart = [small_discriminator(), small_discriminator()]
    for network in apart:  # Makes biases differ from 0.
        network.set_weights(
            [w + 0.1 * i for i, w in enumerate(network.get_weights())]
        )
    images = keras.Input((2,))
    heads = []
    for network in apart:
        first, second = network.layers
        copies = [
            layers.Dense(4, activation="tanh"),
            layers.Dense(1),
        ]
        heads.append(copies[1](copies[0](images)))
        for copy, layer in zip(copies, (first, second), strict=True):
            copy.set_weights(layer.get_weights())
    together = keras.Model(images, layers.Concatenate()(heads))
    return apart, together


def test_a_network_of_two_heads_is_two_discriminators(tmp_path):
    apart, together = independent_heads()
    points = np.random.default_rng(0).uniform(-1, 1, (8, 2)).astype("float32")
    models = []
    # An epsilon above rounding; gradients of two networks count double.
    for discriminators in (apart, [together]):
        model = MixGAN(small_generator(), discriminators, 3, seed=0)
        model.compile(
            "log", optimizers.Adam(0.01), optimizers.Adam(0.01),
            gradient_penalty=2.0,
            run_eagerly=keras.backend.backend() == "tensorflow",
        )  # fmt: skip
        model.fit(points, batch_size=4, shuffle=False, epochs=3, verbose=0)
        models.append(model)
    one, other = models
    assert other.num_discriminators == 2
    assert len(other.discriminators) == 1
    for a, b in zip(one.generators, other.generators, strict=True):
        for w, v in zip(a.get_weights(), b.get_weights(), strict=True):
            # Weights move by up to 0.06; Adam enlarges rounding.
            np.testing.assert_allclose(w, v, atol=5e-4)
    np.testing.assert_allclose(
        one.discriminator_weights, other.discriminator_weights, atol=5e-4
    )
    matrix = other.payoff_matrix(points, seed=1)
    np.testing.assert_allclose(
        one.payoff_matrix(points, seed=1), matrix, atol=1e-3
    )
    other.save(tmp_path / "heads.keras")
    loaded = keras.saving.load_model(tmp_path / "heads.keras")
    np.testing.assert_allclose(
        loaded.payoff_matrix(points, seed=1), matrix, atol=1e-6
    )


def test_heads_are_counted():
    _, together = independent_heads()
    model = MixGAN(small_generator(), together, 2, 4, seed=0)
    assert len(model.discriminators) == 2
    assert [len(model.discriminator_weights), model.num_discriminators] == [
        4,
        4,
    ]
    assert MixGAN(small_generator(), together, 2).num_discriminators == 2
    with pytest.raises(ValueError, match="num_discriminators=3"):
        MixGAN(small_generator(), together, 2, 3)
    mixed = MixGAN(small_generator(), [together, small_discriminator()], 2)
    assert mixed.num_discriminators == 3


def test_models_come_back_with_their_losses(tmp_path):
    model = MixGAN(conditional_generator(), many_outputs(), 2, 2, seed=1)
    model.compile(
        auxiliary=["auxiliary_classifier:0.5", auxiliary.FeatureMatching(2.0)],
        gradient_penalty=3.0,
    )
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.objective == model.objective
    assert [(x.name, x.coefficient) for x in loaded.objective.losses] == [
        ("gradient_penalty", 3.0),
        ("auxiliary_classifier", 0.5),
        ("feature_matching", 2.0),
    ]


@pytest.mark.parametrize(
    ("losses", "text"),
    [
        (["feature_matching"], "output `features`.*outputs logits"),
        (["auxiliary_classifier"], "generators that take labels"),
        (["real_classifier"], "output `class_logits`"),
        (["component_classifier"], r"heads\(discriminator, num_components=1"),
        (["nothing"], "auxiliary_classifier, code_payoff"),
        (["feature_matching:-1"], "positive coefficient"),
        ([3], "Received: 3"),
        (["gradient_penalty:3"], "`gradient_penalty` must not be given twice"),
    ],
)
def test_errors_name_what_is_missing(losses, text):
    model = MixGAN(small_generator(), small_discriminator(), 1, 1)
    with pytest.raises(ValueError, match=text):
        model.compile(auxiliary=losses, gradient_penalty=1.0)


def test_whether_it_moves_the_mixture_is_a_bool():
    with pytest.raises(ValueError, match="`moves_mixture` must be True or Fal"):
        auxiliary.FeatureMatching(1.0, "no")


def test_a_classifier_needs_labels():
    model = MixGAN(small_generator(), many_outputs(), 1, 1)
    with pytest.raises(ValueError, match="generators that take labels"):
        model.compile(auxiliary=["auxiliary_classifier"])


def test_a_component_classifier_needs_a_class_a_generator():
    networks = architectures.build("mlp", (2,), width=4)
    heads = architectures.add_heads(networks[1], num_components=2)
    model = MixGAN(networks[0], heads, 3, 1)
    with pytest.raises(ValueError, match=r"2 numbers, 3 generators"):
        model.compile(auxiliary=["component_classifier:0.1"])


def test_heads_are_vectors():
    critic = architectures.dcgan_discriminator((28, 28, 1), width=2)
    with pytest.raises(ValueError, match="`layer` must have an output of sha"):
        architectures.add_heads(critic, num_components=2, layer="stage_0")
    own = keras.Sequential(
        [keras.Input((2,)), layers.Dense(4, name="hidden"), layers.Dense(1)]
    )
    with pytest.raises(ValueError, match=r"`layer=` .* discriminator has hidd"):
        architectures.add_heads(own, num_components=2)
    with pytest.raises(ValueError, match="`num_classes` must be a positive"):
        architectures.add_heads(critic, num_classes=0)
    images = keras.Input((4, 4, 1))
    outputs = {
        "logits": layers.Dense(1)(layers.Flatten()(images)),
        "component_logits": layers.Conv2D(2, 1)(images),
    }
    latents = keras.Input((3,))
    x = layers.Reshape((4, 4, 1))(layers.Dense(16)(latents))
    model = MixGAN(
        keras.Model(latents, x), keras.Model(images, outputs), 2, 1, seed=0
    )
    with pytest.raises(ValueError, match="must be a vector for each image"):
        model.compile(auxiliary=["component_classifier"])


def test_networks_that_share_a_layer_are_refused():
    shared = layers.Dense(4)
    networks = []
    for _ in range(2):
        images = keras.Input((2,))
        networks.append(keras.Model(images, layers.Dense(1)(shared(images))))
    with pytest.raises(ValueError, match=r"share no layer.*0 and 1"):
        MixGAN(small_generator(), networks)
