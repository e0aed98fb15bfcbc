"""Whose turn it is: the schedule of the paper's released code.

MIX+GAN's authors (and Huang et al. 2017, whose code they built on) look at half
the discriminators' adversarial loss, -F / 2 of the mixture's payoff F with
phi = log. Below 0.3 the discriminators are not updated, and the smaller it is,
the more often the generators are. Of logits that are all 0 it is log 2 = 0.69.
"""

from keras import ops

SCHEDULES = ("fixed", "released")
# Where the discriminators win by more than this they wait.
LEAST_LOSS = 0.3
# Each that the loss does not exceed gives the generators two steps more.
THRESHOLDS = (0.65, 0.5, 0.3)


def half_loss(payoff):
    """The number that the schedule looks at.

    Args:
        payoff: Float scalar, the mixture's payoff.

    Returns:
        Float scalar, half the discriminators' adversarial loss.
    """
    return -0.5 * payoff


def moves_discriminators(loss):
    """Whether discriminators with this `half_loss` are updated, a bool."""
    return loss >= LEAST_LOSS


def generator_steps(loss):
    """Steps of the generators that follow: 1, 3, 5 or 7.

    Args:
        loss: Float scalar, `half_loss`.

    Returns:
        Int32 scalar.
    """
    steps = ops.convert_to_tensor(1, "int32")
    for threshold in THRESHOLDS:
        steps = steps + 2 * ops.cast(loss <= threshold, "int32")
    return steps
