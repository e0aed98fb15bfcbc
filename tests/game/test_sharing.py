"""Components that share a body: cost, arithmetic, files."""

import keras
import numpy as np
import pytest
from conftest import image_networks
from conftest import small_discriminator
from conftest import small_generator
from conftest import tensorflow_only
from keras import layers
from keras import ops
from keras import optimizers

from keras_mixgan import MixGAN
from keras_mixgan import architectures

LABELS = np.arange(12) % 3


def images(count=12):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (count, 8, 8, 1)).astype("float32")


def cut_names(generator, discriminator):
    """Names of the first activations of generator and discriminator."""
    return (
        next(x.name for x in generator.layers if isinstance(x, layers.ReLU)),
        next(
            x.name
            for x in discriminator.layers
            if isinstance(x, layers.LeakyReLU)
        ),
    )


def shared_mixture(numbers=(3, 2), num_classes=3, dropout=0.0, **arguments):
    networks = image_networks(num_classes, dropout=dropout)
    first, second = cut_names(*networks)
    return MixGAN(
        *networks, *numbers, share_generators=first,
        share_discriminators=second, seed=0, **arguments,
    )  # fmt: skip


def test_a_body_is_there_once():
    model = shared_mixture(ema_decay=0.9)
    apart = MixGAN(*image_networks(3), 3, 2, seed=0)

    def sizes(networks):
        variables = {id(v): v for n in networks for v in n.trainable_variables}
        return sum(int(np.prod(v.shape)) for v in variables.values())

    for side, whole in (
        (model.generator_ensemble, apart.generators),
        (model.discriminator_ensemble, apart.discriminators),
    ):
        body = sizes([side.shared.body])
        assert body > 0
        count = len(side)
        assert sizes(side.parts) == sizes(whole) - (count - 1) * body
    ids = [id(v) for v in model.generator_ensemble.trainable_variables]
    assert len(ids) == len(set(ids))
    assert len(model.ema_parts) == 4
    assert len(model.ema_generators) == 3


def test_equal_first_layers_move_as_the_pair_does(monkeypatch):
    pair = MixGAN(small_generator(), small_discriminator(), 1, 1, seed=0)
    generator, discriminator = small_generator(), small_discriminator()
    shared = MixGAN(
        generator, discriminator, 3, 2, seed=1,
        share_generators=generator.layers[0].name,
        share_discriminators=discriminator.layers[0].name,
    )  # fmt: skip
    for ensemble, network in (
        (shared.generator_ensemble, pair.generators[0]),
        (shared.discriminator_ensemble, pair.discriminators[0]),
    ):
        for whole in ensemble.networks:
            whole.set_weights(network.get_weights())
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(10, 4, 3)).astype("float32")
    for model in (pair, shared):
        pending, count = iter(draws), model.num_generators
        monkeypatch.setattr(
            model,
            "draw_latents",
            lambda _, pending=pending, count=count: ops.convert_to_tensor(
                np.tile(next(pending), (count, 1))
            ),
        )
        model.compile(
            "log", optimizers.SGD(0.2), optimizers.SGD(0.2),
            run_eagerly=keras.backend.backend() == "tensorflow",
        )  # fmt: skip
        model.train_on_batch(draws[0][:, :2])
    for ensemble, network in (
        (shared.generator_ensemble, pair.generators[0]),
        (shared.discriminator_ensemble, pair.discriminators[0]),
    ):
        for whole in ensemble.networks:
            for w, v in zip(
                network.get_weights(), whole.get_weights(), strict=True
            ):
                np.testing.assert_allclose(v, w, atol=2e-6)


def test_it_trains_saves_and_goes_on(tmp_path):
    def fit(model, epochs, start=0):
        model.fit(
            images(), LABELS, batch_size=4, epochs=epochs,
            initial_epoch=start, shuffle=False, verbose=0,
        )  # fmt: skip

    one = shared_mixture((2, 2), ema_decay=0.9, dropout=0.3)
    one.compile(payoff_estimate="linear")
    fit(one, 2)
    one.save(tmp_path / "model.keras")
    other = keras.saving.load_model(tmp_path / "model.keras")
    body = other.generator_ensemble.shared.body
    assert all(body in whole.layers for whole in other.generators)
    for model in (one, other):
        fit(model, 4, 2)
    assert one.step == other.step == 12
    np.testing.assert_array_equal(
        one.generate(9, seed=1), other.generate(9, seed=1)
    )
    assert not np.array_equal(
        one.generate(9, seed=1, component=0),
        one.generate(9, seed=1, component=1),
    )


@tensorflow_only
def test_presets_and_exports_hold_it(tmp_path):
    import tensorflow as tf

    model = shared_mixture()
    model.compile(payoff_estimate="linear")
    model.save_to_preset(tmp_path / "preset")
    loaded = MixGAN.from_preset(tmp_path / "preset")
    expected = model.generate(6, seed=3, labels=[0, 1])
    np.testing.assert_allclose(
        loaded.generate(6, seed=3, labels=[0, 1]), expected, atol=1e-6
    )
    loaded.export_sampler(tmp_path / "exported")
    sampler = tf.saved_model.load(str(tmp_path / "exported"))
    latents = np.random.default_rng(0).normal(size=(5, 5)).astype("float32")
    for i in range(3):
        edge = (i + 0.5) / 3  # of equal weights
        made = sampler.signatures["serving_default"](
            latents=tf.constant(latents),
            component_uniform=tf.fill([5], edge),
            labels=tf.zeros([5], tf.int32),
        )["images"]
        np.testing.assert_allclose(
            made,
            model.generate(5, latents=latents, labels=0, component=i),
            atol=1e-5,
        )


@pytest.mark.parametrize("name", ["dcgan", "wgan", "wgan_gp", "sngan", "mlp"])
def test_our_architectures_say_where_to_cut(name):
    architecture = architectures.get(name)
    shape = architecture.image_shapes[0]
    networks = architectures.build(name, shape, num_classes=4, width=4)
    model = MixGAN(
        *networks, 2, 2, share_generators=architecture.generator_cut,
        share_discriminators=architecture.discriminator_cut,
    )  # fmt: skip
    assert model.generators[0].output_shape == (None, *shape)
    assert model.discriminators[0].output_shape == (None, 1)


@pytest.mark.parametrize("name", ["acgan_cbn", "sngan"])
def test_labels_may_be_read_before_and_after_the_cut(name):
    generator, discriminator = architectures.build(
        name, (12, 12, 1), num_classes=4, width=6
    )
    model = MixGAN(generator, discriminator, 2, 1, share_generators="start")
    again = MixGAN.from_config(model.get_config())
    for part, other in zip(
        model.generator_ensemble.shared.parts,
        again.generator_ensemble.shared.parts,
        strict=True,
    ):
        assert part.count_params() == other.count_params()
    # The original network is still whole.
    generator.get_config()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"share_generators": "middle"}, "one of .*Received: .*'middle'"),
        ({"share_discriminators": "middle"}, "layer of the discriminator"),
        ({"share_generators": "labels"}, "except labels passes"),
        ({"share_discriminators": "logits"}, "not the last"),
    ],
)
def test_cuts_that_cannot_be(arguments, text):
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    x = layers.Embedding(2, 3, name="labels")(labels)
    x = layers.Add()([layers.Dense(3)(latents), x])
    generator = keras.Model([latents, labels], layers.Dense(2)(x))
    points = keras.Input((2,))
    y = layers.Add()([layers.Dense(3)(points), layers.Embedding(2, 3)(labels)])
    y = layers.Dense(1, name="logits")(y)
    with pytest.raises(ValueError, match=text):
        MixGAN(generator, keras.Model([points, labels], y), 2, 2, **arguments)


def test_a_list_cannot_be_cut():
    networks = [small_generator(), small_generator()]
    with pytest.raises(ValueError, match="a list of 2 models"):
        MixGAN(networks, small_discriminator(), share_generators="dense")
