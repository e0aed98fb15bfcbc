"""Losses of what networks say of an image: features, latents, classes."""

from keras import ops

from keras_mixgan.architectures import _checks
from keras_mixgan.architectures import encoder as encoders
from keras_mixgan.game import mixtures
from keras_mixgan.game.auxiliary.base import Auxiliary
from keras_mixgan.game.auxiliary.base import register
from keras_mixgan.game.ensembles import output_shape
from keras_mixgan.game.turns import Turn
from keras_mixgan.utils.errors import UserError


@register
class FeatureMatching(Auxiliary):
    """Generators match the mean of discriminators' features.

    Salimans et al. 2016 (arXiv:1606.03498), Section 3.1:
    ||E_real f(x) - E_z f(G(z))||^2, where f is a hidden layer of the
    discriminator. Needs a discriminator output `features` (B, ...).
    """

    needs = ("features",)
    generators_need_real = True

    def generator_terms(self, turn: Turn):
        """Squared distances of means (num_generators, num_discriminators)."""
        real = ops.mean(turn.real.extras["features"], axis=0)
        fake = turn.pair_means(turn.fake.extras["features"])
        # The square of a mean: over replicas the means have to be theirs all.
        real, fake = map(turn.executor.average, (real, fake))
        gap = ops.square(fake - ops.stop_gradient(real)[None])
        return ops.sum(gap, axis=tuple(range(2, len(gap.shape))))


@register
class LatentReconstruction(Auxiliary):
    """Discriminators tell the latents of a fake; generators help them.

    Huang et al. 2017 (arXiv:1612.04357), Section 3.3, L_ent = E[||z_hat -
    z||^2], a bound on the entropy of images given what they are conditioned
    on. As in the authors' code it is a mean over the latent's numbers, and z
    are uniform in [0, 1]: here Phi(z) of standard normal latents. That code
    halves the adversarial loss of discriminators; here the payoff is whole, so
    in their turn this loss counts twice. Needs a discriminator output
    `latents` (B, latent_dim).

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
        told = turn.fake.extras["latents"]
        gaps = ops.square(told - _checks.uniform(turn.latents()))
        return turn.pair_means(ops.mean(gaps, axis=-1))

    def check(self, model) -> None:
        """Checks that discriminators tell as many numbers as latents have."""
        network = model.discriminators[0]
        found = output_shape(network, "latents")[-1]
        if found != model.latent_dim:
            raise UserError(
                "`latents` must have one number for each of a latent vector. "
                f"Received: {found} numbers, latent_dim={model.latent_dim}"
            )


@register
class EncodedClass(Auxiliary):
    """Generators make images whose class a frozen encoder names.

    Huang et al. 2017 (arXiv:1612.04357), Section 3.2, L_cond: the cross-entropy
    of the label that the generator was given, under a classifier that was
    trained on real images. It is a generator's own loss, weighted by w_u.

    Args:
        coefficient: Positive float.
        moves_mixture: See `Auxiliary`.
        encoder: File of the encoder, as `architectures.encoder.save` writes
            it. It is read before training alone: models that have been saved
            generate without it.

    Example:
    >>> EncodedClass(encoder="cifar10_encoder.npz").coefficient
    1.0
    """

    needs_labels = True

    def __init__(
        self,
        coefficient: float = 1.0,
        moves_mixture: bool = False,
        encoder: str | None = None,
    ):
        super().__init__(coefficient, moves_mixture)
        self.encoder = None if encoder is None else str(encoder)
        self.network = None

    def generator_terms(self, turn: Turn):
        """Cross-entropies (num_generators,)."""
        fakes = turn.fakes
        logits = self.network(fakes.images, training=False)
        chosen = ops.one_hot(fakes.labels, logits.shape[-1], dtype=logits.dtype)
        costs = ops.logsumexp(logits, axis=-1) - ops.sum(
            chosen * logits, axis=-1
        )
        return mixtures.stratum_means(costs, fakes.sizes)

    def prepare(self, model) -> None:
        """Reads the encoder."""
        if self.network is not None:
            return
        network = encoders.load(self.encoder)
        shape = tuple(network.input_shape[1:])
        classes = network.output_shape[-1]
        if shape != model.image_shape or classes < (model.num_classes or 0):
            raise UserError(
                f"`encoder` must be one for images {model.image_shape} of "
                f"{model.num_classes} classes. Received: {self.encoder}, for "
                f"images {shape} of {classes} classes"
            )
        self.network = network

    def check(self, model) -> None:
        """Checks that an encoder is named."""
        if self.encoder is None:
            raise UserError(
                "`encoder` must be the file of a frozen classifier, which "
                "encoded_class looks through; `python tools/train_encoder.py` "
                "makes one. Received: encoder=None"
            )

    def get_config(self) -> dict:
        """The arguments that make it again; of the encoder its file."""
        return {**super().get_config(), "encoder": self.encoder}
