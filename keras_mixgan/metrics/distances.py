"""FID and KID: how far generated features lie from real ones.

FID: Heusel et al. 2017 (arXiv:1706.08500), equation 6,

    |m - m'|^2 + Tr(C + C' - 2 (C C')^(1/2)),

the Frechet distance of two Gaussians fitted to a classifier's features. KID:
Binkowski et al. 2018 (arXiv:1801.01401), section 4, the squared maximum mean
discrepancy of the features under the kernel (x.y / F + 1)^3, as an unbiased
estimate over blocks. TF-GAN computes both in float64; under other backends,
NumPy. With a classifier other than Inception they are named after it.
"""

from typing import Any

import numpy as np

from keras_mixgan.metrics import arithmetic
from keras_mixgan.metrics import judges
from keras_mixgan.metrics import tfgan
from keras_mixgan.metrics.activations import Activations
from keras_mixgan.metrics.activations import activations
from keras_mixgan.metrics.samples import as_samples
from keras_mixgan.metrics.samples import check_shapes
from keras_mixgan.metrics.score import Score
from keras_mixgan.metrics.score import name_of
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

BLOCK = 1024


def fid(
    model_or_images: Any,
    real: Any,
    classifier: Any = None,
    num_images: int | None = 50_000,
    seed: int = 0,
    component: int | None = None,
    batch_size: int = 128,
) -> Score:
    """Frechet distance to real data; 0 is best.

    The estimate is biased upwards, more so with fewer images: compare only
    scores of equal numbers of images.

    Args:
        model_or_images: See `inception_score`.
        real: The real data: a source or its name, or an array; name the split
            when you report the number.
        classifier: See `classifiers.load`. The score is named after it. By
            default the bundled one for the data.
        num_images: Images to generate; all of `real` is used.
        seed: Seed of the images.
        component: Score one generator alone.
        batch_size: Images at a time; the score does not depend on it.

    Returns:
        `Score` without std.

    Raises:
        ValueError: Fewer than two images, or bad images or classifier.

    Example:
    >>> import keras_mixgan as kmg
    >>> from keras_mixgan.data.sources import load_source
    >>> digits = load_source("digits").images[:500]
    >>> round(kmg.metrics.fid(digits, digits, "digits").mean, 6)
    0.0
    """
    generated, found = both(
        model_or_images, real, classifier, num_images, seed, component,
        batch_size,
    )  # fmt: skip
    check_numbers(len(generated), len(found))
    value = frechet_distance(generated.features, found.features)
    details = {**generated.details, "num_real": len(found), "seed": seed}
    return Score(value, None, details, name_of("fid", generated.classifier))


def kid(
    model_or_images: Any,
    real: Any,
    classifier: Any = None,
    num_images: int | None = 50_000,
    seed: int = 0,
    component: int | None = None,
    batch_size: int = 128,
    block_size: int = BLOCK,
) -> Score:
    """Kernel distance to real data; 0 is best, unbiased, may be below 0.

    Args:
        model_or_images: See `inception_score`.
        real: See `fid`.
        classifier: See `classifiers.load`. The score is named after it. By
            default the bundled one for the data.
        num_images: Images to generate; all of `real` is used.
        seed: Seed of the images.
        component: Score one generator alone.
        batch_size: Images at a time; the score does not depend on it.
        block_size: The most images in a block of the estimate.

    Returns:
        `Score`; std is the standard error over blocks, `None` for one block.

    Raises:
        ValueError: A block would hold fewer than two images; bad images or
            classifier.
    """
    generated, found = both(
        model_or_images, real, classifier, num_images, seed, component,
        batch_size,
    )  # fmt: skip
    check_numbers(len(generated), len(found))
    value, std, blocks = kernel_distance(
        generated.features, found.features, block_size
    )
    details = {
        **generated.details,
        "num_real": len(found),
        "blocks": blocks,
        "std": f"standard error over {blocks} blocks",
        "seed": seed,
    }
    return Score(value, std, details, name_of("kid", generated.classifier))


def frechet_distance(features: np.ndarray, real: np.ndarray) -> float:
    """Returns the Frechet distance of two sets of features (N, F), (M, F).

    Features may be constant, or fewer than their dimensions: TF-GAN takes
    matrix roots by singular values. It takes no root of values below 1e-10, so
    the features are brought to unit scale first. The result, which is
    quadratic in the features, is scaled back.
    """
    features = np.asarray(features, "float64")
    real = np.asarray(real, "float64")
    centre = real.mean(axis=0)
    spread = np.mean((real - centre) ** 2) + np.mean((features - centre) ** 2)
    scale = np.sqrt(spread) or 1.0
    pair = (real - centre) / scale, (features - centre) / scale
    if tfgan.in_use():
        import tensorflow as tf

        metrics = tfgan.module("classifier_metrics")
        distance = metrics.frechet_classifier_distance_from_activations(
            *map(tf.constant, pair)
        )
    else:
        distance = arithmetic.frechet_distance(*pair)
    # The distance is never negative; its rounding error may be.
    return max(float(distance) * float(scale) ** 2, 0.0)


def kernel_distance(
    features: np.ndarray, real: np.ndarray, block_size: int = BLOCK
) -> tuple[float, float | None, int]:
    """Returns (estimate, standard error or None, blocks) of the squared MMD.

    Features (N, F) and (M, F) are in random order, as `Samples` gives them. A
    block has at most `block_size` rows; it must have two of either.
    """
    blocks = number_of_blocks(len(features), len(real), block_size)
    pair = np.asarray(real, "float64"), np.asarray(features, "float64")
    if tfgan.in_use():
        import tensorflow as tf

        metrics = tfgan.module("classifier_metrics")
        distance = metrics.kernel_classifier_distance_and_std_from_activations
        with tfgan.quiet():
            mean, std = distance(
                *map(tf.constant, pair), max_block_size=block_size
            )
    else:
        mean, std = arithmetic.kernel_distance(*pair, blocks)
    return float(mean), float(std) if blocks > 1 else None, blocks


def number_of_blocks(images: int, real: int, block_size: int) -> int:
    """The number of blocks; raises ValueError if one has fewer than two."""
    blocks = -(-max(images, real) // checks.integer("block_size", block_size))
    smaller = min(images, real)
    if smaller < 2 * blocks:
        raise UserError(
            "`block_size` must leave two images in every block. Received: "
            f"{smaller} images for {blocks} blocks (block_size={block_size})"
        )
    return blocks


def check_numbers(images: int, real: int) -> None:
    """Raises ValueError unless there are two images on both sides."""
    if min(images, real) < 2:
        raise UserError(
            "`num_images` must be at least 2 for a distance. Received: "
            f"{images} images and {real} real ones"
        )


def both(
    model_or_images, real, classifier, num_images, seed, component,
    batch_size, num_real=None,
) -> tuple[Activations, Activations]:  # fmt: skip
    """A classifier's outputs on generated images, and on `num_real` real ones.

    By default it is all of them. See `fid` for the other arguments.
    """
    real = as_samples(real, num_real, seed=seed, argument="real")
    samples = as_samples(
        model_or_images, num_images, seed=seed, component=component
    )
    check_shapes(samples, real)
    network = judges.load(classifier, real.name, samples.model)
    return (
        activations(samples, network, batch_size),
        activations(real, network, batch_size, keep=True),
    )
