"""Lemma 1: which distances between distributions generalize from samples.

Arora et al. 2017 (arXiv:1703.00573), lemma 1 (theorems 3.1 and 3.2 in the first
arXiv version): take mu = N(0, I/d) and its empirical distribution of m samples,
with log m << d. Their Jensen-Shannon divergence is log 2, its maximum, and
their Wasserstein distance is at least 1.1, although the samples come from mu
itself.
Theorem 3.1 (3.3 in that version): the distance measured by neural networks with
p bounded parameters is small once m is large enough compared with p.

The example compares two sets of m samples of one Gaussian, then one of them
with samples of a Gaussian shifted by 1. Run it: python examples/lemma1.py
"""

import common
import keras
import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist

from keras_mixgan.metrics import networks
from keras_mixgan.metrics import response
from keras_mixgan.metrics.neural_net_distance import UNIT
from keras_mixgan.metrics.neural_net_distance import distance

SAMPLES = 2000
DIMENSION = 200
SHIFT = 1.0
WIDTH = 4


def wasserstein(x: np.ndarray, y: np.ndarray) -> float:
    """Returns the exact 1-Wasserstein distance of two sets of m points.

    Args:
        x: Float (m, d).
        y: Float (m, d).
    """
    costs = cdist(x, y)
    return float(costs[linear_sum_assignment(costs)].mean())


def jensen_shannon(x: np.ndarray, y: np.ndarray) -> float:
    """Returns the Jensen-Shannon divergence of two empirical distributions.

    KL(mu || (mu + nu) / 2) / 2 + KL(nu || (mu + nu) / 2) / 2, in nats. It is
    less than log 2 only if the sets have points in common.

    Args:
        x: Float (m, d).
        y: Float (n, d).
    """
    points, place = np.unique(
        np.concatenate([x, y]), axis=0, return_inverse=True
    )
    place = place.ravel()
    p = np.bincount(place[: len(x)], minlength=len(points)) / len(x)
    q = np.bincount(place[len(x) :], minlength=len(points)) / len(y)
    middle = (p + q) / 2
    return float(
        sum(
            0.5 * np.sum(side[side > 0] * np.log((side / middle)[side > 0]))
            for side in (p, q)
        )
    )


def discriminator(shape: tuple[int, ...]) -> keras.Model:
    """Builds the class F: two layers, weights of each unit of norm <= 1.

    The bound makes it Lipschitz in its parameters, as the theorem asks.

    Args:
        shape: (d,).
    """
    bound = keras.constraints.MaxNorm(1.0)
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Dense(WIDTH, "relu", kernel_constraint=bound),
            keras.layers.Dense(1, kernel_constraint=bound),
        ]
    )


def neural_net(x: np.ndarray, y: np.ndarray, seed: int = 0) -> float:
    """Returns the neural-net distance of the two sets of points.

    The discriminator is trained and measured on the same points, so it may
    fit their noise, as the supremum over F does.

    Args:
        x: Float (m, d).
        y: Float (m, d).
        seed: Seed of weights and batches.
    """
    network = networks.build(discriminator, x.shape[1:], seed=seed)
    response.train_discriminator(
        network, x, y, UNIT, steps=500, learning_rate=0.01, seed=seed
    )
    return distance(network, x, y, UNIT)[0]


def compare(name: str, x: np.ndarray, y: np.ndarray) -> dict[str, float]:
    """Prints and returns all three distances of two sets of points."""
    found = {
        "JS": jensen_shannon(x, y),
        "Wasserstein": wasserstein(x, y),
        "neural-net": neural_net(x, y),
    }
    values = "".join(f"{value:>14.3f}" for value in found.values())
    print(f"{name:<34}{values}")
    return found


def main() -> tuple[dict[str, float], dict[str, float]]:
    """Draws the points and compares them; returns both comparisons."""
    rng = np.random.default_rng(0)
    x, y = rng.normal(0, DIMENSION**-0.5, (2, SAMPLES, DIMENSION)).astype(
        "float32"
    )
    shift = np.zeros(DIMENSION, "float32")
    shift[0] = SHIFT
    print(
        f"{SAMPLES} samples each of N(0, I/d), d = {DIMENSION}; log 2 = 0.693"
    )
    print(f"{'':<34}{'JS':>14}{'Wasserstein':>14}{'neural-net':>14}")
    same = compare("two sets from one Gaussian", x, y)
    other = compare(f"from Gaussians shifted by {SHIFT:g}", x, y + shift)
    return same, other


if __name__ == "__main__":
    common.no_flags(__doc__)
    main()
