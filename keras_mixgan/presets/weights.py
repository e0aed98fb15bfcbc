"""The weights file of a preset: full, or small."""

import os
import pathlib

import h5py
import numpy as np

from keras_mixgan.utils.errors import UserError

OPTIMIZER = "optimizer"
_OWN = "vars/"
# Groups of the generators, and the prefix of those of their averages.
_LAST, _AVERAGED = "generators/", "ema_"


def shrink(source: pathlib.Path, target: pathlib.Path) -> None:
    """Copies a weights file in half precision, without optimizer state.

    Where averages of the generators generate, they stand for the generators'
    last weights and random states too, as a second name of the same arrays;
    a training that goes on from them starts at the averages. The model's own
    variables, such as mixture logits, and integers, such as random states and
    the step, stay as they are. Keras casts to each variable's own type as it
    loads. Weights beyond the range of half precision are refused.
    """
    averages = []
    with h5py.File(source) as old, h5py.File(target, "w") as new:

        def copy(name, item):
            if name.split("/")[0] == OPTIMIZER:
                return
            if name.startswith(_LAST) and f"{_AVERAGED}{name}" in old:
                return
            if isinstance(item, h5py.Group):
                group = new.require_group(name)
                group.attrs.update(item.attrs)
                return
            values = item[()]
            # The model's own variables, among them payoffs, are a few numbers.
            if item.dtype == np.float32 and not name.startswith(_OWN):
                values = _halved(name, values)
            new.create_dataset(name, data=values).attrs.update(item.attrs)
            if name.startswith(f"{_AVERAGED}{_LAST}"):
                averages.append(name)

        old.visititems(copy)
        for average in averages:
            new[average.removeprefix(_AVERAGED)] = new[average]


def has_optimizer(path: str | os.PathLike[str]) -> bool:
    """Whether a weights file holds an optimizer's state."""
    with h5py.File(path) as file:
        return OPTIMIZER in file


def _halved(name: str, values: np.ndarray) -> np.ndarray:
    limit = np.finfo(np.float16).max
    if values.size and np.abs(values).max() > limit:
        raise UserError(
            f"`{name}` must lie within +-{limit:.0f} to be kept in half "
            f"precision. Received: up to {np.abs(values).max():g}"
        )
    return values.astype(np.float16)
