"""Figures 3 and 4 of the paper at the scale of `table1.py`, which calls them.

Figure 3 is the score against training steps of DCGAN, MIX+DCGAN, and one
DCGAN so wide that it has at least as many parameters as the mixture. Figure 4
is the critics' Wasserstein estimate of WGAN and MIX+WGAN against steps. Both
go on after a stop.
"""

import csv
import itertools
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from keras_mixgan import architectures
from keras_mixgan import runs
from keras_mixgan.cli import race
from keras_mixgan.presets import recipes
from keras_mixgan.utils import figures

CIFAR10 = (32, 32, 3)
MARKS = 10
IMAGES = 10_000
# Steps between two records of the estimate.
EVERY = 20
# Records in a running mean.
SMOOTHED = 5


def settings(recipe: str, **given: Any) -> dict[str, Any]:
    """A recipe's settings without the seed and the length of a run."""
    chosen = recipes.complete(given, recipe)
    return {k: v for k, v in chosen.items() if k not in ("seed", "steps")}


def figure_3(workdir: pathlib.Path, steps: int, common: Mapping[str, Any],
             components: int, classifier: str, data_dir=None,
             command: str | None = None):  # fmt: skip
    """Races DCGAN, MIX+DCGAN and a wider DCGAN, `steps` each.

    It is plain DCGAN; the paper's has the losses of Huang et al.

    `race.png` in the folder is the figure. `common` are settings of all
    three, where `None` is not given. The mixture has `components` of either
    side. `command` is shown on the race's page.
    """
    pair = settings("dcgan_apart_cifar10", **common)
    count = {"num_generators": components, "num_discriminators": components}
    wider = {"width": widened(pair, components)}
    race.run(
        {
            "DCGAN": pair,
            "MIX+DCGAN": settings("mix_dcgan_apart_cifar10", **common) | count,
            "DCGAN-wider": pair | wider,
        },
        race.Conditions(steps, "steps", MARKS, IMAGES, IMAGES, classifier),
        1,
        workdir,
        data_dir,
        command=command,
    )


def widened(pair: Mapping[str, Any], components: int) -> int:
    """The least width of one pair with the parameters of `components` pairs."""

    def parameters(width: int) -> int:
        networks = architectures.build(
            pair["architecture"], CIFAR10, num_classes=10, width=width
        )
        return sum(network.count_params() for network in networks)

    wanted = components * parameters(pair["width"])
    return next(
        width
        for width in itertools.count(pair["width"])
        if parameters(width) >= wanted
    )


def figure_4(workdir: pathlib.Path, steps: int, common: Mapping[str, Any],
             components: int, data_dir=None) -> Figure:  # fmt: skip
    """Trains WGAN and MIX+WGAN, `steps` each, and draws the estimate of both.

    The folder gets both runs and `figure4.png`. `common` are settings of
    both. The mixture has `components` of either side.
    """
    count = {"num_generators": components, "num_discriminators": components}
    given = {k: v for k, v in common.items() if v is not None}
    figure = Figure(figsize=(5, 3.6), layout="constrained")
    axes = figure.subplots()
    for colour, (label, recipe, own) in zip(
        figures.COLOURS,
        (("WGAN", "wgan_cifar10", {}), ("MIX+WGAN", "mix_wgan_cifar10", count)),
        strict=False,
    ):
        folder = workdir / label
        runs.train(
            {**given, **own, "steps": steps},
            folder,
            recipe=recipe,
            history_steps=EVERY,
            data_dir=data_dir,
            verbose=0,
        )
        at, estimate = read_estimate(folder / "history.csv")
        axes.plot(at, estimate, color=colour, lw=0.5, alpha=0.4)
        kernel = np.ones(SMOOTHED) / SMOOTHED
        axes.plot(
            at[SMOOTHED - 1 :],
            np.convolve(estimate, kernel, "valid"),
            color=colour,
            label=label,
        )
    axes.set(xlabel="step", ylabel="Wasserstein estimate")
    axes.legend(fontsize=8)
    figure.savefig(workdir / "figure4.png", dpi=80)
    return figure


def read_estimate(path: pathlib.Path) -> tuple[np.ndarray, np.ndarray]:
    """Steps and E[D(x)] - E[D(G(h))], which is the payoff less its constant 1.

    From the `history.csv` of a run with Wasserstein's payoff.
    """
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    steps = np.array([int(row["step"]) for row in rows])
    return steps, np.array([float(row["payoff"]) for row in rows]) - 1
