"""Labels as users have them: class numbers, a column of them, or one-hot."""

import numpy as np
from keras import ops

from keras_mixgan.game import ensembles
from keras_mixgan.utils.errors import UserError


def class_numbers(
    labels: np.ndarray, num_classes: int | None, least: int = 0
) -> np.ndarray:
    """Checks labels, and turns them into class numbers (N,).

    Labels are ints in [least, num_classes), (N,) or (N, 1). Or one-hot rows
    (N, num_classes), numbers or booleans, where the number of classes is known
    and not 1. Where that is `None`, the upper end is unchecked.

    Example:
    >>> class_numbers(np.array([[0, 1, 0], [1, 0, 0]]), 3)
    array([1, 0])
    """
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2:
        return _from_one_hot(labels, num_classes)
    if labels.ndim != 1 or (labels.size and labels.dtype.kind not in "iu"):
        raise UserError(
            "`labels` must be a vector of integers, or one-hot rows. "
            f"Received: shape {labels.shape}, dtype {labels.dtype}"
        )
    if labels.size:
        low, high = labels.min(), labels.max()
        if low < least or (num_classes is not None and high >= num_classes):
            end = "..." if num_classes is None else num_classes
            raise UserError(
                f"`labels` must lie in [{least}, {end}). Received: labels from "
                f"{low} to {high}"
            )
    return labels


def _from_one_hot(labels, num_classes) -> np.ndarray:
    if num_classes is None:
        raise UserError(
            "`labels` may be one-hot only where the number of classes is "
            "known: pass `num_classes` to MixGAN, or give class numbers. "
            f"Received: shape {labels.shape}"
        )
    width = labels.shape[1]
    if width != num_classes or not _are_one_hot(labels):
        raise UserError(
            f"`labels` of two axes must be one-hot: {num_classes} numbers per "
            "image, one of them 1 and the others 0. Received: shape "
            f"{labels.shape}, dtype {labels.dtype}"
        )
    return labels.argmax(axis=1)


def _are_one_hot(labels) -> bool:
    values = np.asarray(labels, "float32")
    zeros_and_ones = (values == 0) | (values == 1)
    return bool(zeros_and_ones.all() and (values.sum(axis=1) == 1).all())


def classes_of(model) -> int | None:
    """The number of classes of the labels that a model takes, if known."""
    network = model.discriminators[0]
    classifies = "class_logits" in ensembles.output_names(network)
    if classifies and model.num_classes is None:
        return ensembles.output_shape(network, "class_logits")[-1]
    return model.num_classes


def class_numbers_in_step(labels):
    """The class numbers, int32 (B,), of a batch of labels, unchecked.

    Labels are (B,), (B, 1) or one-hot (B, num_classes).
    """
    if len(labels.shape) == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    elif len(labels.shape) == 2:
        labels = ops.argmax(ops.cast(labels, "float32"), axis=-1)
    return ops.cast(labels, "int32")
