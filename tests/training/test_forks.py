"""Mixtures made of a trained pair, or of snapshots of one run."""

import keras
import numpy as np
import pytest
from conftest import image_networks
from conftest import small_discriminator
from conftest import small_generator
from keras import layers
from keras import optimizers

from keras_mixgan import MixGAN
from keras_mixgan import architectures
from keras_mixgan import metrics

pytestmark = pytest.mark.usefixtures("no_graphs")


def trained_pair(networks=None, **arguments):
    networks = networks or (small_generator(), small_discriminator())
    pair = MixGAN(*networks, 1, 1, seed=0, **arguments)
    pair.compile(
        "log",
        optimizers.Adam(0.01),
        optimizers.RMSprop(0.01, momentum=0.5),
        run_eagerly=True,
    )
    shape = pair.image_shape
    images = np.random.default_rng(0).uniform(-1, 1, (8, *shape))
    pair.fit(images.astype("float32"), batch_size=4, verbose=0)
    return pair


def test_copies_begin_as_the_pair_with_its_optimizer_state():
    pair = trained_pair(ema_decay=0.9)
    model = MixGAN.from_pair(pair, 3, 2, noise=0.0, seed=1)
    for i in range(3):
        np.testing.assert_array_equal(
            model.generate(5, seed=2, component=i), pair.generate(5, seed=2)
        )
    for old, new, count in zip(
        pair.optimizer.sides, model.optimizer.sides, (3, 2), strict=True
    ):
        assert int(new.iterations) == int(old.iterations) == 2
        assert type(new) is type(old)
        kept = [np.asarray(v) for v in old.variables[2:] if v.shape != (1,)]
        for state in kept:
            assert np.any(state)
            same = [v for v in new.variables if np.array_equal(v, state)]
            assert len(same) == count


def test_noise_tells_copies_apart_but_the_first():
    pair = trained_pair()
    model = MixGAN.from_pair(pair, 3, 1, noise=0.1, seed=1)
    first, second = model.generators[:2]
    for w, v, u in zip(
        pair.generators[0].get_weights(),
        first.get_weights(),
        second.get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(w, v)
        assert np.abs(u - w).std() <= 0.3 * w.std()
    kernel = second.get_weights()[0]
    assert not np.array_equal(kernel, first.get_weights()[0])


def test_a_fork_may_share_a_body():
    networks = image_networks()
    cut = next(x.name for x in networks[0].layers if isinstance(x, layers.ReLU))
    pair = trained_pair(networks, ema_decay=0.5)
    model = MixGAN.from_pair(pair, 3, 1, noise=0.0, share_generators=cut)
    np.testing.assert_allclose(
        model.generate(4, seed=1, component=2),
        pair.generate(4, seed=1),
        atol=1e-6,
    )
    images = np.zeros((4, 8, 8, 1), "float32")
    assert np.isfinite(model.train_on_batch(images)).all()


def test_a_fork_may_share_a_body_of_layers_around_layers():
    networks = architectures.build("sngan", (28, 28, 1), width=2)
    pair = MixGAN(*networks, 1, 1, seed=0)
    model = MixGAN.from_pair(
        pair, 2, 2, noise=0.0,
        share_generators="start", share_discriminators="stage_0",
    )  # fmt: skip
    images = np.random.default_rng(0).uniform(-1, 1, (2, 28, 28, 1))
    for copy in model.discriminators:
        np.testing.assert_allclose(
            copy(images), pair.discriminators[0](images), atol=1e-6
        )


def test_snapshots_get_the_weights_of_their_game(tmp_path):
    pair = trained_pair()
    pair.save(tmp_path / "first.keras")
    images = np.random.default_rng(1).uniform(-1, 1, (64, 2)).astype("float32")
    pair.fit(images, batch_size=8, epochs=5, verbose=0)
    snapshots = [keras.saving.load_model(tmp_path / "first.keras"), pair]
    model = MixGAN.from_snapshots(snapshots, images)
    assert (model.num_generators, model.num_discriminators) == (2, 2)
    np.testing.assert_array_equal(
        model.seed_generator.state, pair.seed_generator.state
    )
    matrix = model.payoff_matrix(images, seed=0)
    game = metrics.matrix_game(matrix)
    epsilon = game.epsilon(model.generator_weights, model.discriminator_weights)
    # The matrix is measured in float32, here a second time.
    assert epsilon < 1e-6 * np.abs(matrix).max()
    assert game.epsilon([0.5, 0.5], [0.5, 0.5]) > 1e-3


def test_snapshots_of_averages_can_be_trained():
    pair = trained_pair(ema_decay=0.9)
    images = np.random.default_rng(1).uniform(-1, 1, (8, 2)).astype("float32")
    model = MixGAN.from_snapshots([pair, pair], images)
    before = [generator.get_weights() for generator in model.generators]
    for weights in before:
        for one, other in zip(
            weights, pair.ema_generators[0].get_weights(), strict=True
        ):
            np.testing.assert_array_equal(one, other)
    model.fit(images, batch_size=8, verbose=0)
    # One that the game gives no weight does not move.
    assert any(
        not np.array_equal(generator.get_weights()[0], weights[0])
        for generator, weights in zip(model.generators, before, strict=True)
    )
    # So can the mixture as one network, all but its selector.
    folded = model.fold()
    assert len(folded.trainable_variables) == 2 * len(before[0])


def test_snapshots_have_no_classifier_of_one_snapshots_generators():
    critic = architectures.add_heads(
        architectures.mlp_discriminator((2,), width=4),
        num_components=2,
        features=True,
    )
    model = MixGAN(small_generator(), critic, 2, 1, seed=0)
    model.compile(auxiliary=["component_classifier", "feature_matching"])
    images = np.random.default_rng(1).uniform(-1, 1, (8, 2)).astype("float32")
    joined = MixGAN.from_snapshots([model, model], images)
    names = [loss.name for loss in joined.objective.auxiliary]
    assert names == ["feature_matching"]


def test_misuse_is_named():
    pair = trained_pair()
    mixture = MixGAN(small_generator(), small_discriminator(), 2, 1)
    with pytest.raises(ValueError, match=r"must be a pair.*2 generators"):
        MixGAN.from_pair(mixture)
    with pytest.raises(ValueError, match=r"\[0, 1\).*noise=2"):
        MixGAN.from_pair(pair, noise=2)
    with pytest.raises(ValueError, match=r"\[0, 1\).*noise=None"):
        MixGAN.from_pair(pair, noise=None)
    with pytest.raises(ValueError, match=r"a MixGAN\. Received: Sequential"):
        MixGAN.from_pair(small_generator())
    pair.compile(generator_optimizer=optimizers.Adafactor(), run_eagerly=True)
    with pytest.raises(ValueError, match="Received: Adafactor"):
        MixGAN.from_pair(pair)
    for models in ([pair], pair):
        with pytest.raises(ValueError, match="at least two"):
            MixGAN.from_snapshots(models, np.zeros((4, 2), "float32"))


def points(count=16):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (count, 2)).astype("float32")


def nested_generator():
    def block(name):
        return keras.Sequential(
            [layers.Dense(4, name="dense"), layers.ReLU(name="relu")], name=name
        )

    latents = keras.Input((3,))
    x = block("second")(block("first")(latents))
    return keras.Model(latents, layers.Dense(2, activation="tanh")(x))


def test_blocks_whose_layers_have_one_name_are_copied():
    pair = MixGAN(nested_generator(), small_discriminator(), 1, 1, seed=0)
    pair.compile()
    pair.fit(points(), batch_size=4, verbose=0)
    model = MixGAN.from_pair(pair, 2, 1, noise=0.0, seed=1)
    for i in range(2):
        np.testing.assert_array_equal(
            model.generate(5, seed=2, component=i), pair.generate(5, seed=2)
        )


def test_blocks_whose_variables_have_one_name_keep_their_momenta():
    def block(name):
        latents = keras.Input((3,))
        y = layers.Dense(3, activation="tanh", name="dense")(latents)
        return keras.Model(latents, y, name=name)

    latents = keras.Input((3,))
    x = layers.Dense(2)(block("second")(block("first")(latents)))
    pair = MixGAN(keras.Model(latents, x), small_discriminator(), 1, 1, seed=0)
    pair.compile()
    pair.fit(points(), batch_size=4, verbose=0)
    model = MixGAN.from_pair(pair, 2, 1, noise=0.0, seed=1)
    old, new = (
        {id(v): m for v, m in zip(x._trainable_variables, x._momentums,
                                  strict=True)}
        for x in (m.optimizer.generator_optimizer for m in (pair, model))
    )  # fmt: skip
    for copy in model.generators:
        for variable, its in zip(
            pair.generators[0].weights, copy.weights, strict=True
        ):
            np.testing.assert_array_equal(new[id(its)], old[id(variable)])


def test_the_noise_follows_from_the_models_seed():
    pair, images = trained_pair(), []
    for _ in range(2):
        keras.utils.set_random_seed(5)
        model = MixGAN.from_pair(pair, 2, 1)
        images.append(model.generate(3, component=1, seed=0))
    np.testing.assert_array_equal(*images)


def test_both_train_on_after_a_fork(tmp_path):
    pair = MixGAN(
        small_generator(), small_discriminator(), 1, 1, ema_decay=0.9, seed=0
    )
    pair.compile()
    pair.fit(points(), batch_size=4, verbose=0)
    pair.run_settings = {"source": "ring"}
    model = MixGAN.from_pair(pair, 3, 2, seed=1)
    for one in (model, pair):
        assert one.run_settings["source"] == "ring"
        one.fit(points(), batch_size=4, verbose=0)
        one.save(tmp_path / "model.keras")
        assert int(one.ema_updates) == 8


def test_snapshots_that_are_not_compiled_are_refused():
    pair = MixGAN(small_generator(), small_discriminator(), 1, 1)
    with pytest.raises(ValueError, match="`models` must be compiled"):
        MixGAN.from_snapshots([pair, pair], np.zeros((4, 2), "float32"))
    with pytest.raises(ValueError, match=r"`models` must be a MixGAN.*int"):
        MixGAN.from_snapshots([1, pair], np.zeros((4, 2), "float32"))


def test_settings_are_those_of_the_new_mixture():
    pair = trained_pair()
    pair.run_settings = {
        "source": "ring", "num_generators": 1, "num_discriminators": 1,
        "share": "none", "auxiliary": ["feature_matching:1.0"],
    }  # fmt: skip
    hidden = pair.generators[0].layers[0].name
    fork = MixGAN.from_pair(pair, 3, 2, share_generators=hidden)
    assert fork.run_settings == pair.run_settings | {
        "num_generators": 3, "num_discriminators": 2, "share": "generators",
    }  # fmt: skip
    fork.run_settings["auxiliary"].append("component_classifier:0.1")
    fork.generator_mixture_logits.assign([0.0, -9.0, 0.0])
    pruned = fork.prune(below=0.1)
    assert pruned.run_settings == fork.run_settings | {
        "num_generators": 2, "auxiliary": ["feature_matching:1.0"],
    }  # fmt: skip
    joined = MixGAN.from_snapshots([fork, fork], points())
    assert joined.run_settings == pruned.run_settings | {
        "num_generators": 6, "num_discriminators": 4, "share": "none",
    }  # fmt: skip
