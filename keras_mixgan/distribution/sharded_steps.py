"""The step where each device has some of the components (JAX)."""

import keras

from keras_mixgan import stateless
from keras_mixgan import steps
from keras_mixgan.distribution.component_sharding import AXIS
from keras_mixgan.distribution.component_sharding import ComponentSharding
from keras_mixgan.distribution.exchange import Exchange
from keras_mixgan.distribution.exchange import exchanging
from keras_mixgan.distribution.stacks import Stacks


def sharding() -> ComponentSharding | None:
    """The distribution, if it is one of components."""
    distribution = keras.distribution.distribution()
    if isinstance(distribution, ComponentSharding):
        return distribution
    return None


def make_step(model, stacks: Stacks, sharding: ComponentSharding):
    """Makes the step that each device runs on its part of the state.

    Args:
        model: The compiled `MixGAN`.
        stacks: Its state.
        sharding: The distribution.

    Returns:
        Function from the state, a pair as `Stacks.stack` returns, of one
        device's values, and data, as of `MixGAN.train_step`; to logs and the
        new state.
    """
    exchange = Exchange(
        AXIS,
        sharding.num_component_devices,
        model.num_generators,
        model.num_discriminators,
    )
    part = _Part(model, exchange)
    variables = stacks.variables()

    def step(state, data):
        values = stacks.values(*state)
        with stateless.Scope(variables, values) as scope, exchanging(exchange):
            model.record(steps.train_step(part, data))
            logs = model.get_metrics_result()
        return logs, stacks.parts(scope.values())

    return step


def on_all_devices(function, sharding: ComponentSharding):
    """Compiles a function of one device's state for all devices.

    Args:
        function: From state, data and anything more to logs and new state.
        sharding: The distribution. Axes other than that of the components
            are left to XLA.

    Returns:
        The same function of the state of all devices.
    """
    import jax

    everywhere = jax.sharding.PartitionSpec()
    state = (everywhere, jax.sharding.PartitionSpec(AXIS))

    def run(state_values, *data):
        return jax.shard_map(
            function,
            mesh=sharding.device_mesh.backend_mesh,
            in_specs=(state, *[everywhere] * len(data)),
            out_specs=(everywhere, state),
            axis_names={AXIS},
            # What is the same on all devices follows from `exchange`, by
            # gradients of its own.
            check_vma=False,
        )(state_values, *data)

    return jax.jit(run, donate_argnums=0)


class _Part:
    """A device's part of a mixture: the components of its slots."""

    def __init__(self, model, exchange: Exchange):
        self._model = model
        slots = exchange.slots(model.num_generators)
        self.generators = model.generators[:slots]
        self.ema_generators = model.ema_generators[:slots]
        slots = exchange.slots(model.num_discriminators)
        self.discriminators = model.discriminators[:slots]
        self.generator_variables = _trained(
            model.generator_log_probabilities, self.generators
        )
        self.discriminator_variables = _trained(
            model.discriminator_log_probabilities, self.discriminators
        )

    def __getattr__(self, name):
        return getattr(self._model, name)


def _trained(log_probabilities, networks: list) -> list:
    return [
        log_probabilities,
        *(v for network in networks for v in network.trainable_variables),
    ]
