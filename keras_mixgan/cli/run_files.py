"""The files of a run's folder."""

import os
import pathlib

SETTINGS = "settings.json"
CHECKPOINT = "checkpoint.keras"
MODEL = "model.keras"
SAMPLES = "samples.png"
CURVES = "curves.png"
HISTORY = "history.csv"
OUTPUTS = {
    SAMPLES: "the mixture on top, then a block per generator",
    CURVES: "losses, payoff and mixture weights",
    HISTORY: "the same as numbers, a row every few steps",
    CHECKPOINT: "to resume from",
    MODEL: "the trained mixture, for `keras-mixgan sample` and Keras",
    SETTINGS: "all settings of the run, for --config",
}
SCORES = "scores.csv"
SCORE_CURVES = "scores.png"
BEST = "best.keras"
# Of a run with --evaluate_every.
SCORE_OUTPUTS = {
    SCORE_CURVES: "the scores against seconds of training",
    SCORES: "the same as numbers, a row per epoch",
    BEST: "the mixture at the epoch of the smallest Frechet distance",
}


def is_run(path: str | os.PathLike[str]) -> bool:
    """Whether this is the folder of a run: one that holds a run's settings."""
    return (pathlib.Path(path) / SETTINGS).is_file()


def default_workdir(source: str) -> pathlib.Path:
    """The default folder of a run: "runs/" and the name of its source.

    Example:
    >>> default_workdir("celeb_a_hq/256").as_posix()
    'runs/celeb_a_hq-256'
    """
    if os.path.isdir(source):
        name = pathlib.Path(source).resolve().name
    else:
        name = source.strip("./~").replace("/", "-")
    return pathlib.Path("runs") / (name or "run")
