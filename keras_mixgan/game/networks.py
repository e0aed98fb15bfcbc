"""How a step calls its networks: generators on draws, discriminators on all.

Under several replicas each calls them on its share of the images, see
`distribution.shares`; where devices have some of the components each, they
exchange what these make, see `distribution.exchange`.
"""

from keras import ops

from keras_mixgan.backends import stateless
from keras_mixgan.distribution import placement
from keras_mixgan.distribution import shares
from keras_mixgan.game import mixtures
from keras_mixgan.game.normalization import sources


def generate_batch(model, batch_size, labels):
    """Draws the images of one step, generator after generator.

    Every generator has latents of its own. With the full estimate each makes
    a whole batch, on the batch's labels; with the linear one all together
    make one, each on its share of the labels.

    Args:
        model: The `MixGAN`.
        batch_size: Int, or integer scalar tensor.
        labels: Int tensor (B,), or `None`.

    Returns:
        Images (N, ...), their labels (N,) or `None`, the list of the number
        of images of each generator, which sum to N, and the list of these
        numbers in all replicas together.
    """
    count = model.num_generators
    sizes, totals = _strata(model, batch_size)
    if labels is not None and count > 1:
        if model.objective.payoff_estimate == "full":
            labels = ops.tile(labels, count)
        else:
            rows = ops.arange(sum(sizes)) % shares.divisor(batch_size)
            labels = ops.take(labels, rows, axis=0)
    latents = shares.parts(model.draw_latents(sum(totals)), totals)
    own = None if labels is None else shares.cut(labels, sizes)
    images = _generate(model, latents, own, sizes)
    return images, labels, sizes, totals


def _generate(model, latents: list, labels: list | None, sizes: list):
    """Images of all generators, each from its own latents and labels."""

    def images(generator, latents, labels, size):
        with sources([size]):
            latents = stateless.share_among_devices(latents)
            return call(generator, latents, labels)

    labels = labels or [None] * len(latents)
    return ops.concatenate(
        list(map(images, model.generators, latents, labels, sizes))
    )


def _strata(model, batch_size) -> tuple[list, list]:
    """Images that each generator makes here, and in all replicas."""
    count, share = model.num_generators, shares.current()
    total = batch_size if share is None else share.total
    if model.objective.payoff_estimate == "full":
        return [batch_size] * count, [total] * count
    totals = mixtures.stratum_sizes(total, count)
    return (totals if share is None else share.sizes(totals)), totals


def score(discriminators, images, labels, groups: list):
    """Calls every discriminator once, on all sources.

    Args:
        discriminators: The networks.
        images: Float tensor (N, ...).
        labels: Int tensor (N,), or `None`.
        groups: Sizes of the sources, which batch normalization keeps apart.

    Returns:
        Logits, a float tensor (N, num_discriminators).
    """
    images = stateless.share_among_devices(images)
    with sources(groups):
        columns = [call(d, images, labels) for d in discriminators]
    return ops.concatenate(columns, axis=1)


def call(network, inputs, labels, training: bool = True):
    """Calls a network, with labels where there are any, to full precision."""
    inputs = inputs if labels is None else [inputs, labels]
    outputs = placement.call(network, inputs, training=training)
    return ops.cast(outputs, "float32")


def batch_size(images):
    """Images in a batch: an int, or a tensor where it is not known."""
    static = images.shape[0]
    return ops.shape(images)[0] if static is None else static
