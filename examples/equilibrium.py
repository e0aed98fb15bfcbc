"""Appendix B and Theorem 4.2: a pair circles, a mixture settles.

Arora et al. 2017 (arXiv:1703.00573), Appendix B, Examples 1 and 2: the real
distribution is three points on a circle. A generator is a point at angle
theta, a discriminator is D_phi(t) = exp(-10 d(t, phi)^2), and the payoff is
Equation 5 with f(x) = x. No pair is an equilibrium. The figure shows:

1. Best response, Algorithm 1: it never stands still, neither with one point
   per side (Theorem B.1) nor with three (Theorem B.2).
2. Best response to the mixture of all networks so far (fictitious play,
   Brown 1951, Robinson 1951): it settles on the equilibrium.
3. `MixGAN` on the same game, trained by gradients. The table prints its true
   epsilon beside the one that `equilibrium_gap` finds.
4. Theorem 4.2: T equally weighted networks per side, drawn from the game's
   equilibrium, are an epsilon-approximate equilibrium with T of the order of
   log(N) / epsilon^2, for N networks to choose from. The equilibrium is exact:
   a linear program on a grid of angles.

--full trains more mixtures, for longer, from five seeds each.

Run it: python examples/equilibrium.py
"""

import common
import keras
import numpy as np
from keras import ops

import keras_mixgan as kmg

# Angles to choose from; the real points are among them.
GRID = 180
ROUNDS = 24
STEPS = 1500
COMPONENTS = (1, 3, 8)
MORE_COMPONENTS = (1, 2, 3, 4, 6, 8, 12)
DRAWN = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512)
DRAWS = 200
REAL = 2 * np.pi * np.arange(3) / 3
STEEPNESS = 10.0


def bump(t, phi) -> np.ndarray:
    """D_phi(t) = exp(-10 d(t, phi)^2) of all pairs, float64 (..., M).

    Args:
        t: Float (...), angles.
        phi: Float (M,), angles.
    """
    difference = np.asarray(t)[..., None] - np.asarray(phi)
    distance = np.abs((difference + np.pi) % (2 * np.pi) - np.pi)
    return np.exp(-STEEPNESS * distance**2)


def payoffs(theta, phi) -> np.ndarray:
    """F = E_real[D(x)] + E[1 - D(G)] of generators and discriminators.

    Args:
        theta: Float (N,), angles of generators.
        phi: Float (M,), angles of discriminators.
    """
    return bump(REAL, phi).mean(axis=0) + 1 - bump(theta, phi)


def grid() -> np.ndarray:
    """The angles to choose from, float64 (GRID,)."""
    return 2 * np.pi * np.arange(GRID) / GRID


def best_responses(
    points: int, rounds: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Algorithm 1 of Appendix B, on the grid; ties are drawn at random.

    Args:
        points: Points per side: 1 in Example 1, 3 in Example 2.
        rounds: How often both sides respond.
        rng: Draws among equally good responses.

    Returns:
        Angles of generators and of discriminators, both (rounds, points).
    """
    angles = grid()

    def one_of_the_best(values):
        return rng.choice(np.flatnonzero(values >= values.max() - 1e-9))

    theta, found = np.zeros(points), ([], [])
    for _ in range(rounds):
        # The payoff is a sum over phi, and over theta: each responds alone.
        earned = payoffs(theta, angles).mean(axis=0)
        phi = angles[[one_of_the_best(earned) for _ in range(points)]]
        lost = payoffs(angles, phi).mean(axis=1)
        theta = angles[[one_of_the_best(-lost) for _ in range(points)]]
        found[0].append(theta)
        found[1].append(phi)
    return np.array(found[0]), np.array(found[1])


def grown_mixtures(
    game: kmg.metrics.MatrixGame, rounds: int
) -> tuple[np.ndarray, np.ndarray]:
    """Best response to the mixture of all networks so far, equally weighted.

    Both sides begin with the first network.

    Args:
        game: The game on the grid.
        rounds: How large the mixtures become.

    Returns:
        The generators' weights after each round, (rounds, N), and epsilon,
        (rounds,).
    """
    u, v = np.eye(len(game.payoffs))[[0, 0]]
    rows, found = [], []
    for count in range(1, rounds + 1):
        rows.append(u / count)
        found.append(game.epsilon(u / count, v / count))
        best = np.argmax(u @ game.payoffs), np.argmin(game.payoffs @ v)
        v[best[0]] += 1
        u[best[1]] += 1
    return np.array(rows), np.array(found)


@keras.saving.register_keras_serializable("equilibrium")
class Point(keras.layers.Layer):
    """The generator: one point on the circle, independent of the latents."""

    def build(self, input_shape):
        """Makes the angle, drawn from the whole circle."""
        self.angle = self.add_weight(
            shape=(),
            initializer=keras.initializers.RandomUniform(0, 2 * np.pi),
            name="angle",
        )

    def call(self, latents):
        """Latents (B, L) to points (B, 2)."""
        place = ops.stack([ops.cos(self.angle), ops.sin(self.angle)])
        return 0 * latents[:, :1] + place


@keras.saving.register_keras_serializable("equilibrium")
class Bump(Point):
    """The discriminator: exp(-10 d^2) around its angle."""

    def call(self, points):
        """Points (B, 2) to logits (B, 1)."""
        x, y = points[:, :1], points[:, 1:]
        c, s = ops.cos(self.angle), ops.sin(self.angle)
        distance = ops.arctan2(y * c - x * s, x * c + y * s)
        return ops.exp(-STEEPNESS * distance**2)


def train(count: int, steps: int, seed: int) -> tuple[kmg.MixGAN, dict]:
    """Trains `count` generators against as many discriminators.

    Args:
        count: T.
        steps: Training steps, each on the three real points.
        seed: Of the initial angles.

    Returns:
        The model, and records of angles and weights: `steps` (R,), `theta`,
        `phi`, `u` and `v`, each (R, count).
    """
    generator = keras.Sequential([keras.Input((1,)), Point()])
    discriminator = keras.Sequential([keras.Input((2,)), Bump()])
    model = kmg.MixGAN(generator, discriminator, count, count, seed=seed)
    rates = (keras.optimizers.Adam(0.02, beta_1=0.5) for _ in range(2))
    model.compile("wasserstein", *rates, generator_loss="minimax")
    points = np.stack([np.cos(REAL), np.sin(REAL)], axis=1).astype("float32")
    path = {"steps": [], "theta": [], "phi": [], "u": [], "v": []}
    for step in range(steps):
        model.train_on_batch(points)
        if step % 10 and step < steps - 1:
            continue
        path["steps"].append(step)
        for name, networks in (
            ("theta", model.generators),
            ("phi", model.discriminators),
        ):
            angles = [float(n.trainable_variables[0].numpy()) for n in networks]
            path[name].append(np.mod(angles, 2 * np.pi))
        path["u"].append(model.generator_weights)
        path["v"].append(model.discriminator_weights)
    return model, {name: np.array(rows) for name, rows in path.items()}


def epsilons(path: dict) -> np.ndarray:
    """The true epsilon at each record: best responses on the fine grid."""
    angles = np.linspace(0, 2 * np.pi, 7200)
    return np.array(
        [
            ((u @ payoffs(theta, angles)).max()
            - (payoffs(angles, phi) @ v).min()) / 2
            for theta, phi, u, v in zip(
                path["theta"], path["phi"], path["u"], path["v"], strict=True
            )
        ]
    )  # fmt: skip


def found_by_training(model: kmg.MixGAN) -> float:
    """The epsilon that `equilibrium_gap` finds, by trained best responses."""
    points = np.tile(np.stack([np.cos(REAL), np.sin(REAL)], axis=1), (40, 1))
    return kmg.metrics.equilibrium_gap(
        model, points.astype("float32"), steps=200, learning_rate=0.02
    ).epsilon


def drawn_mixtures(
    game: kmg.metrics.MatrixGame, rng: np.random.Generator
) -> list[dict[str, float]]:
    """Epsilon of T networks per side, drawn from an equilibrium.

    Beside it the proof's bound with its constants. By Hoeffding and a union
    bound over N rows, a draw of T networks is, with positive probability,
    within epsilon = R sqrt(log(2 N) / (2 T)) on one side, where R is the range
    of the payoffs.

    Returns:
        For each T of `DRAWN`: `T`, `mean` and `best` of the draws, `bound`.
    """
    spread = np.ptp(game.payoffs)
    rows = []
    for count in DRAWN:
        u, v = (
            rng.multinomial(count, weights, size=DRAWS) / count
            for weights in (game.generator_weights, game.discriminator_weights)
        )
        found = game.epsilon(u, v)
        bound = spread * np.sqrt(np.log(2 * GRID) / (2 * count))
        rows.append(
            {"T": count, "mean": found.mean(), "best": found.min(),
             "bound": bound}
        )  # fmt: skip
    return rows


def trained_mixtures(counts, steps: int, seeds: int) -> tuple[list, dict]:
    """Trains mixtures and measures them; prints one row for each.

    Args:
        counts: The values of T.
        steps: Training steps.
        seeds: How many mixtures of each T.

    Returns:
        Rows of `T`, `epsilon` (true, a mean over the last tenth of the
        training), `last` (true, at the end) and `found` (by trained responses,
        at the end); and, by T, the path of the first seed.
    """
    rows, paths = [], {}
    for count in counts:
        for seed in range(seeds):
            model, path = train(count, steps, seed)
            paths.setdefault(count, path)
            late = epsilons(path)[-max(1, len(path["steps"]) // 10) :]
            row = {"T": count, "epsilon": late.mean(), "last": late[-1],
                   "found": found_by_training(model)}  # fmt: skip
            rows.append(row)
            print(
                "{T:>9}{epsilon:>10.3f}{last:>10.3f}{found:>20.3f}"
                .format(**row)
            )  # fmt: skip
    return rows, paths


def main(argv: list[str] | None = None) -> dict:
    """Plays, draws, trains and prints; returns what the figure shows."""
    given = common.arguments("equilibrium", argv, __doc__)
    rng = np.random.default_rng(0)
    played = {n: best_responses(n, ROUNDS, rng) for n in (1, 3)}
    print("Best response: the generator's angle in degrees, round by round")
    for n, (theta, _) in played.items():
        print(f"  {n} a side: {np.degrees(theta[:12, 0]).round().astype(int)}")

    angles = grid()
    game = kmg.metrics.matrix_game(payoffs(angles, angles))
    support = np.degrees(angles[game.generator_weights > 1e-6]).round()
    print(
        f"The game on {GRID} angles, exactly: V = {game.value:.6f} (Theorem "
        f"4.3: 1), generators at {support.astype(int)} degrees"
    )
    grown, grown_epsilons = grown_mixtures(game, DRAWN[-1])
    drawn = drawn_mixtures(game, rng)
    print(f"\n{'T drawn':>9}{'epsilon':>10}{'best':>10}{'bound':>10}"
          f"{'grown':>10}")  # fmt: skip
    for row in drawn:
        row["grown"] = grown_epsilons[row["T"] - 1]
        print(
            "{T:>9}{mean:>10.3f}{best:>10.3f}{bound:>10.3f}{grown:>10.3f}"
            .format(**row)
        )  # fmt: skip
    print(f"epsilon, best: mean and least of {DRAWS} draws of T networks from "
          "the equilibrium\nbound: of Theorem 4.2's proof\n"
          "grown: T best responses, each to all networks before")  # fmt: skip

    print(
        f"\n{'T trained':>9}{'epsilon':>10}{'at end':>10}"
        f"{'by equilibrium_gap':>20}"
    )
    trained, paths = trained_mixtures(
        *((MORE_COMPONENTS, 4 * STEPS, 5) if given.full
        else (COMPONENTS, STEPS, 1))
    )  # fmt: skip
    print("epsilon: exact, mean over the last tenth of the training; at end: "
          "after it\nby equilibrium_gap: after it, by trained best responses"
          )  # fmt: skip
    common.save(draw(played, grown, paths, drawn, trained), given.out)
    return {"played": played, "game": game, "drawn": drawn, "grown": grown,
            "trained": trained}  # fmt: skip


def draw(played, grown, paths, drawn, trained):
    """Returns the figure of four panels."""
    figure, axes = common.panels(4)
    for ax in (axes[0], axes[2]):
        ax.set_yticks(REAL, ["0", "120", "240"])
        ax.set_ylim(-0.5, 2 * np.pi + 0.5)
        ax.set_ylabel("angle in degrees")
    for n, marker in ((1, "o"), (3, "x")):
        theta = played[n][0][:, 0]
        axes[0].plot(theta, marker=marker, lw=0.8, label=f"{n} a side")
    axes[0].set(title="best response: generator", xlabel="round")
    axes[0].legend(loc="upper right", fontsize=8)
    counts = np.arange(1, len(grown) + 1)
    # Each network belongs to the nearest real point.
    nearest = bump(grid(), REAL).argmax(axis=1)
    for i, degrees in enumerate((0, 120, 240)):
        share = grown[:, nearest == i].sum(axis=1)
        axes[1].semilogx(counts, share, label=f"at {degrees} degrees")
    axes[1].axhline(1 / 3, color="0.6", ls=":", zorder=0)
    axes[1].set(title="best response to all so far", xlabel="T",
                ylabel="share of the generators")  # fmt: skip
    axes[1].legend(fontsize=8)
    path = paths[max(paths)]
    for name, colour, label in (
        ("phi", "#E69F00", "discriminators"),
        ("theta", "#0072B2", "generators"),
    ):
        axes[2].plot(path["steps"], path[name], ".", ms=2, color=colour)
        axes[2].plot([], [], "o", color=colour, label=label)
    axes[2].set(title=f"MixGAN, T = {max(paths)}", xlabel="step")
    axes[2].legend(fontsize=8, loc="center right")
    _draw_epsilons(axes[3], drawn, trained)
    return figure


def _draw_epsilons(ax, drawn, trained) -> None:
    counts = [row["T"] for row in drawn]
    for key, label, style in (
        ("bound", "Theorem 4.2's proof", "k--"),
        ("mean", "drawn from the equilibrium", "o-"),
        ("grown", "best responses so far", "x-"),
    ):
        values = [row[key] for row in drawn]
        ax.loglog(counts, values, style, ms=4, label=label)
    ax.loglog(
        [row["T"] for row in trained],
        [row["epsilon"] for row in trained],
        "s",
        label="trained by MixGAN",
    )
    ax.set(title="epsilon of the equilibrium", xlabel="T")
    ax.legend(fontsize=7)


if __name__ == "__main__":
    main()
