"""Neural-net distance and phi-divergence, and how they generalize.

Arora et al. 2017 (arXiv:1703.00573), the F-divergence of definition 2 in the
ICML version (definition 1 in the first arXiv version): for a class F of
discriminators and a concave measuring function phi,

    d(mu, nu) = sup_{D in F} E_mu[phi(D(x))] + E_nu[phi(1 - D(x))] - 2 phi(1/2)

With phi(t) = t this is the neural-net distance sup E_mu[D] - E_nu[D]. The
supremum is approached by training a fresh network of the class on one half of
the images. The distance is measured on the other half, so it is a lower bound
up to sampling noise.
"""

import dataclasses
from typing import Any

import numpy as np
from keras import ops

from keras_mixgan.backends.inference import Forward
from keras_mixgan.game import payoffs
from keras_mixgan.metrics import networks
from keras_mixgan.metrics import response
from keras_mixgan.metrics.samples import as_samples
from keras_mixgan.metrics.samples import check_shapes
from keras_mixgan.metrics.score import Score
from keras_mixgan.utils.errors import UserError

# phi(t) = t with D in [0, 1], as in the paper: a distance in [0, 1].
UNIT = payoffs.Payoff("unit", ops.sigmoid, lambda x: 1.0 - ops.sigmoid(x))


def neural_net_distance(
    model_or_images: Any,
    real: Any,
    discriminator: Any = None,
    payoff: Any = None,
    num_images: int | None = 10_000,
    steps: int = 500,
    batch_size: int = 64,
    learning_rate: float = response.LEARNING_RATE,
    seed: int = 0,
    component: int | None = None,
) -> Score:
    """Distance to real data as a class of discriminators sees it.

    Args:
        model_or_images: See `inception_score`; points as well as images.
        real: See `fid`.
        discriminator: The class: "mlp", "conv", an architecture's name, or a
            function from an image shape to a Keras model with one logit;
            `None` for "conv" on images and "mlp" on points.
        payoff: `None` for phi(t) = t with D = sigmoid(logit), a distance in
            [0, 1]; or a payoff (or its name) for its phi-divergence: "log"
            gives at most 2 log 2, twice the Jensen-Shannon divergence. With
            "wasserstein" the class itself must bound its outputs.
        num_images: Images to take of each side.
        steps: Updates of the fresh discriminator.
        batch_size: Images of each side in an update.
        learning_rate: Learning rate of Adam.
        seed: Seed of images, initial weights and batches.
        component: Measure one generator alone.

    Returns:
        `Score`; std is the standard error of the held-out estimate.

    Raises:
        ValueError: Fewer than four images per side, shapes that differ, an
            unknown class or payoff, no steps.

    Example:
    >>> import keras_mixgan as kmg
    >>> from keras_mixgan.data.sources import load_source
    >>> ring = load_source("ring").images[:2000]
    >>> near = kmg.metrics.neural_net_distance(ring, ring, steps=20)
    >>> far = kmg.metrics.neural_net_distance(ring + 0.5, ring, steps=20)
    >>> near.mean < far.mean
    True
    """
    real = as_samples(real, num_images, seed=seed, argument="real")
    samples = as_samples(
        model_or_images, num_images, seed=seed, component=component
    )
    check(real.image_shape, discriminator, payoff, steps, batch_size)
    check_shapes(samples, real)
    sides = [real.images(), samples.images()]
    if min(map(len, sides)) < 4:
        raise UserError(
            "`num_images` must be at least 4 per side, two to train on and "
            f"two to measure. Received: {len(sides[1])} images, "
            f"{len(sides[0])} real ones"
        )
    kind = discriminator or networks.default_kind(real.image_shape)
    phi = UNIT if payoff is None else payoffs.get_sum(payoff)
    halves = [np.array_split(side, 2) for side in sides]
    network = networks.build(kind, real.image_shape, seed=seed)
    response.train_discriminator(
        network,
        *(half[0] for half in halves),
        phi,
        steps,
        batch_size,
        learning_rate,
        seed,
    )
    value, error = distance(network, *(half[1] for half in halves), phi)
    if not isinstance(kind, str):
        kind = getattr(kind, "__name__", "own")
    details = {
        "num_images": len(sides[1]),
        "num_real": len(sides[0]),
        "discriminator": kind,
        "payoff": phi.name,
        "steps": steps,
        "std": "standard error on the held-out half",
        "seed": seed,
    }
    name = f"neural-net divergence ({phi.name})"
    if phi is UNIT:
        name = "neural-net distance"
    return Score(value, error, details, name)


def check(
    image_shape: tuple[int, ...],
    discriminator: Any = None,
    payoff: Any = None,
    steps: int = 500,
    batch_size: int = 64,
) -> None:
    """Raises what `neural_net_distance` would, before any image is made."""
    networks.build(discriminator, image_shape)
    if payoff is not None:
        payoffs.get_sum(payoff)
    response.check(steps, batch_size)


@dataclasses.dataclass(frozen=True)
class GeneralizationGap:
    """Distances to training sets of growing size, and to held-out data.

    Args:
        sizes: Training-set sizes m.
        train: For each m, the distance between m training images and m
            generated ones, the discriminator trained and measured on them.
        held_out: The distance on held-out data, measured on fresh images.
        held_out_error: Its standard error.
        details: Settings that the numbers depend on.
    """

    sizes: tuple[int, ...]
    train: tuple[float, ...]
    held_out: float
    held_out_error: float
    details: dict[str, Any]

    @property
    def gap(self) -> tuple[float, ...]:
        """Distance on held-out minus distance on training data, for each m."""
        return tuple(self.held_out - train for train in self.train)

    def to_dict(self) -> dict[str, Any]:
        """Returns all fields and the gap, ready for JSON."""
        return {**dataclasses.asdict(self), "gap": self.gap}


def generalization_gap(
    model_or_images: Any,
    train: Any,
    held_out: Any,
    sizes: tuple[int, ...] = (100, 300, 1000, 3000),
    discriminator: Any = None,
    payoff: Any = None,
    steps: int = 500,
    batch_size: int = 64,
    learning_rate: float = response.LEARNING_RATE,
    seed: int = 0,
) -> GeneralizationGap:
    """Measures how a distance generalizes from m samples to the population.

    The paper's definition of generalization: the distance between empirical
    distributions of m samples is close to that between the distributions
    themselves. By its theorem m of the order of the discriminator's number
    of parameters is enough. `figures.generalization_curve` plots the result.

    Args:
        model_or_images: The generated side.
        train: The data the model was trained on.
        held_out: Data it was not trained on.
        sizes: Training-set sizes m.
        discriminator: See `neural_net_distance`.
        payoff: See `neural_net_distance`.
        steps: See `neural_net_distance`.
        batch_size: See `neural_net_distance`.
        learning_rate: See `neural_net_distance`.
        seed: See `neural_net_distance`.

    Raises:
        ValueError: A size below 2, or above the number of training images or
            of generated ones.
    """
    train = as_samples(train, seed=seed, argument="train")
    check(train.image_shape, discriminator, payoff, steps, batch_size)
    sizes = tuple(map(int, sizes))
    largest = min(train.num_images, max(sizes, default=0))
    if not sizes or min(sizes) < 2 or max(sizes) > largest:
        raise UserError(
            "`sizes` must lie between 2 and the number of training images, "
            f"{train.num_images}. Received: sizes={sizes}"
        )
    generated = as_samples(model_or_images, 2 * largest, seed=seed + 1)
    if generated.num_images < largest:
        raise UserError(
            "`model_or_images` must hold as many images as the largest of "
            f"`sizes`. Received: {generated.num_images}, sizes={sizes}"
        )
    check_shapes(generated, train)
    real, fake = train.images(largest), generated.images(largest)
    phi = UNIT if payoff is None else payoffs.get_sum(payoff)
    settings = (phi, steps, batch_size, learning_rate, seed)
    distances = []
    for size in sizes:
        network = networks.build(discriminator, train.image_shape, seed=seed)
        sides = real[:size], fake[:size]
        response.train_discriminator(network, *sides, *settings)
        distances.append(distance(network, *sides, phi)[0])
    held = neural_net_distance(
        model_or_images,
        held_out,
        discriminator,
        payoff,
        2 * largest,
        steps,
        batch_size,
        learning_rate,
        seed,
    )
    return GeneralizationGap(
        sizes, tuple(distances), held.mean, held.std, held.details
    )


def distance(
    network: Any, real: np.ndarray, fake: np.ndarray, payoff: payoffs.Payoff
) -> tuple[float, float]:
    """Returns the distance by one discriminator, and its standard error.

    `network` maps images to logits (B, 1). `real` is float32 (N, ...), `fake`
    (M, ...).
    """
    forward = Forward()
    terms = [
        _terms(term, forward.in_batches(network, side))
        for term, side in ((payoff.real, real), (payoff.fake, fake))
    ]
    value = sum(float(term.mean()) for term in terms) - constant_value(payoff)
    error = np.sqrt(sum(term.var() / len(term) for term in terms))
    return value, float(error)


def constant_value(payoff: payoffs.Payoff) -> float:
    """Returns 2 phi(1/2), the largest payoff of a constant discriminator."""
    constants = np.linspace(-1, 1, 9, dtype="float32")
    earned = _terms(payoff.real, constants) + _terms(payoff.fake, constants)
    return float(earned.max())


def _terms(term: Any, logits: np.ndarray) -> np.ndarray:
    terms = term(ops.convert_to_tensor(logits))
    return np.asarray(ops.convert_to_numpy(terms), "float64").ravel()
