"""`Report`: the scores of a mixture, as a table and as a file."""

import dataclasses
import math
import os
import pathlib
import platform
from typing import Any

import numpy as np

from keras_mixgan._version import __version__
from keras_mixgan.metrics.score import Score
from keras_mixgan.utils import json_files
from keras_mixgan.utils import tables
from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.versions import installed

FORMAT = 1
NAME = "scores.json"
PACKAGES = (
    "keras", "tensorflow", "jax", "tensorflow-gan", "numpy", "scikit-learn",
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Report:
    """The result of `evaluate`.

    Args:
        scores: the scores by name of each row ("mixture", "generator 0", ...,
            "real").
        weights: the mixture weights by generator row.
        settings: source, numbers of images, classifier and its hash,
            conversion, splits, seed.
        seconds: the time it took.

    Example:
    >>> scores = {"mixture": {"fid": Score(12.5, name="FID")}}
    >>> print(Report(scores, {}, {}, 1.0))
              FID
    mixture  12.500
    """

    scores: dict[str, dict[str, Score]]
    weights: dict[str, float]
    settings: dict[str, Any]
    seconds: float

    def __str__(self) -> str:
        return self.table()

    def table(self) -> str:
        """Returns the scores as aligned text, a line per row."""
        columns: dict[str, str] = {}
        for scores in self.scores.values():
            for key, score in scores.items():
                columns.setdefault(key, score.name)
        weights = ["weight"] if self.weights else []
        lines = [["", *weights, *columns.values()]]
        for row, scores in self.scores.items():
            line = [row]
            if weights:
                weight = self.weights.get(row)
                line.append("" if weight is None else f"{weight:.3f}")
            line += [
                scores[key].format() if key in scores else "" for key in columns
            ]
            lines.append(line)
        return tables.aligned(lines)

    def to_dict(self) -> dict[str, Any]:
        """Returns everything, with versions, ready for strict JSON."""
        scores = {
            row: {key: score.to_dict() for key, score in of_row.items()}
            for row, of_row in self.scores.items()
        }
        return _finite(
            {
                "scores": scores,
                "weights": self.weights,
                "settings": self.settings,
                "versions": versions(),
                "seconds": round(self.seconds, 2),
            }
        )

    def save(self, path: str | os.PathLike) -> None:
        """Writes `to_dict` as JSON; replaces the file as a whole.

        Args:
            path: the file, such as "runs/digits/scores.json".

        Raises:
            OSError: the file cannot be written.
        """
        content = {"format": FORMAT, **self.to_dict()}
        path = pathlib.Path(path).expanduser()
        path.parent.mkdir(parents=True, exist_ok=True)
        json_files.write(path, content, strict=True)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Report":
        """Reads what `save` wrote.

        Args:
            path: the file, or the folder that holds it as scores.json.

        Returns:
            The `Report`.

        Raises:
            OSError: it cannot be read.
            ValueError: it is not such a file, or of a newer format.

        Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp()) / "scores.json"
        >>> scores = {"mixture": {"fid": Score(12.5, name="FID")}}
        >>> Report(scores, {}, {"source": "digits"}, 1.0).save(path)
        >>> Report.load(path).scores["mixture"]["fid"].mean
        12.5
        """
        path = pathlib.Path(path).expanduser()
        if path.is_dir():
            path /= NAME
        if not path.exists():
            raise FileNotFoundError(
                f"`path` must be a file that `evaluate` wrote. Received: "
                f"{path}, which does not exist"
            )
        content = json_files.parse(json_files.content_of(path), str(path))
        try:
            # Version 0.1 wrote no format.
            with_format = {"format": FORMAT, **content}
            json_files.check_format(with_format, FORMAT, os.fspath(path))
            scores = {
                row: {key: _score(score) for key, score in scores.items()}
                for row, scores in content["scores"].items()
            }
            weights = {row: float(w) for row, w in content["weights"].items()}
            settings = dict(content["settings"])
            seconds = float(content["seconds"])
        except (
            ArithmeticError, AttributeError, LookupError, TypeError, ValueError,
        ) as error:  # fmt: skip
            if isinstance(error, UserError):
                raise
            raise UserError(
                f"`path` must be a file that `evaluate` wrote. Received: "
                f"{path} ({type(error).__name__}: {error})"
            ) from error
        return cls(scores, weights, settings, seconds)


def _score(content: dict[str, Any]) -> Score:
    std = content["std"]
    return Score(
        float(content["mean"]),
        None if std is None else float(std),
        dict(content["details"]),
        str(content["name"]),
    )


def versions() -> dict[str, str]:
    """Returns the versions that a score depends on."""
    known = {"keras-mixgan": __version__, "python": platform.python_version()}
    for package in PACKAGES:
        known[package] = installed(package) or "not installed"
    return known


def _finite(value: Any) -> Any:
    """Replaces infinities and NaN, which JSON lacks, by strings."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(part) for part in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value
