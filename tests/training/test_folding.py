"""A mixture folded into one network, compared with each of its generators."""

import keras
import numpy as np
import pytest
from conftest import image_networks
from conftest import small_discriminator
from conftest import small_generator
from conftest import tensorflow_only
from keras import layers
from scipy import stats

from keras_mixgan import MixGAN
from keras_mixgan.training import folding

WEIGHTS = (0.5, 0.2, 0.3)


def mixture(**keywords):
    model = MixGAN(
        small_generator(), small_discriminator(), 3, 2, seed=0, **keywords
    )
    model.set_generator_weights(WEIGHTS)
    return model


@pytest.fixture(scope="module")
def model():
    return mixture()


def reference(model, latents, starts, ends):
    """Lemmas 1 and 2 in float64: x from the steps, and the gated sum."""
    h = latents[:, :1].astype("float64")
    steps = np.clip((h - starts) / (ends - starts), 0, 1)
    steps = np.column_stack([np.ones(len(h)), steps, np.zeros(len(h))])
    x = steps[:, :-1] - steps[:, 1:]
    images = np.stack(
        [
            model.generate(latents=latents[:, 1:], component=i)
            for i in range(model.num_generators)
        ]
    )
    gated = np.maximum(images + 1 - 2 * (1 - x.T[..., None]), 0)
    return x, images, gated.sum(axis=0) - 1


def test_each_image_is_the_selected_generators(model):
    folded = model.fold(blending=0.2)
    latents = np.random.default_rng(0).normal(size=(2000, 4)).astype("float32")
    starts, ends = folding.slopes(WEIGHTS, 0.2)
    x, images, expected = reference(model, latents, starts, ends)
    found = keras.ops.convert_to_numpy(folded(latents))
    np.testing.assert_allclose(found, expected, atol=1e-5)
    chosen = x.max(axis=1) == 1
    assert 0.7 < chosen.mean() < 0.9
    np.testing.assert_allclose(
        found[chosen],
        images[x.argmax(axis=1), np.arange(len(x))][chosen],
        atol=1e-6,
    )
    assert np.abs(found).max() <= 1


@pytest.mark.parametrize("blending", [0.3, 0.01, 1e-5])
def test_what_is_blended_and_what_each_generator_gets(blending):
    starts, ends = folding.slopes(WEIGHTS, blending)
    assert (ends[:-1] < starts[1:]).all()
    mass = stats.norm.cdf(ends) - stats.norm.cdf(starts)
    assert mass.sum() == pytest.approx(blending, rel=1e-6)
    # The share of generator i loses half a slope at each of its edges.
    inner = np.column_stack([[-np.inf, *ends], [*starts, np.inf]])
    shares = np.diff(stats.norm.cdf(inner), axis=1)[:, 0]
    lost = blending / 4 * np.array([1, 2, 1])
    np.testing.assert_allclose(shares, np.array(WEIGHTS) - lost, atol=1e-9)


def test_steep_steps_are_steps_in_float32(model):
    folded = model.fold(blending=1e-6)
    latents = np.random.default_rng(1).normal(size=(500, 4)).astype("float32")
    edges = stats.norm.ppf(np.cumsum(WEIGHTS)[:-1])
    chosen = (latents[:, :1] > edges).sum(axis=1)
    expected = model.generate(latents=latents[:, 1:], component=list(chosen))
    found = keras.ops.convert_to_numpy(folded(latents))
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_a_generator_without_weight_is_not_seen():
    model = mixture()
    model.set_generator_weights([1e-30, 1.0, 1e-30])
    latents = np.random.default_rng(2).normal(size=(500, 4)).astype("float32")
    found = keras.ops.convert_to_numpy(model.fold(1e-4)(latents))
    expected = model.generate(latents=latents[:, 1:], component=1)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_generators_that_share_a_body_are_folded():
    generator = small_generator()
    model = MixGAN(
        generator,
        small_discriminator(),
        2,
        1,
        seed=0,
        share_generators=generator.layers[0].name,
    )
    latents = np.random.default_rng(2).normal(size=(50, 4)).astype("float32")
    expected = reference(model, latents, *folding.slopes([0.5, 0.5], 0.1))[2]
    found = keras.ops.convert_to_numpy(model.fold(0.1)(latents))
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_it_holds_averages_and_copies():
    model = mixture(ema_decay=0.5)
    for network in model.ema_generators:
        network.set_weights([w + 0.5 for w in network.get_weights()])
    folded = model.fold()
    latents = np.random.default_rng(3).normal(size=(5, 4)).astype("float32")
    latents[:, 0] = -3.0
    before = keras.ops.convert_to_numpy(folded(latents))
    expected = model.generate(latents=latents[:, 1:], component=0)
    np.testing.assert_allclose(before, expected, atol=1e-6)
    for network in model.ema_generators:
        network.set_weights([0 * w for w in network.get_weights()])
    after = keras.ops.convert_to_numpy(folded(latents))
    np.testing.assert_array_equal(after, before)


@pytest.fixture(scope="module")
def conditional():
    """A conditional image mixture, folded into a model of one generator."""
    model = MixGAN(*image_networks(num_classes=3), 2, 1, seed=0)
    model.set_generator_weights([0.3, 0.7])
    single = MixGAN(
        [model.fold()], image_networks(num_classes=3)[1], 1, 1, num_classes=3
    )
    return model, single


def inputs_of(model):
    rng = np.random.default_rng(4)
    latents = rng.normal(size=(12, 1 + model.latent_dim)).astype("float32")
    chosen = (latents[:, 0] > stats.norm.ppf(0.3)).astype("int32")
    return latents, np.resize([0, 1, 2], 12), chosen


@pytest.mark.usefixtures("no_graph")
def test_a_folded_model_generates_saves_and_trains(conditional, tmp_path):
    model, single = conditional
    latents, labels, chosen = inputs_of(model)
    expected = model.generate(
        latents=latents[:, 1:], labels=labels, component=list(chosen)
    )
    found = single.generate(latents=latents, labels=labels)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    single.compile()
    single.save(tmp_path / "folded.keras")
    single.save_to_preset(tmp_path / "preset")
    for loaded in (
        keras.saving.load_model(tmp_path / "folded.keras"),
        MixGAN.from_preset(tmp_path / "preset"),
    ):
        again = loaded.generate(latents=latents, labels=labels)
        np.testing.assert_array_equal(again, found)
    images = np.zeros((4, 8, 8, 1), "float32")
    history = loaded.fit(images, np.arange(4) % 3, batch_size=4, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    # The selector is not trained.
    for name in ("ramps", "select_0", "select_1"):
        layers_of = [m.generators[0].get_layer(name) for m in (loaded, single)]
        for w, v in zip(*(x.get_weights() for x in layers_of), strict=True):
            np.testing.assert_array_equal(w, v)


@tensorflow_only
def test_a_folded_model_is_exported(conditional, tmp_path):
    import tensorflow as tf

    model, single = conditional
    latents, labels, _ = inputs_of(model)
    single.export_sampler(tmp_path / "1")
    serve = tf.saved_model.load(tmp_path / "1").signatures["serving_default"]
    images = serve(
        latents=tf.constant(latents),
        component_uniform=tf.zeros(12),
        labels=tf.constant(labels, tf.int32),
    )["images"]
    expected = single.generate(latents=latents, labels=labels)
    np.testing.assert_allclose(images, expected, atol=1e-6)


class Unclonable(keras.Model):
    """A generator that cannot be rebuilt from its configuration."""

    def __init__(self):
        super().__init__()
        self.dense = layers.Dense(2, activation="tanh")

    def call(self, latents):
        return self.dense(latents)


def test_misuse_is_named(model):
    for blending in (0.0, 1.0, 2, None):
        with pytest.raises(ValueError, match=r"`blending` must be.*Received"):
            model.fold(blending)
    pair = MixGAN(small_generator(), small_discriminator(), 1, 1)
    with pytest.raises(ValueError, match="at least two generators"):
        pair.fold()
    own = MixGAN(Unclonable, small_discriminator(), 2, 1, latent_dim=3)
    with pytest.raises(ValueError, match=r"`get_config` must be defined"):
        own.fold()
    far = keras.Sequential(
        [keras.Input((3,)), layers.Dense(2), layers.Rescaling(100.0)]
    )
    with pytest.raises(ValueError, match=r"in \[-1, 1\].*generator 0"):
        MixGAN(far, small_discriminator(), 2, 1, seed=0).fold()
