"""Checks of arguments, which raise a `UserError`.

All errors read "`name` must be X. Received: name=value".
"""

import difflib
import math
import numbers
from collections.abc import Iterable
from typing import Any

from keras_mixgan.utils.errors import UserError


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


def positive_number(name: str, value: Any) -> float:
    """Checks a finite number above 0.

    Example:
    >>> positive_number("stddev", 1)
    1.0
    """
    is_real = isinstance(value, numbers.Real) and not isinstance(value, bool)
    if not is_real or not 0 < value < math.inf:
        raise UserError(
            f"`{name}` must be a positive number. Received: {name}={value!r}"
        )
    return float(value)


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


def nearest_of(value: Any, known: Iterable[str]) -> str:
    """A suggestion of a similar name, or nothing, for the end of an error.

    Example:
    >>> nearest_of("payof", ["payoff", "seed"])
    ". Did you mean 'payoff'?"
    """
    near = difflib.get_close_matches(str(value), list(known), 1)
    return f". Did you mean {near[0]!r}?" if near else ""
