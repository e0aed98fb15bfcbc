"""Flags and figures, shared by the examples of the theory."""

import argparse
import io
import os
import pathlib

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from matplotlib.figure import Figure
from PIL import Image

from keras_mixgan.utils.figures import COLOURS

FOLDER = pathlib.Path("runs", "theory")


def arguments(
    name: str, argv: list[str] | None, text: str
) -> argparse.Namespace:
    """Reads the flags of an example.

    Args:
        name: Name of its figure.
        argv: The flags; `None` for those of the command line.
        text: What the example does, for `--help`.

    Returns:
        `full`, whether to run the long version, and `out`, the figure's path.
    """
    parser = _parser(text)
    parser.add_argument(
        "--full", action="store_true", help="take more time, as said above"
    )
    parser.add_argument(
        "--out",
        type=pathlib.Path,
        default=FOLDER / f"{name}.png",
        help="the figure's file",
    )
    return parser.parse_args(argv)


def no_flags(text: str) -> None:
    """Answers `--help` with `text`, and refuses other flags."""
    _parser(text).parse_args()


def _parser(text: str) -> argparse.ArgumentParser:
    return argparse.ArgumentParser(
        description=text,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def panels(count: int) -> tuple[Figure, list]:
    """Returns a figure and its panels, side by side."""
    figure = Figure(figsize=(4.2 * count, 3.6), layout="constrained")
    axes = figure.subplots(1, count, squeeze=False)[0]
    for one in axes:
        one.set_prop_cycle(color=COLOURS)
        one.grid(color="#E5E5E5", lw=0.6)
        one.spines[["top", "right"]].set_visible(False)
    return figure, list(axes)


def save(figure: Figure, path: pathlib.Path) -> None:
    """Writes a figure, makes its folder if needed, and prints the path."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=80)
    with Image.open(buffer) as picture:
        save_picture(picture.convert("RGB"), path)


def save_picture(picture: Image.Image, path: pathlib.Path) -> None:
    """Writes a picture (RGB), makes its folder if needed, prints the path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Few colours are enough, and make a small file.
    # The default method merges the colours of thin lines.
    few = picture.quantize(128, Image.Quantize.MAXCOVERAGE)
    few.save(path, optimize=True)
    print(f"Figure: {path}")
