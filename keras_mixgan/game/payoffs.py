"""Payoffs: the measuring functions of a GAN, from logits.

Arora et al. 2017 (arXiv:1703.00573), Equation 5:

    F(u, v) = E_real[phi(D_v(x))] + E_h[phi(1 - D_v(G_u(h)))]

The discriminators maximise F, the generators minimise it. A `Payoff` is such a
sum of a term of real images and one of fakes. A `PairwisePayoff` is a function
of a real and a fake image's logits together,

    F(u, v) = E_real,h[f(D_v(x), D_v(G_u(h)))]

Mixture weights average payoffs of either kind over the pairs (u, v). All
functions here map raw discriminator outputs ("logits") of any shape to one
term per example of the same shape.
"""

from keras import ops

from keras_mixgan.game.payoff_kinds import GENERATOR_LOSSES
from keras_mixgan.game.payoff_kinds import AnyPayoff
from keras_mixgan.game.payoff_kinds import PairwisePayoff
from keras_mixgan.game.payoff_kinds import Payoff
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

__all__ = [
    "GENERATOR_LOSSES",
    "PAYOFFS",
    "PairwisePayoff",
    "Payoff",
    "get",
    "register",
]


# An energy is minus a logit. Below 0 it counts as 0, or a discriminator could
# lower all energies without end.
def _energy(logits):
    return ops.relu(-logits)


def _relativistic(real, fake):
    return -ops.softplus(fake - real)


def _relativistic_generator(real, fake):
    return ops.softplus(real - fake)


# By name: functions of logits, for real images, fakes, and generators.
PAYOFFS: dict[str, Payoff | PairwisePayoff] = {
    # Goodfellow et al. 2014 (arXiv:1406.2661), phi = log, D = sigmoid(logits).
    # log(sigmoid(x)) = -softplus(-x) and log(1 - sigmoid(x)) = -softplus(x)
    # stay finite, with finite gradients, at any logit.
    "log": Payoff(
        "log",
        lambda x: -ops.softplus(-x),
        lambda x: -ops.softplus(x),
        lambda x: ops.softplus(-x),
    ),
    # Arjovsky et al. 2017 (arXiv:1701.07875), phi = identity, D = logits. The 1
    # of phi(1 - D) has no gradient. With it the value is 1 where the generators
    # win, as in the paper's Theorem 4.3.
    "wasserstein": Payoff(
        "wasserstein", lambda x: x, lambda x: 1.0 - x, lambda x: -x
    ),
    # Lim & Ye 2017 (arXiv:1705.02894), Miyato et al. 2018 (arXiv:1802.05957).
    "hinge": Payoff(
        "hinge",
        lambda x: ops.minimum(x - 1.0, 0.0),
        lambda x: ops.minimum(-x - 1.0, 0.0),
        lambda x: -x,
    ),
    # Mao et al. 2017 (arXiv:1611.04076), Equation 9: targets 0, 1 and 1.
    "least_squares": Payoff(
        "least_squares",
        lambda x: -0.5 * ops.square(x - 1.0),
        lambda x: -0.5 * ops.square(x),
        lambda x: 0.5 * ops.square(x - 1.0),
    ),
    # Wang & Liu 2016 (arXiv:1611.01722), D = -E: the energy of real images
    # falls, that of fakes rises with weight 0.3, as in the authors' code.
    # Generators minimise the energy itself.
    "energy": Payoff(
        "energy",
        lambda x: -_energy(x),
        lambda x: 0.3 * _energy(x),
        _energy,
    ),
    # Jolicoeur-Martineau 2018 (arXiv:1807.00734), RSGAN: log sigmoid of
    # D(x) - D(G(h)); for generators, log sigmoid of D(G(h)) - D(x).
    "relativistic": PairwisePayoff(
        "relativistic", _relativistic, _relativistic_generator
    ),
    # The same, RaSGAN. Its second term, log(1 - sigmoid(D(G(h)) - E D(x))),
    # is log sigmoid(E D(x) - D(G(h))).
    "relativistic_average": PairwisePayoff(
        "relativistic_average",
        _relativistic,
        _relativistic_generator,
        average=True,
    ),
}


_BUILT_IN = frozenset(PAYOFFS)


def register(payoff: Payoff | PairwisePayoff) -> None:
    """Registers a payoff under its name.

    One of yours with the same name is replaced, so that a notebook cell can be
    run again.

    Args:
        payoff: Of either kind.

    Raises:
        ValueError: It is no payoff, or has the name of a built-in one.
    """
    if not isinstance(payoff, AnyPayoff):
        raise UserError(
            "`payoff` must be a `keras_mixgan.Payoff` or `PairwisePayoff`. "
            f"Received: {payoff!r}"
        )
    if payoff.name in _BUILT_IN:
        _check_name(payoff)
    else:
        PAYOFFS[payoff.name] = payoff


def get(payoff: str | Payoff | PairwisePayoff) -> Payoff | PairwisePayoff:
    """Returns a payoff by name; a payoff is returned as it is.

    Args:
        payoff: A key of `PAYOFFS`, or a payoff of either kind.

    Returns:
        The payoff.

    Raises:
        ValueError: No payoff has that name, or a different one has the name of
            this one, and a saved model would load that one.
    """
    if isinstance(payoff, AnyPayoff):
        _check_name(payoff)
        return payoff
    if not isinstance(payoff, str) or payoff not in PAYOFFS:
        hint = checks.nearest_of(payoff, PAYOFFS) or "."
        raise UserError(
            f"`payoff` must be one of {sorted(PAYOFFS)}, or a "
            "`keras_mixgan.Payoff` or `PairwisePayoff`. Received: "
            f"payoff={payoff!r}{hint} To use your own payoff by name, call "
            "`payoffs.register(payoff)` first."
        )
    return PAYOFFS[payoff]


def get_sum(payoff: str | Payoff) -> Payoff:
    """Like `get`, for sums of two terms alone: refuses a `PairwisePayoff`."""
    resolved = get(payoff)
    if not isinstance(resolved, Payoff):
        raise UserError(
            "`payoff` must be a sum of a real and a fake term here, such as "
            "log; `payoff_matrix` takes pairwise ones too. Received: "
            f"payoff={resolved.name!r}"
        )
    return resolved


def saved_name(payoff: Payoff | PairwisePayoff) -> str:
    """Returns the name by which a saved model will find its payoff.

    The payoff must be registered, or the file could not be loaded.
    """
    _check_name(payoff)
    if payoff.name not in PAYOFFS:
        raise UserError(
            "`payoff` must be registered before the model is saved and before "
            "it is loaded, since the file holds only its name: "
            "`keras_mixgan.payoffs.register(payoff)`. Received: "
            f"payoff={payoff.name!r}, registered are {sorted(PAYOFFS)}"
        )
    return payoff.name


def _check_name(payoff) -> None:
    taken = PAYOFFS.get(payoff.name)
    if taken is None or taken == payoff:
        return
    if payoff.name in _BUILT_IN:
        raise UserError(
            "`payoff.name` must not be that of a built-in payoff. Received: "
            f"{payoff.name!r}, built in are {sorted(_BUILT_IN)}"
        )
    raise UserError(
        "`payoff` must be the one that is registered under its name, since "
        "a saved model holds only the name: "
        "`keras_mixgan.payoffs.register(payoff)` replaces the other one. "
        f"Received: another payoff named {payoff.name!r}"
    )


def __dir__():
    return __all__
