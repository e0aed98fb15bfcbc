"""What the labels of well-known data sets stand for."""

import os
import pathlib

from keras_mixgan import presets
from keras_mixgan.utils import json_files

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


def of_model(path: str | os.PathLike[str]) -> tuple[str, ...] | None:
    """Class names of the data that a model was trained with.

    Args:
        path: A preset, or the `.keras` file of a run, beside which
            `settings.json` lies.

    Returns:
        A name a label; `None` where the data set is not known.
    """
    if presets.is_preset(path):
        record = presets.find(path) / presets.METADATA
    else:
        record = pathlib.Path(path).parent / "settings.json"
    try:
        content = json_files.read(record, presets.FORMAT, "settings")
        source = content["settings"]["source"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # The names are an extra: nothing depends on them.
    return BY_SOURCE.get(source) if isinstance(source, str) else None
