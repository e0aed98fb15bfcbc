import json
import random
import shutil

import conftest
import h5py
import keras
import numpy as np
import pytest

import keras_mixgan as kmg
from keras_mixgan import presets
from keras_mixgan.cli.models import load_model
from keras_mixgan.presets import sizes
from keras_mixgan.training.history import read_history

pytestmark = pytest.mark.usefixtures("no_graphs")


def images(seed=0, number=16):
    rng = np.random.default_rng(seed)
    return rng.uniform(-1, 1, (number, 28, 28, 1)).astype("float32")


def small_model(seed=0, ema_decay=None, num_classes=None, discriminators=2):
    networks = kmg.architectures.build(
        "dcgan", (28, 28, 1), latent_dim=4, num_classes=num_classes, width=2
    )
    model = kmg.MixGAN(
        *networks, 2, discriminators, seed=seed, ema_decay=ema_decay
    )
    model.compile(payoff="hinge")
    return model


@pytest.fixture(scope="module")
def trained():
    """A model that tests do not change."""
    model = small_model(ema_decay=0.9)
    model.fit(images(), batch_size=8, epochs=1, verbose=0)
    return model


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "preset"
    trained.save_to_preset(folder)
    return folder


@pytest.fixture
def preset(saved, tmp_path):
    """A copy for each test, which may damage it."""
    return shutil.copytree(saved, tmp_path / "preset")


def test_a_saved_preset_gives_the_same_images(trained, preset):
    loaded = kmg.MixGAN.from_preset(preset)
    np.testing.assert_array_equal(
        loaded.generate(9, seed=1), trained.generate(9, seed=1)
    )
    np.testing.assert_array_equal(
        loaded.generator_weights, trained.generator_weights
    )
    assert loaded.step == 2
    assert loaded.objective.payoff.name == "hinge"


def test_a_saved_preset_trains_on_to_the_same_weights(tmp_path):
    model = small_model(ema_decay=0.9, discriminators=1)
    fit = {"batch_size": 8, "shuffle": False, "verbose": 0}
    model.fit(images(), **fit)
    model.save_to_preset(tmp_path / "preset")
    loaded = kmg.MixGAN.from_preset(tmp_path / "preset")
    for one in (model, loaded):
        one.fit(images(1), **fit)
    for mine, theirs in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_small_preset_differs_by_less_than_a_gray_level(trained, tmp_path):
    trained.save_to_preset(tmp_path / "small", small=True)
    loaded = kmg.MixGAN.from_preset(tmp_path / "small")
    difference = loaded.generate(9, seed=1) - trained.generate(9, seed=1)
    assert 0 < np.abs(difference).max() < 2 / 255
    assert loaded.generators[0].dtype_policy.name == "float32"
    loaded.fit(images(), batch_size=8, verbose=0)


def test_a_small_preset_keeps_no_optimizer(trained, tmp_path):
    trained.save_to_preset(tmp_path / "small", small=True)
    kinds = {}
    with h5py.File(tmp_path / "small" / presets.WEIGHTS) as file:
        assert "optimizer" not in file
        file.visititems(
            lambda name, item: kinds.setdefault(
                str(getattr(item, "dtype", "")), []
            ).append(name)
        )
    assert "float16" in kinds
    # Beside the model's own numbers, such as its mixture logits.
    assert all(name.startswith("vars/") for name in kinds["float32"])


def test_a_small_preset_keeps_averages_alone(tmp_path):
    model = small_model(ema_decay=0.9)
    model.fit(images(), batch_size=8, verbose=0)
    for small in (True, False):
        model.save_to_preset(tmp_path / f"small {small}", small=small)
    loaded = kmg.MixGAN.from_preset(tmp_path / "small True")
    for last, average in zip(
        loaded.generators, loaded.ema_generators, strict=True
    ):
        for ours, theirs in zip(last.weights, average.weights, strict=True):
            np.testing.assert_array_equal(ours, theirs)
    difference = loaded.generate(9, seed=1) - model.generate(9, seed=1)
    assert np.abs(difference).max() < 2 / 255
    loaded.fit(images(), batch_size=8, verbose=0)
    assert loaded.step == 2 * model.step


def test_large_payoffs_keep_no_small_preset_from_being_saved(tmp_path):
    model = small_model()
    model.last_pairs.assign(np.full(model.last_pairs.shape, 1e9))
    model.save_to_preset(tmp_path / "small", small=True)
    kmg.MixGAN.from_preset(tmp_path / "small")


def test_a_preset_saved_here_has_the_folders_name(tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    folder.mkdir()
    monkeypatch.chdir(folder)
    small_model().save_to_preset(".")
    assert json.loads((folder / presets.METADATA).read_text())["name"] == "mine"
    assert 'from_preset("mine")' in (folder / "README.md").read_text()


def test_a_tilde_is_the_users_folder(tmp_path, monkeypatch):
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    model = small_model()
    model.save_to_preset("~/mine")
    assert kmg.MixGAN.from_preset("~/mine").step == model.step
    model.export_sampler("~/exported/1")
    history = kmg.callbacks.MixtureHistory("~/history.csv", every=1)
    images = np.zeros((8, 28, 28, 1), "float32")
    model.fit(images, batch_size=8, verbose=0, callbacks=[history])
    (row,) = read_history("~/history.csv")
    assert row["step"] == model.step
    written = {path.name for path in tmp_path.iterdir()}
    assert written == {"mine", "exported", "history.csv"}


def test_a_model_that_is_not_compiled_makes_a_preset(tmp_path):
    networks = kmg.architectures.build("mlp", (2,), latent_dim=4, width=8)
    model = kmg.MixGAN(*networks, 2, seed=0)
    model.save_to_preset(tmp_path / "points")
    loaded = kmg.MixGAN.from_preset(tmp_path / "points")
    assert not loaded.compiled
    np.testing.assert_array_equal(
        loaded.generate(3, seed=1), model.generate(3, seed=1)
    )


def test_a_conditional_preset_keeps_its_classes(tmp_path):
    small_model(num_classes=3).save_to_preset(tmp_path / "labels")
    loaded = kmg.MixGAN.from_preset(tmp_path / "labels")
    assert loaded.generate(2, labels=[0, 2], seed=0).shape == (2, 28, 28, 1)
    with pytest.raises(ValueError, match=r"`labels` must lie in \[0, 3\)"):
        loaded.generate(1, labels=3)


def test_load_weights_false_gives_those_of_the_seed(preset):
    loaded = kmg.MixGAN.from_preset(preset, load_weights=False)
    fresh = small_model(ema_decay=0.9)
    np.testing.assert_array_equal(
        loaded.generate(3, seed=1), fresh.generate(3, seed=1)
    )
    assert loaded.step == 0
    assert loaded.compiled


def test_load_weights_false_gives_a_shared_body_those_of_the_seed(tmp_path):
    networks = conftest.small_generator(), conftest.small_discriminator()
    hidden = networks[0].layers[0].name
    model = kmg.MixGAN(*networks, 2, 1, seed=3, share_generators=hidden)
    model.save_to_preset(tmp_path / "shared")
    before = random.getstate()
    first, second = (
        kmg.MixGAN.from_preset(tmp_path / "shared", load_weights=False)
        for _ in range(2)
    )
    assert random.getstate() == before
    np.testing.assert_array_equal(
        first.generate(3, seed=1), second.generate(3, seed=1)
    )


@pytest.mark.parametrize("shape", [(8, 8, 2), (8, 8, 4), (4, 4, 4, 1), (8, 1)])
def test_examples_of_any_shape_make_a_preset(tmp_path, shape):
    size = int(np.prod(shape))
    generator = keras.Sequential(
        [
            keras.Input((3,)),
            keras.layers.Dense(size, "tanh"),
            keras.layers.Reshape(shape),
        ]
    )
    discriminator = keras.Sequential(
        [keras.Input(shape), keras.layers.Flatten(), keras.layers.Dense(1)]
    )
    model = kmg.MixGAN(generator, discriminator, 2, 1, seed=0)
    model.save_to_preset(tmp_path / "made")
    loaded = kmg.MixGAN.from_preset(tmp_path / "made")
    assert loaded.generate(2).shape == (2, *shape)
    has_picture = shape in [(8, 8, 2), (8, 8, 4)]
    assert (tmp_path / "made" / presets.SAMPLES).exists() == has_picture
    card = (tmp_path / "made" / presets.CARD).read_text()
    assert (presets.SAMPLES in card) == has_picture


def test_a_folder_with_a_name_of_the_zoo_must_be_told_apart(
    preset, tmp_path, monkeypatch
):
    preset.rename(tmp_path / "mix_dcgan_mnist")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match=r"Write \./mix_dcgan_mnist"):
        kmg.MixGAN.from_preset("mix_dcgan_mnist")
    model = kmg.MixGAN.from_preset("./mix_dcgan_mnist")
    assert model.num_generators == 2
    monkeypatch.chdir(presets.zoo())
    assert presets.find("mix_dcgan_mnist").samefile("mix_dcgan_mnist")


def test_operations_count_in_the_size():
    def make():
        inputs = keras.Input((4,))
        many = keras.ops.repeat(inputs, 10**12, axis=1)
        return [keras.Model(inputs, keras.ops.max(many, 1, keepdims=True))]

    with pytest.raises(ValueError, match="numbers of a batch in one layer"):
        sizes.check_made(make, [1], 1, "`network`")


def test_counting_weights_leaves_no_trace(preset):
    config = json.loads((preset / presets.CONFIG).read_text())["config"]
    config["generator"].append({"class_name": "Dense"})
    before = random.getstate()
    with pytest.raises(ValueError, match="could not be built"):
        sizes.check(
            {"class_name": "MixGAN", "config": config}, "config.json", None
        )
    assert random.getstate() == before
    # Here Keras gives values to all variables that it knows to have none.
    with keras.StatelessScope():
        pass
    assert small_model().generate(1, seed=0).shape == (1, 28, 28, 1)


def test_load_weights_false_needs_no_weights(preset):
    (preset / presets.WEIGHTS).unlink()
    kmg.MixGAN.from_preset(preset, load_weights=False)


def test_parameters_of_a_shared_body_count_once():
    networks = conftest.small_generator(), conftest.small_discriminator()
    hidden = networks[0].layers[0].name
    model = kmg.MixGAN(*networks, 3, 1)
    shared = kmg.MixGAN(*networks, 3, 1, share_generators=hidden)
    own, body = (layer.count_params() for layer in networks[0].layers)
    judge = model.discriminators[0].count_params()
    counts = [presets.describe(x, "a")["parameters"] for x in (model, shared)]
    assert counts == [3 * (own + body) + judge, 3 * own + body + judge]


def test_a_preset_has_a_card_and_a_picture(preset):
    assert "# preset" in (preset / presets.CARD).read_text()
    assert (preset / presets.SAMPLES).read_bytes().startswith(b"\x89PNG")


def test_wherever_a_model_is_named_a_preset_will_do(preset):
    assert load_model(preset).step == 2
    assert load_model(str(preset)).step == 2


def test_components_that_were_compiled_make_a_preset(tmp_path):
    def compiled(network):
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
        network.compile(keras.optimizers.SGD(0.1), loss, ["accuracy"])
        return network

    networks = kmg.architectures.build("mlp", (2,), latent_dim=4, width=8)
    pairs = [[compiled(network)] for network in networks]
    model = kmg.MixGAN(*pairs, seed=0)
    model.save_to_preset(tmp_path / "points")
    loaded = kmg.MixGAN.from_preset(tmp_path / "points")
    np.testing.assert_array_equal(
        loaded.generate(3, seed=1), model.generate(3, seed=1)
    )


def test_registered_layers_of_ones_own_are_welcome(tmp_path):
    @keras.saving.register_keras_serializable(package="test_presets")
    class Doubled(keras.layers.Layer):
        def call(self, x):
            return 2 * x

    latents = keras.Input((3,))
    generator = keras.Model(latents, keras.layers.Dense(2)(latents))
    points = keras.Input((2,))
    discriminator = keras.Model(
        points, keras.layers.Dense(1)(Doubled()(points))
    )
    model = kmg.MixGAN(generator, discriminator, 2, seed=0)
    model.save_to_preset(tmp_path / "own")
    loaded = kmg.MixGAN.from_preset(tmp_path / "own")
    assert isinstance(loaded.discriminators[0].layers[1], Doubled)
