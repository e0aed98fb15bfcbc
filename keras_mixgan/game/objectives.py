"""What each side of a mixture minimises, in `keras.ops` alone.

Arora et al. 2017 (arXiv:1703.00573), Section 5:

    min over {u_i}, alpha_u  max over {v_j}, alpha_v
        sum_ij w_ui w_vj F(u_i, v_j)

Each side's loss adds the regulariser of its mixture weights and its auxiliary
losses. Under several replicas every mean here is over one replica; averaged
over replicas it is that of one device with the whole batch.
"""

import copy
import dataclasses
from typing import Any
from typing import NamedTuple

from keras import ops

from keras_mixgan.game import auxiliary as auxiliaries
from keras_mixgan.game import draws
from keras_mixgan.game import mixtures
from keras_mixgan.game import payoffs
from keras_mixgan.game import schedules
from keras_mixgan.game import turns
from keras_mixgan.game.auxiliary import Auxiliary
from keras_mixgan.game.penalties import GradientPenalty
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

PAYOFF_ESTIMATES = ("full", "linear", "split")
UPDATES = ("alternating", "simultaneous")
_NUMBERS = {
    "mixture_regularizer": "[0, inf)",
    "weight_clip": "(0, inf)",
    "gradient_penalty": "(0, inf)",
}


@dataclasses.dataclass(frozen=True)
class Objective:
    """The settings of a game, checked; see `MixGAN.compile` for each."""

    payoff: payoffs.Payoff | payoffs.PairwisePayoff
    generator_loss: str = "non_saturating"
    mixture_regularizer: float = 0.1
    discriminator_steps: int = 1
    payoff_estimate: str = "full"
    weight_clip: float | None = None
    gradient_penalty: float | None = None
    update: str = "alternating"
    auxiliary: tuple[Auxiliary, ...] = ()
    as_released: bool = False
    schedule: str = "fixed"

    def __post_init__(self):
        self.payoff.generator_loss(self.generator_loss)
        self._check_generators_lose()
        self._check_one_penalty()
        checks.boolean("as_released", self.as_released)
        if self.as_released:
            self._release()
        self._check_schedule()
        checks.one_of("payoff_estimate", self.payoff_estimate, PAYOFF_ESTIMATES)
        if self.payoff_estimate not in self.payoff.estimates:
            raise UserError(
                "`payoff_estimate` must be full for a payoff that compares "
                "images with the mean of the whole batch. Received: "
                f"payoff={self.payoff.name!r}, "
                f"payoff_estimate={self.payoff_estimate!r}"
            )
        steps = checks.integer("discriminator_steps", self.discriminator_steps)
        self._set("discriminator_steps", steps)
        checks.one_of("update", self.update, UPDATES)
        if self.update == "simultaneous" and steps > 1:
            raise UserError(
                "`discriminator_steps` must be 1 if both sides are updated "
                f"simultaneously. Received: discriminator_steps={steps}"
            )
        for name, interval in _NUMBERS.items():
            # The positive ones may be None.
            number = checks.number(
                name, getattr(self, name), interval, optional=interval[0] == "("
            )
            self._set(name, number)

    @property
    def losses(self) -> tuple[Auxiliary, ...]:
        """All auxiliary losses, the gradient penalty among them."""
        if not self.gradient_penalty:
            return self.auxiliary
        return (GradientPenalty(self.gradient_penalty), *self.auxiliary)

    def generators_are_due(self, batch):
        """Whether the generators are updated at a batch, numbered from 1.

        For other schedules than `"released"`, which goes by losses.
        """
        return schedules.generators_are_due(
            self.schedule, batch, self.discriminator_steps
        )

    def codes_of(self, images):
        """Codes (B, F) of real images, from the loss that gives them."""
        answers = (loss.codes_of(images) for loss in self.auxiliary)
        return next(codes for codes in answers if codes is not None)

    def names_of_losses(self, side: str) -> tuple[str, ...]:
        """Names of the auxiliary losses of a side, each once."""
        names = (loss.name for loss in self.losses if loss.is_of(side))
        return tuple(dict.fromkeys(names))

    def _check_schedule(self) -> None:
        checks.one_of("schedule", self.schedule, schedules.SCHEDULES)
        if self.schedule == "fixed":
            return
        required: dict[str, Any] = {"update": "alternating"}
        if self.schedule == "released":
            required |= {"discriminator_steps": 1, "payoff": "log"}
        actual = {
            "update": self.update,
            "discriminator_steps": self.discriminator_steps,
            "payoff": self.payoff.name,
        }
        for name, value in required.items():
            if actual[name] != value:
                raise UserError(
                    f"`schedule` must be fixed unless {name} is {value!r}. "
                    f"Received: schedule={self.schedule!r}, "
                    f"{name}={actual[name]!r}"
                )

    def _release(self) -> None:
        """Makes every auxiliary loss move the mixture logits."""
        if self.payoff.name != "log":
            raise UserError(
                "`as_released` must come with the payoff log, as in the "
                f"released code. Received: payoff={self.payoff.name!r}"
            )
        moving = tuple(copy.copy(loss) for loss in self.auxiliary)
        for loss in moving:
            loss.moves_mixture = True
        object.__setattr__(self, "auxiliary", moving)

    def _check_generators_lose(self) -> None:
        if self.generator_loss == "auxiliary" and not any(
            loss.is_of("generator") for loss in self.auxiliary
        ):
            names = [loss.name for loss in self.auxiliary]
            raise UserError(
                "`generator_loss` must not be auxiliary without an auxiliary "
                "loss of generators, such as feature_matching. Received: "
                f"auxiliary={names}"
            )

    def _check_one_penalty(self) -> None:
        listed = [loss.name for loss in self.auxiliary]
        if self.gradient_penalty and "gradient_penalty" in listed:
            raise UserError(
                "`gradient_penalty` must not be given twice. Received: "
                f"gradient_penalty={self.gradient_penalty!r}, "
                f"auxiliary={listed}"
            )

    def _set(self, name: str, value: Any) -> None:
        """Sets a checked number: one of Python, which files can hold."""
        object.__setattr__(self, name, value)


class Outcome(NamedTuple):
    """The results of one side's turn.

    Attributes:
        loss: Float scalar, what the side minimises.
        pairs: Float tensor (num_generators, num_discriminators): the payoffs
            F(u_i, v_j), or the generators' losses.
        auxiliary: Dict from `Objective.names_of_losses` to float scalars,
            what each auxiliary loss adds to `loss`.
    """

    loss: Any
    pairs: Any
    auxiliary: dict[str, Any]


def discriminator_objective(model, images, labels):
    """What the discriminators and their mixture logits minimise.

    Minus the mixture's payoff, plus the regulariser and auxiliary losses. All
    networks are called in training mode. `images` (B, ...) are real, `labels`
    int (B,) or `None`. The pairs of the `Outcome` are payoffs.
    """
    fakes = draws.draw(model, draws.batch_size(images), labels)
    codes = None if fakes.codes is None else ops.stop_gradient(fakes.codes)
    fakes = dataclasses.replace(
        fakes, images=ops.stop_gradient(fakes.images), codes=codes
    )
    turn = turns.take(model, images, labels, fakes)
    return _discriminator_loss(model, turn)


def generator_objective(model, images, labels):
    """What the generators and their mixture logits minimise.

    If the payoff is a sum, its real term is the same for every generator and
    gives no gradient, so it is left out. Real images are judged only if the
    payoff or an auxiliary loss needs it; else only their number counts. The
    pairs of the `Outcome` are losses. The arguments are those of
    `discriminator_objective`.
    """
    fakes = draws.draw(model, draws.batch_size(images), labels)
    readers = (model.objective.payoff, *model.objective.losses)
    need = any(reader.generators_need_real for reader in readers)
    turn = turns.take(model, images if need else None, labels, fakes)
    return _generator_loss(model, turn)


def both_objectives(model, images, labels):
    """What both sides minimise, from one forward pass of all networks.

    Takes what `discriminator_objective` takes; returns the discriminators'
    `Outcome` and the generators'. Use only the gradients of a side's loss by
    its own variables: no gradient is stopped between the sides.
    """
    fakes = draws.draw(model, draws.batch_size(images), labels)
    turn = turns.take(model, images, labels, fakes)
    return _discriminator_loss(model, turn), _generator_loss(model, turn)


def shared_value(model, outcomes):
    """The value that the discriminators ascend and the generators descend.

    The mixture's value, plus the generators' regulariser, minus the
    discriminators', from the result of `both_objectives`. Its gradients are
    those of the generators' "minimax" loss, and minus those of the
    discriminators' loss.
    """
    pairs = outcomes[0].pairs
    logits = (
        model.generator_mixture_logits,
        model.discriminator_mixture_logits,
    )
    of_generators, of_discriminators = map(
        mixtures.cross_entropy_from_uniform, logits
    )
    return mixtures.value(
        pairs, *map(mixtures.weights, logits)
    ) + model.objective.mixture_regularizer * (
        of_generators - of_discriminators
    )


def sides_share_a_value(model) -> bool:
    """Whether both sides' losses come down to `shared_value`.

    Call it after the forward pass, in which layers add their losses.
    """
    objective = model.objective
    return (
        objective.payoff.is_shared(objective.generator_loss)
        and not model.objective.losses
        and not any(
            network.losses
            for side in (model.generator_ensemble, model.discriminator_ensemble)
            for network in side.networks
        )
    )


def _discriminator_loss(model, turn: turns.Turn):
    objective = model.objective
    pairs = objective.payoff.pairs(turn)
    logits = model.discriminator_mixture_logits
    generator_weights = ops.stop_gradient(
        mixtures.weights(model.generator_mixture_logits)
    )
    loss = (
        objective.mixture_regularizer
        * mixtures.cross_entropy_from_uniform(logits)
        - mixtures.value(pairs, generator_weights, mixtures.weights(logits))
        + model.discriminator_ensemble.losses()
    )
    return _outcome(model, loss, pairs, turn, "discriminator")


def _generator_loss(model, turn: turns.Turn):
    objective = model.objective
    pairs = objective.payoff.losses(turn, objective.generator_loss)
    if objective.generator_loss == "auxiliary":
        # The payoff moves only the mixture weights.
        pairs = ops.stop_gradient(pairs)
    logits = model.generator_mixture_logits
    discriminator_weights = ops.stop_gradient(
        mixtures.weights(model.discriminator_mixture_logits)
    )
    loss = (
        mixtures.value(pairs, mixtures.weights(logits), discriminator_weights)
        + objective.mixture_regularizer
        * mixtures.cross_entropy_from_uniform(logits)
        + model.generator_ensemble.losses()
    )
    return _outcome(model, loss, pairs, turn, "generator")


def _outcome(model, loss, pairs, turn: turns.Turn, side: str) -> Outcome:
    """Adds a side's auxiliary losses to its loss."""
    added = {}
    for extra in model.objective.losses:
        if not extra.is_of(side):
            continue
        value = auxiliaries.weighted(
            extra,
            getattr(extra, f"{side}_terms")(turn),
            model.generator_mixture_logits,
            model.discriminator_mixture_logits,
            own=("generator", "discriminator").index(side),
        )
        loss = loss + value
        # A loss whose terms are `None` has the value 0.
        value = ops.cast(value, loss.dtype)
        added[extra.name] = added.get(extra.name, 0.0) + value
    return Outcome(loss, pairs + _marks_of_broken(turn.fakes), added)


def _marks_of_broken(fakes):
    """Zeros (num_generators, 1), NaN where images are not finite.

    A ReLU may hide it from the logits.
    """
    images = ops.cast(ops.stop_gradient(fakes.images), "float32")
    sums = ops.sum(images, axis=tuple(range(1, len(images.shape))))
    marks = ops.where(ops.isfinite(sums), 0.0, float("nan"))
    return mixtures.stratum_means(marks[:, None], fakes.sizes)
