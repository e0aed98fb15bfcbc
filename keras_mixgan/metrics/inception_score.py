"""Inception Score, and the same score by other classifiers.

Salimans et al. 2016, "Improved Techniques for Training GANs"
(arXiv:1606.03498), section 4:

    exp(E_x KL(p(y|x) || p(y)))

over each of ten splits of 50,000 images, reported as mean and standard
deviation over the splits, as in MIX+GAN's table 1. TF-GAN's
`classifier_score_from_logits` computes it in float64; under other backends,
NumPy.
"""

from typing import Any

import numpy as np

from keras_mixgan.metrics import arithmetic
from keras_mixgan.metrics import judges
from keras_mixgan.metrics import tfgan
from keras_mixgan.metrics.activations import activations
from keras_mixgan.metrics.samples import as_samples
from keras_mixgan.metrics.score import Score
from keras_mixgan.metrics.score import name_of
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

# exp(-700) is about the smallest normal float64. Below it a probability is 0,
# and TF-GAN's 0 * log 0 is NaN.
FLOOR = -700.0


def inception_score(
    model_or_images: Any,
    classifier: Any = None,
    num_images: int | None = 50_000,
    splits: int = 10,
    seed: int = 0,
    component: int | None = None,
    batch_size: int = 128,
) -> Score:
    """Scores how confident and how varied a classifier's predictions are.

    Args:
        model_or_images: A `MixGAN`, a source or its name, or an array of
            images: uint8, or float in [-1, 1], (N, H, W, C).
        classifier: See `classifiers.load`. The score is named after it. By
            default the bundled one for the data.
        num_images: Images to generate, or the most to take from an array.
        splits: Parts the images are divided into; the standard deviation is
            taken over them.
        seed: Seed of the images.
        component: Score one generator alone.
        batch_size: Images at a time; the score does not depend on it.

    Returns:
        `Score`, mean and std over the splits, 1 to the number of classes.

    Raises:
        ValueError: Fewer images than splits, or bad images or classifier.

    Example:
    >>> import keras_mixgan as kmg
    >>> score = kmg.metrics.inception_score("digits", num_images=1000)
    >>> score.name
    'digits classifier score'
    """
    samples = as_samples(
        model_or_images, num_images, seed=seed, component=component
    )
    check_splits(splits, samples.num_images)
    # A model's own name says nothing about its data.
    source = samples.name if samples.model is None else None
    network = judges.load(classifier, source, samples.model)
    found = activations(samples, network, batch_size)
    # Splits differ in size by at most one image.
    scores = [
        classifier_score(part) for part in np.array_split(found.logits, splits)
    ]
    name = name_of("inception_score", found.classifier)
    details = {
        **found.details,
        "splits": splits,
        "std": f"over {splits} splits",
        "seed": samples.seed,
    }
    return Score(float(np.mean(scores)), float(np.std(scores)), details, name)


def classifier_score(logits: np.ndarray) -> float:
    """Returns exp(E KL(p(y|x) || p(y))) of all logits (N, K) together."""
    logits = np.asarray(logits, "float64")
    logits = logits - logits.max(axis=1, keepdims=True)
    logits = np.maximum(logits, FLOOR)
    if not tfgan.in_use():
        return arithmetic.classifier_score(logits)
    import tensorflow as tf

    metrics = tfgan.module("classifier_metrics")
    return float(metrics.classifier_score_from_logits(tf.constant(logits)))


def check_splits(splits: int, num_images: int) -> None:
    """Raises ValueError unless every split gets an image."""
    checks.integer("splits", splits)
    if num_images < splits:
        raise UserError(
            "`num_images` must be at least `splits`, so that every split has "
            f"an image. Received: {num_images} images, splits={splits}"
        )
