"""How far a trained mixture is from equilibrium.

Arora et al. 2017 (arXiv:1703.00573), definition 3 (definition 2 in the first
arXiv version): mixed strategies are an epsilon-approximate equilibrium if, for
some value V,

    E_u[F(u, v)] <= V + epsilon  for every discriminator v,
    E_v[F(u, v)] >= V - epsilon  for every generator u.

A best response to each frozen side is trained; what it gains is measured from
the mixture's own payoff. The least epsilon is half of what both gain together.
A trained response may not be the best one, so the gains tend to be below the
true ones. They are estimates on held-out images, the best of all responses on
the same images; all generators get the same latents.
"""

import dataclasses
from typing import Any

import keras
import numpy as np

from keras_mixgan.backends.inference import Forward
from keras_mixgan.game import components
from keras_mixgan.game import payoffs
from keras_mixgan.metrics import response
from keras_mixgan.metrics.samples import Samples
from keras_mixgan.metrics.samples import as_samples
from keras_mixgan.metrics.samples import check_labels
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError


@dataclasses.dataclass(frozen=True)
class Equilibrium:
    """The payoff of a mixture, and what each side can still gain.

    Args:
        value: The mixture's payoff sum_ij w_i w_j F(u_i, v_j).
        generator_gain: The value minus F of the best generator found.
        discriminator_gain: F of the best discriminator found, minus the value.
        payoffs: F(u_i, v_j), num_generators rows of num_discriminators.
        details: Numbers of images, steps, start, seed.
    """

    value: float
    generator_gain: float
    discriminator_gain: float
    payoffs: tuple[tuple[float, ...], ...]
    details: dict[str, Any]

    @property
    def epsilon(self) -> float:
        """The least epsilon of definition 3, as found: half of both gains.

        Its V lies in the middle between the payoffs of both responses. See
        also `MatrixGame.epsilon`.
        """
        return (self.generator_gain + self.discriminator_gain) / 2

    def to_dict(self) -> dict[str, Any]:
        """Returns all fields and epsilon, ready for JSON."""
        return {**dataclasses.asdict(self), "epsilon": self.epsilon}

    def __str__(self) -> str:
        return (
            f"payoff {self.value:.4f}, "
            f"generator gains {self.generator_gain:.4f}, "
            f"discriminator gains {self.discriminator_gain:.4f}, "
            f"epsilon {self.epsilon:.4f}"
        )


def equilibrium_gap(
    model: Any,
    real: Any,
    num_images: int | None = 2000,
    steps: int = 500,
    batch_size: int = 64,
    learning_rate: float = response.LEARNING_RATE,
    start: str = "component",
    payoff: Any = None,
    seed: int = 0,
) -> Equilibrium:
    """Trains a best response to each side of a mixture; returns the gains.

    The model is not changed: responses and opponents are copies. Responses
    train on one half of the real images and are measured on the other, with
    all networks in inference mode. A response to a weight-clipped model is
    clipped too. If only a gradient penalty restricts the critics, F is
    unbounded, and the discriminator's gain grows with `steps`.

    Args:
        model: A `MixGAN`.
        real: Real data, see `fid`; with labels for a conditional model.
        num_images: Real images to use.
        steps: Updates of each response.
        batch_size: Images in an update.
        learning_rate: Learning rate of Adam.
        start: What a response starts from: "component", the best of the
            mixture's own networks (of generators, those that `generate`
            uses: the averages, where there are any); or "fresh", new
            weights.
        payoff: `None` for the one the model is compiled with.
        seed: Seed of images, latents and batches.

    Returns:
        `Equilibrium`.

    Raises:
        ValueError: Not compiled and no payoff given; labels missing; an
            unknown start; fewer than four images.

    Example:
    >>> import keras_mixgan as kmg
    >>> from keras_mixgan.data.sources import load_source
    >>> networks = kmg.architectures.build("mlp", (2,), width=4)
    >>> model = kmg.MixGAN(*networks, 2, seed=0)
    >>> ring = load_source("ring")
    >>> gap = kmg.metrics.equilibrium_gap(model, ring, payoff="log", steps=5)
    >>> gap.epsilon >= 0
    True
    """
    real = as_samples(real, num_images, seed=seed, argument="real")
    check(model, real, payoff, start, steps, batch_size)
    game = _Game(model, real, payoff, seed)
    settings = (game.payoff, steps, batch_size, learning_rate)
    row = game.generator_weights @ game.matrix
    column = game.matrix @ game.discriminator_weights
    value = float(row @ game.discriminator_weights)

    best = game.opponents[int(np.argmax(row))]
    answer = _copy(best, start == "component", seed)
    response.train_discriminator(
        answer,
        *game.training_pair(),
        *settings,
        seed=seed,
        weight_clip=game.weight_clip,
    )
    above = max(float(row.max()), game.discriminator_value(answer))

    best = int(np.argmin(column))
    # A copy of an average would be frozen, as that is.
    answer = _copy(model.generators[best], False, seed)
    if start == "component":
        answer.set_weights(model.sampling_generators[best].get_weights())
    opponents = [_copy(other, True, seed) for other in game.opponents]
    response.train_generator(
        answer,
        opponents,
        game.discriminator_weights,
        *settings,
        labels=game.labels[0],
        seed=seed,
    )
    below = min(float(column.min()), game.generator_value(answer))
    details = {
        "num_images": game.num_images,
        "payoff": game.payoff.name,
        "steps": steps,
        "start": start,
        "seed": seed,
    }
    pairs = tuple(tuple(float(f) for f in line) for line in game.matrix)
    # Rounding may put a mean a little above the largest of its terms.
    gains = max(value - below, 0.0), max(above - value, 0.0)
    return Equilibrium(value, *gains, pairs, details)


def payoff_of(model: Any, payoff: Any = None) -> payoffs.Payoff:
    """The payoff that is given, else the one that a model is compiled with."""
    objective = getattr(model, "objective", None)
    for chosen in (payoff, getattr(objective, "payoff", None)):
        if chosen is not None:
            return payoffs.get_sum(chosen)
    raise UserError(
        "`payoff` must be given for a model that is not compiled. "
        f"Received: payoff={payoff!r}"
    )


def check(
    model: Any,
    real: Samples,
    payoff: Any = None,
    start: str = "component",
    steps: int = 500,
    batch_size: int = 64,
) -> None:
    """Raises what `equilibrium_gap` would, before any image is made."""
    checks.one_of("start", start, ("component", "fresh"))
    response.check(steps, batch_size)
    payoff_of(model, payoff)
    if real.num_images < 4:
        raise UserError(
            "`real` must hold at least 4 images, two to train on and two to "
            f"measure on. Received: {real.num_images}"
        )
    if len(model.generators[0].inputs) > 1:
        if real.labels is None:
            raise UserError(
                "`real` must have labels for a conditional model. Received: "
                "images alone"
            )
        check_labels(real, model.num_classes)


class _Game:
    """A frozen mixture, its data in halves, and payoffs against it."""

    def __init__(self, model, samples, payoff, seed):
        objective = getattr(model, "objective", None)
        self.model, self.seed = model, seed
        self.opponents = model.discriminator_ensemble.components
        self.forward = Forward()
        self.weight_clip = getattr(objective, "weight_clip", None)
        self.payoff = payoff_of(model, payoff)
        self.generator_weights = np.asarray(model.generator_weights, "float64")
        self.discriminator_weights = np.asarray(
            model.discriminator_weights, "float64"
        )
        self.num_images = samples.num_images
        self.images = np.array_split(samples.images(), 2)
        self.labels = [None, None]
        if len(model.generators[0].inputs) > 1:
            self.labels = np.array_split(samples.labels, 2)
        # All payoffs use the same images of a generator, and all generators
        # the same latents, so that noise cancels in the differences.
        self.latents = response.draw_latents(
            model.generators[0],
            len(self.images[1]),
            self.labels[1],
            np.random.default_rng([seed, 1]),
        )
        if self.labels[1] is not None:
            self.latents[1] = self.labels[1]
        self.fakes = list(map(self._fake, model.sampling_generators))
        self.real = self._inputs(self.images[1], 1)
        self.real_terms = [
            self._mean(self.payoff.real, other, self.real)
            for other in self.opponents
        ]
        self.matrix = np.array([self._row(fake) for fake in self.fakes])

    def training_pair(self) -> list:
        """Returns real and mixture images (and labels) to train on."""
        count, labels = len(self.images[0]), self.labels[0]
        keywords = {} if labels is None else {"labels": labels}
        fake = self.model.generate(count, seed=self.seed + 1, **keywords)
        return [self._inputs(self.images[0], 0), self._inputs(fake, 0)]

    def discriminator_value(self, network: keras.Model) -> float:
        """Returns sum_i w_i F(u_i, network)."""
        fake = [self._mean(self.payoff.fake, network, f) for f in self.fakes]
        real = self._mean(self.payoff.real, network, self.real)
        return real + float(self.generator_weights @ fake)

    def generator_value(self, network: keras.Model) -> float:
        """Returns sum_j w_j F(network, v_j)."""
        row = self._row(self._fake(network))
        return float(self.discriminator_weights @ row)

    def _row(self, fake: list[np.ndarray]) -> list[float]:
        """F of one generator's images and each discriminator."""
        return [
            real + self._mean(self.payoff.fake, other, fake)
            for real, other in zip(self.real_terms, self.opponents, strict=True)
        ]

    def _fake(self, generator: keras.Model) -> list[np.ndarray]:
        images = self.forward.in_batches(generator, *self.latents)
        return self._inputs(images, 1)

    def _inputs(self, images: np.ndarray, half: int) -> list[np.ndarray]:
        """The inputs of discriminators, some of which take labels."""
        labelled = len(self.opponents[0].inputs) > 1
        return [images, self.labels[half]] if labelled else [images]

    def _mean(self, term: Any, network: keras.Model, inputs: list) -> float:
        logits = self.forward.in_batches(network, *inputs)
        terms = term(keras.ops.convert_to_tensor(logits))
        values = keras.ops.convert_to_numpy(terms)
        return float(np.mean(values, dtype="float64"))


def _copy(network: keras.Model, same: bool, seed: int) -> keras.Model:
    """Returns a copy of a network, with the same or with fresh weights."""
    with components.seeded(seed):
        copy = components.clone(network, f"{network.name}_response")
    if same:
        copy.set_weights(network.get_weights())
    return copy
