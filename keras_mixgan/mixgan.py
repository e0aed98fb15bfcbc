"""The `MixGAN` model: a mixture of generators against one of discriminators."""

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from numpy.typing import ArrayLike

from keras_mixgan.game import auxiliary as auxiliaries
from keras_mixgan.game import payoffs
from keras_mixgan.game.objectives import Objective
from keras_mixgan.mixture import Mixture
from keras_mixgan.training import loops
from keras_mixgan.training import progress
from keras_mixgan.training import sampling
from keras_mixgan.training import starts
from keras_mixgan.training import steps
from keras_mixgan.training import validation
from keras_mixgan.training.divergence import StopOnNonFinite
from keras_mixgan.training.labels import class_numbers
from keras_mixgan.training.optimizers import TwoPlayerOptimizer
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError


@keras.saving.register_keras_serializable(package="keras_mixgan")
class MixGAN(Mixture):
    """MIX+GAN: T generators against T discriminators, with learned weights.

    Arora et al. 2017 (arXiv:1703.00573), Section 5. Trained with `fit` on
    images in [-1, 1], or on `(images, labels)` where the networks take
    labels. Each step updates the discriminators with their mixture weights,
    then the generators with theirs.

    Args:
        generator: A Keras model from latents (B, latent_dim) to images
            (B, ...) in [-1, 1], or from `[latents, labels]`, labels (B,) or
            (B, 1) int, or one-hot. It is cloned for every component, each with
            new initial weights; a subclassed model needs a `get_config` for
            that. Or a function that builds such a model (a class without
            arguments is one), or a list of models.
        discriminator: The same for models from images, or `[images, labels]`,
            to logits (B, 1) or (B,), or to logits of patches (B, h, w, 1),
            which are averaged. Or to a dict of outputs with `logits` among
            them, for auxiliary losses; logits (B, K) stand for K
            discriminators. Batch normalization takes separate statistics over
            real images and, with the full estimate, over each generator's;
            with the others a batch's fakes are one group.
        num_generators: Positive int. By default as many as are listed, else 3.
        num_discriminators: The same for discriminators; by default K where
            one network has K logits. May differ.
        num_classes: Number of classes where the networks take labels. By
            default the size of the generator's label embedding. Where given,
            subclassed networks that were never called are called with
            `[latents, labels]` and `[images, labels]`.
        ema_decay: Where given, in (0, 1): `generate` uses generators whose
            weights are exponential moving averages over updates. The first
            update copies, and the decay rises to its value: update n keeps
            min(ema_decay, (n - 1) / (n + 20)) of the average.
        seed: Int that fixes initial weights and latents. By default one is
            drawn from Python's `random`, which `keras.utils.set_random_seed`
            seeds.
        name: Name of the model.
        share_generators: Name of the layer up to which each generator owns
            its layers; they share the rest.
        share_discriminators: Name of the layer up to which discriminators
            share their layers; each owns the rest.
        latent_dim: Length of a latent vector, where the generators do not
            tell it: subclassed models, or Sequential ones without
            `keras.Input`, that were never called.
        image_shape: Shape of one image, where the generators' output does not
            tell it.

    Raises:
        TypeError, ValueError: An argument is not as described, or generators
            and discriminators do not fit.

    Example:
    >>> import keras_mixgan as kmg
    >>> generator = kmg.architectures.mlp_generator((2,), latent_dim=4)
    >>> discriminator = kmg.architectures.mlp_discriminator((2,))
    >>> model = kmg.MixGAN(generator, discriminator, 3, 2, seed=0)
    >>> model.compile(payoff="log")
    >>> points = kmg.data.load("ring", batch_size=1000)
    >>> history = model.fit(points, epochs=1, verbose=0)
    >>> model.generate(5, seed=1).shape
    (5, 2)
    """

    @validation.refusing_keras_arguments
    def compile(
        self,
        payoff: str | payoffs.Payoff | payoffs.PairwisePayoff = "log",
        generator_optimizer=None,
        discriminator_optimizer=None,
        *,
        generator_loss: str = "non_saturating",
        mixture_regularizer: float = 0.1,
        discriminator_steps: int = 1,
        payoff_estimate: str = "full",
        weight_clip: float | None = None,
        gradient_penalty: float | None = None,
        update: str = "alternating",
        auxiliary: auxiliaries.Losses = (),
        as_released: bool = False,
        schedule: str = "fixed",
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: bool | str = "auto",
    ) -> None:
        """Sets the game and both sides' optimizers.

        Args:
            payoff: `"log"`, `"wasserstein"`, `"hinge"`, `"least_squares"`,
                `"energy"`, `"relativistic"`, `"relativistic_average"`, or a
                `Payoff` or `PairwisePayoff` of your own.
            generator_optimizer: A Keras optimizer, which also trains the
                generators' mixture logits. By default Adam with learning
                rate 1e-4 and beta_1 0.5.
            discriminator_optimizer: The same for the discriminators' side.
            generator_loss: `"non_saturating"`, the loss that the field uses
                with this payoff, `"minimax"`, the payoff itself, or
                `"auxiliary"`: the networks minimise auxiliary losses alone,
                and the payoff decides the mixture weights.
            mixture_regularizer: At least 0. Coefficient of -(1/T) sum log w,
                on each side's own loss; keeps the weights from collapsing.
            discriminator_steps: Updates of the discriminators, each on a new
                batch, per update of the generators. Every batch is a step;
                the generators are updated at every n-th.
            payoff_estimate: `"full"`: every generator's full batch meets
                every discriminator, a step costs O(T^2). `"linear"`: each
                discriminator sees one batch stratified over the generators,
                re-weighted so that the estimate stays unbiased, O(T). (Layers
                that look at a whole batch see the strata together.)
                `"split"`: each sees its own part of the real batch and of
                every stratum, at the cost of one pair; not for discriminators
                that share a body. A batch grows to one image a part.
            weight_clip: Where given, positive: discriminator weights are
                clipped to [-weight_clip, weight_clip] after each update.
            gradient_penalty: Where given, positive: coefficient of the
                penalty on discriminators whose gradient's norm is not one.
            update: `"alternating"`, as in the paper: the discriminators, then
                the generators against the updated discriminators, on new
                latents. `"simultaneous"`: both sides from one forward pass of
                all networks, at the parameters before the step; one backward
                pass with the `"minimax"` loss, else two. Batch normalization
                then updates its moving statistics once per step. Needs
                `discriminator_steps=1`.
            auxiliary: List of auxiliary losses, `kmg.auxiliary.Auxiliary` or
                names such as `"feature_matching:0.5"`; or one.
            as_released: Whether auxiliary losses move the mixture weights, as
                in the paper's released code; in its theory only the payoff
                does. Needs the payoff `"log"`, which that code uses.
            schedule: `"fixed"`, by `discriminator_steps`. `"wgan"`, as in the
                code of arXiv:1701.07875: the same, but 100 updates of the
                discriminators for each of the first 25 of the generators and
                every 500th. `"released"`, as in the code of arXiv:1703.00573:
                the generators take 1, 3, 5 or 7 steps, one a batch, per turn
                of the discriminators, more where their loss is low; below 0.3
                they skip it. Needs the payoff `"log"`, and batches that are
                not divided among replicas.
            run_eagerly: As in `keras.Model.compile`.
            steps_per_execution: As in `keras.Model.compile`.
            jit_compile: As in `keras.Model.compile`.

        Raises:
            ValueError: An argument is not as described.
        """
        objective = Objective(
            payoff=payoffs.get(payoff),
            generator_loss=generator_loss,
            mixture_regularizer=mixture_regularizer,
            discriminator_steps=discriminator_steps,
            payoff_estimate=payoff_estimate,
            weight_clip=weight_clip,
            gradient_penalty=gradient_penalty,
            update=update,
            auxiliary=auxiliaries.get_all(auxiliary),
            as_released=as_released,
            schedule=schedule,
        )
        checks.integer("steps_per_execution", steps_per_execution)
        self._check_estimate(payoff_estimate)
        if schedule == "released" and self.executor.replicas > 1:
            raise UserError(
                "`schedule` must not be released where a batch is divided "
                f"among replicas. Received: schedule={schedule!r}"
            )
        auxiliaries.check(objective.losses, self)
        optimizer = TwoPlayerOptimizer(
            generator_optimizer or _default_optimizer(),
            discriminator_optimizer or _default_optimizer(),
        )
        self.executor.check_optimizers(optimizer.sides)
        sides = self.generator_ensemble, self.discriminator_ensemble
        variables = [side.trainable_variables for side in sides]
        # Before Keras counts the model as compiled.
        optimizer.check_sides(*variables)
        super().compile(
            optimizer=optimizer,
            run_eagerly=run_eagerly,
            steps_per_execution=steps_per_execution,
            jit_compile=self.executor.jit_compile(jit_compile),
            auto_scale_loss=False,
        )
        self.objective, self.jit_asked = objective, jit_compile
        with self.executor.compiling(optimizer.sides):
            optimizer.build_sides(*variables)
            self._step_metrics = [
                self.executor.metric(name)
                for name in steps.log_names(objective)
            ]
            if schedule == "released" and self.generator_steps_left is None:
                self.generator_steps_left = self.add_weight(
                    (), "zeros", "int32", trainable=False
                )

    def _check_estimate(self, payoff_estimate: str) -> None:
        side = self.discriminator_ensemble
        if payoff_estimate == "split" and (
            side.shared is not None or max(side.widths) > 1
        ):
            raise UserError(
                "`payoff_estimate` must not be split where discriminators "
                "share a body, which sees all images in one call. Received: "
                f"payoff_estimate={payoff_estimate!r}"
            )

    @property
    def metrics(self):
        """The logged means, which are reset at each epoch."""
        return self._step_metrics if self.compiled else []

    def train_step(self, *arguments):
        """One step on one batch: discriminators, then generators if due.

        Args:
            *arguments: As in `keras.Model.train_step`: the data; under JAX
                the state and the data.

        Returns:
            The logs; under JAX the logs and the new state.
        """
        return loops.train_step(self, *arguments)

    def train_on(self, images, labels=None, due: bool | None = None) -> dict:
        """One step on one batch, in place.

        Args:
            images: Float tensor (B, ...).
            labels: Tensor as `y` of `fit`, or `None`.
            due: Whether the generators are updated, see `steps.train_step`.

        Returns:
            The means to be logged.
        """
        logs = steps.train_step(self, images, labels, due)
        for metric in self._step_metrics:
            metric.update_state(*logs[metric.name])
        return self.get_metrics_result()

    def make_train_function(self, force=False):
        """As in `keras.Model`; under JAX or a strategy our own function."""
        for loss in self.objective.losses:
            loss.prepare(self)
        make = loops.train_function_of(self)
        if make is None:
            super().make_train_function(force)
        elif self.train_function is None or force:
            self.train_function = make(self)

    def _symbolic_build(self, *args, **kwargs):
        """Does nothing: all networks are built when they are made."""

    _maybe_symbolic_build = _symbolic_build

    def fit(
        self,
        x: Any = None,
        y: ArrayLike | None = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: int | str = "auto",
        callbacks: Sequence[keras.callbacks.Callback] | None = None,
        **kwargs,
    ) -> keras.callbacks.History:
        """Trains the mixture, with the arguments of `keras.Model.fit`.

        Args:
            x: Images, float (N, ...) in [-1, 1]; or a `tf.data.Dataset` or
                `keras.utils.PyDataset` of them, or of `(images, labels)`.
            y: Labels, where `x` is an array and the networks or an auxiliary
                loss take labels: int (N,) or (N, 1), or one-hot rows (N,
                num_classes). -1 is an unknown label, allowed where only an
                auxiliary loss takes labels.
            batch_size: As in `keras.Model.fit`, for arrays.
            epochs: As in `keras.Model.fit`.
            verbose: As in `keras.Model.fit`. The bar shows losses and payoff,
                see `callbacks.ProgressBar`.
            callbacks: As in `keras.Model.fit`.
            **kwargs: As in `keras.Model.fit`, except `validation_data`,
                `validation_split`, `sample_weight` and `class_weight`, which
                a game of GANs has no use for.

        Returns:
            Keras's `History`. Logged are `generator_loss`,
            `discriminator_loss` and their sum `loss` (for Keras's own
            callbacks), `payoff`, each side's smallest and largest weight, and
            what each auxiliary loss adds to a side's loss, such as
            `discriminator_component_classifier`; each a mean over the epoch
            so far.

        Raises:
            ValueError: The data do not fit the networks, or an argument has no
                meaning here. Raised before any training.
            NonFiniteError: A loss became NaN or infinite. The message says
                at which step, and in which component.
        """
        if not self.compiled:
            raise UserError(
                "`compile` must be called before `fit`, since it sets payoff "
                "and optimizers. Received: a model that is not compiled"
            )
        validation.check_arguments(kwargs)
        if isinstance(y, list):
            y = np.asarray(y)
        first = validation.check_data(self, x, y, batch_size)
        starts.start(self, first)
        if not validation.is_array(x):
            # By default Keras would warn that it cannot shuffle these.
            kwargs.setdefault("shuffle", False)
        x, y, batch_size, kwargs = loops.place_data(
            self, x, y, batch_size, first, kwargs
        )
        guard = StopOnNonFinite()
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = callbacks.callbacks
        callbacks, verbose = progress.with_bar(callbacks, verbose)
        callbacks.append(guard)
        try:
            return super().fit(
                x, y, batch_size, epochs, verbose, callbacks, **kwargs
            )
        finally:
            self.table = self.host_step = None

    def payoff_matrix(
        self,
        real_images: ArrayLike,
        labels: ArrayLike | None = None,
        seed: int | None = None,
        batch_size: int = 256,
    ) -> np.ndarray:
        """Payoffs F(u_i, v_j) of all pairs, Equation 5 of the paper.

        Networks run in inference mode: the payoffs depend on the weights
        alone, not on how the images are batched. Minibatch discrimination,
        which compares the images of a batch, is the exception.

        Args:
            real_images: Float array (N, ...) in [-1, 1]. Each generator makes
                N images, too.
            labels: As `y` of `fit`; generated images get the same.
            seed: Int that fixes the generated images.
            batch_size: Images computed at a time.

        Returns:
            Float64 array (num_generators, num_discriminators).

        Raises:
            ValueError: Images or labels do not fit, or `compile` was not
                called.
        """
        if self.objective is None:
            raise UserError(
                "`compile` must be called before `payoff_matrix`, since it "
                "sets the payoff. Received: a model that is not compiled"
            )
        if hint := checks.array_hint(real_images):
            raise UserError(
                f"`real_images` must be an array. Received: a data set{hint}"
            )
        real_images = np.asarray(real_images)
        labels = None if labels is None else np.asarray(labels)
        validation.check_batch(self, real_images, labels, training=False)
        if labels is not None:
            labels = class_numbers(labels, self.num_classes)
        return sampling.payoff_matrix(
            self, real_images, labels, seed, batch_size
        )


def _default_optimizer():
    return keras.optimizers.Adam(learning_rate=1e-4, beta_1=0.5)
