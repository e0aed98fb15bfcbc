"""How often discriminators misclassify real images.

This is the error that semi-supervised GANs report (Salimans et al. 2016,
arXiv:1606.03498, Section 6), on images that were not trained on. It says
nothing about generated images.
"""

from typing import Any

import keras
import numpy as np

from keras_mixgan.backends.inference import Forward
from keras_mixgan.metrics.samples import Samples
from keras_mixgan.metrics.samples import as_samples
from keras_mixgan.metrics.samples import check_labels
from keras_mixgan.metrics.score import Score
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

CLASSES = "class_logits"


def classification_error(
    model: Any, real: Any, num_images: int | None = None, seed: int = 0
) -> Score:
    """Share of real images that the discriminators misclassify.

    The mixture predicts the most probable class under sum_j w_vj P_j(c | x).

    Args:
        model: A `MixGAN` whose discriminators have an output `class_logits`
            and take no labels.
        real: Labelled data that were not trained on: a source, or its name or
            folder. Images with the label -1 are left out.
        num_images: The most images to use; `None` for all.
        seed: Seed of the order of the images.

    Returns:
        `Score` of the mixture's share of errors, in [0, 1]. Details have that
        of each discriminator.

    Raises:
        ValueError: Discriminators without classes, or data without labels.

    Example:
    >>> import keras_mixgan as kmg
    >>> networks = kmg.architectures.build("acgan", (28, 28, 1), 8, 10, 6)
    >>> model = kmg.MixGAN(*networks, 1, 1, seed=0)
    >>> score = classification_error(model, "digits", num_images=20)
    >>> 0 <= float(score) <= 1
    True
    """
    checks.optional_integer("num_images", num_images)
    networks = class_predictors(model)
    samples = as_samples(real, seed=seed, argument="real")
    if samples.labels is None or not (samples.labels >= 0).any():
        raise UserError(
            f"`real` must have labels. Received: {samples.name}, which has none"
        )
    check_labels(samples, networks[0].output_shape[-1], unknown=True)
    weights = np.asarray(model.discriminator_weights, "float64")
    wrong, count = _count(networks, weights, samples, num_images)
    each = (wrong[1:] / count).tolist()
    details = {"num_images": count, "per_discriminator": each, "seed": seed}
    return Score(float(wrong[0] / count), None, details, "classification error")


def _count(
    networks: list, weights: np.ndarray, samples: Samples, limit: int | None
) -> tuple[np.ndarray, int]:
    """Errors of the mixture and of each discriminator; number of images."""
    from scipy import special

    forward, start, count = Forward(), 0, 0
    wrong = np.zeros(1 + len(weights))
    for images in samples.batches():
        labels = samples.labels[start : start + len(images)]
        start += len(images)
        known = np.flatnonzero(labels >= 0)
        if limit is not None:
            known = known[: limit - count]
        if not len(known):
            continue
        count += len(known)
        found = [forward(network, images[known]) for network in networks]
        # (B, classes), or (B, heads, classes), become (B, T, classes).
        logits = np.concatenate(
            [x.reshape(len(x), -1, x.shape[-1]) for x in found], axis=1
        )
        each = special.softmax(logits.astype("float64"), axis=-1)
        mixed = np.einsum("t,btc->bc", weights, each)[:, None]
        predicted = np.concatenate([mixed, each], axis=1).argmax(axis=2)
        wrong += (predicted != labels[known][:, None]).sum(axis=0)
    return wrong, count


def class_predictors(model: Any) -> list[keras.Model]:
    """Models from images to `class_logits`, one for each discriminator."""
    return list(map(_classifier, model.discriminator_ensemble.of_images))


def _classifier(network: keras.Model) -> keras.Model:
    outputs = getattr(network, "output", None)
    if not isinstance(outputs, dict) or CLASSES not in outputs:
        raise UserError(
            "`model` must have discriminators with an output `class_logits`. "
            f"Received: {network.name}, which has none"
        )
    if len(network.inputs) > 1:
        raise UserError(
            "`model` must have discriminators that predict the class from the "
            f"image alone. Received: {network.name}, which takes labels"
        )
    return keras.Model(network.input, outputs[CLASSES])
