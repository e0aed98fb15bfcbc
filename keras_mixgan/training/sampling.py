"""Images from a trained mixture: every image draws its own generator."""

import numpy as np
from keras import ops

from keras_mixgan.game import mixtures
from keras_mixgan.utils import checks


def generate(
    model,
    num_images: int,
    labels=None,
    component: int | None = None,
    latents=None,
    seed: int | None = None,
    batch_size: int = 256,
) -> np.ndarray:
    """Generates images; see `MixGAN.generate`."""
    num_images = checks.integer("num_images", num_images, least=0)
    batch_size = checks.integer("batch_size", batch_size)
    rng = np.random.default_rng(seed)
    # Everything random is drawn here and up front, so that the images of a
    # seed do not depend on the batch size.
    components = _components(model, num_images, component, rng)
    latents = _latents(model, num_images, latents, rng)
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
    return images


def _components(model, num_images, component, rng) -> np.ndarray:
    # Drawn even when one is asked for: the same seed then has the same
    # latents, and components can be compared image by image.
    drawn = mixtures.draw_components(model.generator_weights, num_images, rng)
    if component is None:
        return drawn
    if (
        not isinstance(component, int | np.integer)
        or not 0 <= component < model.num_generators
    ):
        raise ValueError(
            "`component` must be an integer in "
            f"[0, {model.num_generators}), the number of a generator. "
            f"Received: component={component!r}"
        )
    return np.full(num_images, component)


def _latents(model, num_images, latents, rng) -> np.ndarray:
    shape = (num_images, model.latent_dim)
    if latents is None:
        return rng.standard_normal(shape, dtype="float32")
    latents = np.asarray(latents, "float32")
    if latents.shape != shape:
        raise ValueError(
            f"`latents` must have shape {shape}, (num_images, latent_dim). "
            f"Received: latents of shape {latents.shape}"
        )
    if not np.isfinite(latents).all():
        raise ValueError("`latents` must be finite. Received: NaN or infinity")
    return latents


def _labels(model, num_images, labels, rng) -> np.ndarray | None:
    if not model.conditional:
        if labels is not None:
            raise ValueError(
                "`labels` must be None for a model that takes no labels. "
                f"Received: labels={labels!r}"
            )
        return None
    if labels is None:
        return rng.integers(
            model.known_num_classes(), size=num_images, dtype="int32"
        )
    labels = check_labels(np.atleast_1d(np.asarray(labels)), model.num_classes)
    if (len(labels) == 0 and num_images > 0) or len(labels) > num_images:
        raise ValueError(
            f"`labels` must hold 1 to num_images={num_images} labels; fewer "
            f"are repeated in order. Received: {len(labels)} labels"
        )
    return np.resize(labels, num_images).astype("int32")


def check_labels(labels: np.ndarray, num_classes: int | None) -> np.ndarray:
    """Checks labels: a vector of integers in [0, num_classes).

    Args:
        labels: Array of labels.
        num_classes: How many classes there are; `None` leaves the upper end
            unchecked.

    Returns:
        The labels.

    Raises:
        ValueError: Wrong rank, kind or range.
    """
    if labels.ndim != 1 or (labels.size and labels.dtype.kind not in "iu"):
        raise ValueError(
            "`labels` must be a vector of integers, one an image. Received: "
            f"shape {labels.shape}, dtype {labels.dtype}"
        )
    if labels.size:
        low, high = labels.min(), labels.max()
        if low < 0 or (num_classes is not None and high >= num_classes):
            end = "..." if num_classes is None else num_classes
            raise ValueError(
                f"`labels` must lie in [0, {end}). Received: labels from "
                f"{low} to {high}"
            )
    return labels


def payoff_matrix(
    model, images, labels, seed: int | None, batch_size: int
) -> np.ndarray:
    """Payoffs of all pairs in inference mode; see `MixGAN.payoff_matrix`."""
    fakes = []
    for i in range(model.num_generators):
        fakes.append(
            model.generate(
                len(images),
                labels=labels,
                component=i,
                seed=None if seed is None else seed + i,
                batch_size=batch_size,
            )
        )
    payoff = model.objective.payoff
    pairs = np.empty((model.num_generators, model.num_discriminators))
    for j, discriminator in enumerate(model.discriminators):

        def mean_of(term, images, discriminator=discriminator):
            return _mean_term(
                term, model.forward, discriminator, images, labels, batch_size
            )

        real = mean_of(payoff.real, images)
        for i, fake in enumerate(fakes):
            pairs[i, j] = real + mean_of(payoff.fake, fake)
    return pairs


def _mean_term(
    term, forward, discriminator, images, labels, batch_size
) -> float:
    total = 0.0
    for start in range(0, len(images), batch_size):
        rows = slice(start, start + batch_size)
        logits = forward(
            discriminator,
            images[rows],
            None if labels is None else labels[rows],
        )
        terms = ops.convert_to_numpy(term(ops.convert_to_tensor(logits)))
        total += terms.sum(dtype="float64")
    return total / len(images)
