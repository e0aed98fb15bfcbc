"""Auxiliary losses: what a side minimises beside the game's payoff.

A mixture's payoff F(u_i, v_j) is the adversarial term alone (Arora et al.
2017, arXiv:1703.00573, Section 5); it moves the mixture weights. Every other
loss of a base GAN is auxiliary: of a discriminator (weighted by w_v), of a
generator (by w_u), or of a pair (by w_u w_v). By default it gives the mixture
logits no gradient.
"""

import inspect
from collections.abc import Iterable

import keras
from keras import ops

from keras_mixgan.game import mixtures
from keras_mixgan.game.ensembles import output_names
from keras_mixgan.game.turns import Turn
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

# Logs of a side, after its name, that no loss may overwrite.
_LOGGED = ("loss", "weight_min", "weight_max")
_VARIOUS = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class Auxiliary:
    """Base class of auxiliary losses. Override what a loss needs.

    Args:
        coefficient: Positive float, which multiplies the loss.
        moves_mixture: Whether the loss also moves the mixture logits, as in
            the paper's released code. In the theory it does not.

    Attributes:
        needs: Names of the outputs that discriminators must have.
        needs_labels: Whether real images and fakes must have labels.
        needs_real_labels: Whether real images must have labels, some of which
            may be missing (-1). Generators need not take labels.
        generators_need_real: Whether `generator_terms` reads `Turn.real`.

    Raises:
        ValueError: `coefficient` is not positive; `moves_mixture` is no bool.

    Example:
    >>> import keras
    >>> from keras import ops
    >>> @keras.saving.register_keras_serializable("mine")
    ... class LogitNorm(Auxiliary):
    ...     def discriminator_terms(self, turn):
    ...         return ops.mean(ops.square(turn.real.logits), axis=0)
    >>> LogitNorm(0.01).name
    'logit_norm'
    """

    needs: tuple[str, ...] = ()
    needs_labels = False
    needs_real_labels = False
    generators_need_real = False

    def __init__(self, coefficient: float = 1.0, moves_mixture: bool = False):
        self.coefficient = checks.number("coefficient", coefficient)
        checks.boolean("moves_mixture", moves_mixture)
        self.moves_mixture = moves_mixture

    @property
    def name(self) -> str:
        """The name of the class in lower case with underscores."""
        return _name_of(type(self))

    def discriminator_terms(self, turn: Turn):
        """Terms that the discriminators add to their loss.

        Args:
            turn: Their turn, with `real` and `fake`.

        Returns:
            Float tensor (num_discriminators,), or (num_generators,
            num_discriminators), or a list of such; `None` for nothing.
        """
        return None

    def generator_terms(self, turn: Turn):
        """Terms that the generators add to their loss.

        Args:
            turn: Their turn; gradients pass through its fakes.

        Returns:
            Float tensor (num_generators,), or (num_generators,
            num_discriminators), or a list of such; `None` for nothing.
        """
        return None

    def codes_of(self, images):
        """Codes of real images, for discriminators that take codes.

        Args:
            images: Float tensor (B, ...).

        Returns:
            Float tensor (B, F), as the generators' layer `codes` makes them;
            `None` if the loss gives none.
        """
        return None

    @classmethod
    def is_of(cls, side: str) -> bool:
        """Whether a side, `"generator"` or `"discriminator"`, has terms."""
        name = f"{side}_terms"
        return getattr(cls, name) is not getattr(Auxiliary, name)

    def check(self, model) -> None:
        """Checks a model beyond `needs`; called by `MixGAN.compile`.

        Raises:
            ValueError: The model does not fit this loss.
        """

    def prepare(self, model) -> None:
        """Reads what the loss needs besides the networks, before training.

        Args:
            model: The compiled `MixGAN`.

        Raises:
            OSError, ValueError: It is missing or malformed.
        """

    def get_config(self) -> dict:
        """The constructor's arguments; a loss with others adds them.

        Raises:
            ValueError: The loss has others and no `get_config` of its own.
        """
        config = {
            "coefficient": self.coefficient,
            "moves_mixture": self.moves_mixture,
        }
        if type(self).get_config is Auxiliary.get_config:
            self._check_arguments(config)
        return config

    def _check_arguments(self, known: dict) -> None:
        parameters = inspect.signature(type(self)).parameters.values()
        names = [x.name for x in parameters if x.kind not in _VARIOUS]
        any_name = any(x.kind is inspect.Parameter.VAR_KEYWORD
                       for x in parameters)  # fmt: skip
        if not set(names) <= set(known) or not (
            any_name or set(known) <= set(names)
        ):
            kind = type(self).__name__
            raise UserError(
                f"`get_config` must be defined by {kind} to save or copy it "
                "with its arguments, if they are not "
                f"{' and '.join(known)}. Received: arguments {names}"
            )

    @classmethod
    def from_config(cls, config: dict):
        """Makes it from `get_config`."""
        return cls(**config)

    def __eq__(self, other) -> bool:
        return self is other or (
            type(self) is type(other)
            and self.get_config() == other.get_config()
        )

    def __hash__(self) -> int:
        return hash(self.name)


def weighted(auxiliary: Auxiliary, terms, generator_logits, logits, own: int):
    """Sums an auxiliary loss over a mixture, by its weights: a float scalar.

    `terms` are what its method returned, `logits` the discriminators' mixture
    logits. `own` is 0 in the generators' turn, 1 in the discriminators'; the
    other side's logits get no gradient.
    """
    weights = [mixtures.weights(generator_logits), mixtures.weights(logits)]
    for side in (0, 1):
        if side != own or not auxiliary.moves_mixture:
            weights[side] = ops.stop_gradient(weights[side])
    total = 0.0
    shape = generator_logits.shape[0], logits.shape[0]
    for term in terms if isinstance(terms, list | tuple) else [terms]:
        if term is None:
            continue
        _check_term(auxiliary, term, shape, own)
        if len(term.shape) == 2:
            total = total + mixtures.value(term, *weights)
        else:
            total = total + ops.sum(weights[own] * term)
    return auxiliary.coefficient * total


def _check_term(auxiliary: Auxiliary, term, numbers: tuple, own: int) -> None:
    """Checks a term's shape: a wrong one would be summed up by broadcasting."""
    shape = tuple(term.shape)
    for wanted in ((), numbers[own : own + 1], numbers):
        if len(wanted) == len(shape) and all(
            size in (None, number)
            for size, number in zip(shape, wanted, strict=True)
        ):
            return
    raise UserError(
        f"Terms of the auxiliary loss {auxiliary.name} must have shape "
        f"{numbers[own : own + 1]}, one for each of the side, or {numbers}, "
        f"one for each pair. Received: shape {shape}"
    )


AUXILIARY: dict[str, type[Auxiliary]] = {}


def register(cls: type[Auxiliary]) -> type[Auxiliary]:
    """Registers a built-in auxiliary loss, by name and for saving."""
    AUXILIARY[_name_of(cls)] = cls
    return keras.saving.register_keras_serializable("keras_mixgan")(cls)


def get(loss: str | Auxiliary) -> Auxiliary:
    """Returns an auxiliary loss by name; a loss is returned as it is.

    Args:
        loss: An `Auxiliary`, or a name in `AUXILIARY`, which may be followed
            by a colon and a coefficient.

    Returns:
        The loss.

    Raises:
        ValueError: There is no such loss, or no such coefficient.

    Example:
    >>> get("feature_matching:0.5").coefficient
    0.5
    """
    if isinstance(loss, Auxiliary):
        return loss
    name, _, coefficient = str(loss).partition(":")
    if not isinstance(loss, str) or name not in AUXILIARY:
        raise UserError(
            "`auxiliary` must list Auxiliary losses, or names among "
            f"{', '.join(sorted(AUXILIARY))}. Received: {loss!r}"
        )
    if not coefficient:
        return AUXILIARY[name]()
    try:
        return AUXILIARY[name](float(coefficient))
    except ValueError as error:
        raise UserError(
            "`auxiliary` must have a positive coefficient after the colon. "
            f"Received: {loss!r}"
        ) from error


Losses = str | Auxiliary | Iterable[str | Auxiliary] | None


def get_all(losses: Losses) -> tuple[Auxiliary, ...]:
    """Returns auxiliary losses by `get`: of a list, of a single one, or none.

    Example:
    >>> [loss.name for loss in get_all("feature_matching")], get_all(None)
    (['feature_matching'], ())
    """
    if losses is None:
        return ()
    if isinstance(losses, str) or not isinstance(losses, Iterable):
        losses = (losses,)
    return tuple(map(get, losses))


def check(losses: list, model) -> None:
    """Checks that a model has the outputs and labels that its losses need."""
    names = output_names(model.discriminators[0])
    if model.discriminator_ensemble.take_codes and all(
        type(loss).codes_of is Auxiliary.codes_of for loss in losses
    ):
        raise UserError(
            "`auxiliary` must list a loss that gives codes of real images, "
            "such as encoded_codes, if discriminators take codes. "
            f"Received: auxiliary={[loss.name for loss in losses]}"
        )
    for loss in losses:
        if loss.name in _LOGGED:
            raise UserError(
                f"`auxiliary` must have no class called {type(loss).__name__}: "
                f"the log of its name, {loss.name}, is taken"
            )
        gives_codes = type(loss).codes_of is not Auxiliary.codes_of
        if not (loss.is_of("generator") or loss.is_of("discriminator")
                or gives_codes):  # fmt: skip
            raise UserError(
                f"`auxiliary` {loss.name} must define `discriminator_terms` or "
                f"`generator_terms`. Received: a {type(loss).__name__} with "
                "neither"
            )
        if loss.needs_labels and not model.conditional:
            raise UserError(
                f"`auxiliary` {loss.name} needs generators that take labels. "
                "Received: networks without labels"
            )
        for needed in loss.needs:
            if needed not in names:
                raise UserError(
                    f"`auxiliary` {loss.name} needs discriminators with an "
                    f"output `{needed}`. Received: outputs {', '.join(names)}"
                    f"{_remedy(needed, model)}"
                )
        loss.check(model)


def _remedy(needed: str, model) -> str:
    """How a discriminator gets an output that is missing, where it is known."""
    arguments = {
        "class_logits": f"num_classes={model.num_classes or '...'}",
        "component_logits": f"num_components={model.num_generators}",
        "features": "features=True",
    }
    if needed not in arguments:
        return ""
    return (
        ". Make the model of `kmg.architectures.add_heads(discriminator, "
        f"{arguments[needed]})`"
    )


def _name_of(cls: type) -> str:
    return "".join(
        "_" * (i > 0 and c.isupper()) + c.lower()
        for i, c in enumerate(cls.__name__)
    )
