"""What each side of a mixture minimises, written in `keras.ops` alone.

Arora et al. 2017 (arXiv:1703.00573), Section 5:

    min over {u_i}, alpha_u  max over {v_j}, alpha_v
        sum_ij w_ui w_vj F(u_i, v_j)

plus, on each side's own loss, the regulariser of its mixture weights.

Under several replicas each computes its contribution to these, see
`distribution.shares`.
"""

import dataclasses

from keras import ops

from keras_mixgan.distribution import shares
from keras_mixgan.game import mixtures
from keras_mixgan.game import networks
from keras_mixgan.game import payoffs
from keras_mixgan.game import penalties

PAYOFF_ESTIMATES = ("full", "linear")
UPDATES = ("alternating", "simultaneous")


@dataclasses.dataclass(frozen=True)
class Objective:
    """The settings of a game, checked; see `MixGAN.compile` for each."""

    payoff: payoffs.Payoff
    generator_loss: str = "non_saturating"
    mixture_regularizer: float = 0.1
    discriminator_steps: int = 1
    payoff_estimate: str = "full"
    weight_clip: float | None = None
    gradient_penalty: float | None = None
    update: str = "alternating"

    def __post_init__(self):
        self.payoff.generator_loss(self.generator_loss)
        if self.payoff_estimate not in PAYOFF_ESTIMATES:
            raise ValueError(
                f"`payoff_estimate` must be one of {PAYOFF_ESTIMATES}. "
                f"Received: payoff_estimate={self.payoff_estimate!r}"
            )
        steps = self.discriminator_steps
        if not isinstance(steps, int) or steps < 1:
            raise ValueError(
                "`discriminator_steps` must be a positive integer. Received: "
                f"discriminator_steps={steps!r}"
            )
        if self.update not in UPDATES:
            raise ValueError(
                f"`update` must be one of {UPDATES}. Received: "
                f"update={self.update!r}"
            )
        if self.update == "simultaneous" and steps > 1:
            raise ValueError(
                "`discriminator_steps` must be 1 where both sides are updated "
                f"simultaneously. Received: discriminator_steps={steps}"
            )
        self._check_at_least_zero("mixture_regularizer", strictly=False)
        self._check_at_least_zero("weight_clip", strictly=True)
        self._check_at_least_zero("gradient_penalty", strictly=True)

    def _check_at_least_zero(self, name: str, strictly: bool) -> None:
        number = getattr(self, name)
        if number is None and strictly:
            return
        try:
            right = number > 0 if strictly else number >= 0
        except TypeError:
            right = False
        if not right or number == float("inf"):
            wanted = "a positive number or None" if strictly else "at least 0"
            raise ValueError(
                f"`{name}` must be {wanted}. Received: {name}={number!r}"
            )


def discriminator_objective(model, images, labels):
    """What the discriminators and their log-probabilities minimise.

    Args:
        model: The `MixGAN`; its networks are called in training mode.
        images: Float tensor (B, ...), real images.
        labels: Int tensor (B,), or `None`.

    Returns:
        Pair of the loss, a scalar: minus the mixture's payoff, plus the
        regulariser and penalties; and the payoffs F(u_i, v_j), a tensor
        (num_generators, num_discriminators).
    """
    fakes, *rest = networks.generate_batch(
        model, networks.batch_size(images), labels
    )
    fakes = ops.stop_gradient(fakes), *rest
    logits = _score_all(model, images, labels, fakes)
    pairs = _payoffs(model, *logits, *fakes[2:])
    loss = _discriminator_loss(model, pairs)
    if model.objective.gradient_penalty:
        loss = loss + _penalty(model, images, *fakes)
    return loss, pairs


def generator_objective(model, batch_size, labels):
    """What the generators and their log-probabilities minimise.

    The real half of the payoff is the same for every generator, so neither
    networks nor mixture weights feel it; it is left out.

    Args:
        model: The `MixGAN`; its networks are called in training mode.
        batch_size: Images a generator makes ("full"), or all together make
            ("linear").
        labels: Int tensor (B,), or `None`.

    Returns:
        Pair of the loss, a scalar, and the losses of the pairs, a tensor
        (num_generators, num_discriminators).
    """
    fakes, labels, sizes, totals = networks.generate_batch(
        model, batch_size, labels
    )
    groups = _sources_of_fakes(model.objective, sizes)
    logits = networks.score(model.discriminators, fakes, labels, groups)
    return _generator_loss(model, logits, sizes, totals)


def both_objectives(model, images, labels):
    """What both sides minimise, from one forward pass of all networks.

    Args:
        model: The `MixGAN`; its networks are called in training mode.
        images: Float tensor (B, ...), real images.
        labels: Int tensor (B,), or `None`.

    Returns:
        The discriminators' pair of loss and payoffs, as
        `discriminator_objective` returns, and the generators' pair of loss
        and losses. Only gradients of a side's own loss by its own variables
        have a meaning: nothing is stopped in between.
    """
    fakes = networks.generate_batch(model, networks.batch_size(images), labels)
    real, fake = _score_all(model, images, labels, fakes)
    pairs = _payoffs(model, real, fake, *fakes[2:])
    loss = _discriminator_loss(model, pairs)
    if model.objective.gradient_penalty:
        loss = loss + _penalty(model, images, *fakes)
    return (loss, pairs), _generator_loss(model, fake, *fakes[2:])


def shared_value(model, outcomes):
    """The number that one side descends and the other one ascends.

    Args:
        model: The `MixGAN`.
        outcomes: What `both_objectives` returned.

    Returns:
        Float scalar: the mixture's value, plus the generators' regulariser,
        minus the discriminators'. Its gradients by the generators' variables
        are those of their "minimax" loss, and, negated, by the
        discriminators' those of theirs.
    """
    (_, pairs), _ = outcomes
    alphas = (
        model.generator_log_probabilities,
        model.discriminator_log_probabilities,
    )
    mine, theirs = map(mixtures.cross_entropy_from_uniform, alphas)
    return mixtures.value(pairs, *map(mixtures.weights, alphas)) + shares.once(
        model.objective.mixture_regularizer * (mine - theirs)
    )


def sides_share_a_value(model) -> bool:
    """Whether `shared_value` says all: no side has a loss of its own.

    To be asked after the forward pass, in which layers add their losses.
    """
    objective = model.objective
    payoff = objective.payoff
    return (
        payoff.generator_loss(objective.generator_loss) is payoff.fake
        and not objective.gradient_penalty
        and not any(
            network.losses
            for network in (*model.generators, *model.discriminators)
        )
    )


def _score_all(model, images, labels, fakes):
    """Logits of real images (B, T) and of fakes (N, T), one call a network."""
    fakes, fake_labels, sizes, _ = fakes
    batch_size = networks.batch_size(images)
    if labels is not None:
        labels = ops.concatenate([labels, fake_labels])
    logits = networks.score(
        model.discriminators,
        ops.concatenate([images, fakes]),
        labels,
        [batch_size, *_sources_of_fakes(model.objective, sizes)],
    )
    return logits[:batch_size], logits[batch_size:]


def _payoffs(model, real_logits, fake_logits, sizes: list, totals: list):
    """F(u_i, v_j), a tensor (num_generators, num_discriminators)."""
    payoff = model.objective.payoff
    real = shares.mean(payoff.real(real_logits), _total(real_logits))
    return real[None, :] + mixtures.stratum_means(
        payoff.fake(fake_logits), sizes, totals
    )


def _discriminator_loss(model, pairs):
    generator_weights = ops.stop_gradient(
        mixtures.weights(model.generator_log_probabilities)
    )
    log_probabilities = model.discriminator_log_probabilities
    return (
        shares.once(
            model.objective.mixture_regularizer
            * mixtures.cross_entropy_from_uniform(log_probabilities)
        )
        - mixtures.value(
            pairs, generator_weights, mixtures.weights(log_probabilities)
        )
        + shares.once(_own_losses(model.discriminators, "discriminator"))
    )


def _generator_loss(model, logits, sizes: list, totals: list):
    objective = model.objective
    loss_of = objective.payoff.generator_loss(objective.generator_loss)
    pairs = mixtures.stratum_means(loss_of(logits), sizes, totals)
    log_probabilities = model.generator_log_probabilities
    discriminator_weights = ops.stop_gradient(
        mixtures.weights(model.discriminator_log_probabilities)
    )
    loss = (
        mixtures.value(
            pairs, mixtures.weights(log_probabilities), discriminator_weights
        )
        + shares.once(
            objective.mixture_regularizer
            * mixtures.cross_entropy_from_uniform(log_probabilities)
        )
        + shares.once(_own_losses(model.generators, "generator"))
    )
    return loss, pairs


def _penalty(model, images, fakes, labels, sizes: list, totals: list):
    """The gradient penalty's part of the discriminators' loss.

    It stands for the class the critics are drawn from. It enters as part of
    each pair's own loss, but it is no payoff, so the mixture weights are not
    to be moved by it.
    """
    pairs = penalties.gradient_penalties(
        model.discriminators,
        images,
        ops.stop_gradient(fakes),
        labels,
        sizes,
        totals,
        groups=_sources_of_fakes(model.objective, sizes),
        mixing=ops.concatenate(
            shares.parts(model.draw_uniform(sum(totals)), totals)
        ),
    )
    weights = (
        mixtures.weights(model.generator_log_probabilities),
        mixtures.weights(model.discriminator_log_probabilities),
    )
    return model.objective.gradient_penalty * mixtures.value(
        pairs, *map(ops.stop_gradient, weights)
    )


def _total(images):
    """Real images of the global batch."""
    share = shares.current()
    return networks.batch_size(images) if share is None else share.total


def _sources_of_fakes(objective: Objective, sizes: list) -> list:
    """A stratified batch is one source to batch normalization."""
    return sizes if objective.payoff_estimate == "full" else [sum(sizes)]


def _own_losses(components: list, side: str):
    """Regularisers that the user's own layers carry, if any."""
    return sum(sum(network.losses) for network in components)
