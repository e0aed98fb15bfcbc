"""NumPy batches, held against `tf.data`'s of the same seed; `.npz` files."""

import itertools

import numpy as np
import pytest
from conftest import tensorflow_only

from keras_mixgan import data
from keras_mixgan.data import array_files
from keras_mixgan.data import sources
from keras_mixgan.data.batches import Batches
from keras_mixgan.data.batches import epoch_order


@tensorflow_only
@pytest.mark.parametrize(
    ("size", "seed", "epoch"),
    [(1, 0, 0), (57, 2**40 + 5, 3), (100, 7, 10**10), (1003, 3, 4)],
)
def test_orders_are_those_of_tensorflow(size, seed, epoch):
    import tensorflow as tf

    expected = tf.random.experimental.stateless_shuffle(
        tf.range(size), seed=tf.constant([seed, epoch], tf.int64), alg="philox"
    )
    np.testing.assert_array_equal(epoch_order(size, seed, epoch), expected)


@tensorflow_only
@pytest.mark.parametrize("drop", [True, False])
def test_a_stream_is_that_of_tensorflow(drop):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (23, 2, 2, 1), dtype=np.uint8)
    source = sources.Source("x", images, np.arange(23, dtype=np.int32))
    per_epoch = data.steps_per_epoch(source, 5, drop)
    theirs = data.load(source, None, 5, seed=9, drop_remainder=drop,
                       start_step=7)  # fmt: skip
    ours = Batches(images, source.labels, 5, per_epoch, seed=9, start_step=7)
    for mine, other in zip(
        ours.take(12), itertools.islice(theirs, 12), strict=True
    ):
        for a, b in zip(mine, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_an_epoch_has_every_image_once_and_the_next_another_order():
    images = np.arange(6, dtype=np.float32)[:, None]
    batches = Batches(images, None, 2, 3, seed=0)
    epochs = [np.concatenate(list(batches)).ravel().tolist() for _ in "ab"]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(6))
    assert epochs[0] != epochs[1]


def test_npz_images_and_labels(tmp_path):
    images = np.random.default_rng(0).integers(
        0, 256, (5, 6, 6), dtype=np.uint8
    )
    labels = np.array([[0], [1], [2], [1], [0]])
    path = tmp_path / "some.npz"
    np.savez(path, images=images, labels=labels)
    source = sources.load_source(str(path))
    np.testing.assert_array_equal(source.images, images[..., None])
    np.testing.assert_array_equal(source.labels, labels[:, 0])
    assert source.num_classes == 3
    small = sources.load_source(path, image_size=3, crop_size=4)
    assert small.image_shape == (3, 3, 1)
    np.savez(path, images=images[..., None] / 127.5 - 1)
    source = sources.load_source(path)
    np.testing.assert_array_equal(source.images, images[..., None])
    assert source.labels is None
    np.savez(path, images=np.ones((4, 2)))
    assert sources.load_source(path).images.dtype == np.float32


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": np.zeros(3)}, r"array `images`.*\['x'\]"),
        ({"images": np.zeros((0, 4, 4), "uint8")}, "`images` must have shape"),
        ({"images": np.zeros((2, 4, 4, 2), "uint8")}, "1 or 3 channels"),
        ({"images": np.zeros((2, 4, 4), "int64")}, "uint8 in 0..255, or"),
        ({"images": np.full((2, 4, 4), 0.5)}, "floats from 0.5 to 0.5"),
        ({"images": np.full((2, 4, 4), np.nan)}, "floats from nan"),
        ({"images": np.zeros((2, 3), int)}, "must be finite floats"),
        (
            {"images": np.zeros((2, 4, 4), "uint8"), "labels": np.zeros(3)},
            r"integers of shape \(2,\)",
        ),
        (
            {"images": np.zeros((2, 4, 4), "uint8"), "labels": [0, -1]},
            "at least 0",
        ),
    ],
)
def test_bad_npz(tmp_path, arrays, message):
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=message):
        array_files.load_npz(path)


def test_missing_and_damaged_npz(tmp_path):
    with pytest.raises(FileNotFoundError, match="is not there"):
        sources.load_source(str(tmp_path / "none.npz"))
    (tmp_path / "torn.npz").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(ValueError, match="damaged or no archive"):
        sources.load_source(str(tmp_path / "torn.npz"))
    (tmp_path / "text.npz").write_text("hello")
    with pytest.raises(ValueError, match=r"`source` must be a \.npz file"):
        sources.load_source(str(tmp_path / "text.npz"))
