"""Which side is updated: fixed turns, and the schedules of two released codes.

By `fixed`, the generators are updated at every n-th batch. WGAN's authors
(arXiv:1701.07875, `main.py` of martinarjovsky/WassersteinGAN) first let the
critic come near its optimum: each of the first 25 generator steps, and then
every 500th, has 100 critic steps.

MIX+GAN's authors (and Huang et al. 2017, whose code they built on) use half
the discriminators' adversarial loss, -F / 2 of the mixture's payoff F with
phi = log. Below 0.3 the discriminators are not updated. The smaller it is, the
more steps the generators take. It is log 2 = 0.69 if all logits are 0.
"""

from keras import ops

SCHEDULES = ("fixed", "released", "wgan")
# WGAN's: discriminator steps of a long turn; the generator steps that have one
# are the first few, and after them one in each round.
LONG_TURN = 100
FIRST_LONG_TURNS = 25
ROUND = 500
# Discriminators with a smaller loss are not updated.
LEAST_LOSS = 0.3
# Each one that the loss does not exceed gives the generators two more steps.
THRESHOLDS = (0.65, 0.5, 0.3)


def generators_are_due(schedule: str, batch, discriminator_steps: int):
    """Whether the generators are updated, by the schedules fixed and wgan.

    `batch` is its number, from 1: an int, or integers of any shape, for which
    there are bools of that shape. A turn that is not long has
    `discriminator_steps` batches.
    """
    if schedule == "fixed":
        return discriminator_steps == 1 or batch % discriminator_steps == 0

    def in_round(place, long):
        """In a round that begins with `long` batches of long turns."""
        due = place % LONG_TURN == 0
        later = (place - long) % discriminator_steps == 0
        return ((place <= long) & due) | ((place > long) & later)

    first, length, others = _rounds(discriminator_steps)
    place = (batch - length - 1) % others + 1
    return ((batch <= length) & in_round(batch, first)) | (
        (batch > length) & in_round(place, LONG_TURN)
    )


def generator_updates(schedule: str, batches: int, discriminator_steps: int):
    """Number of generator updates in a training, an int, by the same two."""
    if schedule == "fixed":
        return batches // discriminator_steps

    def in_round(place, long):
        later = max(place - long, 0) // discriminator_steps
        return min(place, long) // LONG_TURN + later

    first, length, others = _rounds(discriminator_steps)
    rounds, rest = divmod(max(batches - length, 0), others)
    begun = in_round(min(batches, length), first) + in_round(rest, LONG_TURN)
    return begun + rounds * ROUND


def _rounds(discriminator_steps: int) -> tuple[int, int, int]:
    """Batches: the first long turns, their round, and each later round."""
    first = LONG_TURN * FIRST_LONG_TURNS
    length = first + discriminator_steps * (ROUND - FIRST_LONG_TURNS)
    return first, length, LONG_TURN + discriminator_steps * (ROUND - 1)


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
