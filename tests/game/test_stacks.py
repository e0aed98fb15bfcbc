"""S-GAN's losses in a step, against NumPy float64, finite differences."""

import keras
import numpy as np
import pytest
from conftest import few_under_jax
from conftest import small_discriminator
from conftest import small_generator
from conftest import tensorflow_only
from keras import layers
from keras import ops
from stacks_reference import CLASSES
from stacks_reference import CODES
from stacks_reference import CUTS
from stacks_reference import JUDGES
from stacks_reference import MAKERS
from stacks_reference import Stacks
from stacks_reference import compiled
from stacks_reference import frozen_encoder
from stacks_reference import losses
from stacks_reference import parts_of
from stacks_reference import stack_discriminator
from stacks_reference import stack_generator

from keras_mixgan import MixGAN
from keras_mixgan import auxiliary
from keras_mixgan import metrics
from keras_mixgan.architectures import WeightNormalization
from keras_mixgan.architectures import encoder as encoders


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
        for trained, parts in zip(
            parts_of(networks, names), expected, strict=True
        ):
            for one, part in zip(trained, parts, strict=True):
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
    """Codes and images are the latents, discriminators copy them."""
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
        # Image outputs are the same for any codes.
        whole = model.discriminators[j]
        codes = rng.normal(size=(6, CODES)).astype("float32")
        alone = model.discriminator_ensemble.components[j]
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
    with pytest.raises(ValueError, match="no layer that is initialized"):
        model.fit(*points, batch_size=4, verbose=0)
