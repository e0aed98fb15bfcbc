"""The two kinds of payoffs: sums of two terms, and terms of pairs of images.

Both read a `Turn`: the discriminators' outputs for real images and for fakes.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

from keras import ops

from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

GENERATOR_LOSSES = ("non_saturating", "minimax", "auxiliary")


class AnyPayoff:
    """What both kinds share."""

    # Names of those functions that a payoff must have.
    functions: tuple[str, ...]

    def __post_init__(self):
        if not isinstance(self.name, str):
            raise UserError(
                f"`name` of a payoff must be a string. Received: {self.name!r}"
            )
        optional = () if self.generator is None else ("generator",)
        for name in (*self.functions, *optional):
            function = getattr(self, name)
            if not callable(function):
                raise UserError(
                    f"`{name}` of the payoff {self.name!r} must be a function "
                    f"of logits. Received: {function!r}"
                )

    def generator_loss(self, kind: str) -> Callable[..., Any]:
        """Returns the generators' loss per example, by kind.

        Args:
            kind: `"non_saturating"`, `"minimax"` or `"auxiliary"`. The last
                is the payoff itself, like `"minimax"`; it then moves only the
                mixture weights.

        Returns:
            A function from logits of fakes to losses; of a `PairwisePayoff`,
            from logits of real images and of fakes.

        Raises:
            ValueError: `kind` is none of these.
        """
        checks.one_of("generator_loss", kind, GENERATOR_LOSSES)
        if kind != "non_saturating" or self.generator is None:
            return self.moved_by_generators
        return self.generator

    def is_shared(self, kind: str) -> bool:
        """Whether generators descend what discriminators ascend."""
        return self.generator_loss(kind) is self.moved_by_generators


@dataclasses.dataclass(frozen=True)
class Payoff(AnyPayoff):
    """Both terms of F, and the usual loss of the generators.

    Args:
        name: Name by which a saved model finds the payoff.
        real: Function, logits of real images -> phi(D(x)).
        fake: Function, logits of generated images -> phi(1 - D(G(h))).
        generator: Function, logits of generated images -> the usual loss of
            the generators ("non_saturating"). `None` means the payoff's term
            `fake` ("minimax").

    Example:
    >>> from keras import ops
    >>> from keras_mixgan.game import payoffs
    >>> logistic = payoffs.Payoff(
    ...     "my_log",
    ...     real=lambda logits: -ops.softplus(-logits),
    ...     fake=lambda logits: -ops.softplus(logits),
    ... )
    >>> payoffs.register(logistic)  # so that saved models can be loaded
    """

    name: str
    real: Callable[[Any], Any]
    fake: Callable[[Any], Any]
    generator: Callable[[Any], Any] | None = None

    functions = ("real", "fake")
    # The real term gives generators no gradient.
    generators_need_real = False
    estimates = ("full", "linear", "split")

    @property
    def moved_by_generators(self) -> Callable[[Any], Any]:
        """The part of the payoff that depends on the generators."""
        return self.fake

    def pairs(self, turn):
        """Payoffs F(u_i, v_j).

        Args:
            turn: The `Turn`, with outputs for real images and fakes.

        Returns:
            Float tensor (num_generators, num_discriminators).
        """
        real = ops.mean(self.real(turn.real.logits), axis=0)
        return real[None, :] + turn.pair_means(self.fake(turn.fake.logits))

    def losses(self, turn, kind: str):
        """Losses of the generators.

        Args:
            turn: The `Turn`, with outputs for fakes.
            kind: See `generator_loss`.

        Returns:
            Float tensor (num_generators, num_discriminators).
        """
        return turn.pair_means(self.generator_loss(kind)(turn.fake.logits))


@dataclasses.dataclass(frozen=True)
class PairwisePayoff(AnyPayoff):
    """A payoff whose terms compare a real image with a fake.

    Jolicoeur-Martineau 2018 (arXiv:1807.00734): relativistic GANs, Sections
    4.1 and 4.2, and, with `average`, relativistic average GANs, Section 4.3.

    In a step every fake is compared with one real image, see
    `Turn.partners`.

    Args:
        name: Name by which a saved model finds the payoff.
        pair: Function, logits of real images and of fakes -> terms that grow
            as the discriminator tells them apart. It is called with tensors
            that broadcast.
        generator: Function of the same arguments -> the usual loss of the
            generators ("non_saturating"). `None` means the payoff's term
            `pair` ("minimax").
        average: Whether a real image is compared with the mean logit of the
            fakes, and a fake with that of the real images:
            F = E_real[f(D(x), E_h D(G(h)))] + E_h[f(E_real D(x), D(G(h)))].
            The means are over the whole batch, so the payoff estimate must
            be "full".

    Example:
    >>> from keras import ops
    >>> from keras_mixgan.game import payoffs
    >>> hinge = payoffs.PairwisePayoff(
    ...     "relativistic_hinge",
    ...     pair=lambda real, fake: -ops.relu(1 - (real - fake)),
    ...     generator=lambda real, fake: ops.relu(1 - (fake - real)),
    ... )
    >>> payoffs.register(hinge)  # so that saved models can be loaded
    """

    name: str
    pair: Callable[[Any, Any], Any]
    generator: Callable[[Any, Any], Any] | None = None
    average: bool = False

    functions = ("pair",)
    generators_need_real = True

    @property
    def estimates(self) -> tuple[str, ...]:
        """The payoff estimates that are unbiased."""
        return ("full",) if self.average else Payoff.estimates

    @property
    def moved_by_generators(self) -> Callable[[Any, Any], Any]:
        """The part of the payoff that depends on the generators: all of it."""
        return self.pair

    def pairs(self, turn):
        """See `Payoff.pairs`."""
        return self._means(self.pair, turn)

    def losses(self, turn, kind: str):
        """See `Payoff.losses`; also reads the outputs for real images."""
        return self._means(self.generator_loss(kind), turn)

    def _means(self, term, turn):
        real, fake = turn.real.logits, turn.fake.logits
        if not self.average:
            return turn.pair_means(term(turn.partners(real), fake))
        # F is not linear in these means, so they must be over all replicas.
        mean_real = turn.executor.average(ops.mean(real, axis=0))
        mean_fake = turn.executor.average(turn.pair_means(fake))
        of_real = ops.mean(term(real[:, None, :], mean_fake[None]), axis=0)
        return of_real + turn.pair_means(term(mean_real[None], fake))
