"""Writes a race's results: results.csv, table.csv, table.md and race.png."""

import os
import pathlib
from collections.abc import Iterable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

import numpy as np

from keras_mixgan.cli import options
from keras_mixgan.cli import race_snapshots
from keras_mixgan.utils import atomic
from keras_mixgan.utils import tables

RESULTS = "results.csv"
TABLE = "table.csv"
PAGE = "table.md"
FIGURE = "race.png"
OUTPUTS = {
    TABLE: "a row per contestant, at the last mark",
    PAGE: "the same as a page, with command, machine and date",
    RESULTS: "a row per contestant, seed and mark",
    FIGURE: "score and distance against seconds and against steps",
}
_RUN = ("contestant", "seed")
# What contestants are compared by, and how a table shows it.
_COMPARED = {
    "distance": ".3f",
    "score": ".3f",
    "steps": ",.0f",
    "wall_seconds": ".1f",
    "processor_seconds": ".1f",
}
_MARK = (
    "mark",
    "wall_seconds",
    "processor_seconds",
    "steps",
    "score",
    "score_std",
    "distance",
    "scoring_seconds",
)


def with_snapshots(
    results: Sequence[Mapping[str, Any]],
) -> list[dict[str, Any]]:
    """Adds the snapshots of runs as contestants.

    Takes results of `race_child.run`. Each run with snapshots is followed by a
    run that has them as its marks.

    Example:
    >>> run = {"contestant": "a", "marks": [{}], "snapshots": [{}]}
    >>> [one["contestant"] for one in with_snapshots([run])]
    ['a', 'a snapshots']
    """
    found = []
    for run in results:
        found.append(dict(run))
        if run.get("snapshots") is not None:
            name = run["contestant"] + race_snapshots.SUFFIX
            found.append({**run, "contestant": name, "marks": run["snapshots"]})
    return found


def table(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Compares contestants at the last mark, by results of `race_child.run`.

    Returns a dict per contestant, the smallest mean distance first:
    `contestant`, `rank` (by distance), `score_rank`, `runs`, `diverged`, and
    the mean and the standard deviation over seeds (n - 1 in the denominator;
    `None` for a single run) of `distance`, `score`, `steps`, `wall_seconds` and
    `processor_seconds`. Contestants with a diverged run come last; their means
    are over the other runs.

    Example:
    >>> def run(name, distance):
    ...     mark = {"distance": distance, "score": 9.0, "steps": 7,
    ...         "wall_seconds": 1.0, "processor_seconds": 2.0}
    ...     return {"contestant": name, "diverged": None, "marks": [mark]}
    >>> rows = table([run("a", 3.0), run("b", 2.0), run("b", 4.0)])
    >>> [(row["contestant"], row["distance"]) for row in rows]
    [('a', 3.0), ('b', 3.0)]
    """
    rows = [
        _row(name, [run for run in results if run["contestant"] == name])
        for name in dict.fromkeys(run["contestant"] for run in results)
    ]
    for column, key, sign in (
        ("score_rank", "score", -1),
        ("rank", "distance", 1),
    ):
        rows.sort(key=lambda row: _order(row, key, sign))
        for row in rows:
            equal = [_order(other, key, sign) for other in rows]
            row[column] = 1 + equal.index(_order(row, key, sign))
    return rows


def _order(row, key: str, sign: int):
    value = row[key]
    return bool(row["diverged"]), np.inf if value is None else sign * value


def _row(name: str, runs) -> dict[str, Any]:
    last = [run["marks"][-1] for run in runs if not run["diverged"]]
    row: dict[str, Any] = {
        "contestant": name,
        "rank": None,
        "score_rank": None,
        "runs": len(runs),
        "diverged": len(runs) - len(last),
    }
    for key in _COMPARED:
        values = [mark[key] for mark in last]
        row[key] = float(np.mean(values)) if values else None
        many = len(values) > 1
        row[f"{key}_std"] = float(np.std(values, ddof=1)) if many else None
    return row


def text(results: Sequence[Mapping[str, Any]]) -> str:
    """The table as Markdown, which reads well in a terminal too."""
    names = next((run["names"] for run in results if run["names"]), {})
    header = [
        "rank",
        "contestant",
        "runs",
        names.get("distance", "distance"),
        names.get("score", "score"),
        "score rank",
        "steps",
        "wall s",
        "processor s",
    ]
    lines = [header]
    for row in table(results):
        runs = str(row["runs"])
        if row["diverged"]:
            runs += f" ({row['diverged']} diverged)"
        cells = [str(row["rank"]), row["contestant"], runs]
        cells += [_spread(row, key, form) for key, form in _COMPARED.items()]
        cells.insert(header.index("score rank"), str(row["score_rank"]))
        lines.append(cells)
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    return "\n".join(
        f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines
    )


def _spread(row, key: str, form: str) -> str:
    mean, std = row[key], row[f"{key}_std"]
    if mean is None:
        return "-"
    return f"{mean:{form}}" + ("" if std is None else f" +- {std:{form}}")


def are_in(workdir: pathlib.Path) -> bool:
    """Whether a folder holds a race's results, perhaps without its runs."""
    path = workdir / RESULTS
    if not path.is_file():
        return False
    with open(path, "rb") as file:
        return file.readline(200).startswith(",".join(_RUN).encode())


def write(
    workdir: str | os.PathLike[str],
    results: Sequence[Mapping[str, Any]],
    clock: str,
    command: str,
) -> None:
    """Writes all outputs of a race, each whole or not at all."""
    # Deferred: it imports Matplotlib.
    from keras_mixgan.cli import race_figures
    from keras_mixgan.utils import plotting

    workdir = pathlib.Path(workdir)
    marks = [
        {key: run[key] for key in _RUN} | {key: mark[key] for key in _MARK}
        for run in results
        for mark in run["marks"]
    ]
    tables.write_csv(workdir / RESULTS, (*_RUN, *_MARK), marks)
    rows = table(results)
    tables.write_csv(workdir / TABLE, tuple(rows[0]), rows)
    with atomic.replacing(workdir / PAGE) as partial:
        partial.write_text(_page(results, clock, command), encoding="utf-8")
    if marks:
        shown = "wall" if clock == "steps" else clock
        plotting.save(race_figures.draw(results, shown), workdir / FIGURE)


def _page(results, clock: str, command: str) -> str:
    length = clock if clock == "steps" else f"{clock} seconds"

    def listed(texts: Iterable[str]) -> str:
        return "; ".join(dict.fromkeys(texts))

    conditions = results[0]["conditions"]
    machines = listed(run["machine"] for run in results)
    dates = listed(run["date"] for run in results)
    versions = listed(
        ", ".join(f"{k} {v}" for k, v in run["versions"].items())
        for run in results
    )
    # Of snapshots it is the same run; older results do not say.
    resumed = listed(
        f"{run['contestant'].removesuffix(race_snapshots.SUFFIX)}, seed "
        f"{run['seed']}, after mark {', '.join(map(str, run['resumed']))}"
        for run in results
        if run.get("resumed")
    )
    if resumed:
        resumed = f"Stopped and resumed: {resumed}\n\n"
    contestants = {run["contestant"]: run["given"] for run in results}
    flags = "\n".join(
        f"- {name}: "
        + " ".join(
            f"`--{option.flag_name}={option.text_of(value)}`"
            for option, value in (
                (options.SETTINGS[key], value) for key, value in given.items()
            )
        )
        for name, given in contestants.items()
    )
    return (
        f"# Race over {conditions['seconds']:g} {length} of training\n\n"
        f"Mean and standard deviation over seeds at the last of "
        f"{conditions['marks']} marks; {conditions['num_images']:,} images "
        f"against at most {conditions['num_real']:,} real ones.\n\n"
        f"{text(results)}\n\n"
        f"![Score and distance]({FIGURE})\n\n"
        f"Command: `{command}`\n\nMachine: {machines}\n\n"
        f"Date: {dates}\n\nVersions: {versions}\n\n{resumed}"
        f"Contestants:\n{flags}\n"
    )
