"""How much images of one class differ, relative to real ones.

A conditional generator that makes one image per class, whatever the latents,
can still score well: its images are good, and every class is there. This
number is 0 for such a generator. It is computed from pixels and needs no
classifier. Noise is diverse too, so read it together with a distance.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_mixgan.metrics.samples import Samples
from keras_mixgan.metrics.samples import as_samples
from keras_mixgan.metrics.samples import check_finite
from keras_mixgan.metrics.samples import chunk_seed
from keras_mixgan.metrics.score import Score
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError


def class_diversity(
    model_or_data: Any,
    real: Any,
    num_images: int = 200,
    seed: int = 0,
    component: int | None = None,
) -> Score:
    """Spread within a class, as a share of real data's.

    The spread of a class is the standard deviation of each pixel over images
    of that class, averaged over pixels.

    Args:
        model_or_data: A conditional `MixGAN`, or labelled data.
        real: Labelled data: a source, or its name or folder.
        num_images: Images of each class; where data have fewer, as many as
            they have, on both sides, since few images spread less.
        seed: Seed of the images.
        component: Score one generator alone.

    Returns:
        `Score` of the mean spread over all classes, divided by that of real
        data: 1 is as varied as real data, 0 is one image per class. Details
        hold the share of each class.

    Raises:
        ValueError: A model without classes, data without labels or without
            two images of a class, fewer than two images.

    Example:
    >>> score = class_diversity("digits", "digits", num_images=20)
    >>> float(score)
    1.0
    """
    checks.integer("num_images", num_images, least=2)
    real = as_samples(real, seed=seed, argument="real")
    if callable(getattr(model_or_data, "generate", None)):
        sizes = _sizes(real, _classes_of(model_or_data, real), num_images)

        def images_of(label: int, size: int) -> np.ndarray:
            return model_or_data.generate(
                size,
                labels=np.full(size, label, "int32"),
                component=component,
                seed=chunk_seed(seed, label),
            )

    else:
        data = as_samples(
            model_or_data,
            seed=seed,
            argument="model_or_data",
            component=component,
        )
        count = _classes_of(data, real)
        sizes = np.minimum(
            _sizes(data, count, num_images), _sizes(real, count, num_images)
        )
        images_of = data.images_of
    spreads = _spreads(images_of, sizes)
    wanted = _spreads(real.images_of, sizes)
    if not wanted.any():
        raise UserError(
            "`real` must have images of a class that differ. Received: "
            f"{real.name}, with equal ones in each class"
        )
    details = {
        "images_per_class": num_images,
        # A class of equal images has no share.
        "per_class": [
            float(spread / real) if real else None
            for spread, real in zip(spreads, wanted, strict=True)
        ],
        "real_spread": float(wanted.mean()),
        "seed": seed,
    }
    share = float(spreads.mean() / wanted.mean())
    return Score(share, None, details, "class diversity")


def check(model_or_data: Any, real: Samples) -> None:
    """Raises what `class_diversity` would, before any image is made."""
    count = _classes_of(model_or_data, real)
    for data in (model_or_data, real):
        if isinstance(data, Samples):
            _sizes(data, count, 2)


def _classes_of(model_or_data: Any, real: Samples) -> int:
    """Returns the number of classes, and checks that both sides have it."""
    there = _number_of_classes(real, "real")
    if isinstance(model_or_data, Samples):
        return max(there, _number_of_classes(model_or_data, "model_or_data"))
    count = getattr(model_or_data, "num_classes", None)
    if not count:
        raise UserError(
            "`model_or_data` must be conditional, with `num_classes`. "
            f"Received: num_classes={count!r}"
        )
    if there > count:
        raise UserError(
            f"`real` must have the {count} classes of the model. Received: "
            f"{real.name}, with {there}"
        )
    return count


def _spreads(images_of: Callable, sizes: np.ndarray) -> np.ndarray:
    """Standard deviations over a class, averaged over pixels: (classes,)."""
    spreads = []
    for label, size in enumerate(sizes):
        images = check_finite(images_of(label, int(size)))
        spreads.append(images.std(axis=0, dtype="float64").mean())
    return np.array(spreads)


def _sizes(data: Samples, count: int, num_images: int) -> np.ndarray:
    """Returns how many images of each class to compare, int (count,)."""
    known = data.labels[data.labels >= 0]  # -1 stands for an unknown label.
    there = np.bincount(known, minlength=count)[:count]
    for label, number in enumerate(there):
        if number < 2:
            raise UserError(
                "Data must hold at least 2 images of each class. Received: "
                f"{number} of class {label} ({data.name})"
            )
    return np.minimum(there, num_images)


def _number_of_classes(data: Samples, argument: str) -> int:
    if data.labels is None or (data.labels < 0).all():
        raise UserError(
            f"`{argument}` must have labels. Received: {data.name}, which has "
            "none"
        )
    return int(data.labels.max()) + 1
