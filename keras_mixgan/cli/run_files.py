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
    SAMPLES: "the mixture on top, then one block a generator",
    CURVES: "losses, payoff and mixture weights",
    HISTORY: "the same as numbers, a row every few steps",
    CHECKPOINT: "to go on from, with more --epochs or --steps",
    MODEL: "the trained mixture, for `keras-mixgan sample` and Keras",
    SETTINGS: "every setting of the run, also a file for --config",
}
SCORES = "scores.csv"
SCORE_CURVES = "scores.png"
# Of a run with --evaluate_every.
SCORE_OUTPUTS = {
    SCORE_CURVES: "the scores against seconds of training",
    SCORES: "the same as numbers, a row an epoch",
}


def is_run(path: str | os.PathLike[str]) -> bool:
    """Whether this is the folder of a run.

    Args:
        path: Anything that a user may name.

    Returns:
        Whether a run's settings lie in it.
    """
    return (pathlib.Path(path) / SETTINGS).is_file()


def default_workdir(source: str) -> pathlib.Path:
    """The folder of a run that was given none.

    Args:
        source: A source.

    Returns:
        "runs/" and the name of the source or of its folder.

    Example:
    >>> default_workdir("celeb_a_hq/256").as_posix()
    'runs/celeb_a_hq-256'
    """
    if os.path.isdir(source):
        name = pathlib.Path(source).resolve().name
    else:
        name = source.strip("./~").replace("/", "-")
    return pathlib.Path("runs") / (name or "run")
