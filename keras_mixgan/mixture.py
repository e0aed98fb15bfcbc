"""Where mixtures come from and where they go: presets, exports, pairs."""

import os
from collections.abc import Sequence
from typing import Self

from numpy.typing import ArrayLike

from keras_mixgan import exporting
from keras_mixgan import presets
from keras_mixgan.training import forks
from keras_mixgan.training.mixture_model import MixtureModel


class Mixture(MixtureModel):
    """The base of `MixGAN` that reads and writes other forms of a mixture."""

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
          labels are repeated in order, or drawn if K = 0;
        - `sample_component(component, num_images, seed, labels) -> images`:
          the same latents from one generator;
        - `sample_png(component, num_images, seed, labels) -> png_bytes,
          components`: PNG files; component -1 is the mixture;
        - `mixture_weights() -> weights (num_generators,)`.

        `assets.extra/sampler.json` describes them. An ONNX file has only the
        first.

        Args:
            path: A new or empty folder for a SavedModel or a page, a new file
                that ends in .onnx for ONNX. Folders above it are made.
            uint8: Whether images are uint8 in [0, 255], not float32 in
                [-1, 1].
            format: `"saved_model"`; `"onnx"`, which needs
                `pip install 'keras-mixgan[onnx]'`; or `"web"`, a folder with
                a page that draws in the browser with onnxruntime-web, whose
                files npm downloads once.

        Raises:
            ValueError: An argument is not as described, or Keras runs on
                another backend than TensorFlow.
            FileExistsError: `path` exists, and is not an empty folder.
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
    def from_preset(
        cls, preset: str | os.PathLike[str], load_weights: bool = True
    ) -> Self:
        """Loads a trained mixture.

        Its files are checked against their SHA-256 first. Nothing in a preset
        is executed: networks are rebuilt from layers of Keras, and from yours
        that `keras.saving.register_keras_serializable` has registered.

        Args:
            preset: A name that `list_presets` lists, the folder of a preset,
                or `hf://user/name`, optionally with `@revision`: a repository
                of the Hugging Face hub, which needs huggingface_hub
                (`pip install 'keras-mixgan[hf]'`).
            load_weights: Whether to load the weights, or to keep initial ones
                from the seed.

        Returns:
            The model, compiled as it was trained: `generate` from it, or
            `fit` it on.

        Raises:
            ValueError: There is no such preset; or a file is damaged, holds
                anything other than networks and weights, or has a newer
                format.
            OSError: A file is missing or cannot be read, or the hub cannot
                be reached.
            ImportError: It is on the hub, and huggingface_hub is missing.

        Example:
        >>> import keras_mixgan as kmg
        >>> model = kmg.MixGAN.from_preset("mix_dcgan_mnist")
        >>> model.generate(2, labels=[3, 7], seed=0).shape
        (2, 28, 28, 1)
        """
        return presets.load(cls, preset, load_weights)

    def save_to_preset(
        self,
        path: str | os.PathLike[str],
        small: bool = False,
        push: str | None = None,
    ) -> None:
        """Saves the mixture as a preset, for `from_preset`.

        Args:
            path: New or empty folder.
            small: Whether to keep weights in half precision, and to leave
                out the optimizers' state and, of generators with averages,
                all but those, as the zoo does. Otherwise a loaded preset
                trains on to exactly the same weights.
            push: `hf://user/name`: a repository of the Hugging Face hub to
                upload the folder to, created if missing. `hf auth login` or
                `HF_TOKEN` says who you are.

        Raises:
            OSError: The folder is not empty, or cannot be written; or the hub
                cannot be reached or refuses, after the folder was written.
            ValueError: A part of the model cannot be saved, or `push` is no
                such URL.
            ImportError: `push` is given, and huggingface_hub is missing.
        """
        presets.save_model(self, path, small, push)

    @classmethod
    def from_pair(
        cls,
        model: Self,
        num_generators: int = 3,
        num_discriminators: int = 1,
        noise: float = forks.NOISE,
        seed: int | None = None,
        share_generators: str | None = None,
        share_discriminators: str | None = None,
    ) -> Self:
        """Makes a mixture that goes on from a trained pair.

        Every component begins as a copy of the pair's network, with its
        optimizer state and averages. Noise makes the copies differ; the first
        one has none.

        Args:
            model: A `MixGAN` of one generator and one discriminator.
            num_generators: Copies of the generator.
            num_discriminators: Copies of the discriminator.
            noise: In [0, 1). Standard deviation of the noise added to each
                weight, relative to that of its variable.
            seed: As in `MixGAN`.
            share_generators: As in `MixGAN`.
            share_discriminators: As in `MixGAN`.

        Returns:
            The mixture, compiled as the pair was.

        Raises:
            ValueError: `model` is no pair, or an argument is not as described.

        Example:
        >>> import keras_mixgan as kmg
        >>> pair = kmg.MixGAN(*kmg.architectures.build("mlp", (2,)), 1, 1)
        >>> kmg.MixGAN.from_pair(pair, num_generators=4).num_generators
        4
        """
        return forks.from_pair(
            cls, model, (num_generators, num_discriminators), noise, seed,
            share_generators=share_generators,
            share_discriminators=share_discriminators,
        )  # fmt: skip

    @classmethod
    def from_snapshots(
        cls,
        models: Sequence[Self],
        images: ArrayLike,
        labels: ArrayLike | None = None,
        seed: int = 0,
    ) -> Self:
        """Makes a mixture of the checkpoints of one run, without training.

        Wang et al. 2016 (arXiv:1612.00991) join snapshots of one GAN with
        equal weights. Here weights are those of the equilibrium of the fixed
        game between all snapshots' generators and discriminators, on
        `payoff_matrix`; see `metrics.matrix_game`. Many may be zero, up to
        rounding: `prune` removes such generators.

        Args:
            models: List of at least two compiled `MixGAN`, oldest first.
            images: Float array (N, ...) in [-1, 1], real images.
            labels: Int array (N,), where the networks take labels.
            seed: Seed of the generated images that are judged.

        Returns:
            The mixture, compiled as the last model was, but without a
            component classifier, whose classes are one snapshot's generators.
            It has no averages (`ema_decay`); where the snapshots have, those
            are its generators.

        Raises:
            ValueError: There are fewer than two models, or the last one is not
                compiled.
        """
        return forks.from_snapshots(cls, models, images, labels, seed)
