"""The images of a score: from a model or a data set, in batches.

Every score reads its images through `Samples`. So one place decides their
number and order, and at most one chunk of generated images is in memory.
"""

import copy
import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_mixgan.utils import checks
from keras_mixgan.utils import pixels
from keras_mixgan.utils.errors import UserError

# Generated images come in chunks of this size, each with its own seed, so that
# the batch size does not change them and memory does not grow.
CHUNK = 1000
# Half a gray level of slack for images that were resized or rounded.
SLACK = 1 / 255


class Samples:
    """A fixed sequence of images from a model, an array or a source.

    Classifiers' outputs on a model's images are kept here until its step
    changes; where you change weights by hand, make new `Samples`.

    Args:
        data: An object with `generate` (a `MixGAN`), a source (an object with
            `images`), an array of images, or the name or folder of a source.
            Arrays are uint8 (N, H, W, C) in 0..255, float (N, H, W, C) in
            [-1, 1], or float (N, F) points, with C 1 or 3.
        num_images: Number of images; `None` for all of an array, 50,000 of a
            model. An array with fewer gives all.
        seed: Seed of the latents, and of the order of an array, so that data
            sorted by class have all classes in every split.
        component: Number of the one generator to sample; `None` for the
            mixture.
        argument: Name of the caller's argument, for error messages.

    Raises:
        ValueError: No images, a wrong shape, a range outside [-1, 1].
        TypeError: `data` is none of the above.

    Example:
    >>> import numpy as np
    >>> samples = Samples(np.zeros((10, 8, 8, 1), "uint8"), num_images=5)
    >>> [batch.shape for batch in samples.batches(4)]
    [(4, 8, 8, 1), (1, 8, 8, 1)]
    """

    def __init__(
        self,
        data: Any,
        num_images: int | None = None,
        *,
        seed: int = 0,
        component: int | None = None,
        argument: str = "model_or_images",
    ) -> None:
        self.seed = checks.integer("seed", seed, least=0)
        self.component = component
        self.name = _name(data)
        self.memo: dict[Any, Any] = {}
        self.model = self._order = self._images = self.labels = None
        self.selection: dict[str, Any] = {}
        checks.optional_integer("num_images", num_images)
        if callable(getattr(data, "generate", None)):
            self.model = data
            self.num_images = 50_000 if num_images is None else num_images
            # A part must draw the same chunks, cut short.
            self._drawn = self.num_images
            self.image_shape = tuple(data.image_shape)
            return
        if component is not None:
            raise UserError(
                f"`component` must be None if `{argument}` is a data set: it "
                "picks a generator of a model. Received: "
                f"component={component}"
            )
        if isinstance(data, str) or hasattr(data, "__fspath__"):
            from keras_mixgan.data.sources import load_source

            data = load_source(data)
        if getattr(data, "split", None) is not None:
            self.selection = {
                "split": data.split, "crop_size": data.crop_size
            }  # fmt: skip
        self._images, labels = _arrays(data, argument)
        order = np.random.default_rng(self.seed).permutation(len(self._images))
        self._order = order[:num_images]
        self.labels = None if labels is None else labels[self._order]
        self.num_images = len(self._order)
        self.image_shape = self._images.shape[1:]

    def batches(self, batch_size: int = 128) -> Iterator[np.ndarray]:
        """Yields all images as float32 (B, ...) in [-1, 1].

        Args:
            batch_size: The largest B; it does not change the images.
        """
        checks.integer("batch_size", batch_size)
        size = CHUNK if self.model is not None else batch_size
        for start in range(0, self.num_images, size):
            chunk = self._chunk(start, size, batch_size)
            for first in range(0, len(chunk), batch_size):
                yield chunk[first : first + batch_size]

    def images(self, limit: int | None = None) -> np.ndarray:
        """Returns the first images at once, float32 (min(limit, N), ...).

        Args:
            limit: The most images, at least 1; `None` for all.
        """
        return np.concatenate(list(self.first(limit).batches()))

    def images_of(self, label: int, limit: int) -> np.ndarray:
        """Returns the first images of a class, float32 (min(limit, N), ...).

        Args:
            label: The class, of a data set that has labels.
            limit: The most images.
        """
        rows = np.flatnonzero(self.labels == label)[:limit]
        return to_float(self._images[self._order[rows]])

    def halves(self) -> tuple["Samples", "Samples"]:
        """Returns two data sets, the first and the second half of this one.

        Raises:
            ValueError: This is a model, or holds a single image.
        """
        if self.model is not None or self.num_images < 2:
            raise UserError(
                "`samples` must be a data set of at least 2 images to be "
                f"halved. Received: {self.num_images} images"
            )
        middle = self.num_images // 2
        return self._part(slice(middle)), self._part(slice(middle, None))

    def first(self, count: int | None) -> "Samples":
        """Returns the first `count` images, or this if it has no more."""
        if count is None or count >= self.num_images:
            return self
        checks.integer("num_images", count)
        return self._part(slice(count))

    def unshuffled(self) -> tuple["Samples", np.ndarray]:
        """Returns the same images of a data set in the data set's order.

        And, int64 (N,), the place of each of this one's images in it.
        """
        ranks = np.argsort(self._order)
        places = np.empty_like(ranks)
        places[ranks] = np.arange(self.num_images)
        return self._part(ranks), places

    def fingerprint(self) -> str | None:
        """Returns a hash of the images, `None` for a model.

        It is of the data set's order, not of this one, which a seed draws.
        """
        if self.model is not None:
            return None
        if "fingerprint" not in self.memo:
            order = np.sort(self._order)
            digest = hashlib.sha256()
            digest.update(f"{self._images.dtype} {self.image_shape}".encode())
            for start in range(0, self.num_images, CHUNK):
                rows = order[start : start + CHUNK]
                digest.update(np.ascontiguousarray(self._images[rows]).data)
            self.memo["fingerprint"] = digest.hexdigest()
        return self.memo["fingerprint"]

    def _part(self, rows: slice | np.ndarray) -> "Samples":
        part = copy.copy(self)
        part.memo = {
            key: outputs.rows(rows)
            for key, outputs in self.memo.items()
            if hasattr(outputs, "rows")
        }
        part.num_images = len(np.arange(self.num_images)[rows])
        if self.model is None:
            part._order = self._order[rows]
            if self.labels is not None:
                part.labels = self.labels[rows]
        return part

    def _chunk(self, start: int, size: int, batch_size: int) -> np.ndarray:
        if self.model is None:
            rows = self._order[start : start + size]
            return to_float(self._images[rows])
        images = self.model.generate(
            min(size, self._drawn - start),
            component=self.component,
            seed=chunk_seed(self.seed, start // CHUNK),
            batch_size=batch_size,
        )
        images = check_finite(np.asarray(images, "float32"))
        return images[: self.num_images - start]


def check_finite(images: np.ndarray) -> np.ndarray:
    """Returns a model's images; refuses those of a diverged training."""
    if not np.isfinite(images).all():
        raise UserError(
            "`model` must generate finite images; its training has diverged. "
            "Received: NaN or infinity"
        )
    return images


def check_shapes(samples: Samples, real: Samples) -> None:
    """Raises a ValueError if generated and real images differ in shape."""
    if tuple(samples.image_shape) != tuple(real.image_shape):
        raise UserError(
            "`real` must have images of the shape that is scored, "
            f"{samples.image_shape}. Received: {real.image_shape}"
        )


def check_labels(
    real: Samples, num_classes: int | None, unknown: bool = False
) -> None:
    """Checks that labels are classes; `unknown` allows -1 too."""
    least = -1 if unknown else 0
    low, high = real.labels.min(), real.labels.max()
    if low < least or (num_classes is not None and high >= num_classes):
        most = "" if num_classes is None else f" to {num_classes - 1}"
        raise UserError(
            f"`real` must have labels from {least}{most}. Received: "
            f"{real.name}, with labels from {low} to {high}"
        )


def chunk_seed(seed: int, chunk: int) -> int:
    """Returns a seed for one chunk, unlike those of other chunks and seeds."""
    checks.integer("seed", seed, least=0)
    state = np.random.SeedSequence([seed, chunk]).generate_state(1)
    return int(state[0] & 0x7FFFFFFF)


def to_float(images: np.ndarray) -> np.ndarray:
    """Returns images as float32: uint8 0..255 becomes [-1, 1]."""
    if images.dtype == np.uint8:
        return pixels.to_floats(images)
    return images.astype("float32")


def as_samples(
    data: Any, num_images: int | None = None, **keywords: Any
) -> Samples:
    """Returns `Samples(data, ...)`; of a `Samples`, its first images."""
    if isinstance(data, Samples):
        component = keywords.get("component")
        if component not in (None, data.component):
            raise UserError(
                "`component` must be that of the `Samples`, which are of "
                f"component {data.component}. Received: component={component}"
            )
        return data.first(num_images)
    return Samples(data, num_images, **keywords)


def _name(data: Any) -> str:
    """Returns the name of the data in reports."""
    if isinstance(data, str) or hasattr(data, "__fspath__"):
        return str(data)
    return str(getattr(data, "name", "array"))


def _arrays(data: Any, argument: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Returns checked images and labels of an array or a source."""
    labels = getattr(data, "labels", None)
    images = np.asarray(getattr(data, "images", data))
    if images.dtype.kind not in "uif":
        raise TypeError(
            f"`{argument}` must be a model with `generate`, a source, the "
            f"name of a source, or an array of images. Received: {data!r}"
            f"{checks.array_hint(data)}"
        )
    _check(images, argument)
    if labels is not None:
        labels = np.asarray(labels)
        if labels.dtype.kind not in "iu" or labels.shape != images.shape[:1]:
            raise UserError(
                f"`{argument}` must have integer labels ({len(images)},), one "
                f"for each image. Received: {labels.dtype} {labels.shape}"
            )
    return images, labels


def _check(images: np.ndarray, argument: str) -> None:
    """Raises ValueError if an array does not hold images or points."""
    if len(images.shape) not in (2, 4):
        raise UserError(
            f"`{argument}` must have shape (N, height, width, channels), or "
            f"(N, features) for points. Received: shape {images.shape}"
        )
    if len(images) == 0:
        raise UserError(
            f"`{argument}` must hold at least one image. Received: shape "
            f"{images.shape}"
        )
    if images.ndim == 4 and images.shape[-1] not in (1, 3):
        raise UserError(
            f"`{argument}` must have 1 or 3 channels. Received: "
            f"{images.shape[-1]} channels (shape {images.shape})"
        )
    if images.dtype == np.uint8:
        return
    if images.dtype.kind != "f":
        raise UserError(
            f"`{argument}` must be uint8 in 0..255 or float in [-1, 1]. "
            f"Received: {images.dtype}"
        )
    low, high = images.min(), images.max()
    if not (np.isfinite(low) and np.isfinite(high)):
        raise UserError(
            f"`{argument}` must be finite. Received: NaN or infinity"
        )
    if images.ndim == 4 and (low < -1 - SLACK or high > 1 + SLACK):
        raise UserError(
            f"`{argument}` must be float in [-1, 1] (or uint8 in 0..255). "
            f"Received: values from {low:.4g} to {high:.4g}"
        )
    # A few bright images may have no dark pixel.
    if images.ndim == 4 and len(images) >= 10 and 0 <= low < high:
        raise UserError(
            f"`{argument}` must be float in [-1, 1], and some pixel dark. "
            f"Received: values from {low:.4g} to {high:.4g}. Give 2 * images "
            "- 1 in place of images in [0, 1]"
        )
