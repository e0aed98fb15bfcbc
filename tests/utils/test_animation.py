"""Animations as files: what is read is what was written."""

import numpy as np
import PIL.Image
import pytest

from keras_mixgan.utils import animation


def picture(seed, width=20):
    colours = np.random.default_rng(seed).integers(0, 256, (9, width, 3))
    return PIL.Image.fromarray(colours.astype("uint8"))


def pixels(frames):
    return [np.asarray(frame.convert("RGB")) for frame in frames]


def test_colours_pictures_that_are_equal_and_sizes_that_differ(tmp_path):
    drawn = animation.Animation()
    for step, (seed, width) in enumerate([(0, 20), (1, 23), (1, 23), (2, 18)]):
        drawn = drawn.add(step, picture(seed, width))
    drawn.save(tmp_path / "a.gif")
    again = animation.read(tmp_path / "a.gif")
    assert again.steps == drawn.steps == (0, 1, 2, 3)
    np.testing.assert_array_equal(pixels(again.frames), pixels(drawn.frames))
    assert {frame.size for frame in again.frames} == {(20, 9)}
    # All 180 colours are kept; the missing part at the right is white.
    np.testing.assert_array_equal(
        pixels(drawn.frames)[0], np.asarray(picture(0))
    )
    assert (pixels(again.frames)[3][:, 18:] == 255).all()
    again.save(tmp_path / "b.gif")
    assert (tmp_path / "a.gif").read_bytes() == (
        tmp_path / "b.gif"
    ).read_bytes()


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"no picture", None])
def test_what_is_no_animation_of_ours_is_left_out(tmp_path, content):
    path = tmp_path / "a.gif"
    if content is None:
        picture(0).save(path, comment=b"keras_mixgan")
    else:
        path.write_bytes(content)
    assert animation.read(path) == animation.Animation()
    assert animation.read(tmp_path / "none.gif").steps == ()
