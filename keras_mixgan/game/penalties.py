"""What keeps a Wasserstein critic Lipschitz: gradient penalty and clipping."""

from keras import ops

from keras_mixgan.backends import gradients
from keras_mixgan.distribution import placement
from keras_mixgan.distribution import shares
from keras_mixgan.game import mixtures
from keras_mixgan.game.normalization import sources


def gradient_penalties(
    discriminators, images, fakes, labels, sizes, totals, groups, mixing
):
    """Two-sided gradient penalty of every pair.

    Gulrajani et al. 2017 (arXiv:1704.00028), Equation 3, without its
    coefficient: E[(||grad D_v(x)||_2 - 1)^2] at points x on the lines between
    real images and those of generator u.

    Args:
        discriminators: The critics.
        images: Float tensor (B, ...), real images.
        fakes: Float tensor (N, ...), the generators' images, one after the
            other. Where N is more than B, real images are used repeatedly.
        labels: Int tensor (N,), labels of the fakes, or `None`.
        sizes: Number of images of each generator in `fakes`.
        totals: The same in all replicas; see `mixtures.stratum_means`.
        groups: Sizes of the sources that batch normalization keeps apart.
        mixing: Float tensor (N,) in [0, 1], the share of the real image.

    Returns:
        Float tensor (num_generators, num_discriminators).
    """
    count = shares.divisor(ops.shape(images)[0])
    rows = ops.arange(ops.shape(fakes)[0]) % count
    reals = ops.take(images, rows, axis=0)
    mixing = ops.reshape(mixing, (-1,) + (1,) * (len(fakes.shape) - 1))
    points = mixing * reals + (1.0 - mixing) * fakes
    columns = []
    for discriminator in discriminators:

        def total(points, discriminator=discriminator):
            inputs = points if labels is None else [points, labels]
            logits = placement.call(discriminator, inputs, training=True)
            return ops.sum(ops.cast(logits, "float32"))

        with sources(groups), placement.on_device_of(discriminator):
            slopes = gradients.input_gradients(total, points)
        axes = tuple(range(1, len(slopes.shape)))
        norms = _safe_norm(ops.sum(ops.square(slopes), axis=axes))
        columns.append(ops.square(norms - 1.0))
    columns = ops.stack(columns, axis=1)
    return mixtures.stratum_means(columns, sizes, totals)


def _safe_norm(squares):
    """A square root whose own slope stays finite at zero."""
    return ops.sqrt(ops.maximum(squares, 1e-12))


def clip_weights(networks, limit: float) -> None:
    """Clips every trainable weight of the networks to [-limit, limit].

    Arjovsky et al. 2017 (arXiv:1701.07875), Algorithm 1, line 7.

    Args:
        networks: Keras models, changed in place.
        limit: Positive bound.
    """
    for network in networks:
        with placement.on_device_of(network):
            for variable in network.trainable_variables:
                variable.assign(ops.clip(variable, -limit, limit))
