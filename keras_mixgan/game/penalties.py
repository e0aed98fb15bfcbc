"""What keeps a Wasserstein critic Lipschitz: gradient penalty and clipping."""

from keras import ops

from keras_mixgan.game import auxiliary
from keras_mixgan.game.auxiliary import Auxiliary
from keras_mixgan.game.turns import Seen
from keras_mixgan.game.turns import Turn


@auxiliary.register
class GradientPenalty(Auxiliary):
    """Two-sided gradient penalty of every pair.

    Gulrajani et al. 2017 (arXiv:1704.00028), Equation 3:
    E[(||grad D_v(x)||_2 - 1)^2] at points x on the lines between real images
    and those of generator u. Its coefficient is 10 in the paper. It restricts
    the class of critics and is not a payoff, so the mixture logits get no
    gradient from it.
    """

    def __init__(self, coefficient: float = 10.0, moves_mixture: bool = False):
        super().__init__(coefficient, moves_mixture)

    def discriminator_terms(self, turn: Turn):
        """Penalties (num_generators, num_discriminators)."""
        share = ops.concatenate(turn.uniform(turn.sizes))
        columns = []
        for index, seen in enumerate(turn.seen):
            points = _between(seen, share)

            def total(points, index=index, seen=seen):
                judged = turn.discriminators(
                    turn.executor,
                    points,
                    seen.beside("fake"),
                    turn.groups,
                    index,
                )
                return ops.sum(judged.logits)

            gradients = turn.executor.input_gradients(total, points)
            axes = tuple(range(1, len(gradients.shape)))
            norms = _safe_norm(ops.sum(ops.square(gradients), axis=axes))
            columns.append(ops.square(norms - 1.0))
        return turn.pair_means(ops.stack(columns, axis=1))


def _between(seen: Seen, share):
    """Points between fakes and real images; these are reused if too few."""
    fakes = ops.stop_gradient(seen.fake)
    rows = ops.arange(ops.shape(fakes)[0]) % ops.shape(seen.real)[0]
    reals = ops.take(seen.real, rows, axis=0)
    share = ops.reshape(share, (-1,) + (1,) * (len(fakes.shape) - 1))
    return share * reals + (1.0 - share) * fakes


def _safe_norm(squares):
    """A square root whose gradient stays finite at zero."""
    return ops.sqrt(ops.maximum(squares, 1e-12))


def clip_weights(variables: list, limit: float) -> None:
    """Clips variables to [-limit, limit], in place.

    Arjovsky et al. 2017 (arXiv:1701.07875), Algorithm 1, line 7.
    """
    for variable in variables:
        variable.assign(ops.clip(variable, -limit, limit))
