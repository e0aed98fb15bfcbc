"""The images that generators make for one step: strata, latents, labels."""

import dataclasses
from typing import Any

from keras import ops

from keras_mixgan.backends import strata
from keras_mixgan.game import mixtures


@dataclasses.dataclass(frozen=True)
class Fakes:
    """Images of all generators, in the order of the generators.

    Attributes:
        images: Float tensor (N, ...).
        labels: Int tensor (N,), or `None`.
        sizes: Number of images of each generator; they sum to N.
        groups: Sizes of the groups that a discriminator's batch normalization
            keeps apart; a stratified batch is one group.
        latents: Float tensor (N, latent_dim), the latents of the images.
        codes: Float tensor (N, F), output of the generators' layer `codes`;
            `None` if discriminators take no codes.
    """

    images: Any
    labels: Any
    sizes: list
    groups: list
    latents: Any
    codes: Any = None


def draw(model, batch_size, labels) -> Fakes:
    """Makes the images of one step, generator after generator.

    Each generator has its own latents. With the full estimate each makes a
    whole batch, with all labels of the real batch. With the linear and the
    split estimate they make one batch together, each with a share of the
    labels. The split estimate needs one image a pair; a smaller batch grows.

    `batch_size` is the number of real images of this replica, an int or an
    integer scalar tensor. `labels` (B,) are those of the real images; they are
    unused if generators take none.
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
    if labels is not None and full and count > 1:
        labels = ops.tile(labels, count)
    elif labels is not None and (estimate == "split" or count > 1):
        rows = ops.arange(sum(sizes)) % batch_size
        labels = ops.take(labels, rows, axis=0)
    latents = executor.own_rows(
        model.draw_latents(executor.replicas * sum(sizes)), sizes
    )
    own = None if labels is None else strata.split(labels, sizes)
    images, codes = model.generator_ensemble(executor, latents, own)
    groups = sizes if full else [sum(sizes)]
    latents = ops.concatenate(latents)
    return Fakes(images, labels, sizes, groups, latents, codes)


def batch_size(images):
    """Number of images in a batch: an int if known, else a tensor."""
    static = images.shape[0]
    return ops.shape(images)[0] if static is None else static
