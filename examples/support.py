"""Corollary 3.2: small networks do not see that a support is small.

Arora et al. 2017 (arXiv:1703.00573), Corollary 3.2 (3.1 in the ICML text):
the empirical distribution of m samples is within epsilon of the distribution
for all discriminators with n parameters, once m is of the order of
n log(n / epsilon) / epsilon^2. So a generator that knows m points by heart
wins against them, however many images they see.

Generators with a support of m points of N(0, I/d) are measured against fresh
points: by discriminators of two widths, and by the birthday paradox test
(Arora, Risteski & Zhang 2018, arXiv:1706.08224), which counts coinciding pairs
and sees the size of the support at once.

--full takes larger supports, three seeds, and more steps.
Run it: python examples/support.py
"""

import common
import numpy as np
from generalization import DIMENSION
from generalization import WIDTHS
from generalization import bounds
from generalization import discriminators

import keras_mixgan as kmg

SUPPORTS = (10, 30, 100, 300, 1000, 3000, 10000)
MORE_SUPPORTS = (*SUPPORTS, 30000)
SEEN = 20_000
STEPS = 400
BATCH = 2000


def gaussian(count: int, seed) -> np.ndarray:
    """Points of N(0, I/d), float32 (count, DIMENSION)."""
    rng = np.random.default_rng(seed)
    return rng.normal(0, DIMENSION**-0.5, (count, DIMENSION)).astype("float32")


def generate(support: int, count: int, seed: int) -> np.ndarray:
    """Draws from a generator that knows `support` points and no others.

    Args:
        support: Size of the support.
        count: Number of draws.
        seed: Seed of the support and of the draws.

    Returns:
        Float32 (count, DIMENSION).
    """
    points = gaussian(support, [seed, 1])
    rng = np.random.default_rng([seed, 2])
    return points[rng.integers(support, size=count)]


def measure(support: int, seen: int, steps: int, seed: int) -> dict:
    """Measures one generator.

    Args:
        support: Size of its support.
        seen: Points per side that the discriminators see.
        steps: Updates of each discriminator.
        seed: Seed of all draws.

    Returns:
        `support`, `birthday` (estimate), `at_least` (its lower 95 % bound),
        and the distance by width.
    """
    fake = generate(support, seen, seed)
    real = gaussian(seen, [seed, 3])
    # Two draws of a continuous distribution never coincide: only one support
    # point drawn twice does.
    estimate = kmg.metrics.birthday(
        fake, num_images=min(BATCH, seen), threshold=1e-6, seed=seed
    )
    row = {"support": support, "birthday": estimate.mean,
           "at_least": estimate.details["at_least"]}  # fmt: skip
    for width in WIDTHS:
        row[width] = kmg.metrics.neural_net_distance(
            fake, real, discriminators(width), num_images=None, steps=steps,
            learning_rate=0.01, seed=seed,
        ).mean  # fmt: skip
    return row


def main(argv: list[str] | None = None) -> list[dict]:
    """Measures, prints and draws; returns one row per support."""
    given = common.arguments("support", argv, __doc__)
    supports, seeds, steps = (
        (MORE_SUPPORTS, 3, 5 * STEPS) if given.full else (SUPPORTS, 1, STEPS)
    )
    sizes = {width: (DIMENSION + 2) * width + 1 for width in WIDTHS}
    names = "".join(f"{f'n = {n}':>12}" for n in sizes.values())
    print(f"{'support m':>10}{names}{'birthday':>12}{'at least':>12}")
    rows = []
    for support in supports:
        measured = [measure(support, SEEN, steps, s) for s in range(seeds)]
        row = {
            key: float(np.mean([each[key] for each in measured]))
            for key in measured[0]
        }
        rows.append(row)
        distances = "".join(f"{row[width]:>12.3f}" for width in WIDTHS)
        print(
            f"{support:>10}{distances}{row['birthday']:>12.0f}"
            f"{row['at_least']:>12.0f}",
            flush=True,
        )
    print(
        "n: distance by discriminators with n parameters\n"
        f"birthday: size of the support, estimated from {BATCH} images\n"
        "at least: lower 95 % bound of that size"
    )
    common.save(draw(rows), given.out)
    return rows


def draw(rows):
    """Returns the figure: distances, and the birthday estimate."""
    figure, axes = common.panels(2)
    supports = [row["support"] for row in rows]
    for width in WIDTHS:
        n = (DIMENSION + 2) * width + 1
        values = np.maximum([row[width] for row in rows], 1e-3)
        (line,) = axes[0].loglog(supports, values, ".-", label=f"n = {n}")
        bound = bounds(n, supports)
        # One constant for both: it fits the wide class at the middle support.
        if width == WIDTHS[0]:
            wide = (DIMENSION + 2) * WIDTHS[-1] + 1
            middle = len(rows) // 2
            constant = rows[middle][WIDTHS[-1]] / bounds(wide, supports)[middle]
        axes[0].loglog(
            supports, constant * bound, ":", color=line.get_color(),
            label=f"C sqrt(n log m / m), n = {n}",
        )  # fmt: skip
    axes[0].set(xlabel="size of the support m", ylim=(5e-3, 1.2),
                title="neural-net distance")  # fmt: skip
    axes[0].legend(fontsize=7)
    finite = [row for row in rows if np.isfinite(row["birthday"])]
    axes[1].loglog(
        [row["support"] for row in finite],
        [row["birthday"] for row in finite],
        "o",
        label=f"birthday estimate of {BATCH} images",
    )
    axes[1].loglog(supports, supports, "k--", lw=0.8, label="the support")
    axes[1].set(xlabel="size of the support m", title="birthday paradox test")
    axes[1].legend(fontsize=8)
    return figure


if __name__ == "__main__":
    main()
