"""The training step: updates of both sides, alternating by default.

The objectives are written in `keras.ops`; the model's executor takes their
gradients and applies them. Arora et al. 2017, Section 5: networks and mixture
logits of a side are updated together, one side after the other.
"""

from keras import ops

from keras_mixgan.game import mixtures
from keras_mixgan.game import objectives
from keras_mixgan.game import penalties
from keras_mixgan.game import schedules
from keras_mixgan.training import averages
from keras_mixgan.training.labels import class_numbers_in_step
from keras_mixgan.training.labels import classes_of

LOGS = (
    "loss",
    "generator_loss",
    "discriminator_loss",
    "payoff",
    "generator_weight_min",
    "generator_weight_max",
    "discriminator_weight_min",
    "discriminator_weight_max",
)


SIDES = ("generator", "discriminator")


def log_names(objective) -> tuple[str, ...]:
    """Names of all logs: `LOGS`, and `SIDE_NAME` of each auxiliary loss."""
    return LOGS + tuple(
        f"{side}_{name}"
        for side in SIDES
        for name in objective.names_of_losses(side)
    )


def train_step(model, images, labels, due: bool | None = None) -> dict:
    """One step on one batch of real images (B, ...).

    Labels are (B,), (B, 1), one-hot (B, num_classes), or `None`. `due` says
    whether the generators are updated, where the caller has worked it out from
    the schedule; `None` has the step do so.

    Returns a pair of scalars for each of `log_names`: its value, and its
    weight, 0 where the step had no such value, else 1.
    """
    images, data_are_good = _repaired(model, images)
    if labels is not None:
        labels, known = _known(model, class_numbers_in_step(labels))
        data_are_good &= known
    weights = [
        mixtures.weights(model.generator_mixture_logits),
        mixtures.weights(model.discriminator_mixture_logits),
    ]
    # Whether each side took its turn, 0.0 or 1.0.
    discriminator_turn = generator_turn = 1.0
    if model.objective.update == "simultaneous":
        discriminators, generators = _update_both(model, images, labels)
    elif model.objective.schedule == "released":
        discriminator_turn, discriminators = _update_discriminators_as_released(
            model, images, labels, weights
        )
        generators = _update_generators(model, images, labels)
    else:
        discriminators = _update_discriminators(model, images, labels)
        generator_turn, generators = _update_generators_when_due(
            model, images, labels, due
        )
    model.step_variable.assign_add(1)
    discriminators, generators = (
        outcome._replace(
            loss=ops.where(data_are_good, outcome.loss, float("nan"))
        )
        for outcome in (discriminators, generators)
    )
    total = discriminators.loss + generators.loss
    pairs = ops.stack([discriminators.pairs, generators.pairs])
    _note_nonfinite(model, data_are_good, total, pairs)
    logs = {
        "loss": (total, discriminator_turn * generator_turn),
        "payoff": (
            mixtures.value(discriminators.pairs, *weights),
            discriminator_turn,
        ),
    }
    outcomes = (
        (generators, generator_turn),
        (discriminators, discriminator_turn),
    )
    for side, w, (outcome, turn) in zip(SIDES, weights, outcomes, strict=True):
        logs[f"{side}_loss"] = (outcome.loss, turn)
        logs[f"{side}_weight_min"] = (ops.min(w), 1.0)
        logs[f"{side}_weight_max"] = (ops.max(w), 1.0)
        for name, value in outcome.auxiliary.items():
            logs[f"{side}_{name}"] = (value, turn)
    return logs


def _repaired(model, images):
    """Real images without NaN and infinity, and whether there were none.

    One bad batch must not cost the model: `fit` stops at the step's losses,
    which are made NaN, but the weights move as if the bad pixels were 0.
    """
    images = ops.cast(images, "float32")
    finite = ops.isfinite(images)
    return ops.where(finite, images, 0.0), _all_of(model, finite)


def _known(model, labels):
    """Labels with 0 in place of numbers of no class, and whether all had one.

    -1 is an unknown label where generators take none.
    """
    count = classes_of(model)
    if count is None:
        return labels, True
    known = (labels >= (0 if model.conditional else -1)) & (labels < count)
    return ops.where(known, labels, 0), _all_of(model, known)


def _all_of(model, flags):
    """Whether flags are true on all replicas."""
    share = model.executor.average(ops.cast(ops.all(flags), "float32"))
    return share > 0.999


def _nothing(model, side: str) -> objectives.Outcome:
    """The outcome of a turn that was not taken."""
    zero = ops.zeros(())
    return objectives.Outcome(
        zero,
        ops.zeros((model.num_generators, model.num_discriminators)),
        dict.fromkeys(model.objective.names_of_losses(side), zero),
    )


def _update_discriminators(model, images, labels):
    outcome, gradients = _discriminator_gradients(model, images, labels)
    _move_discriminators(model, gradients)
    return outcome


def _update_discriminators_as_released(model, images, labels, weights):
    """Updates the discriminators once the generators have no steps left.

    Returns whether it was their turn, 0.0 or 1.0, and the outcome, zeros where
    it was not.
    """
    cond, left = model.executor.cond, model.generator_steps_left

    def turn():
        outcome, gradients = _discriminator_gradients(model, images, labels)
        half = schedules.half_loss(mixtures.value(outcome.pairs, *weights))

        def move():
            # Keras's optimizers need tensors of this branch's graph.
            own = [g if g is None else ops.stop_gradient(g) for g in gradients]
            _move_discriminators(model, own)
            return ops.zeros(())

        moves = schedules.moves_discriminators(half)
        cond(moves, move, lambda: ops.zeros(()))
        left.assign(schedules.generator_steps(half))
        return outcome

    due = ops.less_equal(left, 0)
    outcome = cond(due, turn, lambda: _nothing(model, "discriminator"))
    left.assign(left - 1)
    return ops.cast(due, "float32"), outcome


def _discriminator_gradients(model, images, labels):
    """See `_gradients`."""
    objective = objectives.discriminator_objective
    side = model.discriminator_ensemble
    return _gradients(model, side, objective, images, labels)


def _gradients(model, side, objective, images, labels):
    """The outcome of a side's turn, and the gradients of its loss."""

    def function():
        outcome = objective(model, images, labels)
        return outcome[:1], outcome

    variables = side.trainable_variables
    _, outcome, (gradients,) = model.executor.gradients(function, (variables,))
    return outcome, gradients


def _update_generators_when_due(model, images, labels, due):
    """Updates the generators where the schedule says so, else gives zeros."""
    if due is None:
        due = model.objective.generators_are_due(model.step_variable + 1)
    if due is True:
        return 1.0, _update_generators(model, images, labels)
    if due is False:
        return 0.0, _nothing(model, "generator")
    outcome = model.executor.cond(
        due,
        lambda: _update_generators(model, images, labels),
        lambda: _nothing(model, "generator"),
    )
    return ops.cast(due, "float32"), outcome


def _update_generators(model, images, labels):
    outcome, gradients = _gradients(
        model,
        model.generator_ensemble,
        objectives.generator_objective,
        images,
        labels,
    )
    _move_generators(model, gradients)
    return outcome


def _update_both(model, images, labels):
    """Updates both sides by gradients at the parameters before the step.

    All networks run forward once. Where the generators' loss is the payoff
    itself, one backward pass serves both sides, with opposite signs.
    """
    sides = (
        model.discriminator_ensemble.trainable_variables,
        model.generator_ensemble.trainable_variables,
    )

    def function():
        outcomes = objectives.both_objectives(model, images, labels)
        if objectives.sides_share_a_value(model):
            return (objectives.shared_value(model, outcomes),) * 2, outcomes
        return tuple(outcome.loss for outcome in outcomes), outcomes

    values, outcomes, gradients = model.executor.gradients(function, sides)
    of_discriminators, of_generators = gradients
    if values[0] is values[1]:
        of_discriminators = [None if g is None else -g for g in gradients[0]]
    _move_discriminators(model, of_discriminators)
    _move_generators(model, of_generators)
    return outcomes


def _move_discriminators(model, gradients):
    executor, limit = model.executor, model.objective.weight_clip
    side = model.discriminator_ensemble
    executor.apply(
        model.optimizer.discriminator_optimizer,
        gradients,
        side.trainable_variables,
        side.units,
    )
    for network in side.parts if limit else ():
        with executor.placed(network):
            penalties.clip_weights(network.trainable_variables, limit)


def _move_generators(model, gradients):
    optimizer = model.optimizer.generator_optimizer
    side = model.generator_ensemble
    # A sum, not the variable, which changes; with accumulated gradients not at
    # every call.
    before = optimizer.iterations + 0
    model.executor.apply(
        optimizer, gradients, side.trainable_variables, side.units
    )
    if model.ema_decay is not None:
        moved = ops.not_equal(optimizer.iterations, before)
        averages.update(model, moved)


def _note_nonfinite(model, data_are_good, total, pairs):
    """Keeps the first step whose losses were not finite, and its pairs.

    The step is kept as a negative number where the data were to blame.
    """
    finite = ops.isfinite(total) & ops.all(ops.isfinite(pairs))
    before = ops.equal(model.nonfinite_step, 0)
    model.last_pairs.assign(ops.where(before, pairs, model.last_pairs.value))
    step = model.step_variable.value
    found = ops.where(data_are_good, step, -step)
    model.nonfinite_step.assign(
        ops.where(before & ~finite, found, model.nonfinite_step.value)
    )
