"""Scores computed in NumPy against those of TF-GAN."""

import numpy as np
import pytest
from conftest import tensorflow_only

from keras_mixgan.metrics import arithmetic
from keras_mixgan.metrics import tfgan

pytestmark = tensorflow_only


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def tensors(*arrays):
    import tensorflow as tf

    return map(tf.constant, arrays)


def test_classifier_score(rng):
    logits = rng.normal(0, 5, (300, 10))
    metrics = tfgan.module("classifier_metrics")
    expected = metrics.classifier_score_from_logits(*tensors(logits))
    assert arithmetic.classifier_score(logits) == pytest.approx(
        float(expected), rel=1e-10
    )


@pytest.mark.parametrize("rows", [200, 15])
def test_frechet_distance(rng, rows):
    """Also for fewer rows than features; TF-GAN takes no tiny roots."""
    pair = rng.normal(size=(rows, 20)), rng.normal(0.3, 2, (rows + 31, 20))
    metrics = tfgan.module("classifier_metrics")
    expected = metrics.frechet_classifier_distance_from_activations(
        *tensors(*pair)
    )
    assert arithmetic.frechet_distance(*pair) == pytest.approx(
        float(expected), rel=1e-6
    )


@pytest.mark.parametrize("block", [64, 1000])
def test_kernel_distance(rng, block):
    pair = rng.normal(size=(205, 20)), rng.normal(0.3, 1, (231, 20))
    metrics = tfgan.module("classifier_metrics")
    with tfgan.quiet():
        distance = metrics.kernel_classifier_distance_and_std_from_activations
        expected = distance(*tensors(*pair), max_block_size=block)
    found = arithmetic.kernel_distance(*pair, blocks=-(-231 // block))
    np.testing.assert_allclose(found, [float(x) for x in expected], rtol=1e-9)
