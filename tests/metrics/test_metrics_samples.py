"""`Samples`: the images of scores."""

import types

import numpy as np
import pytest
from metrics_stand_ins import FromArrays
from metrics_stand_ins import digits
from metrics_stand_ins import noise

import keras_mixgan as kmg
from keras_mixgan import metrics
from keras_mixgan.data.sources import Source
from keras_mixgan.data.sources import load_source
from keras_mixgan.metrics import samples as module
from keras_mixgan.metrics.samples import Samples


def gather(samples, batch_size):
    return np.concatenate(list(samples.batches(batch_size)))


@pytest.mark.parametrize("batch_size", [1, 7, 64, 5000])
def test_batches_do_not_change_the_images(batch_size, monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 50)
    model = FromArrays(noise(30, (4, 4, 1)))
    for data in (model, model.arrays[0]):
        samples = Samples(data, 120, seed=3)
        batches = list(samples.batches(batch_size))
        assert max(map(len, batches)) <= batch_size
        assert sum(map(len, batches)) == samples.num_images
        np.testing.assert_array_equal(
            np.concatenate(batches), gather(Samples(data, 120, seed=3), 33)
        )


def test_a_model_is_asked_for_chunks_with_seeds_of_their_own(monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 50)
    model = FromArrays(noise(30, (4, 4, 1)))
    gather(Samples(model, 120), 1000)
    counts, seeds = zip(*model.calls, strict=True)
    assert counts == (50, 50, 20)
    assert len(set(seeds)) == 3


def test_a_model_that_was_trained_since_is_classified_again():
    images, _ = digits(40)
    model = FromArrays(images)
    model.step = 1
    samples = Samples(model, 40)
    before = metrics.fid(samples, images, "digits")
    model.arrays, model.step = [noise(40)], 2
    assert metrics.fid(samples, images, "digits") != before
    assert len(samples.memo) == 1  # The earlier ones are dropped.


def test_seed_decides():
    model = FromArrays(noise(30, (4, 4, 1)))
    one, same, other = (Samples(model, 40, seed=s).images() for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_component():
    model = FromArrays(np.zeros((5, 2, 2, 1)), np.ones((5, 2, 2, 1)))
    assert Samples(model, 9, component=1).images().min() == 1


def test_sorted_data_is_mixed():
    sorted_images = np.repeat([[[[-1.0]]], [[[1.0]]]], 50, axis=0)
    first = Samples(sorted_images, 20).images()
    assert -1 < first.mean() < 1


def test_images_in_0_1_are_refused():
    images = np.linspace(0, 1, 40).reshape(10, 2, 2, 1)
    with pytest.raises(ValueError, match=r"Give 2 \* images - 1"):
        Samples(images)
    Samples(2 * images - 1)
    Samples(images[5:])  # A few may be bright.
    Samples(np.zeros((4, 2, 2, 1)))  # Gray.


@pytest.mark.parametrize("labels", [[0.0, 1.0], [0], np.zeros((2, 1), int)])
def test_labels_of_an_object_are_checked(labels):
    data = types.SimpleNamespace(images=np.zeros((2, 2, 2, 1)), labels=labels)
    with pytest.raises(ValueError, match=r"must have integer labels \(2,\)"):
        Samples(data)
    data.labels = [0, 1]
    assert Samples(data).labels.sum() == 1


def test_bytes_become_minus_one_to_one():
    images = np.arange(256, dtype="uint8").reshape(-1, 1, 1, 1)
    found = np.sort(Samples(images).images().ravel())
    np.testing.assert_allclose(found, np.arange(256) / 127.5 - 1, atol=1e-6)


def test_parts_are_the_same_images(monkeypatch):
    monkeypatch.setattr(module, "CHUNK", 50)
    model = FromArrays(noise(30, (4, 4, 1)))
    for data in (model, model.arrays[0]):
        whole = Samples(data, 120)
        np.testing.assert_array_equal(
            whole.first(25).images(), whole.images()[:25]
        )
    first, second = Samples(model.arrays[0]).halves()
    np.testing.assert_array_equal(
        np.concatenate([first.images(), second.images()]),
        Samples(model.arrays[0]).images(),
    )
    with pytest.raises(ValueError, match="`samples` must be a data set"):
        Samples(model, 10).halves()


def test_sources_and_names():
    images = np.zeros((3, 4, 4, 1), "uint8")
    source = Source("own", images, np.arange(3, dtype="int32"))
    assert sorted(Samples(source).labels) == [0, 1, 2]
    assert Samples("ring", 10).images().shape == (10, 2)
    assert Samples(load_source("ring"), 10).labels is None


def test_fingerprint_follows_the_images():
    images = np.zeros((3, 4, 4, 1), "uint8")
    other = images.copy()
    other[1, 2, 3] = 1
    prints = [Samples(each).fingerprint() for each in (images, other)]
    assert len(set(prints)) == 2
    assert prints[0] == Samples(images).fingerprint()
    assert Samples(FromArrays(other)).fingerprint() is None


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((3, 4, 4)), "must have shape"),
        (np.zeros((0, 4, 4, 1)), "at least one image"),
        (np.zeros((3, 4, 4, 2)), "1 or 3 channels. Received: 2"),
        (np.full((3, 4, 4, 1), 255.0), r"float in \[-1, 1\].*255"),
        (np.zeros((3, 4, 4, 1), "int64"), "uint8 in 0..255 or float"),
        (np.full((3, 4, 4, 1), np.nan), "must be finite"),
    ],
)
def test_bad_arrays(images, message):
    with pytest.raises(ValueError, match=message) as error:
        Samples(images, argument="real")
    assert "`real`" in str(error.value)


def test_bad_arguments(tmp_path):
    images = np.zeros((3, 4, 4, 1))
    with pytest.raises(ValueError, match="`num_images` must be a positive"):
        Samples(images, 0)
    with pytest.raises(
        ValueError, match="`seed` must be an integer of at least 0"
    ):
        Samples(images, seed=-1)
    with pytest.raises(ValueError, match="`component` must be None if"):
        Samples(images, component=0)
    with pytest.raises(ValueError, match="`batch_size` must be a positive"):
        list(Samples(images).batches(0))
    with pytest.raises(TypeError, match="`model_or_images` must be a model"):
        Samples(object())
    with pytest.raises(TypeError, match=r"np.concatenate\(list\("):
        Samples(kmg.data.load("ring", batch_size=8))
    with pytest.raises(ValueError, match="empty folder"):
        Samples(tmp_path)  # An empty folder.


def test_a_diverged_model_is_named():
    with pytest.raises(ValueError, match="diverged"):
        Samples(FromArrays(np.full((3, 4, 4, 1), np.nan)), 5).images()


def test_components_of_samples_are_theirs():
    samples = Samples(FromArrays(noise(20)), 10)
    with pytest.raises(ValueError, match="component=1"):
        module.as_samples(samples, 10, component=1)
