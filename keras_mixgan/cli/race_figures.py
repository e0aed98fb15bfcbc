"""The figure of a race: score and distance against seconds and steps."""

from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import LogFormatter
from matplotlib.ticker import MaxNLocator

from keras_mixgan.metrics.score import direction
from keras_mixgan.utils.figures import COLOURS
from keras_mixgan.utils.figures import new_figure
from keras_mixgan.utils.figures import plain
from keras_mixgan.utils.figures import unclutter

_DASHES = ("-", "--", ":", "-.")
_WIDTH = 10  # Inches.
_KEYS = {"distance": "fid", "score": "inception_score"}


class _Plain(LogFormatter):
    """Labels such as 0.2 and 40, in place of 2e-01 and 4 x 10^1."""

    def __call__(self, x, pos=None):
        return f"{x:g}" if super().__call__(x, pos) else ""


def draw(results: Sequence[Mapping[str, Any]], clock: str) -> Any:
    """Draws a line per contestant, with a band if there are several seeds.

    Lines are means over seeds; bands are one standard deviation to either side.
    The left panels have seconds of the clock `"wall"` or `"processor"`.
    """
    figure = new_figure(_WIDTH, 7)
    panels = figure.subplots(2, 2, sharex="col", sharey="row")
    names = next((run["names"] for run in results if run["names"]), {})
    contestants = list(dict.fromkeys(run["contestant"] for run in results))
    for i, name in enumerate(contestants):
        runs = [run for run in results if run["contestant"] == name]
        style = {
            "color": COLOURS[i % len(COLOURS)],
            "ls": _DASHES[i // len(COLOURS) % len(_DASHES)],
        }
        for row, key in zip(panels, ("distance", "score"), strict=True):
            for axes, x in zip(row, (f"{clock}_seconds", "steps"), strict=True):
                _draw_line(axes, runs, x, key, name, style)
    for row, key in zip(panels, ("distance", "score"), strict=True):
        name = names.get(key, key)
        row[0].set_ylabel(plain(f"{name}\n{direction(_KEYS[key])}"))
        for axes in row:
            axes.grid(color="#E5E5E5", lw=0.6)
            unclutter(axes)
    scale = panels[0, 0]
    scale.set_yscale("log")
    scale.yaxis.set_major_formatter(_Plain())
    scale.yaxis.set_minor_formatter(_Plain(minor_thresholds=(1.5, 0.6)))
    # A band as wide as its mean would stretch the axis down to nothing.
    # A run that diverged at once has no line.
    lines = [line.get_ydata() for line in scale.lines]
    least = min(np.min(values) for values in lines if len(values))
    scale.set_ylim(bottom=max(scale.get_ylim()[0], least / 2))
    panels[1, 0].set_xlabel(f"{clock} seconds of training")
    panels[1, 1].set_xlabel("steps")
    panels[1, 1].xaxis.set_major_locator(MaxNLocator(6))
    panels[1, 1].xaxis.set_major_formatter("{x:,.0f}")
    figure.legend(
        *scale.get_legend_handles_labels(),
        loc="outside upper center", ncols=_columns(contestants),
        fontsize=8, frameon=False,
    )  # fmt: skip
    return figure


def _columns(names: Sequence[str]) -> int:
    """How many names fit beside each other in the legend."""
    inches = 0.6 + 0.07 * max(map(len, names))
    return max(1, min(5, len(names), int(_WIDTH / inches)))


def _draw_line(axes, runs, x: str, y: str, name: str, style) -> None:
    """Draws the mean over the runs that reached each mark."""
    count = max(len(run["marks"]) for run in runs)
    places, means, spreads = [], [], []
    for mark in range(count):
        reached = [
            run["marks"][mark] for run in runs if mark < len(run["marks"])
        ]
        values = [row[y] for row in reached]
        places.append(np.mean([row[x] for row in reached]))
        means.append(np.mean(values))
        spreads.append(np.std(values, ddof=1) if len(values) > 1 else 0.0)
    means, spreads = np.array(means), np.array(spreads)
    style = {"lw": 1.5, "marker": "o", "ms": 3, **style}
    axes.plot(places, means, label=plain(name), **style)
    # The logarithmic axis of distances needs positive values.
    low = np.maximum(means - spreads, 0.01 * means)
    axes.fill_between(
        places, low, means + spreads, color=style["color"], alpha=0.15, lw=0
    )
