"""Modes covered and share of good samples, for points with known modes.

The protocol of the mode-collapse tests on rings and grids of Gaussians
(VEEGAN, Srivastava et al. 2017, arXiv:1705.07761, section 4.1): a sample is
good within three standard deviations of the nearest mode; a mode is covered
when it is the nearest mode of a good sample.
"""

from typing import Any

import numpy as np

from keras_mixgan.metrics.samples import as_samples
from keras_mixgan.metrics.score import Score
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError


def checked(
    centers: Any, std: float | None, image_shape: tuple[int, ...]
) -> tuple[np.ndarray, float]:
    """Returns the centres (M, F) and the standard deviation, both checked."""
    if isinstance(centers, str):
        from keras_mixgan.data import sources

        if centers not in sources.POINTS:
            raise UserError(
                "`centers` must be 'ring', 'grid' or an array. Received: "
                f"centers={centers!r}"
            )
        make, known = sources.POINTS[centers]
        centers, std = make(), known if std is None else std
    centers = np.asarray(centers, "float64")
    checks.number("std", std)
    if tuple(image_shape) != centers.shape[1:]:
        raise UserError(
            "`model_or_points` must have points of the shape of the centres, "
            f"{centers.shape[1:]}. Received: {tuple(image_shape)}"
        )
    return centers, std


def modes(
    model_or_points: Any,
    centers: Any = "ring",
    std: float | None = None,
    num_images: int | None = 10_000,
    seed: int = 0,
    component: int | None = None,
    within: float = 3.0,
) -> dict[str, Score]:
    """Counts the modes that good samples reach.

    Args:
        model_or_points: A `MixGAN` of points, or points (N, F).
        centers: "ring", "grid", or the modes' centres (M, F).
        std: The modes' standard deviation, if `centers` is an array.
        num_images: Points to sample.
        seed: Seed of the points.
        component: Score one generator alone.
        within: Standard deviations from its mode up to which a sample is
            good.

    Returns:
        "modes", the number of covered modes (details: samples per mode), and
        "good", the share of good samples.

    Raises:
        ValueError: Points and centres of different dimensions; `std` missing.

    Example:
    >>> import keras_mixgan as kmg
    >>> kmg.metrics.modes("ring", "ring")["modes"].mean
    8.0
    """
    samples = as_samples(
        model_or_points,
        num_images,
        seed=seed,
        component=component,
        argument="model_or_points",
    )
    centers, std = checked(centers, std, samples.image_shape)
    checks.number("within", within)
    points = samples.images()
    distances = np.linalg.norm(points[:, None] - centers[None], axis=-1)
    nearest = distances.argmin(axis=1)
    # Three standard deviations of a two-dimensional Gaussian hold 98.9 %.
    good = distances.min(axis=1) <= within * std
    counts = np.bincount(nearest[good], minlength=len(centers))
    details = {
        "num_images": len(points),
        "num_modes": len(centers),
        "within_std": within,
        "good_samples_per_mode": counts.tolist(),
        "seed": seed,
    }
    covered = Score(float(np.sum(counts > 0)), None, details, "modes covered")
    share = Score(float(good.mean()), None, details, "share of good samples")
    return {"modes": covered, "good": share}
