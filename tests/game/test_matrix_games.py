"""The game of fixed networks, against games whose solution is known."""

import numpy as np
import pytest

from keras_mixgan import metrics

ROCK_PAPER_SCISSORS = [[0, 1, -1], [-1, 0, 1], [1, -1, 0]]


@pytest.mark.parametrize(
    ("payoffs", "value", "u", "v"),
    [
        # Matching pennies, and rock, paper, scissors.
        ([[1, -1], [-1, 1]], 0, [0.5, 0.5], [0.5, 0.5]),
        (ROCK_PAPER_SCISSORS, 0, [1 / 3] * 3, [1 / 3] * 3),
        # By hand: both columns pay the same at u, both rows at v.
        ([[2, 0], [-1, 3]], 1, [2 / 3, 1 / 3], [1 / 2, 1 / 2]),
        # The second row dominates, and then the first column.
        ([[3, 2], [1, 0]], 1, [0, 1], [1, 0]),
        ([[7.0]], 7, [1], [1]),
        ([[2, 5, 3]], 5, [1], [0, 1, 0]),
        # Small differences far from zero: tolerances follow the payoffs.
        (
            np.array([[2, 0], [-1, 3]]) * 1e-7 + 1e3,
            1e3 + 1e-7,
            [2 / 3, 1 / 3],
            [1 / 2, 1 / 2],
        ),
    ],
)
def test_known_games(payoffs, value, u, v):
    game = metrics.matrix_game(payoffs)
    assert game.value == pytest.approx(value, rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(game.generator_weights, u, atol=1e-5)
    np.testing.assert_allclose(game.discriminator_weights, v, atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 5), (3, 40), (60, 2)])
def test_nobody_gains_by_leaving_the_equilibrium(shape):
    payoffs = np.random.default_rng(0).normal(size=shape)
    game = metrics.matrix_game(payoffs)
    u, v = game.generator_weights, game.discriminator_weights
    assert u.sum() == pytest.approx(1)
    assert v.sum() == pytest.approx(1)
    assert min(u.min(), v.min()) >= 0
    # These two bounds prove optimality.
    assert (u @ payoffs).max() <= game.value + 1e-9
    assert (payoffs @ v).min() >= game.value - 1e-9
    assert max(np.count_nonzero(u), np.count_nonzero(v)) <= min(shape)


def test_a_constant_game_has_its_constant_for_value():
    game = metrics.matrix_game(np.full((3, 2), 1.5))
    assert game.value == 1.5
    assert game.epsilon([1, 0, 0], [0, 1]) == 0


def test_epsilon_is_the_least_of_the_definition():
    game = metrics.matrix_game(ROCK_PAPER_SCISSORS)
    third = [1 / 3] * 3
    assert game.epsilon(third, third) == pytest.approx(0, abs=1e-12)
    # The first row pays up to 1; the equilibrium gets at least 0.
    assert game.epsilon([1, 0, 0], third) == pytest.approx(1 / 2)
    # At V = 1/2 each side gains 1/2; at any other V one side gains more.
    for value in np.linspace(-1, 2, 31):
        gains = max(1 - value, value - 0)
        assert gains >= game.epsilon([1, 0, 0], third) - 1e-12
    many = game.epsilon(np.eye(3), np.tile(third, (3, 1)))
    np.testing.assert_allclose(many, 1 / 2)


@pytest.mark.parametrize(
    "payoffs", [[], [1.0, 2.0], [[np.nan, 0.0]], np.zeros((0, 3))]
)
def test_what_is_no_game_is_refused(payoffs):
    with pytest.raises(ValueError, match=r"`payoffs` must be.*Received"):
        metrics.matrix_game(payoffs)
