"""Classifiers by name, path and model, and the images they get."""

import hashlib
import json
import os
import pathlib
import zipfile

import hostile_presets
import keras
import numpy as np
import pytest
import tensorflow as tf
from metrics_stand_ins import digits
from metrics_stand_ins import noise
from metrics_stand_ins import stub
from metrics_stand_ins import tiny_network

import keras_mixgan
from keras_mixgan import metrics
from keras_mixgan.backends import policies
from keras_mixgan.metrics import activations as cache
from keras_mixgan.metrics import bundled
from keras_mixgan.metrics import classifiers
from keras_mixgan.metrics import inception_module
from keras_mixgan.metrics import tfgan
from keras_mixgan.metrics.samples import Samples
from keras_mixgan.utils import cache as cache_files
from keras_mixgan.utils.errors import UserError

ASSETS = pathlib.Path(keras_mixgan.__file__).parent / "assets"
RECORDS = json.loads((ASSETS / "classifiers.json").read_text())


class SavedNetwork(tf.Module):
    """A SavedModel with the outputs of TF-GAN's Inception, or others."""

    def __init__(self, names=("logits", "pool_3"), shape=(None, None, 3)):
        super().__init__()
        self.names = names
        spec = tf.TensorSpec((None, *shape), tf.float32, "images")
        self.run = tf.function(self._run, input_signature=[spec])

    @tf.autograph.experimental.do_not_convert
    def _run(self, images):
        means = tf.reduce_mean(images, (1, 2))
        values = (means, means[:, None, None, :])
        return dict(zip(self.names, values, strict=True))

    def save(self, path):
        tf.saved_model.save(self, path, {"serving_default": self.run})
        return str(path)


@pytest.mark.parametrize(
    ("name", "least", "shape", "features", "most"),
    [
        ("digits", 0.992, (28, 28, 1), 96, 2**20),
        ("fashion_mnist", 0.92, (28, 28, 1), 96, 2**20),
        ("cifar10", 0.92, (32, 32, 3), 256, 5e6),
    ],
)
def test_bundled_classifiers_are_those_that_were_measured(
    name, least, shape, features, most
):
    path = ASSETS / f"{name}_classifier.npz"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert digest == RECORDS[name]["sha256"]
    assert RECORDS[name]["test_accuracy"] >= least
    assert path.stat().st_size <= most
    network = classifiers.load(name)
    assert (network.name, network.sha256) == (name, digest)
    images = np.random.default_rng(0).uniform(-1, 1, (3, *shape))
    found = network.logits_and_features(images.astype("float32"))
    assert [x.shape for x in found] == [(3, 10), (3, features)]


def test_a_mirrored_image_of_cifar10_has_the_same_features():
    network = classifiers.load("cifar10")
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3))
    images = images.astype("float32")
    before, after = (
        network.logits_and_features(x) for x in (images, images[:, :, ::-1])
    )
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-4)
        assert np.ptp(a, axis=0).max() > 0.01  # Images differ.


def test_the_policy_of_other_networks_changes_no_score():
    images = np.random.default_rng(0).uniform(-1, 1, (3, 28, 28, 1))
    before = bundled.load("digits")(images)
    with policies.policy("mixed_bfloat16"):
        after = bundled.load("digits")(images)
    np.testing.assert_array_equal(before["logits"], after["logits"])


def test_digits_accuracy_on_test_digits():
    # The bundled digits are MNIST's test split, which training never saw.
    images, labels = digits(2000)
    logits, _ = classifiers.load("digits").logits_and_features(images)
    assert np.mean(logits.argmax(1) == labels) > 0.99


def test_gray_images_are_tiled_and_resized():
    network = stub(channels=3, image_size=(8, 8), value_range=(0.0, 255.0))
    images = np.full((2, 4, 4, 1), 1.0, "float32")
    images[1] = -1
    shown = network.convert(images)
    assert shown.shape == (2, 8, 8, 3)
    np.testing.assert_allclose(shown[0], 255)
    np.testing.assert_allclose(shown[1], 0)
    assert network.conversion((4, 4, 1)) == (
        "gray tiled to 3 channels; resized 4x4 to 8x8 (bilinear); "
        "range [-1, 1] to [0, 255]"
    )
    assert "antialiased" in network.conversion((16, 16, 1))
    assert network.conversion((8, 8, 3)) == "range [-1, 1] to [0, 255]"


def test_resizing_is_bilinear():
    ramp = np.linspace(-1, 1, 4, dtype="float32").reshape(1, 1, 4, 1)
    shown = stub(image_size=(1, 8), channels=1).convert(ramp)
    expected = np.interp(np.arange(8) / 2 - 0.25, np.arange(4), ramp.ravel())
    np.testing.assert_allclose(shown.ravel(), expected, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "channels"),
    [((4, 4, 3), 1), ((4, 4, 2), 3), ((2,), 3)],
)
def test_wrong_channels(shape, channels):
    network = stub(channels=channels)
    with pytest.raises(ValueError, match=r"'stub' takes .* Received"):
        network.conversion(shape)
    with pytest.raises(ValueError, match="takes"):
        network.logits_and_features(np.zeros((2, *shape), "float32"))


def test_saved_model(tmp_path):
    path = SavedNetwork().save(tmp_path / "colour_means")
    network = classifiers.load(path)
    assert network.name == "colour_means"
    images = np.full((2, 6, 6, 1), 0.5, "float32")
    logits, features = network.logits_and_features(images)
    np.testing.assert_allclose(logits, 0.5)
    assert features.shape == (2, 3)
    again = SavedNetwork().save(tmp_path / "again")
    assert len(network.sha256) == 64
    assert classifiers.load(path).sha256 == network.sha256
    assert classifiers.load(again, image_size=8).image_size == (8, 8)
    score = metrics.inception_score(images, path, splits=1)
    assert score.name == "colour_means classifier score"


def test_saved_model_of_a_fixed_size(tmp_path):
    path = SavedNetwork(shape=(5, 7, 3)).save(tmp_path / "fixed")
    network = classifiers.load(path, image_size=99)
    assert network.image_size == (5, 7)
    network.logits_and_features(np.zeros((1, 4, 4, 3), "float32"))


def test_saved_model_without_the_outputs(tmp_path):
    path = SavedNetwork(names=("logits", "features")).save(tmp_path / "bad")
    with pytest.raises(ValueError, match=r"outputs named .*'pool_3'.*features"):
        classifiers.load(path)


@pytest.mark.parametrize("softmax", [False, True])
def test_keras_model_that_ends_in_a_dense_layer(softmax):
    model = tiny_network(softmax=softmax)
    network = classifiers.load(model)
    images = noise(4).astype("float32")
    logits, features = network.logits_and_features(images)
    assert features.shape == (4, 8)
    expected = model.predict_on_batch(images)
    if softmax:
        logits = np.exp(logits)
    np.testing.assert_allclose(logits, expected, rtol=1e-5, atol=1e-6)
    other = classifiers.load(tiny_network(softmax=softmax))
    assert network.sha256 != other.sha256


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_outputs_that_are_neither_logits_nor_probabilities(activation):
    model = tiny_network()
    model.layers[-1].activation = keras.activations.get(activation)
    with pytest.raises(ValueError, match=f"softmax.* ends in {activation}"):
        classifiers.load(model)


def test_only_tfgans_network_gives_an_inception_score(tmp_path):
    path = SavedNetwork().save(tmp_path / "inception")
    model = tiny_network()
    model.name = "inception"
    for network in (classifiers.load(path), classifiers.load(model)):
        assert network.name == "own inception"
    images = noise(20).astype("float32")
    score = metrics.inception_score(images, network, num_images=20, splits=2)
    assert score.name == "own inception classifier score"


def test_keras_file(tmp_path):
    path = tmp_path / "own.keras"
    tiny_network().save(path)
    assert classifiers.load(path).image_size == (28, 28)


def test_keras_file_that_was_compiled(tmp_path):
    path = tmp_path / "compiled.keras"
    model = tiny_network()
    metric = keras.metrics.SparseCategoricalAccuracy()
    model.compile(loss="sparse_categorical_crossentropy", metrics=[metric])
    model.save(path)
    assert classifiers.load(path).image_size == (28, 28)


def test_a_keras_file_with_code_is_never_run(tmp_path):
    trace = tmp_path / "trace"
    path = hostile_presets.with_lambda(tmp_path, trace)
    # With unsafe loading enabled, it does execute code.
    keras.saving.load_model(path, safe_mode=False).predict(
        np.zeros((1, 4, 4, 1)), verbose=0
    )
    assert trace.exists()
    trace.unlink()
    with pytest.raises(UserError, match=r"networks without code.*Lambda"):
        classifiers.load(path)
    assert not trace.exists()


def test_keras_files_are_checked_as_models_are(tmp_path):
    with pytest.raises(UserError, match="`classifier` must be a regular file"):
        classifiers.load(hostile_presets.pipe(tmp_path))
    path = tmp_path / "own.keras"
    tiny_network().save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    config["config"]["layers"][-1]["config"]["units"] = 10**12
    members["config.json"] = json.dumps(config).encode()
    huge = hostile_presets.packed(tmp_path, members.items(), "huge.keras")
    with pytest.raises(UserError, match="fit into this machine's memory"):
        classifiers.load(huge)


def test_keras_models_that_do_not_serve():
    inputs = keras.Input((4, 4, 3))
    with pytest.raises(ValueError, match=r"outputs named .* or end in a dense"):
        classifiers.load(keras.Model(inputs, keras.layers.Flatten()(inputs)))
    pooled = keras.layers.GlobalAveragePooling2D()(inputs)
    model = keras.Model(inputs, {"logits": pooled, "other": pooled})
    with pytest.raises(ValueError, match=r"outputs named .*'logits', 'other'"):
        classifiers.load(model)
    points = keras.Input((2,))
    with pytest.raises(ValueError, match="one input of images"):
        classifiers.load(keras.Model(points, keras.layers.Dense(3)(points)))


@pytest.mark.parametrize("unknown", ["inceptoin", "no/such/folder", 3])
def test_unknown_classifier(unknown):
    with pytest.raises(ValueError, match="`classifier` must be one of"):
        classifiers.load(unknown)


def test_inception_says_how_to_place_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))

    class NoNetwork:
        @staticmethod
        def resolve(url):
            raise OSError("no route to host")

    monkeypatch.setattr(tfgan, "hub", lambda: NoNetwork)
    folder = inception_module.cache_folder()
    with pytest.raises(OSError, match="tf-hub-format=compressed") as error:
        metrics.inception_score(noise(20), classifier="inception")
    assert str(folder) in str(error.value)
    assert "no route to host" in str(error.value)
    assert ", ".join(map(repr, bundled.NAMES)) in str(error.value)


def test_inception_from_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    SavedNetwork().save(inception_module.cache_folder())
    monkeypatch.setattr(tfgan, "hub", None)  # Must not be called.
    score = metrics.inception_score(noise(4, (8, 8, 3)), "inception", splits=2)
    assert score.name == "Inception Score"
    assert "resized 8x8 to 299x299" in score.details["conversion"]


def test_the_folder_is_where_tf_hub_would_look(tmp_path, monkeypatch):
    monkeypatch.setenv("TFHUB_CACHE_DIR", str(tmp_path))
    tfgan.hub()
    from tensorflow_hub import compressed_module_resolver

    expected = compressed_module_resolver._module_dir(tfgan.INCEPTION_URL)
    assert str(inception_module.cache_folder()) == expected


@pytest.fixture
def counted(tmp_path, monkeypatch):
    """A classifier that counts its images, and a separate cache."""
    monkeypatch.setenv("KERAS_MIXGAN_CACHE", str(tmp_path))
    network = stub()
    object.__setattr__(network, "counts", [])
    function = network.function

    def counting(images):
        network.counts.append(len(images))
        return function(images)

    object.__setattr__(network, "function", counting)
    return network


def test_real_activations_are_kept_on_disk(counted):
    images = noise(30, (4, 4, 1))
    samples = Samples(images)
    first = cache.activations(samples, counted, batch_size=8, keep=True)
    assert sum(counted.counts) == 30
    assert max(counted.counts) == 8
    again = cache.activations(Samples(images), counted, keep=True)
    # Another order of the same images.
    other = Samples(images, seed=1)
    shuffled = cache.activations(other, counted, keep=True)
    assert sum(counted.counts) == 30
    np.testing.assert_array_equal(first.features, again.features)
    plain = cache.activations(Samples(images, seed=1), counted)
    assert sum(counted.counts) == 60
    np.testing.assert_array_equal(shuffled.features, plain.features)
    assert not np.array_equal(first.features, plain.features)
    # Other images; fewer; and those to be scored, which are not kept.
    cache.activations(Samples(images + 1e-3), counted, keep=True)
    cache.activations(Samples(images, 20), counted, keep=True)
    cache.activations(Samples(images + 2e-3), counted)
    assert sum(counted.counts) == 140
    assert [p.suffix for p in cache_files.folder("activations").iterdir()] == [
        ".npz"
    ] * 3


def test_the_files_read_longest_ago_give_way(counted, monkeypatch):
    images = 0.9 * noise(30, (4, 4, 1))
    folder = cache_files.folder("activations")
    for i in range(2):
        cache.activations(Samples(images - i / 100), counted, keep=True)
    for path in folder.iterdir():
        os.utime(path, (1, 1))
    monkeypatch.setattr(cache, "MOST_BYTES", 2 * path.stat().st_size)
    for i in (0, 2):  # Reads the first again, and keeps a third.
        cache.activations(Samples(images - i / 100), counted, keep=True)
    assert len(list(folder.iterdir())) == 2
    assert sum(counted.counts) == 90
    for i in (0, 2):
        cache.activations(Samples(images - i / 100), counted, keep=True)
    assert sum(counted.counts) == 90
    # The newest stays, though it alone is too large.
    monkeypatch.setattr(cache, "MOST_BYTES", 1)
    cache.activations(Samples(images - 0.03), counted, keep=True)
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("damage", ["truncate", "flip", "empty", "other"])
def test_a_damaged_cache_is_computed_anew(counted, damage):
    images = noise(30, (4, 4, 1))
    expected = cache.activations(Samples(images), counted, keep=True)
    (path,) = cache_files.folder("activations").iterdir()
    content = path.read_bytes()
    half = len(content) // 2
    if damage == "other":
        np.savez(path, logits=np.zeros((2, 2)), features=np.zeros((2, 2)))
    else:
        path.write_bytes(
            {
                "truncate": content[:half],
                "flip": content[:half]
                + bytes([content[half] ^ 255])
                + content[half + 1 :],
                "empty": b"",
            }[damage]
        )
    found = cache.activations(Samples(images), counted, keep=True)
    assert sum(counted.counts) == 60
    np.testing.assert_array_equal(found.logits, expected.logits)
    cache.activations(Samples(images), counted, keep=True)
    assert sum(counted.counts) == 60


def test_a_cache_that_cannot_be_written_is_no_error(counted, monkeypatch):
    monkeypatch.setenv("KERAS_MIXGAN_CACHE", "/dev/null/nowhere")
    cache.activations(Samples(noise(3, (4, 4, 1))), counted, keep=True)
