"""Losses of conditional generators, by a frozen encoder from a file."""

import keras
from keras import ops

from keras_mixgan.architectures import encoder as encoders
from keras_mixgan.architectures import layers
from keras_mixgan.architectures import sgan
from keras_mixgan.game import mixtures
from keras_mixgan.game.auxiliary.base import Auxiliary
from keras_mixgan.game.auxiliary.base import register
from keras_mixgan.game.auxiliary.classes import cross_entropies
from keras_mixgan.game.turns import Turn
from keras_mixgan.utils.errors import UserError


class Encoded(Auxiliary):
    """Base class of losses that use a frozen encoder.

    Args:
        coefficient: Positive float.
        moves_mixture: See `Auxiliary`.
        encoder: File of the encoder, as `architectures.encoder.save` writes
            it. It is read only before training: saved models generate without
            it.
    """

    needs_labels = True

    def __init__(
        self,
        coefficient: float = 1.0,
        moves_mixture: bool = False,
        encoder: str | None = None,
    ):
        super().__init__(coefficient, moves_mixture)
        self.encoder = None if encoder is None else str(encoder)
        self.network = None
        # Of a preset, which names no file: it generates without an encoder.
        self._is_saved = False

    @classmethod
    def from_config(cls, config: dict):
        """The saved loss; its encoder may be missing until `fit`."""
        loss = super().from_config(config)
        loss._is_saved = True
        return loss

    def check(self, model) -> None:
        """Checks that an encoder is named."""
        if not self._is_saved:
            self._check_named()

    def _check_named(self) -> None:
        if self.encoder is None:
            raise UserError(
                "`encoder` must be the file of a frozen classifier, which "
                f"{self.name} uses; `python tools/train_encoder.py` makes "
                "one. Received: encoder=None"
            )

    def prepare(self, model) -> None:
        """Reads the encoder, and checks that the model can use it."""
        network = self.network
        if network is None:
            self._check_named()
            network = encoders.load(self.encoder)
        shape = tuple(network.input_shape[1:])
        classes = network.output_shape[-1]
        if shape != model.image_shape or classes < (model.num_classes or 0):
            raise UserError(
                f"`encoder` must be made for images {model.image_shape} of "
                f"{model.num_classes} classes. Received: {self.encoder}, for "
                f"images {shape} of {classes} classes"
            )
        self.network = network

    def get_config(self) -> dict:
        """The constructor's arguments; for the encoder its file."""
        return {**super().get_config(), "encoder": self.encoder}


@register
class EncodedClass(Encoded):
    """Generators make images that a frozen encoder assigns to their label.

    Huang et al. 2017 (arXiv:1612.04357), Section 3.2, L_cond: the cross-entropy
    of the generator's label under a classifier that was trained on real
    images. It is a loss of each generator, weighted by w_u. Its arguments are
    those of `Encoded`.

    Example:
    >>> EncodedClass(encoder="cifar10_encoder.npz").coefficient
    1.0
    """

    def generator_terms(self, turn: Turn):
        """Cross-entropies (num_generators,)."""
        fakes = turn.fakes
        logits = self.network(fakes.images, training=False)
        return mixtures.stratum_means(
            cross_entropies(logits, fakes.labels), fakes.sizes
        )


@register
class EncodedCodes(Encoded):
    """Both generators of a stack match their conditions (S-GAN).

    Huang et al. 2017 (arXiv:1612.04357), Section 3.2, L_cond of each level,
    with one encoder. The top generator's condition is a label: the loss is its
    cross-entropy under the encoder's last layer, called on the generated
    codes. The bottom generator's condition is codes: the loss is the mean
    squared difference between them and the encoder's codes of the generated
    image. As in the authors' code, the top generator gets `sgan.TO_TOP` of the
    latter's gradient. Both are losses of each generator, weighted by w_u.

    Codes are the output of the encoder's layer `features`. Discriminators that
    take codes get those of real images from this loss. The arguments are those
    of `Encoded`.

    Example:
    >>> EncodedCodes(encoder="cifar10_encoder.npz").needs
    ('code_logits',)
    """

    needs = ("code_logits",)
    coder: keras.Model | None = None

    def codes_of(self, images):
        """The encoder's codes of images, (B, F) float32."""
        return ops.cast(self.coder(images, training=False), "float32")

    def generator_terms(self, turn: Turn):
        """Cross-entropies and mean squares, (num_generators,) each."""
        fakes = turn.fakes
        logits = self.network.layers[-1](fakes.codes)
        condition = layers.scale_gradient(fakes.codes, sgan.TO_TOP)
        gaps = ops.square(self.codes_of(fakes.images) - condition)
        return [
            mixtures.stratum_means(costs, fakes.sizes)
            for costs in (
                cross_entropies(logits, fakes.labels),
                ops.mean(gaps, axis=-1),
            )
        ]

    def prepare(self, model) -> None:
        """Reads the encoder, and cuts it after its codes."""
        super().prepare(model)
        if self.coder is None:
            codes = self.network.get_layer("features").output
            self.coder = keras.Model(self.network.input, codes)
        wanted = model.discriminators[0].inputs[1].shape[-1]
        size = self.coder.output_shape[-1]
        if size != wanted:
            raise UserError(
                f"`encoder` must give codes of {wanted} numbers, which the "
                f"networks take; its width is a fourth of that. Received: "
                f"{self.encoder}, which gives {size}"
            )

    def check(self, model) -> None:
        """Checks that discriminators take codes and an encoder is named."""
        if not model.discriminator_ensemble.take_codes:
            raise UserError(
                f"`auxiliary` {self.name} needs discriminators that take "
                "`codes`. Received: discriminators of images alone"
            )
        super().check(model)
