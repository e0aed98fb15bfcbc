"""Losses of discriminators' features and reconstructed latents."""

from keras import ops

from keras_mixgan.architectures import _checks
from keras_mixgan.game import draws
from keras_mixgan.game.auxiliary.base import Auxiliary
from keras_mixgan.game.auxiliary.base import register
from keras_mixgan.game.ensembles import length_of
from keras_mixgan.game.ensembles import output_names
from keras_mixgan.game.turns import Turn
from keras_mixgan.utils.errors import UserError


@register
class FeatureMatching(Auxiliary):
    """Generators match the mean of discriminators' features.

    Salimans et al. 2016 (arXiv:1606.03498), Section 3.1:
    ||E_real f(x) - E_z f(G(z))||^2, where f is a hidden layer of the
    discriminator. Needs a discriminator output `features` (B, ...).

    A mean of n images adds their variance over n to the distance. With the
    linear and the split estimate a generator has fewer images than the batch
    of B; then the variance times 1/n - 1/B is taken off again. Else a mixture
    would be punished for spread more than a pair is.
    """

    needs = ("features",)
    generators_need_real = True

    def generator_terms(self, turn: Turn):
        """Squared distances of means (num_generators, num_discriminators)."""
        real = ops.mean(turn.real.extras["features"], axis=0)
        features = turn.fake.extras["features"]
        fake = turn.pair_means(features)
        squares = turn.pair_means(ops.square(features))
        # The loss is not linear in the means: they must be over all replicas.
        real, fake, squares = map(turn.executor.average, (real, fake, squares))
        gap = ops.square(fake - ops.stop_gradient(real)[None])
        excess = _excess(turn) * (squares - ops.square(fake))
        return ops.sum(gap - excess, axis=tuple(range(2, len(gap.shape))))


def _excess(turn: Turn):
    """(1/n - 1/B) n/(n - 1) of each generator, shaped (num_generators, 1, ...).

    n/(n - 1) makes the variance of a sample one of the distribution.
    """
    real, replicas = turn.real.extras["features"], turn.executor.replicas
    batch = ops.cast(draws.batch_size(real) * replicas, "float32")
    if turn.objective.payoff_estimate == "split":
        batch = batch * real.shape[1]
    n = ops.stack([ops.cast(size * replicas, "float32") for size in turn.sizes])
    excess = ops.maximum(1.0 - n / batch, 0.0) / ops.maximum(n - 1.0, 1.0)
    return ops.reshape(excess, (-1, *[1] * (len(real.shape) - 1)))


@register
class LatentReconstruction(Auxiliary):
    """Discriminators reconstruct the latents of fakes; generators help them.

    Huang et al. 2017 (arXiv:1612.04357), Section 3.3, L_ent = E[||z_hat -
    z||^2], a bound on the entropy of images given their condition. As in the
    authors' code it is a mean over the latent's numbers, and z is uniform in
    [0, 1]: here Phi(z) of standard normal latents. That code halves the
    discriminators' adversarial loss; here the payoff is not halved, so in
    their turn this loss counts twice. Needs a discriminator output `latents`
    (B, latent_dim). Discriminators with an output `code_latents` reconstruct
    the first of those numbers from codes and the rest from images (S-GAN); the
    loss is then the sum of the two means.

    Example:
    >>> LatentReconstruction(coefficient=10.0).needs
    ('latents',)
    """

    needs = ("latents",)

    def __init__(self, coefficient: float = 10.0, moves_mixture: bool = False):
        super().__init__(coefficient, moves_mixture)

    def discriminator_terms(self, turn: Turn):
        """Twice the mean squares (num_generators, num_discriminators)."""
        return 2.0 * self.generator_terms(turn)

    def generator_terms(self, turn: Turn):
        """Mean squares (num_generators, num_discriminators)."""
        latents, total, start = _checks.uniform(turn.latents()), 0.0, 0
        for guess in turn.fake.levels("latents"):
            end = start + guess.shape[-1]
            gaps = ops.square(guess - latents[..., start:end])
            total, start = total + ops.mean(gaps, axis=-1), end
        return turn.pair_means(total)

    def check(self, model) -> None:
        """Checks that discriminators reconstruct all numbers of latents."""
        network = model.discriminators[0]
        names = {"latents", "code_latents"} & set(output_names(network))
        count = sum(length_of(network, name) for name in names)
        if count != model.latent_dim:
            raise UserError(
                "`latents` must have as many numbers as a latent vector. "
                f"Received: {count} numbers, latent_dim={model.latent_dim}"
            )
