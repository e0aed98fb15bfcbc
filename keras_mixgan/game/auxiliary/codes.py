"""The payoff of codes in a stack of two GANs."""

import dataclasses

from keras_mixgan.game.auxiliary.base import Auxiliary
from keras_mixgan.game.auxiliary.base import register
from keras_mixgan.game.ensembles import Outputs
from keras_mixgan.game.turns import Turn

OUTPUT = "code_logits"


@register
class CodePayoff(Auxiliary):
    """The payoff of codes, added to that of images (S-GAN).

    Huang et al. 2017 (arXiv:1612.04357), Section 3.1: the top generator plays
    against a discriminator of codes. With u = (G_1, G_0) and v = (D_1, D_0) a
    mixture of stacks has the payoff F(u, v) = F_1 + F_0. This loss is F_1, and
    by default it moves the mixture logits too. It applies the game's payoff and
    generator loss to the output `code_logits`. The logged `payoff`,
    `payoff_matrix` and the released schedule use F_0.

    Args:
        coefficient: Positive float.
        moves_mixture: Whether F_1 moves the mixture logits.

    Example:
    >>> CodePayoff().moves_mixture
    True
    """

    needs = (OUTPUT,)

    def __init__(self, coefficient: float = 1.0, moves_mixture: bool = True):
        super().__init__(coefficient, moves_mixture)

    def discriminator_terms(self, turn: Turn):
        """Minus the payoffs, (num_generators, num_discriminators)."""
        return -turn.objective.payoff.pairs(_of_codes(turn))

    def generator_terms(self, turn: Turn):
        """The generators' losses, (num_generators, num_discriminators)."""
        objective = turn.objective
        return objective.payoff.losses(
            _of_codes(turn), objective.generator_loss
        )


def _of_codes(turn: Turn) -> Turn:
    """The turn with the logits of codes in place of those of images."""

    def of(outputs: Outputs | None):
        if outputs is None:
            return None
        return Outputs(outputs.extras[OUTPUT][..., 0])

    return dataclasses.replace(turn, real=of(turn.real), fake=of(turn.fake))
