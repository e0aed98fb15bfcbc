"""The images that generators make for one step: strata, latents, labels."""

import dataclasses
from typing import Any

from keras import ops

from keras_mixgan.backends import executor as executors
from keras_mixgan.game import mixtures


@dataclasses.dataclass(frozen=True)
class Fakes:
    """Images of all generators, the first one's first.

    Attributes:
        images: Float tensor (N, ...).
        labels: Int tensor (N,), or `None`.
        sizes: Images of each generator, which sum to N.
        groups: Images of each group that batch normalization keeps apart in
            a discriminator: a stratified batch is one.
        latents: Float tensor (N, latent_dim), what they were made of.
        codes: Float tensor (N, F), what layer `codes` of the generators gave;
            `None` where discriminators take none.
    """

    images: Any
    labels: Any
    sizes: list
    groups: list
    latents: Any
    codes: Any = None


def draw(model, batch_size, labels) -> Fakes:
    """Makes the images of one step, generator after generator.

    Every generator has latents of its own. With the full estimate each makes
    a whole batch, on the batch's labels; with the linear and the split one all
    together make one, each on its share of the labels. The split one needs an
    image for every pair: a smaller batch grows to one each.

    Args:
        model: The `MixGAN`.
        batch_size: Real images of this replica: an int, or an integer scalar
            tensor.
        labels: Int tensor (B,), of the real images, or `None`. Generators
            that take none get none.

    Returns:
        The `Fakes`.
    """
    if not model.conditional:
        labels = None
    count, executor = model.num_generators, model.executor
    estimate = model.objective.payoff_estimate
    full = estimate == "full"
    sizes = [batch_size] * count
    if estimate == "linear":
        sizes = mixtures.stratum_sizes(batch_size, count)
    elif estimate == "split":
        sizes = mixtures.cell_sizes(batch_size, count, model.num_discriminators)
    if labels is not None and count > 1:
        if full:
            labels = ops.tile(labels, count)
        else:
            rows = ops.arange(sum(sizes)) % batch_size
            labels = ops.take(labels, rows, axis=0)
    latents = executor.own_rows(
        model.draw_latents(executor.replicas * sum(sizes)), sizes
    )
    own = None if labels is None else executors.split(labels, sizes)
    images, codes = model.generator_ensemble(executor, latents, own)
    groups = sizes if full else [sum(sizes)]
    latents = ops.concatenate(latents)
    return Fakes(images, labels, sizes, groups, latents, codes)


def batch_size(images):
    """Images in a batch: an int, or a tensor where it is not known."""
    static = images.shape[0]
    return ops.shape(images)[0] if static is None else static
