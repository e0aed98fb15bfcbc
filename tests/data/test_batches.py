"""NumPy batches, compared with `tf.data`'s of the same seed; `.npz` files."""

import itertools

import hostile_data
import hostile_presets
import keras
import numpy as np
import pytest
from conftest import small_discriminator
from conftest import small_generator
from conftest import tensorflow_only
from hostile_data import header
from hostile_data import written

from keras_mixgan import MixGAN
from keras_mixgan import data
from keras_mixgan.data import array_files
from keras_mixgan.data import sources
from keras_mixgan.data.batches import Batches
from keras_mixgan.data.batches import epoch_order
from keras_mixgan.utils import memory


@pytest.mark.parametrize(
    ("size", "seed", "epoch"),
    [(1, 0, 0), (57, 2**40 + 5, 3), (100, 7, 10**10), (1003, 3, 4)],
)
def test_an_order_is_a_pure_function_of_seed_and_epoch(size, seed, epoch):
    order = epoch_order(size, seed, epoch)
    assert sorted(order) == list(range(size))
    expected = np.random.default_rng([seed, epoch]).permutation(size)
    np.testing.assert_array_equal(order, expected)


@tensorflow_only
@pytest.mark.parametrize("drop", [True, False])
@pytest.mark.parametrize("start_step", [None, 7])
def test_both_backends_have_the_same_batches(drop, start_step):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (23, 2, 2, 1), dtype=np.uint8)
    source = sources.Source("x", images, np.arange(23, dtype=np.int32))
    per_epoch = data.steps_per_epoch(source, 5, drop)
    pipeline = data.load(
        source, batch_size=5, seed=9, drop_remainder=drop,
        start_step=start_step,
    )  # fmt: skip
    batches = Batches(
        images, source.labels, 5, per_epoch, seed=9, start_step=start_step
    )
    for _ in range(2):  # Two epochs, or an endless stream twice.
        for pair, other in itertools.zip_longest(
            itertools.islice(batches, 12), itertools.islice(pipeline, 12)
        ):
            for a, b in zip(pair, other, strict=True):
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
    with pytest.raises(ValueError, match="`image_size` must be None for poi"):
        sources.load_source(path, image_size=8)


@pytest.mark.parametrize(("arrays", "message"), hostile_data.ARRAYS)
def test_bad_npz(tmp_path, arrays, message):
    path = tmp_path / "bad.npz"
    np.savez(path, **arrays)
    with pytest.raises(ValueError, match=message):
        array_files.load_npz(path)


@pytest.mark.parametrize(("labels", "message"), hostile_data.LABELS)
def test_labels_are_checked_before_they_are_cast(tmp_path, labels, message):
    path = tmp_path / "bad.npz"
    np.savez(path, images=np.zeros((3, 4, 4), "uint8"), labels=labels)
    with pytest.raises(ValueError, match=message):
        array_files.load_npz(path)


def test_images_in_0_to_1_are_told_the_cure(tmp_path):
    path = tmp_path / "unit.npz"
    np.savez(path, images=np.linspace(0, 1, 32).reshape(2, 4, 4))
    with pytest.raises(ValueError, match=r"Save 2 \* images - 1"):
        array_files.load_npz(path)


@pytest.mark.parametrize(("content", "message"), hostile_data.CONTENTS)
def test_members_that_are_no_arrays(tmp_path, content, message):
    path = written(tmp_path / "bad.npz", ("images.npy", content))
    with pytest.raises(ValueError, match=message):
        array_files.load_npz(path)


@pytest.mark.parametrize("bad", ["images", "labels"])
def test_members_larger_than_memory_are_not_read(tmp_path, monkeypatch, bad):
    monkeypatch.setattr(memory, "limit", lambda: 2**22)
    members = {
        "images": header((2, 4, 4)) + bytes(32),
        "labels": header((2,), "<i8") + bytes(16),
    }
    members[bad] = header((2**21, 4, 4)) + bytes(2**25)
    path = written(
        tmp_path / "large.npz",
        *((f"{name}.npy", content) for name, content in members.items()),
    )
    assert path.stat().st_size < 2**16
    with pytest.raises(ValueError, match=f"`source` must fit.*`{bad}` in"):
        array_files.load_npz(path)


def test_pickles_are_never_read(tmp_path):
    path = tmp_path / "objects.npz"
    np.savez(path, images=np.array([{}, {}], object).reshape(2, 1, 1))
    with pytest.raises(ValueError, match="Python objects"):
        array_files.load_npz(path)


def test_encrypted_and_corrupt_members(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, images=np.arange(32, dtype="uint8").reshape(2, 4, 4))
    good = path.read_bytes()
    hostile_presets.encrypt(path)
    with pytest.raises(
        ValueError, match=r"a\.npz, which is damaged.*encrypted"
    ):
        array_files.load_npz(path)
    at = good.index(bytes(range(32)))
    path.write_bytes(good[:at] + b"\xff" + good[at + 1 :])
    with pytest.raises(ValueError, match=r"a\.npz, which is damaged.*CRC"):
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


def spied():
    """A mixture, a pipeline of 8 points, and the numbers of those it sees."""
    places = np.linspace(-1, 1, 8, dtype="float32")
    source = sources.Source("points", np.stack([places, places], axis=1))
    pipeline = data.load(source, batch_size=2, seed=1)
    seen = []

    mixture = MixGAN([small_generator()], [small_discriminator()], seed=0)
    mixture.compile(run_eagerly=True)
    train_on = mixture.train_on

    def spy(images, *arguments):
        rows = keras.ops.convert_to_numpy(images)[:, 0]
        seen.extend(np.rint((rows + 1) * 3.5).astype(int))
        return train_on(images, *arguments)

    mixture.train_on = spy
    return mixture, pipeline, seen


def test_epochs_shorter_than_a_pass_divide_it():
    mixture, pipeline, seen = spied()
    mixture.fit(pipeline, epochs=4, steps_per_epoch=2, verbose=0)
    for epoch, order in enumerate(np.reshape(seen, (2, 8))):
        np.testing.assert_array_equal(order, epoch_order(8, 1, epoch))


def test_each_iteration_begins_with_another_order():
    _, pipeline, _ = spied()
    firsts = [np.asarray(next(iter(pipeline)))[:, 0] for _ in range(3)]
    places = np.linspace(-1, 1, 8, dtype="float32")
    for epoch, first in enumerate(firsts):
        np.testing.assert_array_equal(
            first, places[epoch_order(8, 1, epoch)[:2]]
        )


def test_fit_sees_the_orders_of_epochs_one_after_the_other():
    mixture, pipeline, seen = spied()
    mixture.fit(pipeline, epochs=2, verbose=0)
    mixture.fit(pipeline, epochs=1, verbose=0)
    for epoch, order in enumerate(np.reshape(seen, (3, 8))):
        np.testing.assert_array_equal(order, epoch_order(8, 1, epoch))


def test_a_look_by_hand_is_a_pass_and_one_of_fit_is_not():
    mixture, pipeline, seen = spied()
    next(iter(pipeline))
    next(iter(pipeline.take(1)))
    mixture.fit(pipeline, epochs=1, verbose=0)
    np.testing.assert_array_equal(seen, epoch_order(8, 1, 2))


def test_an_interrupted_fit_has_begun_one_pass():
    mixture, pipeline, seen = spied()

    def stop(batch, logs):
        mixture.stop_training = True

    callback = keras.callbacks.LambdaCallback(on_train_batch_end=stop)
    mixture.fit(pipeline, epochs=3, callbacks=[callback], verbose=0)
    seen.clear()
    mixture.fit(pipeline, epochs=1, verbose=0)
    np.testing.assert_array_equal(seen, epoch_order(8, 1, 1))
