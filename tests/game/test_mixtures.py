"""Mixture weights, value, regulariser, strata and draws."""

import numpy as np
import pytest
from keras import ops

from keras_mixgan.game import mixtures


def test_weights_are_the_softmax():
    alphas = np.log([1.0, 2.0, 5.0])
    np.testing.assert_allclose(
        mixtures.weights(ops.convert_to_tensor(alphas)), [1 / 8, 2 / 8, 5 / 8]
    )


def test_value_of_unequal_numbers():
    pairs = ops.convert_to_tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    u = ops.convert_to_tensor([0.25, 0.75])
    v = ops.convert_to_tensor([0.5, 0.25, 0.25])
    # .25 (.5 + .5 + .75) + .75 (2 + 1.25 + 1.5)
    assert float(mixtures.value(pairs, u, v)) == pytest.approx(4.0)


def test_regulariser_is_the_cross_entropy_from_uniform():
    uniform = mixtures.cross_entropy_from_uniform(ops.zeros(4))
    assert float(uniform) == pytest.approx(np.log(4), rel=1e-6)
    alphas = ops.convert_to_tensor(np.log([0.5, 0.25, 0.25]))
    assert float(mixtures.cross_entropy_from_uniform(alphas)) == pytest.approx(
        -(np.log(0.5) + 2 * np.log(0.25)) / 3
    )


def test_extreme_log_probabilities_stay_finite():
    alphas = ops.convert_to_tensor([1000.0, 0.0])
    np.testing.assert_allclose(mixtures.weights(alphas), [1, 0])
    assert float(mixtures.cross_entropy_from_uniform(alphas)) == pytest.approx(
        500
    )


@pytest.mark.parametrize(
    ("batch_size", "count", "sizes"),
    [(32, 5, [7, 7, 6, 6, 6]), (6, 3, [2, 2, 2]), (2, 4, [1, 1, 1, 1])],
)
def test_strata(batch_size, count, sizes):
    assert mixtures.stratum_sizes(batch_size, count) == sizes
    symbolic = mixtures.stratum_sizes(ops.convert_to_tensor(batch_size), count)
    assert [int(s) for s in symbolic] == sizes


def test_stratum_means():
    terms = ops.convert_to_tensor([[1.0, 10.0], [3.0, 30.0], [5.0, 50.0]])
    np.testing.assert_allclose(
        mixtures.stratum_means(terms, [2, 1]), [[2, 20], [5, 50]]
    )


def test_draws_follow_the_weights():
    weights = np.array([0.1, 0.6, 0.3])
    drawn = mixtures.draw_components(weights, 100_000, np.random.default_rng(0))
    counts = np.bincount(drawn, minlength=3)
    expected = 100_000 * weights
    # Chi-square with 2 degrees of freedom, 99.9th percentile 13.8.
    assert ((counts - expected) ** 2 / expected).sum() < 13.8


def test_component_of_uniform_at_the_edges():
    weights = np.array([0.25, 0.0, 0.75], "float32")
    uniform = [0.0, 0.2499, 0.25, 0.9999999]
    np.testing.assert_array_equal(
        mixtures.component_of(uniform, weights), [0, 0, 2, 2]
    )
