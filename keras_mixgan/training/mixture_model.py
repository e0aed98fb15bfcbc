"""A mixture before its game is chosen: components, weights, draws, files."""

import os
import pathlib
import random

import keras
import numpy as np
from keras import ops

from keras_mixgan import exporting
from keras_mixgan import presets
from keras_mixgan.backends.inference import Forward
from keras_mixgan.distribution import placement
from keras_mixgan.distribution import replicas
from keras_mixgan.game import components
from keras_mixgan.game import mixtures
from keras_mixgan.game.normalization import normalize_by_source
from keras_mixgan.presets import cards
from keras_mixgan.training import averages
from keras_mixgan.training import serialization
from keras_mixgan.training.trained_mixture import TrainedMixture


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
    ):
        super().__init__(name=name)
        replicas.check_seed(self, seed)
        if seed is None:
            seed = random.randrange(2**31)
        self.seed = seed
        self.placement = placement.current()
        self.ema_decay = averages.check_decay(ema_decay)
        self.generators = components.make(
            generator, num_generators, "generator", seed
        )
        self.discriminators = components.make(
            discriminator, num_discriminators, "discriminator", seed
        )
        components.check_fit(self.generators, self.discriminators)
        for network in (*self.generators, *self.discriminators):
            normalize_by_source(network)
        if replicas.has_strategy(self):
            replicas.separate_draws((*self.generators, *self.discriminators))
        self.num_classes = components.num_classes(self.generators, num_classes)
        self.ema_generators = (
            averages.make(self.generators) if ema_decay else []
        )
        self._make_own_variables()
        self.objective = None
        # The settings of the run or preset that it comes from, where known.
        self.run_settings = None
        self.forward = Forward()
        # See `jax_steps`: data on the device, and the step while the device
        # is ahead of `step_variable`.
        self.table = None
        self.host_step = None
        # See `executions`: how many steps each call trains, if planned.
        self.executions = None
        self.built = True

    def _make_own_variables(self) -> None:
        shape = (self.num_generators, self.num_discriminators)
        self.generator_log_probabilities = self.add_weight(
            shape=shape[:1],
            initializer="zeros",
            name="generator_log_probabilities",
        )
        self.discriminator_log_probabilities = self.add_weight(
            shape=shape[1:],
            initializer="zeros",
            name="discriminator_log_probabilities",
        )
        self.step_variable = self.add_weight(
            shape=(), dtype="int32", initializer="zeros", trainable=False
        )
        # For `divergence`: the first step, from 1, whose losses were not
        # finite, and until then the last payoffs and generator losses.
        self.nonfinite_step = self.add_weight(
            shape=(), dtype="int32", initializer="zeros", trainable=False
        )
        self.last_pairs = self.add_weight(
            shape=(2, *shape), initializer="zeros", trainable=False
        )
        with components.seeded(f"{self.seed}/latents"):
            seed = random.randrange(2**31)
        self.seed_generator = keras.random.SeedGenerator(seed)

    @property
    def num_generators(self) -> int:
        """Number of generators."""
        return len(self.generators)

    @property
    def num_discriminators(self) -> int:
        """Number of discriminators."""
        return len(self.discriminators)

    @property
    def conditional(self) -> bool:
        """Whether the networks take labels."""
        return len(self.generators[0].inputs) == 2

    @property
    def latent_dim(self) -> int:
        """Length of a latent vector."""
        return self.generators[0].inputs[0].shape[1]

    @property
    def image_shape(self) -> tuple:
        """Shape of one image, (H, W, C); of one point, (dimension,)."""
        return tuple(self.generators[0].outputs[0].shape[1:])

    @property
    def generator_variables(self) -> list:
        """What the generators' side trains, log-probabilities first."""
        return [self.generator_log_probabilities] + [
            v
            for network in self.generators
            for v in network.trainable_variables
        ]

    @property
    def discriminator_variables(self) -> list:
        """What the discriminators' side trains, log-probabilities first."""
        return [self.discriminator_log_probabilities] + [
            v
            for network in self.discriminators
            for v in network.trainable_variables
        ]

    @property
    def sampling_generators(self) -> list[keras.Model]:
        """The networks that `generate` uses: the averages, where kept."""
        return self.ema_generators or self.generators

    @property
    def generator_weights(self) -> np.ndarray:
        """Mixture weights w_u: float32 (num_generators,), summing to one."""
        return ops.convert_to_numpy(
            mixtures.weights(self.generator_log_probabilities)
        )

    @property
    def discriminator_weights(self) -> np.ndarray:
        """Mixture weights w_v: float32 (num_discriminators,)."""
        return ops.convert_to_numpy(
            mixtures.weights(self.discriminator_log_probabilities)
        )

    @property
    def step(self) -> int:
        """Batches trained on so far, over all calls of `fit`."""
        if self.host_step is not None:
            return self.host_step
        return int(ops.convert_to_numpy(self.step_variable))

    def known_num_classes(self) -> int:
        """Returns `num_classes`.

        Raises:
            ValueError: Nothing said how many there are.
        """
        if self.num_classes is None:
            raise ValueError(
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
            variable.assign(np.asarray(store[name]))

    def export_sampler(
        self,
        path: str | os.PathLike[str],
        uint8: bool = False,
        format: str = "saved_model",
    ) -> None:
        """Exports a sampler that runs without keras and keras_mixgan.

        It holds the generators that `generate` uses and the mixture weights;
        no discriminators, no optimizer. A SavedModel has these signatures
        (labels only where the networks take them):

        - `serving_default(latents (B, latent_dim), component_uniform (B,),
          labels (B,)) -> images (B, ...)`: the generator of an image is
          chosen by the weights from a uniform number in [0, 1);
        - `sample(num_images, seed, labels (K,)) -> images, components`:
          labels are repeated in order, none (K = 0) are drawn;
        - `sample_component(component, num_images, seed, labels) -> images`:
          the same latents from one generator;
        - `sample_png(component, num_images, seed, labels) -> png_bytes,
          components`: PNG files; component -1 is the mixture;
        - `mixture_weights() -> weights (num_generators,)`.

        `assets.extra/sampler.json` describes them. An ONNX file has the
        first alone.

        Args:
            path: A new or empty folder for a SavedModel, a new file that
                ends in .onnx for ONNX. Folders above it are made.
            uint8: Whether images are levels of 0 to 255, uint8, in place of
                float32 in [-1, 1].
            format: `"saved_model"`, or `"onnx"`, which needs
                `pip install 'keras-mixgan[onnx]'`.

        Raises:
            ValueError: An argument is not as described, or Keras runs on
                another backend than TensorFlow.
            FileExistsError: There is something at `path`.
            ImportError: A package that ONNX needs is missing.

        Example:
        >>> import tempfile
        >>> import keras_mixgan as kmg
        >>> import tensorflow as tf
        >>> networks = kmg.architectures.build("mlp", (2,), width=4)
        >>> folder = tempfile.mkdtemp()
        >>> kmg.MixGAN(*networks, 2, 1, seed=0).export_sampler(folder)
        >>> sampler = tf.saved_model.load(folder)
        >>> sampler.sample(num_images=5, seed=1)["images"].shape
        TensorShape([5, 2])
        """
        exporting.export(self, path, uint8, format)

    @classmethod
    def from_preset(cls, preset, load_weights: bool = True):
        """Loads a trained mixture.

        Its files are checked against their SHA-256 first. Nothing in a preset
        is executed: networks are rebuilt in Keras's safe mode.

        Args:
            preset: A name that `list_presets` lists, or the folder of a
                preset.
            load_weights: Whether to load the weights, or to leave the networks
                at fresh ones, those of the seed.

        Returns:
            The model, compiled as it was trained: `generate` from it, or
            `fit` it on.

        Raises:
            ValueError: There is no such preset, a file is damaged, or the
                preset is of a newer format.
            OSError: A file is missing or cannot be read.

        Example:
        >>> import keras_mixgan as kmg
        >>> model = kmg.MixGAN.from_preset("mix_dcgan_mnist")
        >>> model.generate(2, labels=[3, 7], seed=0).shape
        (2, 28, 28, 1)
        """
        return presets.load(cls, preset, load_weights)

    def save_to_preset(self, path, small: bool = False) -> None:
        """Saves the mixture as a preset, for `from_preset`.

        Args:
            path: Folder to make. It must not be there, or be empty.
            small: Whether to keep weights in half precision and leave the
                optimizers' state out, as the zoo does. Otherwise a loaded
                preset trains on to the very same weights.

        Raises:
            OSError: The folder is not empty, or cannot be written.
            ValueError: A part of the model cannot be saved.
        """
        from keras_mixgan.utils import plotting

        presets.save(
            self,
            path,
            card=cards.of_model(self, pathlib.Path(path).name),
            samples=plotting.draw_mixture(self),
            small=small,
        )
