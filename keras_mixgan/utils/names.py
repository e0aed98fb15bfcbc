"""Names that a user types, held against those that exist."""

import difflib
from collections.abc import Iterable
from typing import Any

from keras_mixgan.utils.errors import UserError


def one_of(name: str, value: Any, known: Iterable[str]) -> None:
    """Checks a name against those that exist, and suggests the nearest.

    Args:
        name: What is named.
        value: The name received.
        known: The names there are.

    Raises:
        ValueError: There is no such name.
    """
    known = sorted(known)
    if value in known:
        return
    near = difflib.get_close_matches(str(value), known, 1)
    hint = f". Did you mean {near[0]!r}?" if near else ""
    raise UserError(
        f"`{name}` must be one of {', '.join(known)}. Received: {value!r}{hint}"
    )
