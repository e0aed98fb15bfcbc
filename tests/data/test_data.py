"""`data.load`: ranges, labels, orders, resumed streams, bad input."""

import itertools

import keras
import numpy as np
import pytest

from keras_mixgan import data
from keras_mixgan.data import batches
from keras_mixgan.data import sources


def numbered(count=20, labels=True):
    """A source in which the first pixel of each image is its index."""
    images = np.zeros((count, 2, 2, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(count)
    images[:, 1, 1, 0] = 255
    return sources.Source(
        "numbered",
        images,
        np.arange(count, dtype=np.int32) if labels else None,
    )


def orders(dataset, batches=None):
    """The index of each image, batch by batch."""
    return [
        labels.numpy().tolist()
        for _, labels in itertools.islice(dataset, batches)
    ]


def test_digits_arrive_in_range_with_labels_and_static_shapes():
    dataset = data.load("digits", batch_size=50)
    spec, label_spec = dataset.element_spec
    assert spec.shape == (50, 28, 28, 1)
    assert spec.dtype == "float32"
    assert label_spec.shape == (50,)
    assert label_spec.dtype == "int32"
    assert int(dataset.cardinality()) == 200
    images, labels = next(iter(dataset))
    assert images.numpy().min() == -1.0
    assert images.numpy().max() == 1.0
    assert set(labels.numpy()) <= set(range(10))


def test_images_keep_their_labels_and_scale():
    for images, labels in data.load(numbered(), batch_size=5, seed=3):
        expected = labels.numpy().astype(np.float32) / 127.5 - 1
        np.testing.assert_array_equal(images[:, 0, 0, 0], expected)
        np.testing.assert_array_equal(images[:, 0, 1, 0], -np.ones(5))
        np.testing.assert_array_equal(images[:, 1, 1, 0], np.ones(5))


def test_every_image_comes_once_an_epoch():
    for step in (None, 0):
        dataset = data.load(numbered(), batch_size=5, start_step=step)
        seen = list(itertools.chain(*orders(dataset, 4)))
        assert sorted(seen) == list(range(20))
        assert seen != list(range(20))


def test_unlabelled_images_come_alone():
    dataset = data.load(numbered(labels=False), batch_size=5)
    assert dataset.element_spec.shape == (5, 2, 2, 1)


def test_points_are_passed_on_as_they_are():
    source = sources.load_source("ring", seed=1)
    dataset = data.load("ring", batch_size=100, shuffle=False, seed=1)
    assert dataset.element_spec.shape == (100, 2)
    np.testing.assert_array_equal(next(iter(dataset)), source.images[:100])


def test_size_and_crop_reach_the_images():
    dataset = data.load("digits", image_size=32, crop_size=20, batch_size=8)
    assert dataset.element_spec[0].shape == (8, 32, 32, 1)


def test_one_seed_one_order():
    def run(seed):
        dataset = data.load(numbered(), batch_size=5, seed=seed, start_step=0)
        return orders(dataset, 4)

    assert run(1) == run(1)
    assert run(1) != run(2)


def test_finite_epochs_are_reshuffled_reproducibly():
    first = data.load(numbered(), batch_size=5, seed=1)
    again = data.load(numbered(), batch_size=5, seed=1)
    epochs = [orders(first) for _ in range(3)]
    assert epochs == [orders(again) for _ in range(3)]
    assert epochs[0] != epochs[1] != epochs[2]
    assert epochs[0] != orders(data.load(numbered(), batch_size=5, seed=2))


def test_a_look_at_the_first_batch_is_no_epoch():
    first = data.load(numbered(), batch_size=5, seed=1)
    again = data.load(numbered(), batch_size=5, seed=1)
    with batches.peeking():
        next(iter(again.take(1)))
    assert [orders(first) for _ in range(2)] == [
        orders(again) for _ in range(2)
    ]


@pytest.mark.parametrize("drop_remainder", [True, False])
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_resumed_stream_is_the_rest_of_the_stream(shuffle, drop_remainder):
    def stream(start_step):
        return data.load(
            numbered(23),
            batch_size=5,
            seed=4,
            shuffle=shuffle,
            drop_remainder=drop_remainder,
            start_step=start_step,
        )

    whole = orders(stream(0), 20)
    for start in (0, 1, 3, 4, 5, 11):
        assert orders(stream(start), 20 - start) == whole[start:]


def test_every_iterator_of_a_stream_starts_over():
    dataset = data.load(numbered(), batch_size=5, start_step=7)
    assert orders(dataset, 9) == orders(dataset, 9)


def test_a_streams_epochs_differ():
    dataset = data.load(numbered(), batch_size=20, start_step=0)
    first, second = orders(dataset, 2)
    assert first != second


def test_a_stream_far_along_starts_at_once():
    dataset = data.load(numbered(), batch_size=5, start_step=10**12)
    assert len(orders(dataset, 3)) == 3


def test_a_stream_does_not_know_the_global_seed():
    def run(seed):
        keras.utils.set_random_seed(seed)
        return orders(data.load(numbered(), batch_size=5, start_step=2), 6)

    assert run(1) == run(2)


def test_without_shuffle_the_order_is_the_sources():
    dataset = data.load(numbered(), batch_size=5, shuffle=False)
    assert list(itertools.chain(*orders(dataset))) == list(range(20))


def test_the_remainder_is_dropped_or_kept():
    dropped = data.load(numbered(22), batch_size=5)
    assert [len(batch) for batch in orders(dropped)] == [5] * 4
    kept = data.load(numbered(22), batch_size=5, drop_remainder=False)
    assert [len(batch) for batch in orders(kept)] == [5] * 4 + [2]
    assert kept.element_spec[1].shape == (None,)
    assert int(kept.cardinality()) == 5


def test_steps_per_epoch():
    source = numbered(22)
    assert data.steps_per_epoch(source, 5) == 4
    assert data.steps_per_epoch(source, 5, drop_remainder=False) == 5
    assert data.steps_per_epoch(source, 11, drop_remainder=False) == 2


@pytest.mark.parametrize("drop_remainder", [True, False])
def test_fewer_images_than_a_batch(drop_remainder):
    with pytest.raises(ValueError, match=r"`batch_size`.*21.*20.*'numbered'"):
        data.load(numbered(), batch_size=21, drop_remainder=drop_remainder)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("batch_size", 0),
        ("batch_size", 2.0),
        ("batch_size", True),
        ("seed", -1),
        ("seed", "0"),
        ("start_step", -1),
        ("start_step", 1.5),
    ],
)
def test_bad_numbers_are_named(argument, value):
    with pytest.raises(ValueError, match=f"`{argument}` must be a.* Received"):
        data.load(numbered(), **({"batch_size": 5} | {argument: value}))


@pytest.mark.parametrize(
    "argument", [{"image_size": 4}, {"crop_size": 1}, {"split": "test"}]
)
def test_a_loaded_source_takes_no_loading_arguments(argument):
    with pytest.raises(ValueError, match="left out"):
        data.load(numbered(), batch_size=5, **argument)
