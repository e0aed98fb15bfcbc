"""What a race's run leaves at each mark, to go on with after a stop.

Beside the run's result lie, as long as it has none, a JSON file with the
result so far, the models at the last marks (one, or as many as its snapshots
need) and the model of the best mark, where a race keeps that. Each file is
written whole or not at all, the models first.
"""

import os
import pathlib
from typing import Any

from keras_mixgan.cli import race_snapshots
from keras_mixgan.utils import atomic
from keras_mixgan.utils import json_files

FORMAT = 1


def path_of(result: str | os.PathLike[str]) -> pathlib.Path:
    """The JSON file of the run that will have this result.

    Example:
    >>> path_of("runs/pair-0.json").name
    'pair-0.unfinished.json'
    """
    return pathlib.Path(result).with_suffix(".unfinished.json")


def save(path: str | os.PathLike[str], model, result: dict[str, Any]) -> None:
    """Saves a model with its optimizers, and the result after a mark."""
    path = pathlib.Path(path)
    name = f"{path.stem}.{len(result['marks'])}.keras"
    with atomic.replacing(path.with_name(name)) as partial:
        model.save(partial)
    before = _read(path) if path.exists() else {}
    needed = 1 if result["snapshots"] is None else race_snapshots.KEPT
    models = [*before.get("models", ()), name][-needed:]
    best, marks = before.get("best"), before.get("result", {}).get("marks", ())
    if (result["kept"] or 0) > len(marks):
        best = name
    content = {"format": FORMAT, "models": models, "best": best}
    json_files.write(path, {**content, "result": result})
    _remove_models(path, [*models, best])


def load(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The `result`, the paths of `models`, oldest first, and of the `best`.

    There may be no best one, and no state at all: `None`.
    """
    path = pathlib.Path(path)
    if not path.exists():
        return None
    content = _read(path)
    models = [path.with_name(name) for name in content["models"]]
    best = content["best"] and path.with_name(content["best"])
    return {**content, "models": models, "best": best}


def remove(path: str | os.PathLike[str]) -> None:
    """Removes the state of a run that has finished, if there is one."""
    path = pathlib.Path(path)
    path.unlink(missing_ok=True)
    _remove_models(path, [])


def _read(path: pathlib.Path) -> dict[str, Any]:
    return json_files.read(path, FORMAT, "result", "models", "best")


def _remove_models(path: pathlib.Path, needed: list[str | None]) -> None:
    # The names of contestants have no wildcards. A file that a stop left
    # half-written is hidden.
    for pattern in (f"{path.stem}.*.keras", f".{path.stem}.*"):
        for model in path.parent.glob(pattern):
            if model.name not in needed:
                model.unlink()
