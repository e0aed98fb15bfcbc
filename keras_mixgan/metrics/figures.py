"""Figures of scores: against epochs, over seeds, against training-set sizes.

They use Matplotlib's objects, not its global state, so they can be drawn from
any thread and without a display. Each function returns a figure; `savefig`
writes it.
"""

import os
import re
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_mixgan.metrics.callback import CLASSIFIER
from keras_mixgan.metrics.callback import TEXTS
from keras_mixgan.metrics.callback import read_scores
from keras_mixgan.metrics.score import direction
from keras_mixgan.metrics.score import name_of
from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.figures import COLOURS
from keras_mixgan.utils.figures import band
from keras_mixgan.utils.figures import frame_weights
from keras_mixgan.utils.figures import new_figure
from keras_mixgan.utils.figures import plain


def score_curves(
    runs: Mapping[str, Any], metric: str, title: str | None = None
) -> Any:
    """Draws a score against the epoch, several runs in one plot.

    Like figure 3 of the paper's ICML version. A run of several seeds is drawn
    as their mean, with a band of one standard deviation over the seeds. The
    band of a run of one seed is the score's own spread, if it was recorded.

    Args:
        runs: For each label one run, or a list of runs with different seeds.
            A run is the path of an `Evaluate` callback's CSV file, or records.
        metric: The column, such as "fid".
        title: Title of the figure.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: A run has no such column, or there is none.

    Example:
    >>> curve = [{"epoch": 5, "fid": 9.0}, {"epoch": 10, "fid": 4.0}]
    >>> figure = score_curves({"T=3": curve, "T=5": [curve, curve]}, "fid")
    >>> len(figure.axes[0].lines)
    2
    """
    figure, axes = _axes("epoch", "", title)
    every: list[Mapping[str, Any]] = []
    for label, of_label in runs.items():
        of_seeds = [_records(run) for run in _listed(of_label)]
        every.extend(record for records in of_seeds for record in records)
        seeds = [_column(records, metric, label) for records in of_seeds]
        if not seeds:
            raise UserError(
                "`runs` must have a record for each label. Received: none for "
                f"{label!r}"
            )
        shared = sorted(set.intersection(*(set(run) for run in seeds)))
        values = np.array(
            [[run[epoch][0] for epoch in shared] for run in seeds]
        )
        middle = values.mean(axis=0)
        if len(seeds) > 1:
            spread = values.std(axis=0)
        else:
            spread = np.array([seeds[0][epoch][1] for epoch in shared])
        (line,) = axes.plot(shared, middle, marker=".", label=plain(label))
        if np.any(spread > 0):
            band(axes, shared, middle, spread, line.get_color())
    axes.set_ylabel(_label(metric, every))
    axes.legend()
    return figure


def scores_in_time(run: Any, title: str | None = None) -> Any:
    """Draws each score of one training against its seconds, in a panel.

    Args:
        run: Path of an `Evaluate` callback's CSV file, or records. If they
            have no seconds, scores are drawn against the epoch.
        title: Title of the figure.

    Returns:
        `matplotlib.figure.Figure`, with bands of the scores' own spread.

    Raises:
        ValueError: No record has a score.

    Example:
    >>> first = {"epoch": 5, "seconds": 9.5, "fid": 9.0, "kid": 0.5}
    >>> last = {"epoch": 10, "seconds": 19.1, "fid": 4.0, "kid": 0.2}
    >>> [axes.get_xlabel() for axes in scores_in_time([first, last]).axes]
    ['seconds of training', 'seconds of training']
    """
    records = _records(run)
    names = score_names(records)
    if not names:
        raise UserError(
            "`run` must have scores. Received: a run with the columns "
            f"{sorted({key for record in records for key in record})}"
        )
    records = [r for r in records if any(name in r for name in names)]
    clock = all("seconds" in record for record in records)
    x = "seconds" if clock else "epoch"
    figure = new_figure(4.2 * len(names), 3.6)
    for i, name in enumerate(names):
        axes = figure.add_subplot(1, len(names), i + 1)
        # A run that was taken up again may have more scores.
        scored = [record for record in records if name in record]
        places = [record[x] for record in scored]
        values = np.array([record[name] for record in scored])
        spread = np.array([record.get(f"{name}_std", 0) for record in scored])
        axes.plot(places, values, marker=".", color=COLOURS[0])
        band(axes, places, values, spread, COLOURS[0])
        axes.set_title(_label(name, scored), fontsize=10, loc="left")
        if clock:
            axes.set_xlabel("seconds of training")
            axes.set_xlim(left=0)
        else:
            _count_epochs(axes)
    if title:
        figure.suptitle(plain(title), fontsize=12)
    return figure


def score_names(records: Sequence[Mapping[str, float]]) -> list[str]:
    """Returns the mixture's scores among an `Evaluate` callback's columns.

    Args:
        records: What `read_scores` returned.

    Example:
    >>> score_names([{"epoch": 1, "fid": 4.0, "generator_weight_0": 1.0}])
    ['fid']
    """
    columns = dict.fromkeys(key for record in records for key in record)
    of_components = ("generator_", "discriminator_")
    return [
        key
        for key in columns
        if key not in ("epoch", "step", "seconds", "num_images", *TEXTS)
        and not key.endswith("_std")
        and (not key.startswith(of_components) or key.endswith("_gain"))
    ]


def weight_curves(
    run: Any, side: str = "generator", title: str | None = None
) -> Any:
    """Draws the mixture weights of one side against the epoch.

    Args:
        run: Path of an `Evaluate` callback's CSV file, or records.
        side: "generator" or "discriminator".
        title: Title of the figure.

    Returns:
        `matplotlib.figure.Figure`.

    Raises:
        ValueError: The run has no weights of that side.
    """
    records = _records(run)
    prefix = f"{side}_weight_"
    columns = dict.fromkeys(key for record in records for key in record)
    keys = [key for key in columns if key.startswith(prefix)]
    if not keys:
        raise UserError(
            "`side` must be a side whose weights the run has. Received: "
            f"side={side!r}, columns {sorted(columns)}"
        )
    figure, axes = _axes("epoch", f"mixture weight of {side}s", title)
    for key in keys:
        # A mixture that was pruned in between has fewer components.
        there = [record for record in records if key in record]
        axes.plot(
            [record["epoch"] for record in there],
            [record[key] for record in there],
            label=f"{side} {key.removeprefix(prefix)}",
        )
    frame_weights(axes, len(keys))
    axes.legend()
    return figure


def generalization_curve(gap: Any, title: str | None = None) -> Any:
    """Draws distances to training sets of size m, and the held-out distance.

    Args:
        gap: A `GeneralizationGap`.
        title: Title of the figure.

    Returns:
        `matplotlib.figure.Figure`.
    """
    figure, axes = _axes("training images m", "neural-net distance", title)
    axes.semilogx(gap.sizes, gap.train, marker=".", label="training data")
    held = np.full(len(gap.sizes), gap.held_out)
    (line,) = axes.plot(gap.sizes, held, label="held-out data")
    band(axes, gap.sizes, held, gap.held_out_error, line.get_color())
    axes.legend()
    return figure


def _axes(x: str, y: str, title: str | None) -> tuple[Any, Any]:
    figure = new_figure(6.0, 4.0)
    axes = figure.add_subplot()
    axes.set_prop_cycle(color=COLOURS)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if x == "epoch":
        _count_epochs(axes)
    if title:
        axes.set_title(plain(title))
    return figure, axes


def _count_epochs(axes) -> None:
    axes.set_xlabel("epoch")
    axes.xaxis.get_major_locator().set_params(integer=True)


def _label(column: str, records: Sequence[Mapping[str, Any]]) -> str:
    """The name of a column of scores, and below it which way is better."""
    component, key = re.fullmatch(r"(generator_\d+_)?(.*)", column).groups("")
    judges = dict.fromkeys(
        record[CLASSIFIER] for record in records if record.get(CLASSIFIER)
    )
    name = name_of(key, ", ".join(judges) or None)
    whose = component.replace("_", " ")
    return plain(f"{whose}{name}\n{direction(key)}".rstrip())


def _listed(runs: Any) -> list[Any]:
    """Returns one run, or several, as a list of runs."""
    if isinstance(runs, (str, os.PathLike)):
        return [runs]
    runs = list(runs)
    return [runs] if runs and isinstance(runs[0], Mapping) else runs


def _records(run: Any) -> Sequence[Mapping[str, float]]:
    if isinstance(run, (str, os.PathLike)):
        return read_scores(run)
    return list(run)


def _column(
    records: Sequence[Mapping[str, Any]], metric: str, label: str
) -> dict[int, tuple[float, float]]:
    """Returns (value, spread) for each epoch that has a value."""
    values = {
        int(record["epoch"]): (record[metric], record.get(f"{metric}_std", 0))
        for record in records
        if metric in record
    }
    if not values:
        columns = sorted({key for record in records for key in record})
        raise UserError(
            f"`metric` must be a column of the run {label!r}, {columns}. "
            f"Received: metric={metric!r}"
        )
    return values
