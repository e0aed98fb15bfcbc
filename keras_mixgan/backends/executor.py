"""The executor: the one object that knows where a step runs.

Steps and objectives use an `Executor` for everything that depends on the Keras
backend or on the devices. The base class is for one device. Subclasses for
TensorFlow and JAX take gradients; those in `distribution` override what
differs for replicas and for placed components.
"""

import contextlib

import keras

from keras_mixgan.backends import strata


class StepMean(keras.metrics.Mean):
    """A mean of scalars, one a step.

    Keras's own takes batches, with a dozen more operations an update.
    """

    def update_state(self, value, weight=1.0):
        """Counts a value with a weight, both float32 scalars."""
        self.total.assign_add(value * weight)
        self.count.assign_add(weight)


class Executor:
    """One device, any Keras backend: inference works, training does not.

    Attributes:
        replicas: Number of replicas that train on rows of one batch.
    """

    replicas = 1

    # Making a model.

    def placing(self, component: int):
        """Context in which the networks of one component are made."""
        return contextlib.nullcontext()

    def adopt(self, network: keras.Model, component: int) -> None:
        """Assigns a network to a component; checks its device."""

    def prepare(self, networks: list) -> None:
        """Changes finished networks if the devices need it."""

    def check_seed(self, seed: int | None) -> None:
        """Checks `seed`, which processes that train together must share."""

    def compiling(self, optimizers: list):
        """Context in which variables of `compile` are made."""
        return contextlib.nullcontext()

    def check_optimizers(self, optimizers: list) -> None:
        """Checks that a model of this executor can use optimizers."""

    def jit_compile(self, asked):
        """The value of `jit_compile` to pass to Keras."""
        return asked

    def metric(self, name: str):
        """Makes a mean metric for the logs."""
        return StepMean(name=name)

    # A step.

    def gradients(self, function, sides):
        """Values of a function and their gradients.

        The function takes no arguments. It returns a tuple of scalars, one for
        each side, and nested tuples of further tensors. If all scalars are one
        tensor, there is one backward pass. A side is a list of Keras variables.

        Returns the scalars; the further tensors; and for each side the
        gradients of its scalar by its variables, `None` for a variable without
        effect (zeros under JAX). Over replicas the last two are means.
        """
        raise _no_training()

    def input_gradients(self, function, inputs):
        """Gradient of a scalar function by its input, itself differentiable."""
        raise _no_training()

    def apply(
        self, optimizer, gradients: list, variables: list, units: list
    ) -> None:
        """Updates variables; units multiply gradients, which may be `None`."""
        optimizer.apply(in_units(gradients, units), variables)

    def cond(self, condition, function, otherwise):
        """`keras.ops.cond` whose branches may update variables."""
        return keras.ops.cond(condition, function, otherwise)

    def call(self, network: keras.Model, inputs):
        """Calls a network in training mode, on its device."""
        return network(inputs, training=True)

    def placed(self, network: keras.Model):
        """Context of operations on a network's device."""
        return contextlib.nullcontext()

    def lay_out(self, batch):
        """Spreads a batch that the step drew over the devices."""
        return batch

    def own_rows(self, draws, sizes: list) -> list:
        """Splits random numbers into strata, and keeps this replica's rows.

        `draws` (replicas * sum of sizes, ...) are the same in all replicas;
        `sizes` are rows in this one. Row k of a stratum belongs to replica
        (k mod n), so n replicas together have the draws of one device.
        """
        return strata.split(draws, sizes)

    def average(self, tensor):
        """Mean over replicas, differentiable."""
        return tensor


def _no_training() -> RuntimeError:
    return RuntimeError(
        "Training needs Keras's backend tensorflow or jax. Received: "
        f"KERAS_BACKEND={keras.backend.backend()}"
    )


def in_units(gradients: list, units: list) -> list:
    """Multiplies gradients by numbers; `None` stays."""
    return [
        gradient if gradient is None or unit == 1.0 else gradient * unit
        for gradient, unit in zip(gradients, units, strict=True)
    ]


def of_backend() -> Executor:
    """Makes the executor of Keras's backend, for one device."""
    if keras.backend.backend() == "tensorflow":
        from keras_mixgan.backends.on_tensorflow import TensorFlowExecutor

        return TensorFlowExecutor()
    if keras.backend.backend() == "jax":
        from keras_mixgan.backends.on_jax import JaxExecutor

        return JaxExecutor()
    return Executor()
