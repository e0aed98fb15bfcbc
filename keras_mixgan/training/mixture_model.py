"""A mixture before its game is chosen: components, weights, draws, files."""

import dataclasses
import random

import keras
import numpy as np
from keras import ops

from keras_mixgan.backends.inference import Forward
from keras_mixgan.distribution import executors
from keras_mixgan.game import adapting
from keras_mixgan.game import components
from keras_mixgan.game import fitting
from keras_mixgan.game import mixtures
from keras_mixgan.game import sharing
from keras_mixgan.game.ensembles import Discriminators
from keras_mixgan.game.ensembles import Generators
from keras_mixgan.game.normalization import normalize_by_group
from keras_mixgan.training import averages
from keras_mixgan.training import serialization
from keras_mixgan.training.trained_mixture import TrainedMixture
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError


class MixtureModel(TrainedMixture, keras.Model):
    """The base of `MixGAN`, which describes the arguments."""

    def __init__(
        self,
        generator,
        discriminator,
        num_generators: int | None = None,
        num_discriminators: int | None = None,
        num_classes: int | None = None,
        ema_decay: float | None = None,
        seed: int | None = None,
        name: str = "mixgan",
        share_generators: str | None = None,
        share_discriminators: str | None = None,
        latent_dim: int | None = None,
        image_shape: tuple[int, ...] | None = None,
    ):
        super().__init__(name=name)
        self.executor = executor = executors.current()
        executor.check_seed(seed)
        if seed is None:
            seed = random.randrange(2**31)
        self.seed = seed = checks.integer("seed", seed, least=0)
        self.ema_decay = checks.number(
            "ema_decay", ema_decay, "(0, 1)", optional=True
        )
        latents, images = adapting.shapes(latent_dim, image_shape)
        self.generators, of_generators = components.make(
            generator, num_generators, "generator", seed, executor,
            adapting.Sample(latents, num_classes is not None, images),
            share_generators,
        )  # fmt: skip
        self.discriminators, of_discriminators = components.make(
            discriminator, num_discriminators, "discriminator", seed, executor,
            adapting.Sample(images or self.image_shape, self.conditional),
            share_discriminators,
        )  # fmt: skip
        components.check_sides_apart(self.generators, self.discriminators)
        fitting.check(
            self.generators, self.discriminators, latents, images,
            (of_generators, of_discriminators),
        )  # fmt: skip
        networks = [*self.generators, *self.discriminators]
        for network in networks:
            normalize_by_group(network)
        executor.prepare(networks)
        self.num_classes = components.num_classes(
            self.generators, self.discriminators, num_classes
        )
        self._make_own_variables()
        self.generator_ensemble = Generators(
            self.generators, self.generator_mixture_logits, of_generators
        )
        self.discriminator_ensemble = Discriminators(
            self.discriminators,
            self.discriminator_mixture_logits,
            of_discriminators,
        )
        if self.discriminator_ensemble.take_codes:
            self.generator_ensemble.give_codes(executor)
        self.ema_parts, self.ema_generators = [], []
        if ema_decay:
            self._make_averages(of_generators)
        self.objective = None
        # Made by `compile` for the schedule of the released code.
        self.generator_steps_left = None
        # The settings of the run or preset that it comes from, where known.
        self.run_settings = None
        self.forward = Forward()
        # For `jax_steps`: data on the device, and the step while
        # `step_variable` lags behind.
        self.table = None
        self.host_step = None
        self.built = True

    def _make_own_variables(self) -> None:
        shape = (
            len(self.generators),
            sum(map(Discriminators.width, self.discriminators)),
        )

        def zeros(*shape, dtype="float32", name=None):
            """A variable; one that has a name is trained."""
            return self.add_weight(
                shape=shape,
                dtype=dtype,
                initializer="zeros",
                trainable=name is not None,
                name=name,
            )

        self.generator_mixture_logits = zeros(
            shape[0], name="generator_mixture_logits"
        )
        self.discriminator_mixture_logits = zeros(
            shape[1], name="discriminator_mixture_logits"
        )
        self.step_variable = zeros(dtype="int32")
        # For `averages`: how often they were moved.
        self.ema_updates = zeros(dtype="int32")
        # For `divergence`: the first step, from 1, whose losses were not
        # finite; and payoffs and generator losses of the last step up to it.
        self.nonfinite_step = zeros(dtype="int32")
        self.last_pairs = zeros(2, *shape)
        with components.seeded(f"{self.seed}/latents"):
            seed = random.randrange(2**31)
        self.seed_generator = keras.random.SeedGenerator(seed)

    def _make_averages(self, shared) -> None:
        parts = averages.make(
            self.generator_ensemble.parts, self.num_generators, self.executor
        )
        self.ema_generators = self.ema_parts = parts
        if shared is not None:
            twins = dataclasses.replace(shared, own=parts[:-1], body=parts[-1])
            self.ema_generators = twins.joined()

    @property
    def num_generators(self) -> int:
        """Number of generators."""
        return len(self.generator_ensemble)

    @property
    def num_discriminators(self) -> int:
        """Number of discriminators."""
        return len(self.discriminator_ensemble)

    @property
    def conditional(self) -> bool:
        """Whether the networks take labels."""
        return len(self.generators[0].inputs) == 2

    @property
    def takes_labels(self) -> bool:
        """Whether `fit` takes labels: for networks, or an auxiliary loss."""
        losses = () if self.objective is None else self.objective.losses
        return self.conditional or any(x.needs_real_labels for x in losses)

    @property
    def latent_dim(self) -> int:
        """Length of a latent vector."""
        return self.generators[0].inputs[0].shape[1]

    @property
    def image_shape(self) -> tuple:
        """Shape of one image, (H, W, C); of one point, (dimension,)."""
        return tuple(self.generators[0].outputs[0].shape[1:])

    @property
    def generator_log_probabilities(self):
        """The old name of `generator_mixture_logits`."""
        return self.generator_mixture_logits

    @property
    def discriminator_log_probabilities(self):
        """The old name of `discriminator_mixture_logits`."""
        return self.discriminator_mixture_logits

    @property
    def sampling_generators(self) -> list[keras.Model]:
        """The networks that `generate` uses: the averages, where kept."""
        return self.ema_generators or self.generators

    @property
    def sampling_shared(self) -> sharing.Shared | None:
        """The parts of `sampling_generators`, where they share a body."""
        shared = self.generator_ensemble.shared
        if shared is None or not self.ema_parts:
            return shared
        *own, body = self.ema_parts
        return dataclasses.replace(shared, own=own, body=body)

    @property
    def generator_weights(self) -> np.ndarray:
        """Mixture weights w_u: float32 (num_generators,), summing to one."""
        return ops.convert_to_numpy(
            mixtures.weights(self.generator_mixture_logits)
        )

    @property
    def discriminator_weights(self) -> np.ndarray:
        """Mixture weights w_v: float32 (num_discriminators,)."""
        return ops.convert_to_numpy(
            mixtures.weights(self.discriminator_mixture_logits)
        )

    @property
    def step(self) -> int:
        """Batches trained on so far, over all calls of `fit`."""
        # Under JAX the variable lags behind while `fit` trains.
        if self.host_step is not None and not self._jax_state_synced:
            return self.host_step
        return int(ops.convert_to_numpy(self.step_variable))

    def known_num_classes(self) -> int:
        """Returns `num_classes`.

        Raises:
            ValueError: It is not known.
        """
        if self.num_classes is None:
            raise UserError(
                "`labels` must be given: the number of classes is not known. "
                "Pass `num_classes` to MixGAN to have labels drawn uniformly."
            )
        return self.num_classes

    def draw_latents(self, count):
        """Draws latents, from the model's own seed and state.

        Args:
            count: Int or integer scalar tensor.

        Returns:
            Float tensor (count, latent_dim), standard normal.
        """
        return keras.random.normal(
            (count, self.latent_dim), seed=self.seed_generator
        )

    def draw_uniform(self, count):
        """Draws `count` uniform numbers in [0, 1), as `draw_latents` does."""
        return keras.random.uniform((count,), seed=self.seed_generator)

    def save_own_variables(self, store):
        """Saves weights, step and random states, so that training can go on."""
        for name, variable in serialization.own_state(self).items():
            store[name] = ops.convert_to_numpy(variable)

    def load_own_variables(self, store):
        """Loads what `save_own_variables` saved."""
        for name, variable in serialization.own_state(self).items():
            if name == "ema_updates" and name not in store:
                name = "step"  # Files before 2026-11-28 have no such count.
            if name == "generator_steps_left" and name not in store:
                continue  # Saved under another schedule.
            variable.assign(np.asarray(store[name]))

    def get_config(self) -> dict:
        """Returns what `from_config` needs: every network's configuration."""
        return serialization.config_of(self)

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """Rebuilds a model, with fresh weights, from `get_config`."""
        return cls(**serialization.arguments_from(config, custom_objects))

    def get_compile_config(self):
        """Returns the arguments of `compile`; `None` before it is called."""
        return serialization.compile_config_of(self) if self.compiled else None

    def compile_from_config(self, config):
        """Compiles with the arguments that `get_compile_config` returned."""
        self.compile(**serialization.compile_arguments_from(config))
