"""The one object that owns both players' optimizers."""

import keras
import numpy as np
from keras import ops
from keras import optimizers

from keras_mixgan.utils.errors import UserError


@keras.saving.register_keras_serializable(package="keras_mixgan")
class TwoPlayerOptimizer(keras.optimizers.Optimizer):
    """The optimizers of the generators' and of the discriminators' side.

    Keras saves, restores and schedules one object, `model.optimizer`. Its
    `variables` are those of both sides, so neither side's state is lost. A side
    has a Keras optimizer, or its name or configuration. One object for both is
    refused, since they would share its state.
    """

    def __init__(
        self,
        generator_optimizer,
        discriminator_optimizer,
        name="two_player_optimizer",
    ):
        super().__init__(learning_rate=0.0, name=name)
        # Discriminators' rate over generators', kept for when both are zero.
        self._rate_ratio = None
        self.generator_optimizer = optimizers.get(generator_optimizer)
        self.discriminator_optimizer = optimizers.get(discriminator_optimizer)
        if self.generator_optimizer is self.discriminator_optimizer:
            raise UserError(
                "`generator_optimizer` and `discriminator_optimizer` must be "
                "two objects, each with a state of its own. Received the same "
                f"{type(self.generator_optimizer).__name__} for both."
            )
        for optimizer in self.sides:
            # It would divide gradients that nobody multiplied.
            if (
                isinstance(optimizer, optimizers.LossScaleOptimizer)
                or optimizer.loss_scale_factor is not None
            ):
                raise UserError(
                    "`generator_optimizer` and `discriminator_optimizer` must "
                    "not scale the loss, which only float16 needs. Received: "
                    f"{type(optimizer).__name__} with a loss scale"
                )

    def build(self, variables):
        """Does nothing for Keras's call: `build_sides` builds both sides."""

    def build_sides(self, generator_variables, discriminator_variables):
        """Creates both sides' state, for the variables that each trains."""
        variables = generator_variables, discriminator_variables
        for optimizer, own in zip(self.sides, variables, strict=True):
            optimizer.build(own)
        self.built = True

    def check_sides(self, generator_variables, discriminator_variables):
        """Refuses optimizers that were built for other variables."""
        variables = generator_variables, discriminator_variables
        for optimizer, own in zip(self.sides, variables, strict=True):
            # One that is built would ignore the call, and fail in the step.
            if optimizer.built and {id(v) for v in own} != {
                id(v) for v in optimizer._trainable_variables
            }:
                raise UserError(
                    "`generator_optimizer` and `discriminator_optimizer` must "
                    "be new, or this model's own, and new where the trainable "
                    f"variables are others now. Received: "
                    f"{type(optimizer).__name__} with the state of other "
                    "variables"
                )

    @property
    def sides(self) -> tuple:
        """The generators' optimizer and the discriminators'."""
        return self.generator_optimizer, self.discriminator_optimizer

    @property
    def variables(self):
        """State of both sides, discriminators first."""
        return (
            self.discriminator_optimizer.variables
            + self.generator_optimizer.variables
        )

    @property
    def iterations(self):
        """Updates of the discriminators so far."""
        return self.discriminator_optimizer.iterations

    @property
    def learning_rate(self):
        """The generators' learning rate; setting it scales both sides'.

        Keras's `LearningRateScheduler` and `ReduceLROnPlateau` read it and set
        it. The discriminators' rate is multiplied by the same factor, new over
        old, so that the sides keep the ratio they were compiled with. To set
        one side's rate alone, set that of its optimizer.
        """
        return self.generator_optimizer.learning_rate

    @learning_rate.setter
    def learning_rate(self, learning_rate):
        old, other = (
            float(ops.convert_to_numpy(side.learning_rate))
            for side in self.sides
        )
        new = float(ops.convert_to_numpy(learning_rate))
        if old > 0:
            self._rate_ratio, scaled = other / old, other * (new / old)
        elif self._rate_ratio is not None:  # A warm-up that began at zero.
            scaled = new * self._rate_ratio
        else:
            raise UserError(
                "`learning_rate` of the generators' optimizer must be positive "
                "before both sides' rates can be scaled; set each side's rate "
                f"instead. Received: {old} before, learning_rate={new}"
            )
        # A schedule refuses: before either side has changed.
        for side in self.sides:
            side.learning_rate = side.learning_rate
        for side, rate in zip(self.sides[::-1], (scaled, new), strict=True):
            side.learning_rate = rate

    def apply(self, grads, trainable_variables=None):
        """Refused: each side is updated through its own optimizer."""
        raise TypeError(
            "A TwoPlayerOptimizer has no gradients of its own: call `apply` "
            "of its `generator_optimizer` or `discriminator_optimizer`."
        )

    def finalize_variable_values(self, var_list):
        """Writes back the averaged weights of sides whose optimizer has any."""
        for optimizer in self.sides:
            optimizer.finalize_variable_values(optimizer._trainable_variables)

    def save_own_variables(self, store):
        """Saves the ratio of the rates; Keras saves both sides by itself."""
        if self._rate_ratio is not None:
            store["rate_ratio"] = np.asarray(self._rate_ratio)

    def load_own_variables(self, store):
        """Loads the ratio of the rates; Keras loads both sides by itself."""
        if "rate_ratio" in store:
            self._rate_ratio = float(np.asarray(store["rate_ratio"]))

    def get_config(self):
        """Returns both sides' configurations."""
        serialize = keras.saving.serialize_keras_object
        return {
            "name": self.name,
            "generator_optimizer": serialize(self.generator_optimizer),
            "discriminator_optimizer": serialize(self.discriminator_optimizer),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Rebuilds both sides from `get_config`."""
        config = dict(config)
        for side in ("generator_optimizer", "discriminator_optimizer"):
            config[side] = keras.saving.deserialize_keras_object(
                config[side], custom_objects=custom_objects
            )
        return cls(**config)
