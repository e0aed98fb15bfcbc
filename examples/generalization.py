"""Theorem 3.3: distances by small networks generalize from samples.

Arora et al. 2017 (arXiv:1703.00573), Theorem 3.3 (3.1 in the ICML text): for
discriminators with n bounded parameters the neural-net distance of two sets of
m samples is within epsilon of that of their distributions, once m is of the
order of n log(n / epsilon) / epsilon^2. So the error falls like
sqrt(n log(m) / m); the constant is left open.

Samples of N(0, I/d) are compared with others from the same distribution, whose
true distance is 0 for any class of networks, and with samples shifted by 1. A
discriminator of each width is trained and measured on the same m points per
side. For the shifted samples `generalization_gap` measures the true distance
on many fresh points.

--full takes more sample sizes, three seeds, and more steps.
Run it: python examples/generalization.py
"""

import common
import keras
import numpy as np

import keras_mixgan as kmg

DIMENSION = 16
# Distances of the means; without a shift the true distance is 0.
SHIFTS = (0.0, 1.0)
SIZES = (50, 100, 200, 400, 800, 1600, 3200)
MORE_SIZES = (*SIZES, 6400, 12800)
WIDTHS = (4, 64)
STEPS = 400
# Largest norm of a unit's weights: it bounds the set of parameters.
LARGEST_NORM = 3.0


def discriminators(width: int):
    """The discriminators of one width, as a function from shape to network.

    Two layers with weights of bounded norm, n = (d + 2) width + 1 parameters.

    Args:
        width: Hidden units.
    """

    def build(shape: tuple[int, ...]) -> keras.Model:
        bound = keras.constraints.MaxNorm(LARGEST_NORM)
        return keras.Sequential(
            [
                keras.Input(shape),
                keras.layers.Dense(width, "relu", kernel_constraint=bound),
                keras.layers.Dense(1, kernel_constraint=bound),
            ]
        )

    return build


def measure(width: int, shift: float, sizes, steps: int, seed: int):
    """Distances on m points per side, and on fresh ones.

    Args:
        width: Hidden units of the discriminators.
        shift: Distance of the two means.
        sizes: The numbers m of points per side.
        steps: Updates of each discriminator.
        seed: Seed of points, weights and batches.

    Returns:
        A `GeneralizationGap`.
    """
    largest = max(sizes)
    rng = np.random.default_rng(seed)
    scale = DIMENSION**-0.5
    counts = (largest, 2 * largest, 2 * largest)
    train, held_out, other = (
        rng.normal(0, scale, (count, DIMENSION)).astype("float32")
        for count in counts
    )
    other[:, 0] += shift
    return kmg.metrics.generalization_gap(
        other, train, held_out, sizes, discriminators(width), steps=steps,
        learning_rate=0.01, seed=seed,
    )  # fmt: skip


def rate(sizes, errors) -> float:
    """The exponent of the power law through the errors, by least squares."""
    return float(np.polyfit(np.log(sizes), np.log(errors), 1)[0])


def bounds(parameters: int, sizes) -> np.ndarray:
    """The theorem's sqrt(n log(m) / m), without its constant."""
    sizes = np.asarray(sizes, "float64")
    return np.sqrt(parameters * np.log(sizes) / sizes)


def main(argv: list[str] | None = None) -> dict:
    """Measures, prints and draws; returns errors by shift and width."""
    given = common.arguments("generalization", argv, __doc__)
    sizes, seeds, steps = (
        (MORE_SIZES, 3, 5 * STEPS) if given.full else (SIZES, 1, STEPS)
    )
    heading = "".join(f"{size:>8}" for size in sizes)
    print(f"{'distance on m =':<28}{heading}{'rate':>8}{'true':>8}")
    found = {}
    for shift in SHIFTS:
        for width in WIDTHS:
            gaps = [
                measure(width, shift, sizes, steps, seed)
                for seed in range(seeds)
            ]
            train = np.mean([gap.train for gap in gaps], axis=0)
            # Two sets from one distribution: their true distance is 0.
            true = np.mean([gap.held_out for gap in gaps]) if shift else 0.0
            errors = np.abs(train - true)
            found[shift, width] = {
                "train": train, "true": true, "errors": errors,
                "rate": rate(sizes, errors),
            }  # fmt: skip
            values = "".join(f"{value:>8.3f}" for value in train)
            parameters = (DIMENSION + 2) * width + 1
            name = f"shift {shift:g}, n = {parameters}"
            print(
                f"{name:<28}{values}{found[shift, width]['rate']:>8.2f}"
                f"{true:>8.3f}",
                flush=True,
            )
    slope = rate(sizes, bounds(1, sizes))
    print(
        f"rate: the error falls as this power of m; the bound's: {slope:.2f}\n"
        "true: distance of the distributions, 0 without a shift"
    )
    common.save(draw(sizes, found), given.out)
    return found


def draw(sizes, found):
    """Returns the figure: distances, and errors with the bound's rate."""
    figure, axes = common.panels(2)
    for (shift, width), row in found.items():
        colour = "#0072B2" if width == WIDTHS[0] else "#E69F00"
        line = "--" if shift else "-"
        parameters = (DIMENSION + 2) * width + 1
        label = f"n = {parameters}, shift {shift:g}"
        axes[0].semilogx(
            sizes, row["train"], line, marker=".", color=colour, label=label
        )
        if shift:
            axes[0].axhline(row["true"], color=colour, lw=0.8, ls=":")
        axes[1].loglog(
            sizes, row["errors"], line, marker=".", color=colour, label=label
        )
    axes[0].set(xlabel="samples m a side", ylabel="neural-net distance",
                title="distance on samples (dotted: true)",
                ylim=(0, 1))  # fmt: skip
    axes[0].legend(fontsize=8)
    # One constant for both widths: the wide class's line ends at its error.
    constant = (
        found[0.0, WIDTHS[1]]["errors"][-1]
        / (bounds((DIMENSION + 2) * WIDTHS[1] + 1, sizes)[-1])
    )
    for width, colour in zip(WIDTHS, ("#0072B2", "#E69F00"), strict=True):
        parameters = (DIMENSION + 2) * width + 1
        axes[1].loglog(
            sizes, constant * bounds(parameters, sizes), ":", color=colour,
            label=f"C sqrt(n log m / m), n = {parameters}",
        )  # fmt: skip
    axes[1].set(xlabel="samples m a side", title="off the true distance",
                ylim=(1e-4, 1.5))  # fmt: skip
    axes[1].legend(fontsize=7, loc="lower left")
    return figure


if __name__ == "__main__":
    main()
