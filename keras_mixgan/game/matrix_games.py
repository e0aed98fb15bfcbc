"""Solves the game between fixed networks, a matrix of payoffs.

Once the networks are fixed, a mixture of generators against a mixture of
discriminators is a finite zero-sum game on the matrix F(u_i, v_j)
(arXiv:1703.00573, Section 4.1). Its value and equilibrium weights (Theorem
4.1, von Neumann's) are the solution of a linear program and of its dual.
"""

import dataclasses

import numpy as np

from keras_mixgan.utils.errors import UserError


@dataclasses.dataclass(frozen=True, eq=False)
class MatrixGame:
    """A finite game and one of its equilibria.

    Args:
        payoffs: Float64 (num_generators, num_discriminators). Generators
            minimise, discriminators maximise.
        value: V of Theorem 4.1: the payoff that each side can guarantee.
        generator_weights: Float64 (num_generators,), summing to one: no
            discriminator gets more than V against them.
        discriminator_weights: Float64 (num_discriminators,), summing to one:
            no generator pays less than V against them.
    """

    payoffs: np.ndarray
    value: float
    generator_weights: np.ndarray
    discriminator_weights: np.ndarray

    def epsilon(self, generator_weights, discriminator_weights) -> float:
        """How far other weights are from an equilibrium of this game.

        The least epsilon of the paper's epsilon-approximate equilibrium
        (arXiv:1703.00573, Definition 2; 3 in the ICML text): for some V no
        discriminator gets more than V + epsilon, and no generator pays less
        than V - epsilon. That is half of the difference between the two.

        Args:
            generator_weights: Floats (num_generators,), summing to one, or an
                array (..., num_generators) of many.
            discriminator_weights: Floats (num_discriminators,), summing to
                one, or an array (..., num_discriminators) of many.

        Returns:
            A number, at least 0 up to rounding; for arrays, float64 (...).

        Example:
        >>> game = matrix_game([[0.0, 1.0], [1.0, 0.0]])
        >>> game.epsilon([0.5, 0.5], [0.5, 0.5])
        0.0
        >>> game.epsilon([1.0, 0.0], [0.0, 1.0])
        0.5
        """
        u = np.asarray(generator_weights, "float64")
        v = np.asarray(discriminator_weights, "float64")
        highest = (u @ self.payoffs).max(axis=-1)
        lowest = (v @ self.payoffs.T).min(axis=-1)
        gap = (highest - lowest) / 2
        return float(gap) if gap.ndim == 0 else gap


def matrix_game(payoffs) -> MatrixGame:
    """Solves the game of fixed networks by a linear program.

    The generators' weights w and the value V are the least V with
    sum_i w_i F(u_i, v_j) <= V for all j. The discriminators' weights are the
    program's dual variables.

    Args:
        payoffs: Float array (num_generators, num_discriminators), such as
            `MixGAN.payoff_matrix` returns. Generators minimise.

    Returns:
        `MatrixGame`. Where there are several equilibria, one of them; it
        plays at most as many networks of each side as the other has.

    Raises:
        ValueError: `payoffs` is not such an array, empty, or not finite.

    Example:
    >>> import keras_mixgan as kmg
    >>> game = kmg.metrics.matrix_game([[2.0, 0.0], [-1.0, 3.0]])
    >>> game.value, game.generator_weights.round(3)
    (1.0, array([0.667, 0.333]))
    """
    payoffs = np.array(payoffs, "float64")
    if payoffs.ndim != 2 or not payoffs.size or not np.isfinite(payoffs).all():
        raise UserError(
            "`payoffs` must be finite numbers (num_generators, "
            f"num_discriminators). Received: payoffs of shape {payoffs.shape}"
        )
    # The solver's tolerances are absolute.
    least, scale = payoffs.min(), np.ptp(payoffs) or 1.0
    value, u, v = _solve((payoffs - least) / scale)
    return MatrixGame(payoffs, float(least + scale * value), u, v)


def _solve(payoffs: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
    # Deferred: few need it, and it takes long to import.
    from scipy.optimize import linprog

    rows, columns = payoffs.shape
    result = linprog(
        c=[*np.zeros(rows), 1.0],
        A_ub=np.column_stack([payoffs.T, -np.ones(columns)]),
        b_ub=np.zeros(columns),
        A_eq=[[*np.ones(rows), 0.0]],
        b_eq=[1.0],
        bounds=[(0, None)] * rows + [(None, None)],
        method="highs",
    )
    if result.status != 0:
        raise RuntimeError(f"The linear program was not solved: {result}")
    return (
        float(result.fun),
        _normalized(result.x[:rows]),
        _normalized(-result.ineqlin.marginals),
    )


def _normalized(weights: np.ndarray) -> np.ndarray:
    weights = np.maximum(weights, 0.0)
    return weights / weights.sum()
