"""Checks of arguments, which raise a `UserError`.

All errors read "`name` must be X. Received: name=value".
"""

import difflib
import numbers
from collections.abc import Iterable
from typing import Any

from keras_mixgan.utils.errors import UserError

# What others call payoffs that have another name here.
_ELSEWHERE = {
    **dict.fromkeys(("wgan", "wgan_gp", "wgan-gp"), "wasserstein"),
    **dict.fromkeys(("bce", "binary_crossentropy", "gan"), "log"),
    "lsgan": "least_squares",
}


def integer(name: str, value: Any, least: int = 1) -> int:
    """Checks an integer, of Python or NumPy, of at least `least`; no bool.

    Example:
    >>> integer("batch_size", 64)
    64
    """
    is_integer = isinstance(value, numbers.Integral)
    if is_integer and not isinstance(value, bool) and value >= least:
        return int(value)
    wanted = f"an integer of at least {least}"
    if least == 1:
        wanted = "a positive integer"
    raise UserError(f"`{name}` must be {wanted}. Received: {name}={value!r}")


def optional_integer(name: str, value: Any, least: int = 1) -> int | None:
    """Checks an integer that may be left out."""
    return None if value is None else integer(name, value, least)


def number(
    name: str, value: Any, interval: str = "(0, inf)", optional: bool = False
) -> float | None:
    """Checks a number of an interval; no bool. `optional` allows `None`.

    Example:
    >>> number("stddev", 1), number("noise", 0, "[0, 1)")
    (1.0, 0.0)
    """
    if value is None and optional:
        return None
    low, high = map(float, interval[1:-1].split(","))
    is_real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if is_real and (
        low < value < high
        or (value == low and interval[0] == "[")
        or (value == high and interval[-1] == "]")
    ):
        return float(value)
    wanted = f"a number in {interval}"
    if interval == "(0, inf)":
        wanted = "a positive number"
    if optional:
        wanted += ", or None"
    raise UserError(f"`{name}` must be {wanted}. Received: {name}={value!r}")


def boolean(name: str, value: Any) -> None:
    """Checks that a value is True or False, not just like one of them."""
    if not isinstance(value, bool):
        raise UserError(
            f"`{name}` must be True or False. Received: {name}={value!r}"
        )


def one_of(name: str, value: Any, known: Iterable[str]) -> None:
    """Checks a name against those that exist, and suggests the nearest.

    Example:
    >>> one_of("payoff", "log", ["log", "wasserstein"])
    """
    known = sorted(known)
    if isinstance(value, str) and value in known:
        return
    raise UserError(
        f"`{name}` must be one of {', '.join(known)}. Received: "
        f"{name}={value!r}{nearest_of(value, known)}"
    )


def array_hint(value: Any) -> str:
    """What to give in place of a `tf.data.Dataset`, for the end of an error."""
    if not hasattr(value, "element_spec"):
        return ""
    batches = "dataset.as_numpy_iterator()"
    parts = f"list({batches})"
    if isinstance(value.element_spec, tuple):
        parts = f"[batch[0] for batch in {batches}]"
    return f". Give an array, of batches `np.concatenate({parts})`"


def nearest_of(value: Any, known: Iterable[str]) -> str:
    """A suggestion of a similar name, or nothing, for the end of an error.

    Example:
    >>> nearest_of("payof", ["payoff", "seed"])
    ". Did you mean 'payoff'?"
    """
    return suggestion(nearest(value, known))


def nearest(value: Any, known: Iterable[str]) -> str | None:
    """The name that is most like a text, if any is."""
    known, name = list(known), str(value)
    elsewhere = _ELSEWHERE.get(name.lower())
    near = [elsewhere] if elsewhere in known else []
    for text in (name, name.lower()):
        near = near or difflib.get_close_matches(text, known, 1)
    return near[0] if near else None


def suggestion(name: str | None) -> str:
    """A suggestion of a name, for the end of an error; nothing for `None`."""
    return f". Did you mean {name!r}?" if name else ""
