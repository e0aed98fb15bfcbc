"""Tables of text: aligned for a terminal, and as CSV files."""

import csv
import os
from collections.abc import Callable
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from keras_mixgan.utils import atomic


def aligned(
    lines: Sequence[Sequence[str]],
    names: int = 1,
    others: Callable[[str, int], str] = str.center,
) -> str:
    """Returns lines of cells, equally many, as text in columns.

    The first `names` columns are left-aligned; `others` aligns the rest.

    Example:
    >>> print(aligned([["", "FID"], ["mixture", "12.5"]]))
             FID
    mixture  12.5
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    sides = [str.ljust] * names + [others] * (len(widths) - names)
    return "\n".join(
        "  ".join(
            side(cell, width)
            for side, cell, width in zip(sides, line, widths, strict=True)
        ).rstrip()
        for line in lines
    )


def write_csv(
    path: str | os.PathLike[str],
    columns: Iterable[str],
    rows: Iterable[Mapping[str, Any]],
) -> None:
    """Writes rows as CSV, whole or not at all; missing values stay empty."""
    with (
        atomic.replacing(path) as partial,
        open(partial, "w", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
