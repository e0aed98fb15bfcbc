"""`load_source`: bundled data, TFDS, wrong arguments."""

import os
import subprocess
import sys
from unittest import mock

import numpy as np
import PIL.Image
import pytest

from keras_mixgan.data import batches
from keras_mixgan.data import sources


def test_digits():
    digits = sources.load_source("digits")
    assert digits.images.shape == (10_000, 28, 28, 1)
    assert digits.images.dtype == np.uint8
    assert digits.images.max() == 255
    assert digits.labels.dtype == np.int32
    # The class counts of MNIST's test split.
    assert np.bincount(digits.labels).tolist() == [
        *(980, 1135, 1032, 1010, 982),
        *(892, 958, 1028, 974, 1009),
    ]
    assert digits.num_classes == 10
    assert digits.label_names == tuple("0123456789")
    assert digits.image_shape == (28, 28, 1)
    assert len(digits) == 10_000


def test_digits_are_told_apart_by_their_class_means():
    digits = sources.load_source("digits")
    flat = digits.images.reshape(10_000, -1).astype(np.float32)
    means = np.stack([flat[digits.labels == k].mean(0) for k in range(10)])
    scores = flat @ means.T - (means**2).sum(1) / 2
    assert (scores.argmax(1) == digits.labels).mean() > 0.8


def test_digits_resized():
    digits = sources.load_source("digits", image_size=32)
    assert digits.images.shape == (10_000, 32, 32, 1)
    original = sources.load_source("digits").images
    # Resizing keeps the mean brightness.
    assert abs(digits.images.mean() - original.mean()) < 1


def test_sources_need_no_tensorflow():
    # In a separate process, without the imports of the package itself.
    code = """
import sys, types
import importlib.util
spec = importlib.util.find_spec("keras_mixgan")
package = types.ModuleType("keras_mixgan")
package.__path__ = list(spec.submodule_search_locations)
package.__spec__ = spec
sys.modules["keras_mixgan"] = package
from keras_mixgan.data import sources
assert len(sources.load_source("digits")) == 10000
assert len(sources.load_source("ring")) > 0
assert "tensorflow" not in sys.modules, "tensorflow was imported"
assert "tensorflow_datasets" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    ("name", "centers", "std", "modes"),
    [
        ("ring", sources.ring_centers(), sources.RING_STD, 8),
        ("grid", sources.grid_centers(), sources.GRID_STD, 25),
    ],
)
def test_points_lie_evenly_about_their_modes(name, centers, std, modes):
    assert centers.shape == (modes, 2)
    points = sources.load_source(name)
    assert points.labels is None
    assert points.num_classes is None
    assert points.image_shape == (2,)
    assert points.images.dtype == np.float32
    assert np.abs(points.images).max() < 0.95
    offsets = points.images[:, None] - centers[None]
    distances = np.linalg.norm(offsets, axis=-1)
    nearest = distances.argmin(1)
    share = np.bincount(nearest, minlength=modes) / len(points)
    np.testing.assert_allclose(share, 1 / modes, rtol=0.2)
    own = offsets[np.arange(len(points)), nearest]
    np.testing.assert_allclose(own.std(axis=0), std, rtol=0.05)
    gaps = np.linalg.norm(centers[:, None] - centers[None], axis=-1)
    assert gaps[gaps > 0].min() > 10 * std


def test_points_follow_seed_and_split():
    first = sources.load_source("ring", seed=1).images
    np.testing.assert_array_equal(
        first, sources.load_source("ring", seed=1).images
    )
    for other in ({"seed": 2}, {"seed": 1, "split": "test"}):
        drawn = sources.load_source("ring", **other).images
        assert not np.array_equal(first, drawn)


@pytest.mark.parametrize("argument", ["image_size", "crop_size"])
@pytest.mark.parametrize("value", [0, -3, 2.5, True, "64"])
def test_sizes_must_be_positive_integers(argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` must be a positive"):
        sources.load_source("digits", **{argument: value})


@pytest.mark.parametrize("argument", ["image_size", "crop_size"])
def test_points_have_no_pixels(argument):
    with pytest.raises(ValueError, match=f"`{argument}` must be None"):
        sources.load_source("ring", **{argument: 8})


def test_splits_that_are_not_there(tmp_path):
    PIL.Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    for name in ("digits", "grid", tmp_path):
        with pytest.raises(
            ValueError, match=r"`split` must be 'train'.*Received"
        ):
            sources.load_source(name, split="validation")


@pytest.mark.parametrize("name", [None, 3, ""])
def test_a_source_is_a_name_or_folder(name):
    with pytest.raises(ValueError, match="`source` must be a name or a"):
        sources.load_source(name)


@pytest.mark.parametrize("seed", [-1, 0.5, None])
def test_a_seed_is_an_integer(seed):
    with pytest.raises(ValueError, match="`seed` must be an integer of at"):
        sources.load_source("ring", seed=seed)


@pytest.mark.parametrize(
    ("images", "labels", "match"),
    [
        (np.zeros((2, 4, 4, 1), np.float32), None, "`images` must be uint8"),
        (np.zeros((2, 4, 4), np.uint8), None, "`images` must be uint8"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.zeros(3, np.int32), "`labels`"),
        (np.zeros((2, 4, 4, 1), np.uint8), np.zeros(2), "`labels`"),
        (
            np.zeros((2, 4, 4, 1), np.uint8),
            np.array([0, 1000], np.int32),
            "1000 in row 1 of mine",
        ),
    ],
)
def test_a_source_of_ones_own_is_checked(images, labels, match):
    with pytest.raises(ValueError, match=match):
        sources.Source("mine", images, labels)


def test_kept_labels_are_spread_over_the_first_epoch():
    source = sources.load_source("digits", seed=3, labels_per_class=100)
    assert np.bincount(source.labels + 1).tolist() == [9000, *[100] * 10]
    order = batches.epoch_order(len(source), 3, 0)
    parts = np.split(source.labels[order] >= 0, 10)
    # 100 of 1,000 expected; the deviation is 9.
    assert all(60 < part.sum() < 140 for part in parts)


def test_unknown_name_lists_the_bundled_sources():
    with pytest.raises(ValueError, match=r"'digits', 'ring', 'grid'.*'no_su"):
        sources.load_source("no_such_data_set")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("digit", "a .npz file.*Did you mean 'digits'"),
        ("photo", "Did you mean 'photos'"),
        ("photo/", "not there: photo. Did you mean 'photos'"),
        ("./photo/", "Did you mean './photos'"),
        ("image.npz", "not there: image.npz. Did you mean 'images.npz'"),
        ("digits/", "not there: digits. Did you mean 'digits'"),
        ("photos/cats_and_dog", "Did you mean 'photos/cats_and_dogs'"),
    ],
)
def test_a_name_like_another_gets_a_hint(name, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos/cats_and_dogs").mkdir(parents=True)
    (tmp_path / "images.npz").touch()
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        sources.load_source(name)


@pytest.mark.parametrize(
    "name", ["{}/faces", "{}/cat.npz", "./a\0/b", "mnist/foo=1", "./.phots"]
)
def test_a_name_like_no_other_gets_none(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cats").mkdir()
    (tmp_path / ".photos").mkdir()
    with pytest.raises((ValueError, OSError)) as error:
        sources.load_source(name.format(tmp_path))
    assert "Did you mean" not in str(error.value)


@pytest.mark.parametrize("name", ["mnist:1.0.0", "mnist/foo=1"])
def test_names_that_tfds_does_not_parse(name, tmp_path):
    pytest.importorskip("tensorflow_datasets")
    with pytest.raises(ValueError, match="`source` must be a bundled source"):
        sources.load_source(name, data_dir=tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "huggingface:evil__repo/trust_remote_code=True",
        "huggingface:evil",
        "mnist/data_dir=there",
        "mnist:1.0.0/foo=1",
    ],
)
def test_names_with_arguments_never_reach_tfds(name, monkeypatch):
    """A preset of somebody else brings such a name as its source."""
    tfds = pytest.importorskip("tensorflow_datasets")
    called = []
    monkeypatch.setattr(tfds, "builder", lambda *a, **_: called.append(a))
    with pytest.raises(ValueError, match=r"NAME/CONFIG:1\.0\.0"):
        sources.load_source(name)
    assert not called


def test_tfds_that_cannot_be_fetched(tmp_path, monkeypatch):
    tfds = pytest.importorskip("tensorflow_datasets")

    def no_network(self, **kwargs):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(
        tfds.core.DatasetBuilder, "download_and_prepare", no_network
    )
    with pytest.raises(OSError, match=r"'mnist' is not prepared.*no route"):
        sources.load_source("mnist", data_dir=tmp_path)


def test_a_fresh_tfds_set_gets_as_far_as_its_download(tmp_path):
    """With an empty folder, and only the packages of pyproject.toml."""
    tfds = pytest.importorskip("tensorflow_datasets")
    manager = tfds.download.DownloadManager
    fetch = mock.Mock(side_effect=ConnectionError("no route to host"))
    with (
        mock.patch.object(manager, "download_and_extract", fetch),
        mock.patch.object(manager, "download", fetch),
        pytest.raises(OSError, match=r"'mnist' is not prepared.*no route"),
    ):
        sources.load_source("mnist", data_dir=tmp_path)
    assert fetch.called


def test_tfds_that_fails_leaves_no_empty_folders(tmp_path):
    pytest.importorskip("tensorflow_datasets")
    (tmp_path / "there").mkdir()
    for folder in ("there", "new"):
        with pytest.raises(OSError, match="Manual directory"):
            sources.load_source("imagenet2012", data_dir=tmp_path / folder)
    assert [path.name for path in tmp_path.rglob("*")] == ["there"]


@pytest.mark.parametrize("hidden", [False, True])
def test_a_module_that_tfds_lacks_is_named(tmp_path, monkeypatch, hidden):
    tfds = pytest.importorskip("tensorflow_datasets")

    def lacking(self, **kwargs):
        error = ModuleNotFoundError("No module named 'x_y'", name="x_y")
        if hidden:
            raise RuntimeError("Failed to construct dataset") from error
        raise error

    monkeypatch.setattr(
        tfds.core.DatasetBuilder, "download_and_prepare", lacking
    )
    with pytest.raises(ImportError, match=r"x_y: .*pip install x_y") as raised:
        sources.load_source("mnist", data_dir=tmp_path)
    assert "network" not in str(raised.value)


def test_tfds_mock(tmp_path):
    tfds = pytest.importorskip("tensorflow_datasets")
    with tfds.testing.mock_data(num_examples=7):
        source = sources.load_source("cifar10", data_dir=tmp_path)
        resized = sources.load_source(
            "cifar10", data_dir=tmp_path, crop_size=20, image_size=28
        )
        with pytest.raises(ValueError, match="'image' feature"):
            sources.load_source("imdb_reviews", data_dir=tmp_path)
    assert source.images.shape == (7, 32, 32, 3)
    assert source.images.dtype == np.uint8
    assert source.labels.shape == (7,)
    assert len(source.label_names) == 10
    assert source.num_classes == 10
    assert resized.images.shape == (7, 28, 28, 3)


@pytest.mark.skipif(
    not os.environ.get("TFDS_DATA_DIR"), reason="TFDS_DATA_DIR is not set"
)
def test_the_digits_are_tfds_own():
    real = sources.load_source("mnist", split="test")
    digits = sources.load_source("digits")
    np.testing.assert_array_equal(real.images, digits.images)
    np.testing.assert_array_equal(real.labels, digits.labels)
    part = sources.load_source("mnist", split="test[:12]")
    np.testing.assert_array_equal(part.images, digits.images[:12])
    with pytest.raises(ValueError, match="`split` must be one of 'test', 't"):
        sources.load_source("mnist", split="validation")
