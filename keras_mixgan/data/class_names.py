"""What the labels of well-known data sets stand for."""

import os
from collections.abc import Mapping
from typing import Any

from keras_mixgan.data import sources

_DIGITS = tuple("0123456789")
# https://github.com/zalandoresearch/fashion-mnist#labels and
# https://www.cs.toronto.edu/~kriz/cifar.html, in the order of their labels.
BY_SOURCE = {
    "digits": _DIGITS,
    "mnist": _DIGITS,
    "fashion_mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal",
        "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "cifar10": (
        "Airplane", "Automobile", "Bird", "Cat", "Deer", "Dog", "Frog",
        "Horse", "Ship", "Truck",
    ),
}  # fmt: skip


def data_set_of(source: Any) -> str | None:
    """The name of a data set, here and in TFDS, by that of a source.

    Without TFDS's version; `None` for a folder, whatever its name.

    Example:
    >>> data_set_of("mnist:3.0.1"), data_set_of("./mnist")
    ('mnist', None)
    """
    if isinstance(source, str) and sources.is_path(source):
        return None
    return _name_of(source)


def data_set_of_record(settings: Mapping[str, Any] | None) -> str | None:
    """The same by what a run recorded, see `told_apart`.

    What lies in this folder now does not matter.

    Example:
    >>> data_set_of_record({"source": "mnist"})
    'mnist'
    """
    return _name_of((settings or {}).get("source"))


def _name_of(source: Any) -> str | None:
    if not isinstance(source, str) or source.startswith((".", "/")):
        return None
    return source.partition(":")[0]


def told_apart(source: Any) -> Any:
    """A source as a run records it: "./mnist" for a folder called mnist.

    So a record says which it was, a folder or a well-known data set.
    """
    if _name_of(source) in BY_SOURCE and data_set_of(source) is None:
        return os.path.join(os.curdir, source)
    return source


def of_settings(
    settings: Mapping[str, Any] | None, num_classes: int | None
) -> tuple[str, ...] | None:
    """Class names, by label, of the data that a model was trained with.

    From the model's `run_settings`; `None` where the data set is not known, or
    has fewer classes than the model.

    Example:
    >>> of_settings({"source": "cifar10"}, 10)[0]
    'Airplane'
    """
    names = BY_SOURCE.get(data_set_of_record(settings))
    return names if names and (num_classes or 0) <= len(names) else None
