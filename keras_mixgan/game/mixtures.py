"""Mixture weights: softmax, value, regulariser, strata and draws.

Arora et al. 2017 (arXiv:1703.00573), Section 5. Axes are always
(generators, discriminators, batch).
"""

import numpy as np
from keras import ops

from keras_mixgan.backends import strata


def weights(logits):
    """Weights (T,) of mixture logits: exp(alpha_i) / sum_k exp(alpha_k)."""
    if logits.shape[0] == 1:  # Of which Keras's softmax warns.
        return ops.exp(ops.log_softmax(logits))
    return ops.softmax(logits)


def value(pairs, generator_weights, discriminator_weights):
    """The mixture's value, sum_ij w_ui w_vj F(u_i, v_j), a scalar.

    Payoffs are averaged, never discriminator outputs: phi is not linear
    (end of Section 4.1). `pairs` (num_generators, num_discriminators) holds
    the payoff F or the generators' loss of each pair.
    """
    return ops.sum(
        generator_weights[:, None] * discriminator_weights[None, :] * pairs
    )


def cross_entropy_from_uniform(logits):
    """The regulariser of one side, R = -(1/T) sum_i log w_i, of logits (T,).

    It is the cross-entropy from the uniform distribution to w: least, log T,
    at equal weights, and unbounded as a weight vanishes. The sign is that of
    the arXiv text; the ICML text drops the minus.
    """
    return -ops.mean(ops.log_softmax(logits))


def stratum_sizes(batch_size, num_generators: int) -> list:
    """Images each generator gives to one stratified batch, larger sizes first.

    Sizes are as equal as possible. Every generator gives at least one image,
    or the estimate would be biased; so a batch smaller than the number of
    generators grows to one image each. `batch_size` is an int, or an integer
    tensor if the size is known only when the step runs; so are the results.

    Example:
    >>> stratum_sizes(32, 5)
    [7, 7, 6, 6, 6]
    """
    maximum = max if isinstance(batch_size, int) else ops.maximum
    return [
        maximum(1, (batch_size + num_generators - 1 - i) // num_generators)
        for i in range(num_generators)
    ]


def cell_sizes(
    batch_size, num_generators: int, num_discriminators: int
) -> list:
    """Images each generator gives to a batch split among discriminators.

    Equal multiples of `num_discriminators`: the largest whose sum is at most
    the batch, or one image a pair. `batch_size` is as in `stratum_sizes`.

    Example:
    >>> cell_sizes(64, 3, 2)
    [20, 20, 20]
    """
    maximum = max if isinstance(batch_size, int) else ops.maximum
    cell = maximum(1, batch_size // (num_generators * num_discriminators))
    return [cell * num_discriminators] * num_generators


def stratum_means(terms, sizes: list):
    """Means over consecutive strata of a batch, in the order of the generators.

    Maps (sum of sizes, num_discriminators, ...) to (num_generators,
    num_discriminators, ...). Weighted by w_u, the sum over generators is an
    unbiased estimate of the mixture's expectation, whatever the sizes.
    """
    # Parts, not masks of 0 and 1: a NaN must stay with its generator, or its
    # source could not be named.
    parts = strata.split(terms, sizes)
    return ops.stack([ops.mean(part, axis=0) for part in parts])


def draw_components(generator_weights, num_images: int, rng) -> np.ndarray:
    """Draws a generator for every image, independently, by the weights.

    `rng` is a `numpy.random.Generator`. Returns ints (num_images,).
    """
    uniform = rng.random(num_images)
    return component_of(uniform, generator_weights)


def component_of(uniform, generator_weights) -> np.ndarray:
    """Maps uniform numbers in [0, 1) to components, (N,) to int (N,).

    Inverts the weights' CDF.
    """
    return np.searchsorted(inner_edges(generator_weights), uniform, "right")


def inner_edges(generator_weights) -> np.ndarray:
    """Where the weights' CDF steps from one component to the next.

    Float64 (num_generators - 1,), not decreasing. A uniform number belongs to
    the component whose index is the number of edges that are not above it.

    Example:
    >>> inner_edges([0.5, 0.25, 0.25])
    array([0.5 , 0.75])
    """
    edges = np.cumsum(np.asarray(generator_weights, "float64"))
    # Rounding may leave the last edge a hair under one.
    return edges[:-1] / edges[-1]
