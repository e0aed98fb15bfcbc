"""How many different images a generator makes: the birthday paradox test.

Arora, Risteski & Zhang 2018, "Do GANs learn the distribution? Some theory and
empirics" (arXiv:1706.08224), section 3: if a batch of s samples holds
duplicates with probability about 1/2, the distribution has a support of
the order of s^2. Two samples coincide with probability p = sum_i p_i^2. For a
uniform distribution 1 / p is the size of the support; for any other it is the
size of its heavy part. p is estimated from all pairs of a batch.
"""

from typing import Any

import numpy as np

from keras_mixgan.metrics.samples import Samples
from keras_mixgan.metrics.samples import as_samples
from keras_mixgan.metrics.samples import check_shapes
from keras_mixgan.metrics.score import Score
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError


def birthday(
    model_or_images: Any,
    real: Any = None,
    num_images: int | None = 2000,
    threshold: float | None = None,
    seed: int = 0,
    component: int | None = None,
) -> Score:
    """Estimates the number of different images from coinciding pairs.

    In the paper a person judges the closest pairs. Here two images count as
    the same when they are nearer than any two real ones.

    Args:
        model_or_images: See `inception_score`; points as well as images.
        real: Real data that sets the threshold; see `fid`.
        num_images: Images to compare, all pairs of them.
        threshold: Largest Euclidean distance between two images, with pixels
            in [-1, 1], that count as the same; `None` for the distance
            between the two nearest of as many different real ones.
        seed: Seed of the images.
        component: Score one generator alone.

    Returns:
        `Score` of the estimated support, infinite if no pair coincides;
        details give the number of coinciding pairs, the lower 95 % bound of
        the support, and the batch size with duplicates half of the time.

    Raises:
        ValueError: Neither `real` nor `threshold`; fewer than two images.

    Example:
    >>> import numpy as np
    >>> faces = np.linspace(-1, 1, 50)[np.random.default_rng(0).integers(
    ...     50, size=1000)].reshape(-1, 1)
    >>> round(birthday(faces, threshold=0).mean)
    50
    """
    samples = as_samples(
        model_or_images, num_images, seed=seed, component=component
    )
    images = _flat(samples)
    checks.integer("num_images", len(images), least=2)
    checks.number("threshold", threshold, "[0, inf)", optional=True)
    if threshold is None:
        if real is None:
            raise UserError(
                "`threshold` or `real` must be given, to decide when two "
                "images are the same. Received: neither"
            )
        real = as_samples(real, len(images), seed=seed, argument="real")
        check_shapes(samples, real)
        threshold = _nearest_distance(_flat(real))
    pairs = len(images) * (len(images) - 1) / 2
    # Each pair once: a row with those after it.
    same = sum(
        int(np.triu(distances <= threshold**2, start + 1).sum())
        for start, distances in _blocks(images)
    )
    support = pairs / same if same else float("inf")
    from scipy import special

    # The upper 95 % bound of a Poisson mean, given as many events.
    upper = float(special.gammaincinv(same + 1, 0.95))
    details = {
        "num_images": len(images),
        "threshold": float(threshold),
        "coinciding_pairs": same,
        "at_least": pairs / upper,
        # P(no duplicate among s) = exp(-s^2 / 2 / support) = 1/2.
        "batch_with_duplicates_half_of_the_time": float(
            np.sqrt(2 * np.log(2) * support)
        ),
        "seed": seed,
    }
    return Score(support, None, details, "support (birthday paradox)")


def _nearest_distance(images: np.ndarray) -> float:
    """Returns the distance of the two nearest rows that are not the same."""
    best = np.inf
    for start, distances in _blocks(images):
        rows = np.arange(len(distances))
        distances[rows, start + rows] = np.inf
        # Exact duplicates in real data say nothing about the threshold.
        distances[distances == 0] = np.inf
        best = min(best, float(distances.min()))
    if not np.isfinite(best):
        raise UserError(
            "`real` must hold two different images. Received: copies of one"
        )
    return float(np.sqrt(best))


def _blocks(images: np.ndarray, size: int = 256):
    """Yields (first row, squared distances (B, N)), exact for equal rows."""
    squares = np.sum(images**2, axis=1)
    for start in range(0, len(images), size):
        some = images[start : start + size]
        products = some @ images.T
        distances = squares[start : start + size, None] + squares - 2 * products
        # The expansion has rounding errors if rows are nearly equal:
        # compute those distances by the definition.
        near = np.argwhere(distances <= 1e-6 * (1 + squares.max()))
        for first in range(0, len(near), size):
            i, j = near[first : first + size].T
            distances[i, j] = np.sum((some[i] - images[j]) ** 2, axis=1)
        yield start, np.maximum(distances, 0)


def _flat(samples: Samples) -> np.ndarray:
    images = samples.images()
    return images.reshape(len(images), -1).astype("float64")
