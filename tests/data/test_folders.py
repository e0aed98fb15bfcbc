"""Folders of images, good and bad."""

import os
import weakref

import hostile_data
import numpy as np
import PIL.Image
import pytest
from hostile_data import picture

from keras_mixgan.data import crops
from keras_mixgan.data import sources
from keras_mixgan.utils import memory
from keras_mixgan.utils.errors import UserError


def test_folder_of_classes(tmp_path):
    for name, red in (("cat", 10), ("ant", 20), ("bee", 30)):
        for number in range(2):
            picture(tmp_path / name / f"{number}.png", color=(red, 0, 0))
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
        picture(tmp_path / f"{number:02}.png", color=(number, 0, 0))
    source = sources.load_source(str(tmp_path))
    assert source.labels is None
    assert source.images[:, 0, 0, 0].tolist() == [1, 2, 10]


def test_folder_is_gray_only_if_every_image_is(tmp_path):
    picture(tmp_path / "a.png", mode="L")
    assert sources.load_source(tmp_path).image_shape == (8, 8, 1)
    picture(tmp_path / "b.png")
    source = sources.load_source(tmp_path)
    assert source.image_shape == (8, 8, 3)
    assert source.images[0, 0, 0].tolist() == [200, 200, 200]
    assert source.images[1, 0, 0].tolist() == [200, 100, 50]


@pytest.mark.parametrize("name", ["b.gif", "b.png"])
def test_a_palette_of_grays_is_gray(tmp_path, name):
    picture(tmp_path / "a.png", mode="L")
    gray = PIL.Image.new("L", (8, 8), 90)
    gray.putpixel((0, 0), 200)
    gray.convert("P").save(tmp_path / name)
    source = sources.load_source(tmp_path)
    assert source.image_shape == (8, 8, 1)
    assert source.images[1, 0, :2, 0].tolist() == [200, 90]


def test_folder_with_palette_and_alpha(tmp_path):
    picture(tmp_path / "a.png", mode="RGBA", color=(1, 2, 3, 4))
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


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize(
    ("make", "match"),
    hostile_data.FOLDERS.values(),
    ids=hostile_data.FOLDERS,
)
def test_bad_folders_are_refused_by_the_name_of_a_file(tmp_path, make, match):
    make(tmp_path)
    with pytest.raises(UserError, match=match) as caught:
        sources.load_source(tmp_path)
    assert "\n" not in str(caught.value)


def test_missing_folder():
    for name in ("./no/such/folder", "~/no-such-folder-here", "/no/such"):
        with pytest.raises(FileNotFoundError, match=r"`source`.*not there"):
            sources.load_source(name)


def test_a_file_is_no_folder(tmp_path):
    path = picture(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"must be a folder.*a\.png"):
        sources.load_source(path)


def broken_folder(tmp_path):
    """Two classes of two files, one of which is no image."""
    for name in ("a", "b"):
        for number in range(2):
            picture(tmp_path / name / f"{number}.png", color=(number + 1, 0, 0))
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
    assert "skip_bad_images" not in torn + text


@pytest.mark.parametrize("given", [{}, {"crop_size": 6}])
def test_skipped_images_decide_neither_size_nor_channels(tmp_path, given):
    for number in range(3):
        PIL.Image.new("L", (8, 8), number).save(tmp_path / f"{number}.png")
    noise = np.random.default_rng(0).integers(0, 255, (5, 64, 3), np.uint8)
    for name in ("-first", "last"):  # Before and after the intact ones.
        torn = tmp_path / f"{name}.png"
        PIL.Image.fromarray(noise).save(torn)
        torn.write_bytes(torn.read_bytes()[:90])
    source = sources.load_source(tmp_path, skip_bad_images=True, **given)
    side = given.get("crop_size", 8)
    assert source.images.shape == (3, side, side, 1)
    assert source.images[:, 0, 0, 0].tolist() == [0, 1, 2]
    assert len(source.skipped) == 2


def test_skipping_leaves_images_of_every_class(tmp_path):
    picture(tmp_path / "a" / "0.png")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "0.png").write_text("text")
    with pytest.raises(ValueError, match=r"of every class.*b, with no"):
        sources.load_source(tmp_path, skip_bad_images=True)
    with pytest.raises(ValueError, match=r"must hold images.*with no intact"):
        sources.load_source(tmp_path / "b", skip_bad_images=True)


def test_pipes_and_sockets_are_skipped_if_asked(tmp_path):
    hostile_data.FOLDERS["a socket"][0](tmp_path)
    os.mkfifo(tmp_path / "c.png")
    source = sources.load_source(tmp_path, skip_bad_images=True)
    assert len(source) == 1
    assert len(source.skipped) == 2


def test_an_npz_that_is_a_pipe_is_never_opened(tmp_path):
    os.mkfifo(tmp_path / "a.npz")
    with pytest.raises(ValueError, match="which is no file"):
        sources.load_source(tmp_path / "a.npz")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "webp", "tiff"])
def test_formats(tmp_path, suffix):
    color = (200, 196, 200)
    picture(tmp_path / f"a.{suffix}", color=color)
    image = sources.load_source(tmp_path).images[0]
    assert image.shape == (8, 8, 3)
    assert abs(image.astype(int) - color).max() <= 3


def test_images_that_grow_beyond_memory_are_refused(monkeypatch):
    monkeypatch.setattr(memory, "limit", lambda: 10**8)
    message = r"`source` must fit .*10,000 images of 1024x1024x1"
    with pytest.raises(ValueError, match=message):
        sources.load_source("digits", image_size=1024)


def test_folders_larger_than_memory_are_refused(tmp_path, monkeypatch):
    picture(tmp_path / "a.png")
    picture(tmp_path / "b.png")
    monkeypatch.setattr(memory, "limit", lambda: 2 * 2 * 8 * 8 * 3 - 1)
    with pytest.raises(ValueError, match="half of this machine's memory"):
        sources.load_source(tmp_path)


def test_a_crop_larger_than_an_image_names_it(tmp_path):
    picture(tmp_path / "a.png", size=(120, 120))
    picture(tmp_path / "b.png", size=(89, 109))
    with pytest.raises(
        ValueError,
        match=r"`crop_size`.*Received: crop_size=108 for .*b\.png, 89 x 109",
    ):
        sources.load_source(tmp_path, crop_size=108, image_size=64)


def test_images_of_two_sizes_need_an_image_size(tmp_path):
    picture(tmp_path / "a.png", size=(8, 9))
    picture(tmp_path / "b.png", size=(6, 6))
    assert sources.load_source(tmp_path, image_size=4).images.shape == (
        *(2, 4, 4),
        3,
    )


@pytest.mark.parametrize("image_size", [None, 16])
def test_cropped_images_do_not_keep_whole_ones(image_size):
    alive = []

    def images():
        for _ in range(3):
            # The caller's loop still has the last one.
            assert sum(one() is not None for one in alive) <= 1
            image = np.zeros((64, 64, 3), np.uint8)
            alive.append(weakref.ref(image))
            yield image
            del image

    cropped = crops.crop_and_resize_all(images(), image_size, 16, "x")
    assert cropped.shape == (3, 16, 16, 3)
