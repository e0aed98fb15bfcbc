"""Uses of a trained mixture: draw from it, re-weight it, save it."""

import os
import pathlib
from collections.abc import Sequence
from typing import Literal
from typing import NoReturn
from typing import Self
from typing import overload

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_mixgan.training import folding
from keras_mixgan.training import forks
from keras_mixgan.training import sampling
from keras_mixgan.utils.errors import UserError


class TrainedMixture:
    """The part of `MixGAN` that needs no game."""

    @overload
    def generate(
        self,
        num_images: int | None = ...,
        labels: ArrayLike | None = ...,
        component: int | Sequence[int] | None = ...,
        latents: ArrayLike | None = ...,
        seed: int | None = ...,
        batch_size: int = ...,
        *,
        return_components: Literal[False] = ...,
        truncation: float | None = ...,
        weights: Sequence[float] | None = ...,
    ) -> np.ndarray: ...

    @overload
    def generate(
        self,
        num_images: int | None = ...,
        labels: ArrayLike | None = ...,
        component: int | Sequence[int] | None = ...,
        latents: ArrayLike | None = ...,
        seed: int | None = ...,
        batch_size: int = ...,
        *,
        return_components: Literal[True],
        truncation: float | None = ...,
        weights: Sequence[float] | None = ...,
    ) -> tuple[np.ndarray, np.ndarray]: ...

    def generate(
        self,
        num_images: int | None = None,
        labels: ArrayLike | None = None,
        component: int | Sequence[int] | None = None,
        latents: ArrayLike | None = None,
        seed: int | None = None,
        batch_size: int = 256,
        *,
        return_components: bool = False,
        truncation: float | None = None,
        weights: Sequence[float] | None = None,
    ) -> np.ndarray | tuple[np.ndarray, np.ndarray]:
        """Generates images from the mixture, in inference mode.

        Every image draws its own generator by `generator_weights`, and each
        generator computes only its own images.

        Args:
            num_images: Any number from 0. By default as many as `latents`.
            labels: Ints in [0, num_classes), or one-hot rows: one for all,
                or up to `num_images` of them, repeated in order. Drawn
                uniformly when not given. Only for networks that take labels.
            component: The number of one generator to draw from alone, or a
                list of up to `num_images` numbers, one per image, repeated in
                order.
            latents: Float (num_images, latent_dim). Drawn from the standard
                normal when not given.
            seed: The same seed gives the same images. By default they differ
                from call to call.
            batch_size: Images computed at a time. Does not change them.
            return_components: Whether to return each image's generator, too.
            truncation: Where given, at least 0.01: coordinates of drawn
                latents outside [-truncation, truncation] are redrawn, for
                less varied, more typical images.
            weights: Mixture weights for this call in place of the learned
                ones: num_generators numbers, not negative. They are
                normalised.

        Returns:
            Float32 array (num_images, ...), images in [-1, 1]; with
            `return_components` also the number of each image's generator,
            int32 (num_images,).

        Raises:
            ValueError: An argument is not as described.

        Example:
        >>> import keras_mixgan as kmg
        >>> networks = kmg.architectures.build("mlp", (2,), width=4)
        >>> model = kmg.MixGAN(*networks, 3, 1, seed=0)
        >>> points, components = model.generate(
        ...     6, component=[0, 1, 2], return_components=True, seed=0
        ... )
        >>> components
        array([0, 1, 2, 0, 1, 2], dtype=int32)
        """
        return sampling.generate(
            self,
            num_images,
            labels,
            component,
            latents,
            seed,
            batch_size,
            return_components,
            truncation,
            weights,
        )

    def interpolate(
        self,
        num_images: int = 8,
        start: ArrayLike | None = None,
        end: ArrayLike | None = None,
        labels: int | None = None,
        component: int | None = None,
        seed: int | None = None,
    ) -> np.ndarray:
        """Generates images on the way from one latent to another.

        One generator makes them all, of one class, and the latents lie on a
        great circle between the two.

        Args:
            num_images: How many, both ends included; at least 2.
            start: Float (latent_dim,). Drawn when not given.
            end: The same.
            labels: The class, for networks that take labels. Drawn when not
                given.
            component: The number of the generator. Drawn by the mixture
                weights when not given.
            seed: The same seed gives the same images.

        Returns:
            Float32 array (num_images, ...), images in [-1, 1].

        Raises:
            ValueError: An argument is not as described.

        Example:
        >>> import keras_mixgan as kmg
        >>> networks = kmg.architectures.build("mlp", (2,), width=4)
        >>> model = kmg.MixGAN(*networks, 2, 1, seed=0)
        >>> model.interpolate(5, seed=1).shape
        (5, 2)
        """
        return sampling.interpolate(
            self, num_images, start, end, labels, component, seed
        )

    def set_generator_weights(self, weights: Sequence[float]) -> None:
        """Sets the mixture weights of the generators.

        Args:
            weights: num_generators positive numbers, which are normalised. To
                leave a generator out for good see `prune`; for one call see
                the `weights` of `generate`.

        Raises:
            ValueError: They are not as described.

        Example:
        >>> import keras_mixgan as kmg
        >>> networks = kmg.architectures.build("mlp", (2,), width=4)
        >>> model = kmg.MixGAN(*networks, 2, 1, seed=0)
        >>> model.set_generator_weights([3, 1])
        >>> model.generator_weights.round(3)
        array([0.75, 0.25], dtype=float32)
        """
        weights = sampling.check_weights(
            weights, self.num_generators, least=np.finfo("float32").tiny
        )
        self.generator_log_probabilities.assign(np.log(weights))

    def prune(self, below: float) -> Self:
        """Makes a mixture without the generators of small weight.

        Args:
            below: In (0, 1): generators with a smaller weight are left out;
                the weights of the others are normalised.

        Returns:
            A new `MixGAN` of copies of the other networks; this one stays as
            it is. It has no optimizers: call `compile` before `fit`.

        Raises:
            ValueError: `below` is not as described, or no generator would be
                left.

        Example:
        >>> import keras_mixgan as kmg
        >>> networks = kmg.architectures.build("mlp", (2,), width=4)
        >>> model = kmg.MixGAN(*networks, 3, 1, seed=0)
        >>> model.set_generator_weights([0.6, 0.2, 0.2])
        >>> model.prune(below=0.3).num_generators
        1
        """
        return forks.prune(self, below)

    def fold(self, blending: float = 1e-3) -> keras.Model:
        """Folds the mixture into one generator.

        Theorem 4.3 of the paper (arXiv:1703.00573; Lemmas 1 and 2 of Appendix
        A): the first latent coordinate, standard normal like the others,
        selects the generator through steps of ReLUs. All generators run for
        every image: use it where one network is needed, not for speed. The
        selector is not trainable.

        Args:
            blending: In (0, 1): the probability that the coordinate is on the
                slope of a step, where two generators are blended. It bounds
                the total variation distance between the distribution of the
                images and the mixture's.

        Returns:
            A Functional model of copies of the generators that `generate`
            uses, from latents (B, 1 + latent_dim), or `[latents, labels]`, to
            images (B, ...), float32. `MixGAN([folded], ...)` saves, exports
            and serves it.

        Raises:
            ValueError: `blending` is not as described, the mixture has one
                generator, or images are not in [-1, 1].

        Example:
        >>> import keras_mixgan as kmg
        >>> generator, discriminator = kmg.architectures.build("mlp", (2,))
        >>> model = kmg.MixGAN(generator, discriminator, 3, 1, seed=0)
        >>> folded = model.fold()
        >>> (generator.input_shape, folded.input_shape, folded.output_shape)
        ((None, 16), (None, 17), (None, 2))
        """
        return folding.fold(self, blending)

    def predict(
        self, x, batch_size: int | None = None, verbose=0, **kwargs
    ) -> np.ndarray:
        """Images of the mixture from latents.

        As in all Keras models, the same input gives the same output: the
        generators are drawn by the mixture weights with a fixed seed.
        `generate` draws afresh, and has more options.

        Args:
            x: Latents, float (N, latent_dim), or `[latents, labels (N,)]`.
            batch_size: Images computed at a time, by default 256.
            verbose: Without effect.
            **kwargs: Refused: no other argument of Keras's has a meaning.

        Returns:
            Float32 array (N, ...), images in [-1, 1].

        Raises:
            ValueError: Latents or labels are not as described.
        """
        if kwargs:
            raise UserError(
                "`predict` must be given latents, or [latents, labels], and "
                f"`batch_size`. Received: {sorted(kwargs)}"
            )
        latents, labels = x, None
        if isinstance(x, list | tuple) and len(x) == 2 and self.conditional:
            latents, labels = x
        return self.generate(
            latents=keras.ops.convert_to_numpy(latents),
            labels=labels,
            seed=0,
            batch_size=batch_size or 256,
        )

    def __call__(self, *args, **kwargs) -> NoReturn:
        """Refused: each image would have to choose a generator."""
        raise UserError(
            "A mixture cannot be called. Use `model.generate(num_images)` for "
            "images, `model.predict(latents)` for images of given latents, or "
            "call one of `model.generators` and `model.discriminators`"
        )

    def export(self, *args, **kwargs) -> NoReturn:
        """Refused: `export_sampler` exports what draws images.

        Raises:
            ValueError: Always. It names what to use.
        """
        raise UserError(
            "`export` does not know how a mixture draws. Use "
            "`model.export_sampler(path)`, or `model.generators[0].export("
            "path)` for one network"
        )

    def evaluate(self, *args, **kwargs) -> NoReturn:
        """Refused: a GAN's loss does not tell how good its images are.

        Raises:
            ValueError: Always. It names what to use.
        """
        raise UserError(
            "`evaluate` has no meaning for a game, whose losses do not tell "
            "how good the images are. Use `keras_mixgan.metrics.evaluate("
            "model, source)` for scores, or `model.payoff_matrix(images)` for "
            "the payoffs of all pairs on held-out images"
        )

    def save(
        self, filepath: str | os.PathLike[str], overwrite: bool = True, **kwargs
    ) -> None:
        """Saves the whole model, as in `keras.Model.save`.

        Args:
            filepath: A file that ends in .keras.
            overwrite: As in Keras.
            **kwargs: As in Keras.

        Raises:
            ValueError: The ending is that of Keras's old HDF5 format, or the
                model's payoff is not registered.
        """
        if pathlib.Path(filepath).suffix in (".h5", ".hdf5"):
            raise UserError(
                "`filepath` must end in .keras: a mixture does not fit into "
                "Keras's old HDF5 format. Received: "
                f"filepath={os.fspath(filepath)!r}"
            )
        # Raises here: within Keras's `save` it would leave half a file.
        self.get_compile_config()
        super().save(filepath, overwrite=overwrite, **kwargs)
