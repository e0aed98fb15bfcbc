"""Checks what a user gives to `compile` and `fit`, before any training."""

import functools
from collections.abc import Callable
from typing import ParamSpec

import keras
import numpy as np

from keras_mixgan.data import batches
from keras_mixgan.data import sources
from keras_mixgan.training import usage
from keras_mixgan.training.labels import class_numbers
from keras_mixgan.training.labels import classes_of
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

P = ParamSpec("P")


def refusing_keras_arguments(own: Callable[P, None]) -> Callable[P, None]:
    """Has `compile` say what stands for arguments of Keras's `compile`."""

    @functools.wraps(own)
    def checked(*args: P.args, **kwargs: P.kwargs) -> None:
        if given := sorted({"loss", "metrics", "optimizer"} & set(kwargs)):
            raise UserError(
                "`compile` must be given `generator_optimizer=` and "
                "`discriminator_optimizer=` in place of `optimizer=`, and "
                "`payoff=` in place of `loss=`; scores are those of "
                "`callbacks.Evaluate`, in place of `metrics=`. Received: "
                f"{', '.join(given)}"
            )
        own(*args, **kwargs)

    return checked


def check_backend() -> None:
    """Refuses to train with a backend of Keras that there are no steps for."""
    backend = keras.backend.backend()
    if backend not in ("tensorflow", "jax"):
        raise UserError(
            "Keras's backend, KERAS_BACKEND, must be tensorflow or jax to "
            f"train. Received: {backend}"
        )


def _check_images(images: np.ndarray, image_shape: tuple) -> None:
    """Checks real images (B, ...) against what the networks take.

    They must have the `image_shape` that generators make, be finite, and lie in
    [-1, 1] (points, of shape (dimension,), may lie anywhere).
    """
    if tuple(images.shape[1:]) != tuple(image_shape):
        raise UserError(
            "`images` must have shape (batch, "
            f"{', '.join(map(str, image_shape))}), as the networks have it. "
            f"Received: shape {tuple(images.shape)}"
        )
    if len(images) == 0:
        raise UserError(
            "`images` must hold at least one image. Received: shape "
            f"{tuple(images.shape)}"
        )
    if images.dtype.kind not in "fiu":
        images = images.astype("float32")
    if not np.isfinite(images).all():
        bad = np.flatnonzero(
            ~np.isfinite(images).reshape(len(images), -1).all(axis=1)
        )
        raise UserError(
            "`images` must be finite. Received: NaN or infinity in image "
            f"{bad[0]} of the first {len(images)}"
        )
    low, high = images.min(), images.max()
    # Half a gray level of slack for images that were resized or rounded.
    if len(image_shape) > 1 and (low < -1.004 or high > 1.004):
        hint = " Divide by 127.5 and subtract 1." if high > 2 else ""
        raise UserError(
            "`images` must lie in [-1, 1]. Received: values from "
            f"{low:g} to {high:g}.{hint}"
        )


def check_batch(model, images, labels, training: bool = True) -> None:
    """Checks one batch, or a whole array, against a model.

    Labels are (B,), (B, 1), one-hot (B, num_classes), or `None`. In `training`
    auxiliary losses may need labels that the networks do not take.
    """
    _check_images(images, model.image_shape)
    wanted = model.takes_labels if training else model.conditional
    if wanted and labels is None:
        who = "networks take" if model.conditional else "auxiliary losses take"
        raise UserError(
            f"`labels` must be given, as (images, labels): the {who} labels. "
            "Received: images alone"
        )
    if not wanted and labels is not None:
        raise UserError(
            "`labels` must not be given: the networks take images alone. "
            "Received: (images, labels). Leave the labels out: "
            "`dataset.map(lambda images, labels: images)`, or of a source "
            "`dataclasses.replace(source, labels=None)`"
        )
    if labels is not None:
        if len(labels) != len(images):
            raise UserError(
                "`labels` must have one label per image. Received: "
                f"{len(images)} images and {len(labels)} labels"
            )
        _check_labels_of(model, labels)


def _check_labels_of(model, labels: np.ndarray) -> None:
    """Generators need all labels, a classifying discriminator only some."""
    if not model.conditional:
        class_numbers(labels, classes_of(model), least=-1)
        return
    if labels.dtype.kind in "iu" and labels.size and labels.min() == -1:
        raise UserError(
            "`labels` must be known for all images where generators take "
            f"labels, and lie in [0, {model.num_classes or '...'}). Received: "
            f"{np.sum(labels == -1)} of {len(labels)} that are -1, not known"
        )
    class_numbers(labels, classes_of(model))


REFUSED = {
    "sample_weight": "images have no weights in a GAN's game. Draw rare ones "
    "more often instead, e.g. with `tf.data.Dataset.sample_from_datasets`",
    "class_weight": "classes have no weights in a GAN's game. Draw rare ones "
    "more often instead, e.g. with `tf.data.Dataset.rejection_resample`",
    "validation_data": "a GAN has no validation loss. Use "
    "`callbacks.Evaluate(source=..., every=...)` for scores as it trains, or "
    "`model.payoff_matrix` on held-out images",
    "validation_split": "a GAN has no validation loss. Use "
    "`callbacks.Evaluate(source=..., every=...)` for scores as it trains, or "
    "`model.payoff_matrix` on held-out images",
}


def check_arguments(arguments: dict) -> None:
    """Checks the backend and the other arguments of `fit`: not `REFUSED`."""
    check_backend()
    for name, reason in REFUSED.items():
        value = arguments.get(name)
        # The value may be an array; a fraction of 0.0 counts as not given.
        if value is not None and not (np.isscalar(value) and value == 0):
            raise UserError(
                f"`{name}` must not be given: {reason}. Received: "
                f"{name}={type(value).__name__}"
            )


def check_data(model, x, y, batch_size: int | None):
    """Checks the data given to `fit`: a whole array, or else the first batch.

    Data that can be read only once, such as a generator, are not checked. Also
    warns of classic mistakes, see `usage`. Returns the first batch, images and
    labels or `None`; or `None` where it cannot be read ahead.
    """
    checks.optional_integer("batch_size", batch_size)
    _check_container(x)
    if is_array(x):
        wanted = batch_size or 32
        if len(x) < wanted:
            raise UserError(
                "`x` must hold at least one batch of images. Received: "
                f"{len(x)} images, batch_size={wanted}"
            )
        batch = (x, y)
    else:
        batch = _first_batch(x)
        if batch is None:
            usage.warn(model, None)
            return None
    images, labels = batch
    images = np.asarray(images)
    labels = None if labels is None else np.asarray(labels)
    check_batch(model, images, labels)
    usage.warn(model, images)
    if is_array(x):
        images = images[:wanted]
        labels = None if labels is None else labels[:wanted]
    return images, labels


def _check_container(x) -> None:
    """Refuses what Keras takes and a GAN does not, or hardly anybody means."""
    hint = {
        list: ". Give an array: `np.asarray(x)`",
        tuple: ". Give labels as `y`: `fit(images, labels)`",
        dict: ". Give images as `x`, and labels as `y`",
        sources.Source: ". Give `kmg.data.load(source)`",
    }.get(type(x), "")
    if x is None or hint:
        raise UserError(
            "`x` must be an array of images, a `tf.data.Dataset`, a "
            "`keras.utils.PyDataset` or a generator. Received: "
            f"{type(x).__name__}{hint}"
        )


def is_array(x) -> bool:
    """Whether `x` is an array or a tensor, of any library."""
    return hasattr(x, "shape") and hasattr(x, "dtype")


def _check_ranks(data) -> None:
    """Refuses a `tf.data.Dataset` that does not say how many axes there are."""
    specs = data.element_spec
    for spec in specs if isinstance(specs, tuple) else (specs,):
        if getattr(getattr(spec, "shape", None), "rank", 0) is None:
            raise UserError(
                "`x` must be a data set whose batches have a known number of "
                "axes, as `tf.ensure_shape` gives those of `tf.py_function`. "
                f"Received: {spec}"
            )


@batches.peeking()
def _first_batch(data):
    """The first (images, labels) of a data set that can be read again."""
    if hasattr(data, "element_spec"):  # a tf.data.Dataset
        if not hasattr(data, "take"):  # distributed over replicas already
            return None
        if keras.backend.backend() == "tensorflow":
            _check_ranks(data)
        first = next(iter(data.take(1)), None)
        if first is None:
            raise UserError(
                "`x` must hold at least one batch of images. Received: an "
                "empty data set; it may have fewer images than one batch, "
                "with the remainder dropped"
            )
    else:
        if isinstance(data, keras.utils.PyDataset):
            count = data.num_batches
        elif hasattr(data, "__getitem__") and hasattr(data, "__len__"):
            count = len(data)
        else:
            return None
        if count == 0:
            raise UserError(
                "`x` must hold at least one batch of images. Received: none"
            )
        first = data[0]
    parts = first if isinstance(first, tuple | list) else (first,)
    if any(isinstance(part, dict) for part in parts):
        raise UserError(
            "`x` must give images, or (images, labels). Received: a "
            "dictionary; `dataset.map(lambda row: (row['image'], "
            "row['label']))` makes pairs of it"
        )
    if len(parts) > 2:
        raise UserError(
            "`x` must give images, or (images, labels). Received: "
            f"{len(parts)} parts; sample weights have no part in a GAN's game"
        )
    return parts[0], (parts[1] if len(parts) == 2 else None)
