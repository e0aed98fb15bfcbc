"""Figure 4: the Wasserstein estimate of WGAN and of MIX+WGAN in training.

Arora et al. 2017 (PMLR 70, Figure 4; Figure 5 of arXiv:1703.00573v1) plot the
critics' estimate E[D(x)] - E[D(G(h))] against the steps. It is the payoff of
Equation 5 with f(x) = x, minus its constant 1. For a mixture it is the mean
over all pairs by the mixture weights. Weights are clipped, so each estimate
has its own scale; compare only how the estimates fall.

Both models train on the bundled digits with small networks. --full trains the
zoo's recipes (MNIST from TFDS; a quarter of an hour of one core).
Run it: python examples/figure4.py
"""

import csv

import common
import numpy as np

import keras_mixgan as kmg

# RMSprop as in Keras: with the WGAN authors' 0.99 and 1e-16 the estimates stay
# under 0.014, and the pair's is still rising after 1,200 steps.
SMALL = {"source": "digits", "architecture": "wgan", "conditional": False,
         "width": 8, "latent_dim": 16, "payoff_estimate": "linear",
         "generator_learning_rate": 1e-3,
         "discriminator_learning_rate": 3e-4, "rho": 0.9, "epsilon": 1e-7,
         "seed": 0}  # fmt: skip
STEPS = 1200
COMPONENTS = 3
EVERY = 10
SMOOTHED = 5


def train(name: str, components: int, folder, full: bool) -> dict:
    """Trains one model in a folder.

    Args:
        name: Name of the folder, and with `full` of the recipe.
        components: T; with `full` the recipe's counts instead.
        folder: The folder of all runs.
        full: Whether to train the recipe.

    Returns:
        `steps` and `estimate`, both (R,).
    """
    given = {} if full else {**SMALL, "steps": STEPS,
                             "num_generators": components,
                             "num_discriminators": components}  # fmt: skip
    workdir = folder / name
    kmg.runs.train(
        given,
        workdir,
        recipe=name if full else None,
        history_steps=EVERY,
        verbose=0,
    )
    with open(workdir / "history.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    payoffs = np.array([float(row["payoff"]) for row in rows])
    return {
        "steps": np.array([int(row["step"]) for row in rows]),
        "estimate": payoffs - 1,
    }


def smooth(values: np.ndarray, width: int = SMOOTHED) -> np.ndarray:
    """Running means over `width` records, (R - width + 1,)."""
    width = min(width, len(values))
    return np.convolve(values, np.ones(width) / width, "valid")


def main(argv: list[str] | None = None) -> dict:
    """Trains, prints and draws; returns both curves."""
    given = common.arguments("figure4", argv, __doc__)
    folder = given.out.parent / ("figure4_full" if given.full else "figure4")
    curves = {}
    for label, name, components in (
        ("WGAN", "wgan_mnist", 1),
        ("MIX+WGAN", "mix_wgan_mnist", COMPONENTS),
    ):
        curve = curves[label] = train(name, components, folder, given.full)
        tenth = max(1, len(curve["steps"]) // 10)
        print(
            f"{label:<10} largest {curve['estimate'].max():.4f}, mean of the "
            f"last tenth {curve['estimate'][-tenth:].mean():.4f}",
            flush=True,
        )
    common.save(draw(curves), given.out)
    return curves


def draw(curves):
    """Returns the figure."""
    figure, (axes,) = common.panels(1)
    for label, curve in curves.items():
        steps, estimate = curve["steps"], curve["estimate"]
        smoothed = smooth(estimate)
        (line,) = axes.plot(steps, estimate, lw=0.8, alpha=0.6)
        # Each mean stands at the middle of its records.
        first = (len(steps) - len(smoothed)) // 2
        axes.plot(
            steps[first : first + len(smoothed)],
            smoothed,
            color=line.get_color(),
            label=label,
        )
    axes.set(xlabel="step", ylabel="Wasserstein estimate")
    lines = f"thin: every {EVERY} steps\nthick: mean of {SMOOTHED} such"
    axes.legend(fontsize=8, title=lines, title_fontsize=8)
    return figure


if __name__ == "__main__":
    main()
