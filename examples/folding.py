"""Theorem 4.3: a mixture is one network with one more latent coordinate.

Arora et al. 2017 (arXiv:1703.00573), Theorem 4.3, by Lemmas 1 and 2 of
Appendix A: a selector of ReLUs in an additional Gaussian input h_0 disables
all generators except one. Where h_0 is on the slope of a step, two generators
are blended. The probability of that, delta, can be as small as one likes. A
payoff with discriminators in [0, 1] changes by at most delta (the paper: 2
Delta delta).

`MixGAN.fold` folds a mixture of the zoo with several delta. The example
measures the share of blended images, the share that each generator keeps, and
the change of the discriminators' verdict, and prints the closed form beside
them.

--full draws 25 times as many images.
Run it: python examples/folding.py
"""

import common
import keras
import numpy as np

import keras_mixgan as kmg
from keras_mixgan.backends.inference import Forward
from keras_mixgan.training import folding

PRESET = "mix_dcgan_fashion_mnist"
BLENDINGS = (0.3, 0.1, 0.03, 0.01)
IMAGES = 2000


class Draws:
    """Latents, labels, and the images that each generator makes of them."""

    def __init__(self, model: kmg.MixGAN, count: int, seed: int = 0):
        rng = np.random.default_rng(seed)
        # h_0 takes evenly spaced quantiles instead of random draws, so that
        # the shares have no sampling noise.
        uniform = (rng.permutation(count) + 0.5) / count
        h_0 = normal_quantiles(uniform)[:, None]
        others = rng.standard_normal((count, model.latent_dim))
        self.latents = np.hstack([h_0, others]).astype("float32")
        self.labels = None
        if model.conditional:
            self.labels = np.arange(count) % model.known_num_classes()
        self.by_generator = np.stack(
            [
                model.generate(
                    latents=self.latents[:, 1:], labels=self.labels, component=i
                )
                for i in range(model.num_generators)
            ]
        )
        edges = np.cumsum(model.generator_weights)[:-1]
        self.chosen = np.searchsorted(edges, uniform, "right")
        # The mixture's own images of the same draws.
        self.images = self.by_generator[self.chosen, np.arange(count)]

    def inputs(self, first: np.ndarray) -> list[np.ndarray]:
        """A network's inputs: images or latents, and labels if any."""
        return [first] if self.labels is None else [first, self.labels]


def normal_quantiles(uniform: np.ndarray) -> np.ndarray:
    """The quantiles of the standard normal distribution at these shares."""
    from scipy.special import ndtri

    return ndtri(uniform)


def logits_alone(discriminator: keras.Model) -> keras.Model:
    """The discriminator without its outputs other than the logits."""
    outputs = discriminator.output
    if not isinstance(outputs, dict):
        return discriminator
    return keras.Model(discriminator.inputs, outputs["logits"])


def verdicts(model: kmg.MixGAN, draws: Draws, images: np.ndarray) -> np.ndarray:
    """E[sigmoid(D_j)] of each discriminator, float64 (num_discriminators,)."""
    logits = [
        Forward().in_batches(logits_alone(network), *draws.inputs(images))
        for network in model.discriminators
    ]
    logits = [each.astype("float64") for each in logits]
    return np.array([(1 / (1 + np.exp(-each))).mean() for each in logits])


def measure(model: kmg.MixGAN, draws: Draws, blending: float) -> dict:
    """Folds the mixture, and compares it with its generators one by one.

    Args:
        model: The mixture.
        draws: What to compare on.
        blending: delta.

    Returns:
        `blending`; `blended`, the share of images that no single generator
        makes; `shares` (T,), measured, and `expected` (T,); `change`, the
        largest change of a discriminator's verdict.
    """
    images = Forward().in_batches(
        model.fold(blending), *draws.inputs(draws.latents)
    )
    axes = tuple(range(2, draws.by_generator.ndim))
    same = np.abs(images - draws.by_generator).max(axis=axes) < 1e-5
    weights = model.generator_weights
    # Half of each step's slope lies within the share of each neighbour.
    slopes = np.full(len(weights), 2.0)
    slopes[[0, -1]] = 1.0
    lost = slopes * blending / (len(weights) - 1) / 2
    change = verdicts(model, draws, images.astype("float32")) - verdicts(
        model, draws, draws.images
    )
    return {
        "blending": blending,
        "blended": 1 - same.any(axis=0).mean(),
        "shares": same.mean(axis=1),
        "expected": weights - lost,
        "change": float(np.abs(change).max()),
    }


def walk(model: kmg.MixGAN, blending: float, steps: int = 11, rows: int = 3):
    """Images along h_0, across the first step: float32 (rows, steps, ...)."""
    starts, ends = folding.slopes(model.generator_weights, blending)
    middle, half = (starts[0] + ends[0]) / 2, (ends[0] - starts[0]) / 2
    rng = np.random.default_rng(1)
    others = rng.standard_normal((rows, model.latent_dim))
    latents = [
        [h_0, *other]
        for other in others
        for h_0 in np.linspace(middle - 1.4 * half, middle + 1.4 * half, steps)
    ]
    inputs = [np.array(latents, "float32")]
    if model.conditional:
        inputs.append(np.repeat(np.arange(rows), steps))
    images = Forward().in_batches(model.fold(blending), *inputs)
    return images.reshape(rows, steps, *model.image_shape)


def main(argv: list[str] | None = None) -> list[dict]:
    """Folds, measures, prints and draws; returns one row per delta."""
    given = common.arguments("folding", argv, __doc__)
    model = kmg.MixGAN.from_preset(PRESET)
    draws = Draws(model, 25 * IMAGES if given.full else IMAGES)
    print(f"{PRESET}, weights {model.generator_weights.round(3)}")
    print(f"{'delta':>8}{'blended':>10}{'verdict':>10}  shares, and expected")
    rows = []
    for blending in BLENDINGS:
        row = measure(model, draws, blending)
        rows.append(row)
        print(
            f"{blending:>8}{row['blended']:>10.4f}{row['change']:>10.4f}  "
            f"{row['shares'].round(3)}, {row['expected'].round(3)}",
            flush=True,
        )
    print(
        "blended: share of images that no single generator makes\n"
        "verdict: largest change of a discriminator's mean of sigmoid(D)\n"
        "shares: of the images that generator 0, 1, ... alone makes"
    )
    count = model.fold(0.5).count_params()
    own = sum(g.count_params() for g in model.generators)
    print(f"Parameters: {count:,} folded, {own:,} in the generators")
    common.save(draw(model, rows), given.out)
    return rows


def draw(model, rows):
    """Returns the figure: selector, errors, and a walk across a step."""
    figure, axes = common.panels(3)
    weights = model.generator_weights
    starts, ends = folding.slopes(weights, BLENDINGS[0])
    h = np.linspace(-2.5, 2.5, 500)
    steps = np.clip((h[:, None] - starts) / (ends - starts), 0, 1)
    steps = np.column_stack([np.ones(len(h)), steps, np.zeros(len(h))])
    for i in range(len(weights)):
        axes[0].plot(h, steps[:, i] - steps[:, i + 1], label=f"generator {i}")
    axes[0].set(title=f"selector, delta = {BLENDINGS[0]}", xlabel="h_0",
                ylabel="weight of generator i's image (x_i)")  # fmt: skip
    axes[0].legend(fontsize=8)
    blendings = [row["blending"] for row in rows]
    axes[1].loglog(blendings, blendings, "k--", lw=0.8, label="delta")
    axes[1].loglog(
        blendings, [row["blended"] for row in rows], "o", label="blended images"
    )
    axes[1].loglog(
        blendings,
        [row["change"] for row in rows],
        "s",
        label="change of the verdict",
    )
    axes[1].set(title="error of the folded network", xlabel="delta")
    axes[1].legend(fontsize=8)
    images = walk(model, BLENDINGS[0])
    tiled = np.vstack([np.hstack(list(row)) for row in images])
    axes[2].imshow(tiled[..., 0], cmap="gray_r", vmin=-1, vmax=1)
    axes[2].set(title="images across the first step", xticks=[], yticks=[],
                xlabel="h_0 rises from left to right")  # fmt: skip
    axes[2].grid(False)
    return figure


if __name__ == "__main__":
    keras.utils.set_random_seed(0)
    main()
