"""Repulsion of samples, one half of a Stein variational gradient."""

import math

from keras import ops

from keras_mixgan.game.auxiliary.base import Auxiliary
from keras_mixgan.game.auxiliary.base import register
from keras_mixgan.game.turns import Turn

# The least h^2: the median distance of equal images is 0.
EPSILON = 1e-6


@register
class KernelRepulsion(Auxiliary):
    """Generators push each image away from its nearest neighbour.

    Wang & Liu 2016 (arXiv:1611.01722), amortised Stein variational gradient
    descent: generators minimise -E[stop(dx)^T G(z)], where dx = -grad E(x) +
    the kernel's repulsion. The first part has the gradient of E[E(G(z))]; it
    is the loss of the payoff `energy`. The second part is this loss, which
    works with any payoff: the mean of

        k(c, c') = exp(-||c - c'||^2 / (2 h^2))

    where c is a discriminator's `features` of an image and c' those of its
    nearest neighbour, held fixed. So its descent moves c along
    (c - c') k / h^2, away from c'. As in the authors' code an image follows
    only the gradient of its own energy, and only its nearest neighbour repels
    it; the coefficient is 1/2, and h^2 is the median of all squared distances
    over 8 log(N + 1). k is differentiated by c, as in `cifar10_steingan.py`.
    Their later script differentiates it by c', which would need a second pass
    and may pull features together.

    In a mixture neighbours are sought among the images of all generators in a
    turn, so that generators also repel one another, which the payoff alone
    does not achieve. Weighted by w_v this is dx_i = sum_j w_vj dx_ij. With the
    split estimate and over replicas neighbours are sought among the images
    that one discriminator sees on one replica. Needs a discriminator output
    `features` (B, ...).

    Example:
    >>> KernelRepulsion().coefficient
    0.5
    """

    needs = ("features",)

    def __init__(self, coefficient: float = 0.5, moves_mixture: bool = False):
        super().__init__(coefficient, moves_mixture)

    def generator_terms(self, turn: Turn):
        """Means of k (num_generators, num_discriminators), in [0, 1]."""
        return turn.pair_means(kernels(turn.fake.extras["features"]))


def kernels(features):
    """Kernels (N, T) in [0, 1] of each image and its nearest neighbour.

    `features` are (N, T, ...), of N images by T discriminators. Neighbours and
    h get no gradient. A single image gives 1, without a gradient.
    """
    count = math.prod(features.shape[2:])
    codes = ops.reshape(features, (-1, features.shape[1], count))
    fixed = ops.stop_gradient(codes)
    distances = _squared_distances(fixed)
    rows = ops.arange(ops.shape(distances)[1])
    others = ops.where(rows[:, None] == rows, float("inf"), distances)
    nearest = ops.transpose(ops.argmin(others, axis=2))
    neighbours = ops.take_along_axis(fixed, nearest[..., None], axis=0)
    squares = ops.sum(ops.square(codes - neighbours), axis=-1)
    return ops.exp(-squares / (2.0 * _squared_bandwidths(distances)))


def _squared_distances(codes):
    """Squared distances of all pairs of rows, (N, T, d) to (T, N, N)."""
    # Centred, since large sums of squares would cancel.
    codes = ops.transpose(codes - ops.mean(codes, axis=0), (1, 0, 2))
    norms = ops.sum(ops.square(codes), axis=-1)
    products = ops.matmul(codes, ops.transpose(codes, (0, 2, 1)))
    squares = norms[:, :, None] + norms[:, None, :] - 2.0 * products
    return ops.maximum(squares, 0.0)


def _squared_bandwidths(distances):
    """h^2 of each discriminator, (T, N, N) to (T,)."""
    count = ops.cast(ops.shape(distances)[1], distances.dtype)
    flat = ops.reshape(distances, (distances.shape[0], -1))
    median = ops.median(flat, axis=1)
    return ops.maximum(median / (8.0 * ops.log(count + 1.0)), EPSILON)
