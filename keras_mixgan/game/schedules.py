"""Which side is updated: the schedule of the paper's released code.

MIX+GAN's authors (and Huang et al. 2017, whose code they built on) use half
the discriminators' adversarial loss, -F / 2 of the mixture's payoff F with
phi = log. Below 0.3 the discriminators are not updated. The smaller it is, the
more steps the generators take. It is log 2 = 0.69 if all logits are 0.
"""

from keras import ops

SCHEDULES = ("fixed", "released")
# Discriminators with a smaller loss are not updated.
LEAST_LOSS = 0.3
# Each one that the loss does not exceed gives the generators two more steps.
THRESHOLDS = (0.65, 0.5, 0.3)


def half_loss(payoff):
    """Half the discriminators' adversarial loss, from the mixture's payoff."""
    return -0.5 * payoff


def moves_discriminators(loss):
    """Whether discriminators with this `half_loss` are updated, a bool."""
    return loss >= LEAST_LOSS


def generator_steps(loss):
    """Number of generator steps after a `half_loss`: 1, 3, 5 or 7, int32."""
    steps = ops.convert_to_tensor(1, "int32")
    for threshold in THRESHOLDS:
        steps = steps + 2 * ops.cast(loss <= threshold, "int32")
    return steps
