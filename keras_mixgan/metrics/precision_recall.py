"""Precision and recall, density and coverage, of generated features.

Precision and recall: Kynkaanniemi et al. 2019 (arXiv:1904.06991), equations 1
and 2: the share of generated features within the k-nearest-neighbour balls of
the real ones, and the reverse. Density and coverage: Naeem et al. 2020
(arXiv:2002.09797), equations 3 and 4, on which outliers have less effect.
scikit-learn finds the neighbours. The authors' own package (prdc 0.2, 2020) is
not maintained, prints, and keeps whole distance matrices.
"""

from typing import Any

import numpy as np

from keras_mixgan.metrics.distances import both
from keras_mixgan.metrics.samples import as_samples
from keras_mixgan.metrics.score import Score
from keras_mixgan.metrics.score import name_of
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import MissingPackageError
from keras_mixgan.utils.errors import UserError

NEAREST = 5


def precision_recall(
    model_or_images: Any,
    real: Any,
    classifier: Any = None,
    num_images: int | None = 10_000,
    nearest: int = NEAREST,
    seed: int = 0,
    component: int | None = None,
    batch_size: int = 128,
) -> dict[str, Score]:
    """Fidelity and diversity separately, which FID combines in one number.

    Args:
        model_or_images: See `inception_score`.
        real: See `fid`; at most as many of it as there are images to score.
        classifier: See `classifiers.load`; its features are compared. By
            default the bundled one for the real data.
        num_images: Images of each side.
        nearest: K, the neighbour whose distance is a ball's radius.
        seed: Seed of the images.
        component: Score one generator alone.
        batch_size: Images at a time.

    Returns:
        A `Score` without std for "precision", "recall", "density" and
        "coverage"; all in [0, 1] except density, which may exceed 1.

    Raises:
        ValueError: Not more images than `nearest`; bad images or classifier.
        ImportError: Scikit-learn is not installed.

    Example:
    >>> import keras_mixgan as kmg
    >>> from keras_mixgan.data.sources import load_source
    >>> digits = load_source("digits").images[:200]
    >>> scores = kmg.metrics.precision_recall(digits, digits, "digits")
    >>> scores["recall"].mean
    1.0
    """
    samples = as_samples(
        model_or_images, num_images, seed=seed, component=component
    )
    found, found_real = both(
        samples, real, classifier, None, seed, component, batch_size,
        num_real=samples.num_images,
    )  # fmt: skip
    values = prdc(found_real.features, found.features, nearest)
    details = {
        **found.details,
        "num_real": len(found_real),
        "nearest": nearest,
        "seed": seed,
    }
    return {
        name: Score(value, None, details, name_of(name, found.classifier))
        for name, value in values.items()
    }


def prdc(
    real: np.ndarray, generated: np.ndarray, nearest: int = NEAREST
) -> dict[str, float]:
    """Computes all four from features (N, F) and (M, F).

    Distances are taken in blocks. Both sides need more than `nearest` rows.
    """
    check_nearest(nearest, len(generated), len(real))
    chunks = _sklearn().metrics.pairwise_distances_chunked
    real = np.asarray(real, "float32")
    generated = np.asarray(generated, "float32")
    real_radius = _radii(real, nearest)
    radius = _radii(generated, nearest)
    in_balls = np.zeros(len(generated), "int64")  # Number of real balls.
    recalled, covered = [], []
    start = 0
    for distances in chunks(real, generated, working_memory=64):
        rows = slice(start, start + len(distances))
        start += len(distances)
        inside = distances <= real_radius[rows, None]
        in_balls += inside.sum(axis=0)
        covered.append(inside.any(axis=1))
        recalled.append((distances <= radius[None, :]).any(axis=1))
    return {
        "precision": float(np.mean(in_balls > 0)),
        "recall": float(np.mean(np.concatenate(recalled))),
        "density": float(np.mean(in_balls) / nearest),
        "coverage": float(np.mean(np.concatenate(covered))),
    }


def check_nearest(nearest: int, generated: int, real: int) -> None:
    """Raises a ValueError unless each image has so many neighbours."""
    if checks.integer("nearest", nearest) >= min(generated, real):
        raise UserError(
            "`nearest` must be below the number of images. Received: "
            f"nearest={nearest}, {generated} images and {real} real ones"
        )


def _radii(features: np.ndarray, nearest: int) -> np.ndarray:
    """Returns the distance of each feature to its k-th nearest other one."""
    neighbors = _sklearn().neighbors.NearestNeighbors(
        n_neighbors=nearest, algorithm="brute"
    )
    # Without an argument, a point is not its own neighbour.
    return neighbors.fit(features).kneighbors()[0][:, -1]


def _sklearn() -> Any:
    """Imports scikit-learn when it is first needed, which takes a second."""
    try:
        import sklearn.metrics
        import sklearn.neighbors
    except ImportError as error:
        raise MissingPackageError(
            "Nearest neighbours need scikit-learn. Install it with "
            "`pip install scikit-learn`."
        ) from error
    return sklearn
