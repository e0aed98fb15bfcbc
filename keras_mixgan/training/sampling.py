"""Images from a trained mixture: every image draws its own generator."""

import math
from collections.abc import Sequence

import numpy as np
from keras import ops

from keras_mixgan.game import mixtures
from keras_mixgan.game import turns
from keras_mixgan.training.labels import class_numbers
from keras_mixgan.utils import checks
from keras_mixgan.utils import memory
from keras_mixgan.utils.errors import UserError


def generate(
    model,
    num_images: int | None,
    labels=None,
    component: int | Sequence[int] | None = None,
    latents=None,
    seed: int | None = None,
    batch_size: int = 256,
    return_components: bool = False,
    truncation: float | None = None,
    weights=None,
) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
    """Generates images; see `MixGAN.generate`."""
    num_images = _number(num_images, latents)
    batch_size = checks.integer("batch_size", batch_size)
    seed = checks.optional_integer("seed", seed, least=0)
    # Latents and images, in single precision.
    size = 4 * num_images * (math.prod(model.image_shape) + model.latent_dim)
    memory.check_fits("num_images", size, f"num_images={num_images}")
    rng = np.random.default_rng(seed)
    # Everything random is drawn first, so that the images of a seed do not
    # depend on the batch size.
    components = _components(model, num_images, component, weights, rng)
    latents = _latents(model, num_images, latents, truncation, rng)
    labels = _labels(model, num_images, labels, rng)
    images = np.empty((num_images, *model.image_shape), "float32")
    for i, generator in enumerate(model.sampling_generators):
        rows = np.flatnonzero(components == i)
        for start in range(0, len(rows), batch_size):
            batch = rows[start : start + batch_size]
            images[batch] = model.forward(
                generator,
                latents[batch],
                None if labels is None else labels[batch],
            )
    return (images, components) if return_components else images


def _number(num_images, latents) -> int:
    if num_images is not None:
        return checks.integer("num_images", num_images, least=0)
    if latents is None:
        raise UserError(
            "`num_images` must be given where `latents` are not. Received: "
            "num_images=None, latents=None"
        )
    latents = _floats("latents", latents, "float32")
    if latents.ndim != 2:
        raise UserError(
            "`latents` must have shape (num_images, latent_dim). Received: "
            f"latents of shape {latents.shape}"
        )
    return len(latents)


def _components(model, num_images, component, weights, rng) -> np.ndarray:
    if weights is None:
        weights = model.generator_weights
    elif component is not None:
        raise UserError(
            "`weights` must be None where `component` names the generators. "
            f"Received: weights={weights!r}, component={component!r}"
        )
    else:
        weights = check_weights(weights, model.num_generators)
    # Drawn even if `component` is given: a seed then gives the same latents
    # either way, and components can be compared image by image.
    drawn = mixtures.draw_components(weights, num_images, rng)
    if component is None:
        return drawn.astype("int32")
    return _numbers(model, num_images, component)


def _numbers(model, num_images, component) -> np.ndarray:
    """Checks numbers of generators, one or several: int32 (num_images,)."""
    numbers = np.atleast_1d(np.asarray(component))
    if (
        numbers.ndim != 1
        or numbers.dtype.kind not in "iu"
        or not 1 <= len(numbers) <= max(num_images, 1)
        or not (numbers.min() >= 0 and numbers.max() < model.num_generators)
    ):
        raise UserError(
            "`component` must be an integer in "
            f"[0, {model.num_generators}), the number of a generator, or a "
            f"list of 1 to num_images={num_images} of them. Received: "
            f"component={component!r}"
        )
    return np.resize(numbers, num_images).astype("int32")


def check_weights(
    weights, num_generators: int, least: float = 0.0
) -> np.ndarray:
    """Checks mixture weights, and normalises them to float64 (num_generators,).

    They must be finite, at least `least`, and not all zero.
    """
    values = _floats("weights", weights, "float64")
    kind = "positive" if least > 0 else "not negative, not all zero"
    if (
        values.shape != (num_generators,)
        or not np.isfinite(values).all()
        or values.min() < least
        or values.max() <= 0
    ):
        raise UserError(
            f"`weights` must be {num_generators} finite numbers, {kind}, one "
            f"per generator. Received: weights={weights!r}"
        )
    values = values / values.max()  # Their sum might be infinite.
    return values / values.sum()


def _floats(name: str, values, dtype: str) -> np.ndarray:
    try:
        return np.asarray(values, dtype)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"`{name}` must be an array of numbers. Received: {values!r}"
        ) from error


def _latents(model, num_images, latents, truncation, rng) -> np.ndarray:
    shape = (num_images, model.latent_dim)
    if latents is None:
        drawn = rng.standard_normal(shape, dtype="float32")
        return (
            drawn if truncation is None else _truncated(drawn, truncation, rng)
        )
    if truncation is not None:
        raise UserError(
            "`truncation` must be None where `latents` are given. Received: "
            f"truncation={truncation!r}"
        )
    latents = _floats("latents", latents, "float32")
    if latents.shape != shape:
        raise UserError(
            f"`latents` must have shape {shape}, (num_images, latent_dim). "
            f"Received: latents of shape {latents.shape}"
        )
    if not np.isfinite(latents).all():
        raise UserError("`latents` must be finite. Received: NaN or infinity")
    return latents


def _truncated(latents, truncation, rng) -> np.ndarray:
    """Redraws all numbers beyond the bound until none is left.

    Brock et al. 2019 (arXiv:1809.11096), Section 3.1: a truncated normal
    distribution. Numbers within the bound stay those of the seed.
    """
    # Below 0.01 hardly any draw would be within the bounds.
    checks.number("truncation", truncation, "[0.01, inf]")
    # A separate stream: labels are then drawn as without truncation.
    (rng,) = rng.spawn(1)
    while (beyond := np.abs(latents) > truncation).any():
        latents[beyond] = rng.standard_normal(beyond.sum(), dtype="float32")
    return latents


def _labels(model, num_images, labels, rng) -> np.ndarray | None:
    if not model.conditional:
        if labels is not None:
            raise UserError(
                "`labels` must be None for a model that takes no labels. "
                f"Received: labels={labels!r}"
            )
        return None
    if labels is None:
        return rng.integers(
            model.known_num_classes(), size=num_images, dtype="int32"
        )
    labels = class_numbers(np.atleast_1d(np.asarray(labels)), model.num_classes)
    most = max(num_images, 1)
    if (len(labels) == 0 and num_images > 0) or len(labels) > most:
        raise UserError(
            f"`labels` must hold 1 to num_images={num_images} labels; fewer "
            f"are repeated in order. Received: {len(labels)} labels"
        )
    return np.resize(labels, num_images).astype("int32")


def interpolate(
    model, num_images: int, start, end, labels, component, seed
) -> np.ndarray:
    """Images between two latents; see `MixGAN.interpolate`."""
    num_images = checks.integer("num_images", num_images, least=2)
    seed = checks.optional_integer("seed", seed, least=0)
    rng = np.random.default_rng(seed)
    if component is None:
        component = _components(model, 1, None, None, rng)[0]
    component = int(_numbers(model, 1, component)[0])
    ends = [
        _end(model, name, latents, rng)
        for name, latents in (("start", start), ("end", end))
    ]
    if np.size(labels) != 1:
        raise UserError(
            f"`labels` must be one class. Received: labels={labels!r}"
        )
    if labels is None and model.conditional:
        labels = int(rng.integers(model.known_num_classes()))
    return generate(
        model,
        num_images,
        labels=labels,
        component=component,
        latents=_great_circle(ends[0][0], ends[1][0], num_images),
    )


def _end(model, name: str, latents, rng) -> np.ndarray:
    """One of the two latents, checked or drawn, as (1, latent_dim)."""
    if latents is not None:
        latents = _floats(name, latents, "float32")
        if latents.shape != (model.latent_dim,):
            raise UserError(
                f"`{name}` must have shape ({model.latent_dim},), "
                f"(latent_dim,). Received: shape {latents.shape}"
            )
        latents = latents[None]
    return _latents(model, 1, latents, None, rng)


def _great_circle(start, end, count: int) -> np.ndarray:
    """Latents on the great circle between two, float32 (count, latent_dim).

    Both ends are included. White 2016 (arXiv:1609.04468): a straight line would
    pass through short latents, which generators rarely see in training.
    """
    lengths = np.linalg.norm(start), np.linalg.norm(end)
    share = np.linspace(0, 1, count)[:, None]
    cosine = 1.0
    if all(lengths):
        cosine = np.clip(start @ end / (lengths[0] * lengths[1]), -1, 1)
    angle = np.arccos(cosine)
    if np.sin(angle) < 1e-4:  # The same direction, or its opposite.
        path = (1 - share) * start + share * end
    else:
        path = (
            np.sin((1 - share) * angle) * start + np.sin(share * angle) * end
        ) / np.sin(angle)
    return path.astype("float32")


def payoff_matrix(
    model, images, labels, seed: int | None, batch_size: int
) -> np.ndarray:
    """Payoffs of all pairs in inference mode; see `MixGAN.payoff_matrix`."""
    fakes = [
        model.generate(
            len(images),
            labels=labels,
            component=i,
            seed=None if seed is None else seed + i,
            batch_size=batch_size,
        )
        for i in range(model.num_generators)
    ]

    def logits_of(images):
        columns = [
            model.forward.in_batches(
                network,
                *(images, labels)[: len(network.inputs)],
                batch_size=batch_size,
            )
            for network in model.discriminator_ensemble.components
        ]
        return ops.convert_to_tensor(np.concatenate(columns, axis=1))

    fake = ops.concatenate([logits_of(made) for made in fakes])
    turn = turns.of_logits(logits_of(images), fake, [len(images)] * len(fakes))
    pairs = model.objective.payoff.pairs(turn)
    return ops.convert_to_numpy(pairs).astype("float64")
