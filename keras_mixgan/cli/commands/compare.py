"""`keras-mixgan compare`."""

import pathlib

from keras_mixgan.cli.commands import shared_flags
from keras_mixgan.utils.errors import UserError

DESCRIPTION = """
Prints two or more reports of `keras-mixgan evaluate` side by side, lists the
conditions in which they differ, and plots them. A report is a file that
`evaluate` wrote, or its folder; NAME=PATH also names its column.
"""

GROUPS = {"Flags": (shared_flags.picture("compare.png"),)}

EPILOGUE = """
Examples:
  keras-mixgan compare runs/digits runs/digits-pair
  keras-mixgan compare mixture=a/scores.json pair=b/scores.json --out=ab.png
"""


def run(values) -> None:
    """Compares the reports."""
    if len(values.words) < 2:
        raise UserError(
            "`compare` takes two reports or more: keras-mixgan compare "
            f"runs/a runs/b. Received: {' '.join(values.words) or 'none'}"
        )
    out = shared_flags.check_picture(values.out, figure=True)

    from keras_mixgan.metrics.comparison import Comparison
    from keras_mixgan.metrics.report import Report
    from keras_mixgan.utils import plotting

    named = dict(_named(values.words))
    comparison = Comparison(
        {name: Report.load(path) for name, path in named.items()}
    )
    print(comparison.table())
    differences = comparison.differences()
    if differences:
        print("\nThese scores are not directly comparable:")
        print("\n".join(f"  {line}" for line in differences))
    plotting.save(comparison.figure(), out)
    print(f"\nWrote {out}")


def _named(texts: list[str]):
    """Pairs of a unique column name and a path."""
    names = []
    for text in texts:
        name, equals, path = text.partition("=")
        if not equals or pathlib.Path(text).exists():
            name, path = _name(pathlib.Path(text)), text
        names.append((name or path, path))
    if len({name for name, _ in names}) < len(names):
        names = [(path, path) for _, path in names]
    if len({name for name, _ in names}) < len(names):
        raise UserError(
            "`compare` takes each report once. Received: " + " ".join(texts)
        )
    return names


def _name(path: pathlib.Path) -> str:
    """The file's name; for scores.json, that of its folder."""
    path = path.absolute()
    if path.name == "scores.json":
        path = path.parent
    return path.name.removesuffix(".json")
