"""Matplotlib figures: clouds of points, and curves of a training.

Figures are made without pyplot, so no global state changes and no window
opens. Colours are those of Okabe & Ito, which colour-blind people can tell
apart.
"""

import io
import math
from collections.abc import Mapping
from collections.abc import Sequence

import numpy as np
from PIL import Image

from keras_mixgan.utils.errors import UserError

COLOURS = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#D55E00",
    "#56B4E9",
    "#000000",
)
_MAX_POINTS = 300


def scatter(
    panels: Sequence[Sequence[np.ndarray]],
    titles: Sequence[str],
    real: np.ndarray | None = None,
) -> Image.Image:
    """Draws clouds of points in the plane, with real points in gray behind.

    Args:
        panels: One list of clouds per panel. A cloud is a float array (N, D);
            its first two coordinates are drawn, D = 1 on a line. Each further
            panel has one cloud, in the colour of that cloud in the first.
        titles: One per panel.
        real: Float array (N, D) of real points.

    Returns:
        An RGB picture.

    Example:
    >>> import numpy as np
    >>> a, b = np.zeros((9, 2)), np.ones((9, 2))
    >>> scatter([[a, b], [a], [b]], ["both", "a", "b"]).mode
    'RGB'
    """
    rows = math.ceil(len(panels) / 4)
    columns = math.ceil(len(panels) / rows)
    figure = new_figure(3.1 * columns, 3.3 * rows)
    palette = _palette(max(1, len(panels) - 1, len(panels[0])))
    everything = [_plane(c) for panel in panels for c in panel]
    framed = everything if real is None else [_plane(real)]
    reach = 1.35 * max(
        float(np.abs(cloud).max()) for cloud in framed if cloud.size
    )
    for i, (clouds, title) in enumerate(zip(panels, titles, strict=True)):
        axes = figure.add_subplot(rows, columns, i + 1)
        if real is not None:
            axes.scatter(*_plane(real)[:1500].T, s=6, color="#C8C8C8", lw=0)
        for j, cloud in enumerate(clouds):
            colour = palette[j if i == 0 else i - 1]
            axes.scatter(*_plane(cloud).T, s=5, color=colour, lw=0)
        axes.set(xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
        axes.set_title(title, fontsize=10)
        axes.tick_params(labelsize=8)
        unclutter(axes)
    if real is not None:
        figure.supxlabel("gray: real points", fontsize=9, color="#777777")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    with Image.open(buffer) as picture:
        return picture.convert("RGB")


def _plane(cloud: np.ndarray) -> np.ndarray:
    """The first two coordinates (N, 2); of one coordinate, a line."""
    cloud = np.asarray(cloud)[:, :2]
    return np.pad(cloud, ((0, 0), (0, 2 - cloud.shape[1])))


def plain(text: str) -> str:
    r"""Text for Matplotlib as it is: dollar signs in it begin no formula.

    Example:
    >>> plain("price_$5")
    'price_\\$5'
    """
    return text.replace("$", r"\$")


def curves(rows: Sequence[Mapping[str, float]], title: str | None = None):
    """Draws losses, payoff and both sides' mixture weights against steps.

    Args:
        rows: What `MixtureHistory` records: `step`, `seconds`,
            `generator_loss`, `discriminator_loss`, `payoff`, and
            `generator_weight_0`, ..., `discriminator_weight_0`, ...
        title: Title of the figure.

    Returns:
        A `matplotlib.figure.Figure`. Long histories are averaged to some
        hundred points. Weights of a side of one network are left out.

    Raises:
        ValueError: There are no rows.

    Example:
    >>> row = {
    ...     "step": 10, "seconds": 1.0, "generator_loss": 0.7,
    ...     "discriminator_loss": 1.4, "payoff": -1.4,
    ...     "generator_weight_0": 1.0, "discriminator_weight_0": 1.0,
    ... }
    >>> len(curves([row]).axes)
    2
    """
    if not rows:
        raise UserError("`rows` must hold at least one row. Received: none")
    table = _thinned(rows)
    names = {
        side: [key for key in table if key.startswith(f"{side}_weight_")]
        for side in ("generator", "discriminator")
    }
    # A single network's weight is always 1: no panel for it.
    mixed = [side for side, keys in names.items() if len(keys) > 1]
    below = [[mixed[0], mixed[-1]]] if mixed else []
    layout = [["loss", "payoff"], *below]
    figure = new_figure(10, 6.4 if mixed else 3.6)
    # One panel below two is as wide as both, so its steps are not theirs.
    apart = len(mixed) == 1
    panels = figure.subplot_mosaic(layout, sharex=not apart)
    _draw_lines(
        panels["loss"],
        table,
        {
            "generator_loss": "generators",
            "discriminator_loss": "discriminators",
        },
        "Loss, with regulariser and auxiliary losses",
    )
    payoff = {"payoff": None}
    _draw_lines(panels["payoff"], table, payoff, "Payoff of the mixture")
    for side in mixed:
        _draw_weights(panels[side], table, side, names[side])
    for name in layout[0]:
        _add_clock(panels[name], table)
    for name in panels if apart else layout[-1]:
        panels[name].set_xlabel("step")
    if title:
        figure.suptitle(plain(title), fontsize=12)
    return figure


def _draw_weights(axes, table, side: str, keys: Sequence[str]) -> None:
    labels = {key: key.replace("_weight_", " ") for key in keys}
    title = f"Mixture weights of {side}s (dotted: equal weights)"
    _draw_lines(axes, table, labels, title)
    frame_weights(axes, len(keys))


def _draw_lines(axes, table, names: Mapping[str, str | None], title: str):
    marker = "o" if len(table["step"]) == 1 else None
    for colour, (key, label) in zip(
        _palette(len(names)), names.items(), strict=True
    ):
        # A step without the generators' turn has no loss of theirs; a line
        # would break there.
        shown = np.isfinite(table[key])
        axes.plot(
            table["step"][shown],
            table[key][shown],
            color=colour,
            lw=1.4,
            label=label,
            marker=marker,
        )
    axes.set_title(title, fontsize=10, loc="left")
    axes.tick_params(labelsize=8)
    axes.grid(color="#E5E5E5", lw=0.6)
    unclutter(axes)
    if 1 <= sum(label is not None for label in names.values()) <= 10:
        axes.legend(fontsize=8, frameon=False, ncols=2 if len(names) > 5 else 1)


def _add_clock(axes, table) -> None:
    """Adds an axis with the time of training along the top."""
    from matplotlib.ticker import MaxNLocator

    steps, seconds = table["step"], table["seconds"]
    if len(steps) < 2 or np.any(np.diff(seconds) <= 0):
        return  # An axis needs times that increase.
    size, unit = (60.0, "minutes") if seconds[-1] >= 120 else (1.0, "seconds")
    ticks = MaxNLocator(6, steps=[1, 2, 5, 10]).tick_values(
        0, seconds[-1] / size
    )
    ticks = ticks[(ticks > 0) & (ticks * size <= seconds[-1])]
    places = np.interp(ticks * size, np.append(0, seconds), np.append(0, steps))
    kept, last = [], -np.inf
    for i, place in enumerate(places):
        # The first step compiles, so many ticks would fall on it.
        if place - last > 0.08 * steps[-1]:
            kept.append(i)
            last = place
    top = axes.secondary_xaxis("top")
    top.set_ticks(places[kept], [f"{tick:g}" for tick in ticks[kept]])
    top.set_xlabel(unit, fontsize=8)
    top.tick_params(labelsize=8)
    top.spines["top"].set_visible(False)


def _thinned(rows) -> dict[str, np.ndarray]:
    """Columns of the rows, averaged to at most `_MAX_POINTS` points."""
    table = {
        key: np.array([row[key] for row in rows], "float64") for key in rows[0]
    }
    size = math.ceil(len(rows) / _MAX_POINTS)
    starts = np.arange(0, len(rows), size)
    return {key: _means(column, starts) for key, column in table.items()}


def _means(column: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Means of the finite numbers from each start to the next; else NaN."""
    finite = np.isfinite(column)
    sums = np.add.reduceat(np.where(finite, column, 0), starts)
    with np.errstate(invalid="ignore"):
        return sums / np.add.reduceat(finite.astype(int), starts)


def _palette(count: int) -> list:
    if count <= len(COLOURS):
        return list(COLOURS[:count])
    from matplotlib import colormaps

    return list(colormaps["viridis"](np.linspace(0, 0.95, count)))


def new_figure(width: float, height: float):
    """An empty `matplotlib.figure.Figure`, of a size in inches."""
    # Deferred: Matplotlib takes long to import.
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def frame_weights(axes, count: int) -> None:
    """Shows weights of `count` networks from 0 up, beside equal weights."""
    lines = [line.get_ydata() for line in axes.lines]
    top = max((float(np.max(y)) for y in lines if len(y)), default=1.0)
    axes.set_ylim(0, min(1.05, 1.3 * top))
    # Above the grid, one of whose lines it may cover, and below the curves.
    axes.axhline(
        1 / count, color="#555555", lw=1, ls=":", zorder=1.8,
        label=f"1/{count}",
    )  # fmt: skip


def unclutter(axes) -> None:
    """Hides the lines along the top and the right."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def band(axes, x, middle: np.ndarray, spread, colour: str) -> None:
    """Fills the area within a spread of a line."""
    low, high = middle - spread, middle + spread
    axes.fill_between(x, low, high, alpha=0.2, color=colour, linewidth=0)
