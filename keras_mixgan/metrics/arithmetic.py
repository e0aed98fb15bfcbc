"""Classifier score, FID and KID in NumPy float64, without TensorFlow.

Under Keras's TensorFlow backend TF-GAN computes them. The formulas are the
same; a test compares the two.
"""

import numpy as np


def classifier_score(logits: np.ndarray) -> float:
    """exp(E_x KL(p(y|x) || p(y))), Salimans et al. 2016 (arXiv:1606.03498).

    From float64 logits (N, K), no more than 700 below a row's largest, to a
    score from 1 to K.

    Example:
    >>> round(classifier_score(np.array([[99.0, 0.0], [0.0, 99.0]])), 6)
    2.0
    """
    from scipy import special

    p = special.softmax(logits, axis=1)
    divergences = special.rel_entr(p, p.mean(axis=0)).sum(axis=1)
    return float(np.exp(divergences.mean()))


def frechet_distance(real: np.ndarray, features: np.ndarray) -> float:
    """|m - m'|^2 + Tr(C + C' - 2 (C C')^(1/2)), arXiv:1706.08500.

    The squared Frechet distance of the Gaussians fitted to float64 features
    (M, F) and (N, F), with M and N at least 2.

    Example:
    >>> points = np.array([[0.0], [2.0]])
    >>> frechet_distance(points, points + 3)
    9.0
    """
    means = real.mean(axis=0) - features.mean(axis=0)
    first, second = (
        np.atleast_2d(np.cov(x, rowvar=False)) for x in (real, features)
    )
    # C C' has the eigenvalues of (C^1/2 C'^1/2)^T (C^1/2 C'^1/2).
    roots = _root(first) @ _root(second)
    product = np.linalg.svd(roots, compute_uv=False).sum()
    return float(
        means @ means + np.trace(first) + np.trace(second) - 2 * product
    )


def kernel_distance(
    real: np.ndarray, features: np.ndarray, blocks: int
) -> tuple[float, float]:
    """Squared MMD under the kernel (x.y / F + 1)^3, arXiv:1801.01401.

    From float64 features (M, F) and (N, F), at least two rows of either in a
    block, to the mean of the blocks' unbiased estimates and its standard error,
    which is NaN for one block.
    """
    # Of nearly equal size; from the end, as TF-GAN's larger blocks are last.
    pairs = zip(
        np.array_split(real[::-1], blocks),
        np.array_split(features[::-1], blocks),
        strict=True,
    )
    estimates = np.array([_block_distance(*pair) for pair in pairs])
    if blocks == 1:
        return float(estimates[0]), float("nan")
    error = estimates.std(ddof=1) / np.sqrt(blocks)
    return float(estimates.mean()), float(error)


def _root(covariance: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(covariance)
    return vectors * np.sqrt(np.maximum(values, 0)) @ vectors.T


def _block_distance(real: np.ndarray, features: np.ndarray) -> float:
    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    def mean_off_diagonal(a):
        table = kernel(a, a)
        return (table.sum() - np.trace(table)) / (len(a) * (len(a) - 1))

    return (
        mean_off_diagonal(real)
        + mean_off_diagonal(features)
        - 2 * kernel(real, features).mean()
    )
