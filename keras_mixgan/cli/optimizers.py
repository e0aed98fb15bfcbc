"""Makes the Keras optimizers of both sides from the settings of a run."""

import inspect
from typing import Any

import keras

from keras_mixgan.cli import options
from keras_mixgan.game import schedules
from keras_mixgan.utils.errors import UserError

OPTIMIZERS = {
    "adam": keras.optimizers.Adam,
    "rmsprop": keras.optimizers.RMSprop,
    "sgd": keras.optimizers.SGD,
}
SIDES = ("generator", "discriminator")


def takes(optimizer: str, name: str) -> bool:
    """Whether an optimizer has an argument of that name."""
    return name in inspect.signature(OPTIMIZERS[optimizer]).parameters


def check(settings: Any) -> None:
    """Checks that the optimizer takes the arguments of the settings.

    A schedule of learning rates needs a number of updates that is known.
    """
    decays = settings.learning_rate_schedule != "constant"
    if decays and settings.schedule == "released":
        raise UserError(
            "`learning_rate_schedule` must be constant with the schedule "
            "released, by which the number of updates of either side is not "
            "known beforehand. Received: learning_rate_schedule="
            f"{settings.learning_rate_schedule!r}"
        )
    for name, value in options.values(settings, "optimizer").items():
        if not takes(settings.optimizer, name):
            raise UserError(
                f"`{name}` must not be given with the optimizer "
                f"{settings.optimizer}, which has no such argument. Received: "
                f"{name}={value!r}"
            )


def make(settings: Any) -> dict[str, keras.optimizers.Optimizer]:
    """Makes the optimizers for `compile`, from settings with known `steps`."""
    kind = OPTIMIZERS[settings.optimizer]
    arguments = options.values(settings, "optimizer")
    updates = dict.fromkeys(SIDES, settings.steps)
    if settings.learning_rate_schedule != "constant":
        updates["generator"] = schedules.generator_updates(
            settings.schedule, settings.steps, settings.discriminator_steps
        )
    return {
        f"{side}_optimizer": kind(
            _learning_rate(
                settings.learning_rate_schedule,
                getattr(settings, f"{side}_learning_rate"),
                max(1, updates[side]),
            ),
            **arguments,
        )
        for side in SIDES
    }


def _learning_rate(schedule: str, initial: float, updates: int):
    """The learning rate of a side that is updated `updates` times."""
    if schedule == "linear":
        return keras.optimizers.schedules.PolynomialDecay(
            initial, updates, end_learning_rate=0.0
        )
    if schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(initial, updates)
    return initial
