"""Sliced Wasserstein distance between image patches, level by level.

Karras et al. 2018 (arXiv:1710.10196), section 5: patches of every level of a
Laplacian pyramid are normalised, projected on random directions and compared
by their sorted projections. TF-GAN computes it. It needs no classifier, so it
can be used when no classifier fits the data.
"""

import contextlib
import threading
import types
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_mixgan.metrics import tfgan
from keras_mixgan.metrics.samples import Samples
from keras_mixgan.metrics.samples import as_samples
from keras_mixgan.metrics.samples import check_shapes
from keras_mixgan.metrics.score import Score
from keras_mixgan.utils.errors import UserError

SMALLEST_LEVEL = 16
PATCH = 7

_lock = threading.Lock()


def sliced_wasserstein(
    model_or_images: Any,
    real: Any,
    num_images: int | None = 8192,
    seed: int = 0,
    component: int | None = None,
    patches_per_image: int = 64,
) -> Score:
    """Sliced Wasserstein distance to real images; 0 is best.

    Karras et al. compare 8192 images. Scores of different numbers of images
    are not comparable. Images are rounded to 8 bits and get uniform noise of
    one gray level: TF-GAN divides every patch by its standard deviation, which
    is 0 on the plain background of a digit. Gray images are tiled to three
    channels.

    Args:
        model_or_images: See `inception_score`; square images.
        real: See `fid`.
        num_images: Images to take of each side.
        seed: Seed of the images, the patches and the projections.
        component: Score one generator alone.
        patches_per_image: Patches taken of each image and level.

    Returns:
        `Score` without std: the mean over the levels. `details["levels"]`
        lists for each level its size, its distance, and the floor: the
        distance between two draws of patches from the real images.

    Raises:
        ValueError: Images that are not square, below 16 pixels, or of a size
            the pyramid cannot halve.

    Example:
    >>> import keras_mixgan as kmg
    >>> from keras_mixgan.data.sources import load_source
    >>> digits = load_source("digits").images
    >>> score = kmg.metrics.sliced_wasserstein(
    ...     digits[:64], real=digits[64:128], seed=0
    ... )
    >>> [level["size"] for level in score.details["levels"]]
    [28]
    """
    real = as_samples(real, num_images, seed=seed, argument="real")
    samples = as_samples(
        model_or_images, num_images, seed=seed, component=component
    )
    sizes = levels_of(samples, real)
    count = min(samples.num_images, real.num_images)
    rng = np.random.default_rng(seed)
    images = [_prepared(side.images(count), rng) for side in (real, samples)]
    pairs = _distances(*images, patches_per_image, seed)
    levels = [
        {"size": size, "distance": distance, "real_to_real": floor}
        for size, (floor, distance) in zip(sizes, pairs, strict=True)
    ]
    details = {
        "num_images": count,
        "levels": levels,
        "patches_per_image": patches_per_image,
        "conversion": "8 bits, uniform noise of one gray level"
        + ("; gray tiled to 3 channels" if real.image_shape[-1] == 1 else ""),
        "seed": seed,
    }
    mean = float(np.mean([level["distance"] for level in levels]))
    return Score(mean, None, details, "sliced Wasserstein distance")


def _distances(
    real: np.ndarray, images: np.ndarray, patches_per_image: int, seed: int
) -> list[tuple[float, float]]:
    """Returns TF-GAN's (real to real, real to images) of every level."""
    import tensorflow as tf

    with tfgan.quiet(), _seeded(seed) as module:
        levels = module.sliced_wasserstein_distance(
            tf.constant(real),
            tf.constant(images),
            resolution_min=SMALLEST_LEVEL,
            patches_per_image=patches_per_image,
            patch_size=PATCH,
        )
    return [(float(floor), float(distance)) for floor, distance in levels]


class _Instead:
    """A module with some attributes replaced."""

    def __init__(self, module: Any, **others: Any) -> None:
        self._module = module
        vars(self).update(others)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[types.ModuleType]:
    """Gives TF-GAN's module its own random generator for a while.

    TF-GAN draws patches by NumPy's global generator and projections by
    TensorFlow's. Seeding those would change what the user's program draws
    next, and TensorFlow's generator cannot be restored.
    """
    import tensorflow as tf

    random = np.random.RandomState(seed & 0xFFFFFFFF)

    def normal(shape):
        size = [int(length) for length in shape]
        return tf.constant(random.standard_normal(size), tf.float32)

    module = tfgan.module("sliced_wasserstein")
    with _lock:
        module.np = _Instead(np, random=random)
        module.tf = _Instead(tf, random=_Instead(tf.random, normal=normal))
        try:
            yield module
        finally:
            module.np, module.tf = np, tf


def levels_of(model_or_samples: Any, real: Samples) -> list[int]:
    """Returns the sizes of the pyramid's levels, after checking the shapes."""
    tfgan.check_tensorflow()
    check_shapes(model_or_samples, real)
    shape = tuple(model_or_samples.image_shape)
    if len(shape) != 3 or shape[0] != shape[1] or shape[0] < SMALLEST_LEVEL:
        raise UserError(
            "`model_or_images` must be square images of at least "
            f"{SMALLEST_LEVEL} pixels. Received: shape {shape}"
        )
    # As TF-GAN counts the levels.
    count = int(np.log2(shape[0])) - int(np.log2(SMALLEST_LEVEL)) + 1
    factor = 2 ** (count - 1)
    if shape[0] % factor:
        raise UserError(
            f"`model_or_images` must have a size divisible by {factor}, for a "
            f"pyramid of {count} levels. Received: shape {shape}"
        )
    return [shape[0] // 2**level for level in range(count)]


def _prepared(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Returns 8-bit images with noise of one gray level, three channels."""
    gray = np.clip(np.rint((images + 1) * 127.5), 0, 255)
    noise = rng.uniform(-0.5, 0.5, gray.shape)
    images = ((gray + noise) / 127.5 - 1).astype("float32")
    return np.repeat(images, 3, axis=-1) if images.shape[-1] == 1 else images
