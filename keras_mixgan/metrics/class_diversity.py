"""How much images of one class differ, against how much real ones do.

A conditional generator that answers all latents of a class with one image can
still score well: its images are good, and every class is there. This number
falls to 0 where it does so. It looks at pixels alone, so that it needs no
classifier; noise too is diverse, so read it beside a distance.
"""

from typing import Any

import numpy as np

from keras_mixgan.metrics.samples import Samples
from keras_mixgan.metrics.samples import as_samples
from keras_mixgan.metrics.samples import chunk_seed
from keras_mixgan.metrics.score import Score
from keras_mixgan.utils import checks


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
        model_or_data: a conditional `MixGAN`, or labelled data.
        real: labelled data: a source, or its name or folder.
        num_images: images of each class; of data that has fewer, all.
        seed: of the images.
        component: score one generator alone.

    Returns:
        `Score` of the mean spread over all classes, divided by the same of
        real data: 1 varies as much, 0 is one image a class. Details hold the
        share of each class.

    Raises:
        ValueError: a model without classes, data without labels or without
            two images of a class, fewer than two images.

    Example:
    >>> score = class_diversity("digits", "digits", num_images=20)
    >>> float(score)
    1.0
    """
    checks.integer("num_images", num_images, least=2)
    real = as_samples(real, seed=seed, argument="real")
    if callable(getattr(model_or_data, "generate", None)):
        count = getattr(model_or_data, "num_classes", None)
        if not count:
            raise ValueError(
                "`model_or_data` must be conditional, with `num_classes`, "
                f"received: num_classes={count!r}."
            )
        spreads = _spreads_of_model(
            model_or_data, count, num_images, seed, component
        )
    else:
        data = as_samples(model_or_data, seed=seed, argument="model_or_data")
        count = _number_of_classes(data, "model_or_data")
        spreads = _spreads_of_data(data, count, num_images)
    _number_of_classes(real, "real")
    wanted = _spreads_of_data(real, count, num_images)
    details = {
        "images_per_class": num_images,
        "per_class": (spreads / wanted).tolist(),
        "real_spread": float(wanted.mean()),
        "seed": seed,
    }
    share = float(spreads.mean() / wanted.mean())
    return Score(share, None, details, "class diversity")


def _spreads_of_model(
    model: Any, count: int, num_images: int, seed: int, component: int | None
) -> np.ndarray:
    """Returns the spread of each class (count,)."""
    return np.array(
        [
            _spread(
                model.generate(
                    num_images,
                    labels=np.full(num_images, label, "int32"),
                    component=component,
                    seed=chunk_seed(seed, label),
                )
            )
            for label in range(count)
        ]
    )


def _spreads_of_data(data: Samples, count: int, num_images: int) -> np.ndarray:
    """Returns the spread of each class (count,)."""
    found = []
    for label in range(count):
        images = data.images_of(label, num_images)
        if len(images) < 2:
            raise ValueError(
                "Data must hold at least 2 images of each class, received: "
                f"{len(images)} of class {label} ({data.name})."
            )
        found.append(_spread(images))
    return np.array(found)


def _number_of_classes(data: Samples, argument: str) -> int:
    if data.labels is None:
        raise ValueError(
            f"`{argument}` must have labels, received: {data.name}, without."
        )
    return int(data.labels.max()) + 1


def _spread(images: np.ndarray) -> float:
    """Returns the standard deviation over images, averaged over pixels."""
    return float(np.asarray(images).std(axis=0).mean())
