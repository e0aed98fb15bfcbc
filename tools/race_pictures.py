"""Draws the races in `benchmarks/results` again, from their tables.

    python tools/race_pictures.py

`race.png` of each folder is drawn from its `results.csv`, and `race_NAME.png`
from `results_NAME.csv`, as `keras-mixgan race` draws a race today. The names of
the scores are read from `table.md`, and the clock: that of the processor where
the page speaks of its seconds.
"""

import csv
import pathlib
import re

from absl import app

from keras_mixgan.cli import race_figures
from keras_mixgan.utils import plotting

RESULTS = pathlib.Path(__file__).parents[1] / "benchmarks" / "results"
TEXT = ("contestant", "seed")


def runs_of(table: pathlib.Path, page: str) -> list[dict]:
    """The runs of a race, as `race_figures.draw` wants them."""
    told = re.search(r"\| ([^|]*distance) +\| ([^|]*score) +\|", page)
    told = told.groups() if told else ("Frechet distance", "classifier score")
    names = dict(zip(("distance", "score"), told, strict=True))
    found = {}
    with table.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            run = found.setdefault(
                (row["contestant"], row["seed"]),
                {
                    "contestant": row["contestant"],
                    "names": names,
                    "marks": [],
                },
            )
            run["marks"].append(
                {key: float(row[key]) for key in row if key not in TEXT}
            )
    return list(found.values())


def main(arguments):
    """Draws every picture that has a table."""
    if arguments[1:]:
        raise app.UsageError(f"Unknown argument: {arguments[1]}")
    for picture in sorted(RESULTS.glob("**/race*.png")):
        table = picture.with_name(
            picture.name.replace("race", "results").replace("png", "csv")
        )
        page = picture.with_name("table.md").read_text(encoding="utf-8")
        clock = "processor" if "processor seconds" in page else "wall"
        plotting.save(race_figures.draw(runs_of(table, page), clock), picture)
        print(picture.relative_to(RESULTS))


if __name__ == "__main__":
    app.run(main)
