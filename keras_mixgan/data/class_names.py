"""What the labels of well-known data sets stand for."""

from collections.abc import Mapping
from typing import Any

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


def of_settings(settings: Mapping[str, Any] | None) -> tuple[str, ...] | None:
    """Class names, by label, of the data that a model was trained with.

    From the model's `run_settings`; `None` where the data set is not known.

    Example:
    >>> of_settings({"source": "cifar10"})[0]
    'Airplane'
    """
    source = (settings or {}).get("source")
    return BY_SOURCE.get(source) if isinstance(source, str) else None
