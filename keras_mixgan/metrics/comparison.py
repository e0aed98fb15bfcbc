"""Reports side by side: what `keras-mixgan compare` prints and draws."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from keras_mixgan.metrics.report import Report
from keras_mixgan.metrics.score import Score
from keras_mixgan.metrics.score import direction
from keras_mixgan.utils import tables
from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.figures import COLOURS
from keras_mixgan.utils.figures import new_figure
from keras_mixgan.utils.figures import plain
from keras_mixgan.utils.figures import unclutter

# Which real images; older reports do not say it all.
_SELECTION = ("split", "crop_size", "image_shape")
_HASH = "real_sha256"
# Scores of two reports are comparable only if these are equal.
CONDITIONS = (
    "source", *_SELECTION, "classifier", "classifier_sha256", "conversion",
    "num_images", "num_real", "splits", "options",
)  # fmt: skip
# Names of the main row of a report.
_WHOLE = ("mixture", "images")


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two or more reports of `evaluate`, side by side.

    Args:
        reports: `Report` objects by the labels of their columns.

    Raises:
        ValueError: There are fewer than two, or they have no score in common.

    Example:
    >>> def report(fid):
    ...     return Report(
    ...         {"mixture": {"fid": Score(fid, name="FID")}}, {}, {}, 1.0
    ...     )
    >>> print(Comparison({"T=3": report(12.5), "T=5": report(9.0)}))
                   T=3     T=5
    mixture  FID  12.500  9.000
    """

    reports: Mapping[str, Report]

    def __post_init__(self) -> None:
        if len(self.reports) < 2:
            raise UserError(
                "`reports` must be at least two. Received: "
                f"{list(self.reports) or 'none'}"
            )
        if not self._shared():
            raise UserError(
                "`reports` must have a score in common. Received: "
                + ", ".join(
                    f"{label} with {sorted(_scores_of(report)) or 'none'}"
                    for label, report in self.reports.items()
                )
            )

    def __str__(self) -> str:
        return self.table()

    def table(self) -> str:
        """Returns a line for each row and score, a column for each report."""
        lines = [["", "", *self.reports]]
        shown = None
        for row in self._rows():
            for name, key in self._names().items():
                cells = []
                for report in self.reports.values():
                    score = report.scores.get(row, {}).get(key)
                    there = score is not None and score.name == name
                    cells.append(score.format() if there else "")
                if any(cells):
                    lines.append(["" if row == shown else row, name, *cells])
                    shown = row
        return tables.aligned(lines, names=2)

    def differences(self) -> list[str]:
        """Returns a line for each condition that differs between reports."""
        lines = []
        for name in CONDITIONS:
            values = {
                label: report.settings.get(name)
                for label, report in self.reports.items()
                if name in report.settings or name not in _SELECTION
            }
            if len({str(value) for value in values.values()}) > 1:
                texts = [f"{label}: {v}" for label, v in values.items()]
                lines.append(f"{name} differs: {', '.join(texts)}")
        hashes = {x.settings.get(_HASH) for x in self.reports.values()} - {None}
        # Another split or number tells it already.
        names = ("source", "num_real", *_SELECTION)
        data = tuple(f"{name} differs" for name in names)
        if len(hashes) > 1 and not any(x.startswith(data) for x in lines):
            lines.append("real images differ, under one name")
        return lines

    def figure(self) -> Any:
        """Draws a panel for each score that all reports have.

        A bar is a mixture or a set of images, with the score's own spread as
        error bar. Dots are the mixture's generators alone, and the dashed
        line is real data, if the report has them; the legend says so.

        Returns:
            `matplotlib.figure.Figure`.
        """
        names = self._shared()
        width = max(2.6, 0.7 * len(self.reports) + 1.4)
        figure = new_figure(width * len(names), 4.0)
        marks: dict[str, Any] = {}
        for i, (name, key) in enumerate(names.items()):
            axes = figure.add_subplot(1, len(names), i + 1)
            for place, report in enumerate(self.reports.values()):
                _draw(axes, place, report, key)
            axes.set_xticks(
                range(len(self.reports)), map(plain, self.reports), rotation=20
            )
            axes.set_xlim(-0.5, len(self.reports) - 0.5)
            title = plain(f"{name}\n{direction(key)}".rstrip())
            axes.set_title(title, fontsize=9, loc="left", wrap=True)
            axes.tick_params(labelsize=8)
            unclutter(axes)
            handles, labels = axes.get_legend_handles_labels()
            marks.update(zip(labels, handles, strict=True))
        figure.legend(
            marks.values(), marks, loc="outside lower center", fontsize=8,
            frameon=False, ncols=len(names),
        )  # fmt: skip
        return figure

    def _rows(self) -> list[str]:
        rows = dict.fromkeys(
            row for report in self.reports.values() for row in report.scores
        )
        whole = [row for row in _WHOLE if row in rows]
        return [*whole, *(row for row in rows if row not in whole)]

    def _names(self) -> dict[str, str]:
        """Keys of all scores by name, which includes the classifier."""
        return {
            score.name: key
            for report in self.reports.values()
            for scores in report.scores.values()
            for key, score in scores.items()
        }

    def _shared(self) -> dict[str, str]:
        """Keys, by name, of the scores in the main row of every report."""
        first, *others = map(_scores_of, self.reports.values())
        return {
            name: key
            for name, key in first.items()
            if all(name in other for other in others)
        }


def _whole(report: Report) -> dict[str, Score]:
    for row in _WHOLE:
        if row in report.scores:
            return report.scores[row]
    return {}


def _scores_of(report: Report) -> dict[str, str]:
    return {score.name: key for key, score in _whole(report).items()}


def _draw(axes, place: int, report: Report, key: str) -> None:
    """Draws the bar, the dots and the dashed line of a report."""
    score = _whole(report)[key]
    if math.isfinite(score.mean):
        axes.bar(
            place, score.mean, 0.6, color=COLOURS[place % len(COLOURS)],
            alpha=0.8,
        )  # fmt: skip
        if score.std is not None:
            axes.errorbar(
                place, score.mean, score.std, fmt="none", ecolor="black",
                capsize=3, label="spread of the score",
            )  # fmt: skip
    else:  # The birthday test of a varied model: no bar is high enough.
        axes.annotate(f"{score.mean:g}", (place, 0), ha="center", va="bottom")
    alone = [
        scores[key].mean
        for row, scores in report.scores.items()
        if row.startswith("generator ")
        and key in scores
        and math.isfinite(scores[key].mean)
    ]
    if alone:
        axes.plot(
            [place] * len(alone), alone, "o", ms=3, color="#333333",
            label="each generator alone",
        )  # fmt: skip
    real = report.scores.get("real", {}).get(key)
    if real is not None and math.isfinite(real.mean):
        axes.hlines(
            real.mean, place - 0.3, place + 0.3, color="#333333", ls="--",
            lw=1, label="real data",
        )  # fmt: skip
