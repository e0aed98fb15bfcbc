"""`load_source`: bundled data, folders of images, TFDS, bad input."""

import os
import socket
import subprocess
import sys
from unittest import mock

import numpy as np
import PIL.Image
import pytest

from keras_mixgan.data import sources
from keras_mixgan.utils import memory


def write(path, size=(8, 8), color=(200, 100, 50), mode="RGB"):
    """Writes an image of one colour; `size` is (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == "L":
        color = color[0]
    PIL.Image.new(mode, size, color).save(path)
    return path


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
    # In a process of its own, and past the package's own imports.
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


def test_folder_of_classes(tmp_path):
    for name, red in (("cat", 10), ("ant", 20), ("bee", 30)):
        for number in range(2):
            write(tmp_path / name / f"{number}.png", color=(red, 0, 0))
    (tmp_path / ".hidden").write_text("not an image")
    (tmp_path / "cat" / ".hidden").write_text("not an image")
    source = sources.load_source(tmp_path)
    assert source.images.shape == (6, 8, 8, 3)
    assert source.label_names == ("ant", "bee", "cat")
    assert source.labels.tolist() == [0, 0, 1, 1, 2, 2]
    assert source.images[:, 0, 0, 0].tolist() == [20, 20, 30, 30, 10, 10]
    assert source.num_classes == 3


def test_folder_without_classes_in_sorted_order(tmp_path):
    for number in (2, 10, 1):
        write(tmp_path / f"{number:02}.png", color=(number, 0, 0))
    source = sources.load_source(str(tmp_path))
    assert source.labels is None
    assert source.images[:, 0, 0, 0].tolist() == [1, 2, 10]


def test_folder_is_gray_only_if_every_image_is(tmp_path):
    write(tmp_path / "a.png", mode="L")
    assert sources.load_source(tmp_path).image_shape == (8, 8, 1)
    write(tmp_path / "b.png")
    source = sources.load_source(tmp_path)
    assert source.image_shape == (8, 8, 3)
    assert source.images[0, 0, 0].tolist() == [200, 200, 200]
    assert source.images[1, 0, 0].tolist() == [200, 100, 50]


def test_folder_with_palette_and_alpha(tmp_path):
    write(tmp_path / "a.png", mode="RGBA", color=(1, 2, 3, 4))
    PIL.Image.new("RGB", (8, 8), (200, 100, 50)).convert("P").save(
        tmp_path / "b.png"
    )
    source = sources.load_source(tmp_path)
    assert source.image_shape == (8, 8, 3)
    assert source.images[0, 0, 0].tolist() == [1, 2, 3]


def test_centre_crop_then_resize(tmp_path):
    # CelebA's case: 178 x 218 pixels, the centre 108 to 64. Here everything
    # outside the crop is white, and the crop has four quarters.
    pixels = np.full((218, 178, 3), 255, np.uint8)
    crop = pixels[55:163, 35:143]
    crop[:54, :54], crop[:54, 54:] = 10, 60
    crop[54:, :54], crop[54:, 54:] = 110, 160
    PIL.Image.fromarray(pixels).save(tmp_path / "face.png")
    source = sources.load_source(tmp_path, crop_size=108, image_size=64)
    assert source.image_shape == (64, 64, 3)
    quarters = source.images[0, :, :, 0]
    assert quarters[:30, :30].tolist() == np.full((30, 30), 10).tolist()
    assert set(quarters[:30, 34:].ravel()) == {60}
    assert set(quarters[34:, :30].ravel()) == {110}
    assert set(quarters[34:, 34:].ravel()) == {160}


def test_without_crop_size_the_largest_square_is_taken(tmp_path):
    pixels = np.zeros((4, 10, 3), np.uint8)
    pixels[:, 3:7] = 200
    PIL.Image.fromarray(pixels).save(tmp_path / "wide.png")
    source = sources.load_source(tmp_path)
    assert source.image_shape == (4, 4, 3)
    assert set(source.images.ravel()) == {200}


def test_shrinking_does_not_alias(tmp_path):
    checkers = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    PIL.Image.fromarray(checkers).save(tmp_path / "checkers.png")
    source = sources.load_source(tmp_path, image_size=16)
    assert source.images.std() < 10
    assert abs(source.images.mean() - 127.5) < 5


def test_missing_folder():
    for name in ("./no/such/folder", "~/no-such-folder-here", "/no/such"):
        with pytest.raises(FileNotFoundError, match=r"`source`.*not there"):
            sources.load_source(name)


def test_empty_folder(tmp_path):
    (tmp_path / ".hidden").write_text("")
    with pytest.raises(ValueError, match=r"`source` is an empty folder"):
        sources.load_source(tmp_path)


def test_empty_class_folder(tmp_path):
    write(tmp_path / "a" / "a.png")
    (tmp_path / "b").mkdir()
    with pytest.raises(ValueError, match=r"empty class folder: .*b"):
        sources.load_source(tmp_path)


def test_images_beside_class_folders(tmp_path):
    write(tmp_path / "a" / "a.png")
    write(tmp_path / "stray.png")
    with pytest.raises(ValueError, match=r"either images or .*stray\.png"):
        sources.load_source(tmp_path)


def test_folder_within_a_class_folder(tmp_path):
    write(tmp_path / "a" / "b" / "a.png")
    with pytest.raises(ValueError, match=r"folder within a class folder"):
        sources.load_source(tmp_path)


def test_a_file_is_no_folder(tmp_path):
    path = write(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"must be a folder.*a\.png"):
        sources.load_source(path)


@pytest.mark.parametrize("content", [b"", b"read me", b"\x89PNG\r\n\x1a\n"])
def test_a_file_that_is_no_image_is_named(tmp_path, content):
    write(tmp_path / "a.png")
    (tmp_path / "README.txt").write_bytes(content)
    with pytest.raises(ValueError, match=r"is no image: .*README\.txt"):
        sources.load_source(tmp_path)


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_a_truncated_image_is_named(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    for name in ("a", "b"):
        PIL.Image.fromarray(noise).save(tmp_path / f"{name}.{suffix}")
    broken = tmp_path / f"b.{suffix}"
    content = broken.read_bytes()
    broken.write_bytes(content[: len(content) // 2])
    with pytest.raises(ValueError, match=rf"truncated image: .*b\.{suffix}"):
        sources.load_source(tmp_path)


def broken_folder(tmp_path):
    """Two classes of two images, of which one each is no image."""
    for name in ("a", "b"):
        for number in range(2):
            write(tmp_path / name / f"{number}.png", color=(number + 1, 0, 0))
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    torn = tmp_path / "a" / "0.png"
    PIL.Image.fromarray(noise).resize((8, 8)).save(torn)
    torn.write_bytes(torn.read_bytes()[:90])
    (tmp_path / "b" / "1.png").write_bytes(b"text")
    return tmp_path


def test_bad_images_are_skipped_if_asked_and_listed(tmp_path):
    folder = broken_folder(tmp_path)
    with pytest.raises(ValueError, match=r"b/1\.png|b.1\.png"):
        sources.load_source(folder)
    source = sources.load_source(folder, skip_bad_images=True)
    assert source.images[:, 0, 0, 0].tolist() == [2, 1]
    assert source.labels.tolist() == [0, 1]
    assert source.label_names == ("a", "b")
    torn, text = source.skipped
    assert "truncated image" in torn
    assert str(folder / "a" / "0.png") in torn
    assert "is no image" in text
    assert str(folder / "b" / "1.png") in text


def test_skipping_leaves_images_of_every_class(tmp_path):
    write(tmp_path / "a" / "0.png")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "0.png").write_text("text")
    with pytest.raises(ValueError, match=r"of every class.*b, without"):
        sources.load_source(tmp_path, skip_bad_images=True)
    with pytest.raises(ValueError, match=r"must hold images.*without a whole"):
        sources.load_source(tmp_path / "b", skip_bad_images=True)


@pytest.mark.parametrize("skip", [False, True])
def test_pipes_and_sockets_are_never_opened(tmp_path, skip):
    # Opening one would wait for ever.
    write(tmp_path / "a.png")
    os.mkfifo(tmp_path / "b.png")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.getcwd()
        os.chdir(tmp_path)  # A socket's path is short.
        try:
            server.bind("c.png")
        finally:
            os.chdir(here)
    if not skip:
        with pytest.raises(ValueError, match=r"regular files.*b\.png"):
            sources.load_source(tmp_path)
        return
    source = sources.load_source(tmp_path, skip_bad_images=True)
    assert len(source) == 1
    assert len(source.skipped) == 2


def test_an_npz_that_is_a_pipe_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="which is no file"):
        sources.load_source(tmp_path / "a.npz")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "webp", "tiff"])
def test_formats(tmp_path, suffix):
    write(tmp_path / f"a.{suffix}", color=(200, 200, 200))
    image = sources.load_source(tmp_path).images[0]
    assert image.shape == (8, 8, 3)
    assert abs(image.astype(int) - 200).max() <= 2


@pytest.mark.parametrize("name", ["a.eps", "a.png"])
def test_programs_of_postscript_are_no_images(tmp_path, name):
    PIL.Image.new("RGB", (8, 8)).save(tmp_path / name, format="EPS")
    with pytest.raises(ValueError, match=r"is no image.*must be one of PNG"):
        sources.load_source(tmp_path)


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [9_500, 15_000])
def test_decompression_bombs_are_refused(tmp_path, side):
    PIL.Image.new("1", (side, side)).save(tmp_path / "bomb.png")
    assert (tmp_path / "bomb.png").stat().st_size < 100_000
    with pytest.raises(ValueError, match=r"at most 89,478,485 pix.*bomb\.png"):
        sources.load_source(tmp_path)


def test_folders_larger_than_memory_are_refused(tmp_path, monkeypatch):
    write(tmp_path / "a.png")
    write(tmp_path / "b.png")
    monkeypatch.setattr(memory, "limit", lambda: 2 * 2 * 8 * 8 * 3 - 1)
    with pytest.raises(ValueError, match="half of this machine's memory"):
        sources.load_source(tmp_path)


def test_sixteen_bit_images_are_refused(tmp_path):
    deep = np.zeros((8, 8), np.uint16)
    PIL.Image.fromarray(deep).save(tmp_path / "deep.png")
    with pytest.raises(ValueError, match=r"8 bits a channel.*deep\.png"):
        sources.load_source(tmp_path)


def test_a_crop_larger_than_an_image_names_it(tmp_path):
    write(tmp_path / "a.png", size=(120, 120))
    write(tmp_path / "b.png", size=(89, 109))
    with pytest.raises(
        ValueError,
        match=r"`crop_size`.*Received: crop_size=108 for .*b\.png, 89 x 109",
    ):
        sources.load_source(tmp_path, crop_size=108, image_size=64)


def test_images_of_two_sizes_need_an_image_size(tmp_path):
    write(tmp_path / "a.png", size=(8, 9))
    write(tmp_path / "b.png", size=(6, 6))
    with pytest.raises(ValueError, match=r"`image_size`.*8 pixels.*b\.png"):
        sources.load_source(tmp_path)
    assert sources.load_source(tmp_path, image_size=4).images.shape == (
        *(2, 4, 4),
        3,
    )


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
    write(tmp_path / "a.png")
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
            np.array([0, 2], np.int32),
            "2 in row 1 of mine",
        ),
    ],
)
def test_a_source_of_ones_own_is_checked(images, labels, match):
    with pytest.raises(ValueError, match=match):
        sources.Source("mine", images, labels)


def test_unknown_name_lists_the_bundled_sources():
    with pytest.raises(ValueError, match=r"'digits', 'ring', 'grid'.*'no_su"):
        sources.load_source("no_such_data_set")


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
    """With an empty folder, and what pyproject.toml asks for alone."""
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
