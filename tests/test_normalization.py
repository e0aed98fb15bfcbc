"""One concatenated call equals separate calls, source by source."""

import keras
import numpy as np
import pytest
from conftest import image_networks
from keras import layers

from keras_mixgan import normalization


def networks():
    """A convolutional one, one with nested layers, one for vectors."""
    conv = image_networks()[1]
    nested = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.Sequential(
                [layers.Conv2D(3, 3), layers.BatchNormalization(scale=False)]
            ),
            layers.Flatten(),
            layers.Dense(4),
            layers.BatchNormalization(momentum=0.5),
            layers.Dense(1),
        ]
    )
    return [conv, nested]


@pytest.mark.parametrize("which", [0, 1])
# Equal sources are normalised at once, others one by one.
@pytest.mark.parametrize("sizes", [[4, 4, 4], [5, 2, 3]])
def test_one_call_equals_separate_calls(which, sizes):
    together = networks()[which]
    apart = keras.models.clone_model(together)
    apart.set_weights(together.get_weights())
    normalization.normalize_by_source(together)
    rng = np.random.default_rng(0)
    batches = [
        rng.normal(i, 1 + i, (size, 8, 8, 1)).astype("float32")
        for i, size in enumerate(sizes)
    ]
    with normalization.sources(sizes):
        one = together(np.concatenate(batches), training=True)
    separate = [apart(batch, training=True) for batch in batches]
    np.testing.assert_allclose(one, np.concatenate(separate), atol=1e-5)
    for a, b in zip(together.get_weights(), apart.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_outside_of_sources_nothing_changes():
    changed = networks()[0]
    plain = keras.models.clone_model(changed)
    plain.set_weights(changed.get_weights())
    normalization.normalize_by_source(changed)
    images = np.random.default_rng(0).normal(size=(6, 8, 8, 1))
    for training in (False, True):
        np.testing.assert_array_equal(
            changed(images, training=training), plain(images, training=training)
        )
    with normalization.sources([3, 3]):
        np.testing.assert_array_equal(
            changed(images, training=False), plain(images, training=False)
        )


def test_configuration_stays_that_of_keras():
    network = networks()[0]
    before = network.to_json()
    normalization.normalize_by_source(network)
    assert network.to_json() == before
    kinds = [type(layer) for layer in network.layers]
    assert layers.BatchNormalization in kinds


def test_sources_nest_and_are_put_back():
    with normalization.sources([1, 2]):
        with pytest.raises(RuntimeError), normalization.sources([3]):
            raise RuntimeError
        assert normalization._sources.sizes == [1, 2]
    assert normalization._sources.sizes is None
