"""S-GAN's losses in a whole step, against NumPy float64 and differences."""

import keras
import numpy as np
import pytest
from conftest import few_under_jax
from conftest import small_discriminator
from conftest import small_generator
from conftest import tensorflow_only
from keras import layers
from keras import ops
from keras import optimizers
from reference import FAKE
from reference import NON_SATURATING
from reference import REAL
from reference import softmax
from scipy import stats

from keras_mixgan import MixGAN
from keras_mixgan import auxiliary
from keras_mixgan import metrics
from keras_mixgan.architectures import ScaledGradient
from keras_mixgan.architectures import WeightNormalization
from keras_mixgan.architectures import encoder as encoders

RATE = 0.3
CLASSES = 3
CODES = 3
TOP = 3  # Of 4 numbers of a latent vector.
SLOW = 0.01
CUTS = {"share_generators": "stack", "share_discriminators": "shared"}
# Layers of the parts of a stack.
MAKERS = [("label", "top", "code"), ("image",)]
JUDGES = [
    ("class", "latents", "code_hidden", "code_class", "code_latents"),
    ("shared",),
]


def stack_generator(codes=CODES):
    latents, labels = keras.Input((4,)), keras.Input((), dtype="int32")
    x = layers.Embedding(CLASSES, 2, name="label")(labels)
    x = layers.Concatenate()([latents[:, :TOP], x])
    x = layers.Dense(4, activation="tanh", name="top")(x)
    x = layers.Dense(codes, activation="tanh", name="code")(x)
    x = layers.Concatenate(name="stack")([x, latents[:, TOP:]])
    made = layers.Identity(name="codes")(x[:, :codes])
    x = layers.Concatenate()([ScaledGradient(SLOW)(made), x[:, codes:]])
    images = layers.Dense(2, activation="tanh", name="image")(x)
    return keras.Model([latents, labels], images)


def stack_discriminator():
    images, codes = keras.Input((2,)), keras.Input((CODES,), name="codes")
    outputs = {}
    for prefix, given, units in (("", images, 4 - TOP), ("code_", codes, TOP)):
        name = "code_hidden" if prefix else "shared"
        hidden = layers.Dense(4, activation="tanh", name=name)(given)
        classes = layers.Dense(CLASSES, name=f"{prefix}class")(hidden)
        outputs[f"{prefix}class_logits"] = classes
        outputs[f"{prefix}logits"] = ops.logsumexp(
            classes, axis=1, keepdims=True
        )
        outputs[f"{prefix}latents"] = layers.Dense(
            units, name=f"{prefix}latents"
        )(hidden)
    return keras.Model([images, codes], outputs)


def frozen_encoder(rng):
    """A classifier of points, in place of one that is read."""
    images = keras.Input((2,))
    features = layers.Dense(CODES, activation="tanh", name="features")(images)
    network = keras.Model(images, layers.Dense(CLASSES)(features))
    network.set_weights([rng.normal(size=w.shape) for w in network.weights])
    network.trainable = False
    return network


def losses(network=None):
    encoded = auxiliary.EncodedCodes(encoder="somewhere.npz")
    encoded.network = network
    return [
        "code_payoff", "real_classifier:2", "latent_reconstruction:10", encoded,
    ]  # fmt: skip


def parts_of(networks, names):
    """Weights of own parts and of what may be shared, two lists of lists."""
    found = ([], [])
    for network in networks:
        leaves = {layer.name: layer for layer in network._flatten_layers()}
        for part, listed in zip(found, names, strict=True):
            part.append(
                [
                    np.asarray(w, "float64")
                    for name in listed
                    for w in leaves[name].get_weights()
                ]
            )
    return found


def logsumexp(x):
    return np.log(np.exp(x).sum(axis=1))


def cross_entropy(logits, labels):
    chosen = logits[np.arange(len(labels)), labels]
    return (logsumexp(logits) - chosen).mean()


class Stacks:
    """A mixture of stacks, written again."""

    def __init__(self, model, payoff, kind, labels, encoder, shared, released):
        self.tops, self.bottoms = parts_of(model.generators, MAKERS)
        self.heads, self.bodies = parts_of(model.discriminators, JUDGES)
        if shared:
            self.bottoms = [self.bottoms[0]] * len(self.bottoms)
            self.bodies = [self.bodies[0]] * len(self.bodies)
        self.alpha_u = np.array(model.generator_mixture_logits, "float64")
        self.alpha_v = np.array(model.discriminator_mixture_logits, "float64")
        self.real, self.fake = REAL[payoff], FAKE[payoff]
        self.loss = (FAKE if kind == "minimax" else NON_SATURATING)[payoff]
        self.labels, self.shared, self.moves = labels, shared, released
        self.encoder = [np.asarray(w, "float64") for w in encoder.get_weights()]

    def codes(self, i, z):
        table, k1, b1, k2, b2 = self.tops[i]
        x = np.concatenate([z[:, :TOP], table[self.labels]], axis=1)
        return np.tanh(np.tanh(x @ k1 + b1) @ k2 + b2)

    def images(self, i, codes, z):
        kernel, bias = self.bottoms[i]
        x = np.concatenate([codes, z[:, TOP:]], axis=1)
        return np.tanh(x @ kernel + bias)

    def of_images(self, j, x):
        """Class logits and latents."""
        kernel, bias = self.bodies[j]
        c, d, e, f = self.heads[j][:4]
        hidden = np.tanh(x @ kernel + bias)
        return hidden @ c + d, hidden @ e + f

    def of_codes(self, j, x):
        kernel, bias, c, d, e, f = self.heads[j][4:]
        hidden = np.tanh(x @ kernel + bias)
        return hidden @ c + d, hidden @ e + f

    def encoded(self, x):
        return np.tanh(x @ self.encoder[0] + self.encoder[1])

    def table(self, function):
        return np.array(
            [
                [function(i, j) for j in range(len(self.heads))]
                for i in range(len(self.tops))
            ]
        )

    def levels(self, images, codes, latents):
        """Who judges what of codes, and of images: (judge, fakes, latents)."""
        return (
            (self.of_codes, codes, [z[:, :TOP] for z in latents]),
            (self.of_images, images, [z[:, TOP:] for z in latents]),
        )

    def terms(self, judge, fakes, latents, payoff):
        """Means of a payoff's term, and of what latents are told wrong by."""
        made = self.table(
            lambda i, j: payoff(logsumexp(judge(j, fakes[i])[0])).mean()
        )
        told = self.table(
            lambda i, j: (
                (judge(j, fakes[i])[1] - stats.norm.cdf(latents[i])) ** 2
            ).mean()
        )
        return made, told

    def discriminator_loss(self, real, images, codes, latents):
        w_u, w_v = self.kept[0], softmax(self.alpha_v)
        own = w_v if self.moves else self.kept[1]
        loss = -0.1 * np.log(w_v).mean()
        for (judge, *fakes), x in zip(
            self.levels(images, codes, latents),
            (self.encoded(real), real),
            strict=True,
        ):
            made, told = self.terms(judge, *fakes, self.fake)
            seen = [judge(j, x)[0] for j in range(len(self.heads))]
            right = [self.real(logsumexp(logits)).mean() for logits in seen]
            named = [cross_entropy(logits, self.labels) for logits in seen]
            loss -= w_u @ (made + np.array(right)) @ w_v
            loss += 2 * own @ np.array(named) + 2 * 10 * w_u @ told @ own
        return loss

    def generator_losses(self, latents):
        """The top's own loss, and the bottom's."""
        codes = [self.codes(i, z) for i, z in enumerate(latents)]
        images = [
            self.images(i, *given)
            for i, given in enumerate(zip(codes, latents, strict=True))
        ]
        named = [
            cross_entropy(x @ self.encoder[2] + self.encoder[3], self.labels)
            for x in codes
        ]
        kept = [
            ((self.encoded(x) - c) ** 2).mean()
            for x, c in zip(images, codes, strict=True)
        ]
        w_u, w_v = softmax(self.alpha_u), self.kept[1]
        own = w_u if self.moves else self.kept[0]
        found = []
        for level, given in zip(
            self.levels(images, codes, latents), (named, kept), strict=True
        ):
            made, told = self.terms(*level, self.loss)
            found.append(
                w_u @ made @ w_v + own @ (10 * told @ w_v + np.array(given))
            )
        return found

    def step(self, real, first, second):
        """The discriminators on the first latents, generators on others."""
        self.freeze()
        codes = [self.codes(i, z) for i, z in enumerate(first)]
        images = [
            self.images(i, *given)
            for i, given in enumerate(zip(codes, first, strict=True))
        ]
        self.descend(
            (
                lambda: self.discriminator_loss(real, images, codes, first),
                [*self.own(self.heads), *self.below(self.bodies)],
                self.alpha_v,
            )
        )
        self.freeze()

        def of_generators(share):
            top, bottom = self.generator_losses(second)
            mixed = -0.1 * np.log(softmax(self.alpha_u)).mean()
            return top + share * bottom + mixed

        self.descend(
            (lambda: of_generators(SLOW), self.own(self.tops)),
            (
                lambda: of_generators(1.0),
                self.below(self.bottoms),
                self.alpha_u,
            ),
        )

    def freeze(self):
        self.kept = softmax(self.alpha_u), softmax(self.alpha_v)

    def own(self, parts):
        """Arrays of all parts, with the unit in which they move."""
        return [(w, len(parts)) for part in parts for w in part]

    def below(self, parts):
        if not self.shared:
            return self.own(parts)
        return [(w, 1) for w in parts[0]]

    def descend(self, *sides):
        """Moves arrays by differences of the losses, all at one point."""
        moves = []
        for loss, listed, *alpha in sides:
            for array, unit in [*listed, *((one, 1) for one in alpha)]:
                gradient = np.zeros_like(array)
                for index in np.ndindex(array.shape):
                    kept, ends = array[index], []
                    for shift in (1e-6, -1e-6):
                        array[index] = kept + shift
                        ends.append(loss())
                    array[index] = kept
                    gradient[index] = (ends[0] - ends[1]) / 2e-6
                moves.append((array, RATE * unit * gradient))
        for array, move in moves:
            array -= move


def compiled(network=None, numbers=(2, 3), cuts=None, **arguments):
    model = MixGAN(
        stack_generator(), stack_discriminator(), *numbers, seed=1, **cuts or {}
    )
    arguments.setdefault("auxiliary", losses(network))
    model.compile(
        generator_optimizer=optimizers.SGD(RATE),
        discriminator_optimizer=optimizers.SGD(RATE),
        run_eagerly=keras.backend.backend() == "tensorflow",
        **arguments,
    )
    return model


@pytest.mark.parametrize(
    ("payoff", "kind", "released", "shared"),
    few_under_jax(
        pytest.param("log", "minimax", False, False, id="stacks"),
        pytest.param("log", "minimax", True, False, id="as released"),
        pytest.param("least_squares", "non_saturating", False, True, id="tops"),
    ),
)
def test_a_step(monkeypatch, payoff, kind, released, shared):
    rng = np.random.default_rng(0)
    network = frozen_encoder(rng)
    model = compiled(
        network, cuts=CUTS if shared else None, payoff=payoff,
        generator_loss=kind, as_released=released,
    )  # fmt: skip
    model.generator_mixture_logits.assign(rng.normal(size=2))
    model.discriminator_mixture_logits.assign(rng.normal(size=3))
    images = rng.uniform(-1, 1, (5, 2))
    labels = rng.integers(0, CLASSES, 5)
    draws = [rng.normal(size=(10, 4)) for _ in range(2)]
    pending = iter(draws)
    monkeypatch.setattr(
        model,
        "draw_latents",
        lambda count: ops.convert_to_tensor(next(pending), "float32"),
    )
    oracle = Stacks(model, payoff, kind, labels, network, shared, released)
    oracle.step(images, *(np.split(draw, 2) for draw in draws))
    model.train_on_batch(images.astype("float32"), labels.astype("int32"))
    for networks, names, expected in (
        (model.generators, MAKERS, (oracle.tops, oracle.bottoms)),
        (model.discriminators, JUDGES, (oracle.heads, oracle.bodies)),
    ):
        for found, parts in zip(
            parts_of(networks, names), expected, strict=True
        ):
            for one, part in zip(found, parts, strict=True):
                for w, e in zip(one, part, strict=True):
                    np.testing.assert_allclose(w, e, atol=2e-5)
    for logits, alpha in (
        (model.generator_mixture_logits, oracle.alpha_u),
        (model.discriminator_mixture_logits, oracle.alpha_v),
    ):
        np.testing.assert_allclose(logits, alpha, atol=1e-5)
    for w, e in zip(network.get_weights(), oracle.encoder, strict=True):
        np.testing.assert_array_equal(w, e.astype("float32"))


def test_tops_are_mixed_over_one_bottom():
    def variables(networks, name):
        return {
            id(v)
            for network in networks
            for layer in network._flatten_layers()
            if layer.name == name
            for v in layer.trainable_variables
        }

    model, apart = compiled(cuts=CUTS), compiled()
    for one, name, number in (
        ("image", "code", 2),
        ("shared", "code_hidden", 3),
    ):
        side = "generators" if name == "code" else "discriminators"
        # A kernel and a bias each.
        assert len(variables(getattr(model, side), one)) == 2
        assert len(variables(getattr(model, side), name)) == 2 * number
        assert len(variables(getattr(apart, side), one)) == 2 * number
    given = {"labels": [0], "latents": np.ones((1, 4), "float32")}
    one, other = (model.generate(component=i, **given) for i in range(2))
    assert not np.array_equal(one, other)


@tensorflow_only  # Terms are read eagerly.
@pytest.mark.parametrize("estimate", ["linear", "split"])
def test_codes_go_with_their_images(estimate):
    """Codes that show the latents, discriminators that copy them."""
    latents = keras.Input((2,))
    made = layers.Identity(name="codes")(latents[:, :1])
    generator = keras.Model(latents, ops.concatenate([made, latents[:, 1:]], 1))
    model = MixGAN(generator, [_copying(), _copying()], 2, seed=0)
    seen = []

    class Watched(auxiliary.LatentReconstruction):
        def generator_terms(self, turn):
            terms = super().generator_terms(turn)
            seen.append(ops.convert_to_numpy(terms))
            return terms

        def discriminator_terms(self, turn):
            codes, images = turn.real.levels("latents")
            seen.append(ops.convert_to_numpy(codes - images))
            return super().discriminator_terms(turn)

        def codes_of(self, images):
            return images[:, 1:]

    model.compile(
        auxiliary=["code_payoff", Watched()],
        payoff_estimate=estimate,
        run_eagerly=True,
    )
    points = np.random.default_rng(0).uniform(-1, 1, (8, 2))
    model.train_on_batch(points.astype("float32"))
    assert len(seen) > 2
    for terms in seen:
        np.testing.assert_allclose(terms, 0, atol=1e-6)


def _copying():
    images, codes = keras.Input((2,)), keras.Input((1,), name="codes")
    outputs = {
        "logits": layers.Dense(1)(images),
        "code_logits": layers.Dense(1)(codes),
        "latents": 0.5 * (1 + ops.erf(images[:, 1:] / np.sqrt(2.0))),
        "code_latents": 0.5 * (1 + ops.erf(codes / np.sqrt(2.0))),
    }
    return keras.Model([images, codes], outputs)


@pytest.mark.parametrize("cuts", few_under_jax(None, CUTS))
def test_what_reads_images_alone_needs_no_codes(cuts, tmp_path):
    network = frozen_encoder(np.random.default_rng(0))
    model = compiled(network, cuts=cuts, gradient_penalty=1.0)
    rng = np.random.default_rng(1)
    images = rng.uniform(-1, 1, (6, 2)).astype("float32")
    labels = rng.integers(0, CLASSES, 6).astype("int32")
    logs = model.train_on_batch(images, labels, return_dict=True)
    assert np.isfinite(logs["loss"])
    pairs = model.payoff_matrix(images, labels, seed=3)
    for j in range(3):
        # The same judge, asked with codes of any kind.
        whole = model.discriminators[j]
        codes = rng.normal(size=(6, CODES)).astype("float32")
        alone = model.discriminator_ensemble[j]
        np.testing.assert_allclose(
            alone([images]), whole([images, codes])["logits"], atol=1e-6
        )
    assert pairs.shape == (2, 3)
    score = metrics.classification_error(model, _Labelled(images, labels))
    assert 0 <= score.mean <= 1
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.objective == model.objective
    np.testing.assert_array_equal(
        loaded.payoff_matrix(images, labels, seed=3), pairs
    )


class _Labelled:
    name = "some"

    def __init__(self, images, labels):
        self.images, self.labels = images, labels


def test_what_a_stack_needs():
    def made(generator=None, discriminator=None):
        return MixGAN(
            generator or stack_generator(),
            discriminator or stack_discriminator(), 1, 1,
        )  # fmt: skip

    with pytest.raises(ValueError, match=r"layer `codes`.*\(3,\).*no such"):
        made(small_generator(4))
    with pytest.raises(ValueError, match=r"layer `codes`.*generator 0.*\(2,\)"):
        made(stack_generator(2))
    network = stack_discriminator()
    outputs = dict(network.output)
    del outputs["code_logits"]
    with pytest.raises(ValueError, match="an output `code_logits`"):
        made(discriminator=keras.Model(network.inputs, outputs))
    outputs = dict(network.output)
    outputs["logits"] = outputs["logits"] + outputs["code_logits"]
    with pytest.raises(ValueError, match=r"image alone.*depends on both"):
        made(discriminator=keras.Model(network.inputs, outputs))
    for listed, text in (
        (["code_payoff"], "gives codes of real images, such as encoded_codes"),
        (["encoded_codes"], "`encoder` must be the file of"),
    ):
        with pytest.raises(ValueError, match=text):
            made().compile(auxiliary=listed)
    plain = MixGAN(small_generator(), small_discriminator(), 1, 1)
    with pytest.raises(ValueError, match="generators that take labels"):
        plain.compile(auxiliary=["encoded_codes"])
    with pytest.raises(ValueError, match="an output `code_logits`"):
        plain.compile(auxiliary=["code_payoff"])


def test_an_encoder_of_other_codes(tmp_path):
    path = tmp_path / "encoder.npz"
    encoders.save(encoders.encoder((16, 16, 1), CLASSES, width=2), path)
    latents, labels = keras.Input((4,)), keras.Input((), dtype="int32")
    x = layers.Embedding(CLASSES, 2)(labels)
    codes = layers.Concatenate(name="codes")([latents[:, 2:], x])
    x = layers.Dense(256, activation="tanh")(codes)
    generator = keras.Model([latents, labels], layers.Reshape((16, 16, 1))(x))
    images, given = keras.Input((16, 16, 1)), keras.Input((4,), name="codes")
    outputs = {
        "logits": layers.Dense(1)(layers.Flatten()(images)),
        "class_logits": layers.Dense(CLASSES)(layers.Flatten()(images)),
        "code_logits": layers.Dense(1)(given),
    }
    model = MixGAN(generator, keras.Model([images, given], outputs), 1, 1)
    model.compile(auxiliary=[auxiliary.EncodedCodes(encoder=path)])
    with pytest.raises(ValueError, match=r"codes of 4 numbers.*which gives 8"):
        model.fit(
            np.zeros((4, 16, 16, 1), "float32"), np.zeros(4, "int32"),
            batch_size=4, verbose=0,
        )  # fmt: skip


def test_codes_and_weights_that_start_from_data():
    network = stack_discriminator()
    outputs = dict(network.output)
    normalized = WeightNormalization(layers.Dense(1, use_bias=False))
    outputs["logits"] = normalized(network.inputs[0])
    encoder = frozen_encoder(np.random.default_rng(0))
    model = MixGAN(
        stack_generator(), keras.Model(network.inputs, outputs), 1, 1
    )
    model.compile(auxiliary=losses(encoder))
    points = np.zeros((4, 2), "float32"), np.zeros(4, "int32")
    with pytest.raises(ValueError, match="no layer that starts from data"):
        model.fit(*points, batch_size=4, verbose=0)
