"""Folders of the runs behind the zoo, and what is recorded in them."""

import csv
import pathlib

# File with the command that scored a run.
COMMAND = "evaluate_command.txt"


def run_folder(root, name: str, seed: int | str) -> pathlib.Path:
    """The folder of one run."""
    return pathlib.Path(root) / name / f"seed{seed}"


def seconds_of(run: pathlib.Path) -> tuple[float, int]:
    """Seconds and steps that a run has trained so far."""
    path = run / "history.csv"
    rows = list(csv.DictReader(path.open())) if path.exists() else []
    if not rows:
        return 0.0, 0
    return float(rows[-1]["seconds"]), int(rows[-1]["step"])


def twin_of(name: str) -> str | None:
    """The recipe of a mixture's single-component twin."""
    return name.removeprefix("mix_") if name.startswith("mix_") else None
