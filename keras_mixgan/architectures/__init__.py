"""Generators and discriminators by name.

To add an architecture: write its file beside these, and one entry in
`ARCHITECTURES`; `tests/architectures` then tests it.
"""

import functools
import inspect
import types
from collections.abc import Mapping
from typing import Any

import keras

from keras_mixgan.architectures import dcgan
from keras_mixgan.architectures import dcgan_huang
from keras_mixgan.architectures import encoder
from keras_mixgan.architectures import files
from keras_mixgan.architectures import mlp
from keras_mixgan.architectures import sgan
from keras_mixgan.architectures.acgan import acgan_discriminator
from keras_mixgan.architectures.acgan import acgan_generator
from keras_mixgan.architectures.architecture import Architecture
from keras_mixgan.architectures.augmentation import Augmentation
from keras_mixgan.architectures.augmentation import augmented
from keras_mixgan.architectures.dcgan import dcgan_discriminator
from keras_mixgan.architectures.dcgan import dcgan_generator
from keras_mixgan.architectures.dcgan_huang import dcgan_huang_discriminator
from keras_mixgan.architectures.dcgan_huang import dcgan_huang_generator
from keras_mixgan.architectures.heads import add_heads
from keras_mixgan.architectures.improved_gan import improved_gan_discriminator
from keras_mixgan.architectures.improved_gan import improved_gan_generator
from keras_mixgan.architectures.layers import MinibatchDiscrimination
from keras_mixgan.architectures.layers import ScaledGradient
from keras_mixgan.architectures.layers import WeightNormalization
from keras_mixgan.architectures.mlp import mlp_discriminator
from keras_mixgan.architectures.mlp import mlp_generator
from keras_mixgan.architectures.reversible import ReversibleConv2D
from keras_mixgan.architectures.sgan import sgan_discriminator
from keras_mixgan.architectures.sgan import sgan_generator
from keras_mixgan.architectures.sngan import sngan_discriminator
from keras_mixgan.architectures.sngan import sngan_generator
from keras_mixgan.architectures.spectral import SpectralNormalization
from keras_mixgan.architectures.steingan import steingan_discriminator
from keras_mixgan.architectures.steingan import steingan_generator
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

__all__ = [
    "ARCHITECTURES",
    "Architecture",
    "Augmentation",
    "MinibatchDiscrimination",
    "ReversibleConv2D",
    "ScaledGradient",
    "SpectralNormalization",
    "WeightNormalization",
    "acgan_discriminator",
    "acgan_generator",
    "add_heads",
    "augmented",
    "build",
    "dcgan_discriminator",
    "dcgan_generator",
    "dcgan_huang_discriminator",
    "dcgan_huang_generator",
    "encoder",
    "get",
    "improved_gan_discriminator",
    "improved_gan_generator",
    "mlp_discriminator",
    "mlp_generator",
    "sgan_discriminator",
    "sgan_generator",
    "sngan_discriminator",
    "sngan_generator",
    "steingan_discriminator",
    "steingan_generator",
]


def _training(**defaults: Any) -> Mapping[str, Any]:
    return types.MappingProxyType(defaults)


# The cheapest mixture that was tried. In equal time it is ahead of the pair on
# Fashion-MNIST and behind it on MNIST with labels, see benchmarks/results.
_SHARED = types.MappingProxyType(
    {
        "num_generators": 5,
        "num_discriminators": 1,
        "share": "generators",
        "payoff_estimate": "linear",
        "auxiliary": ("component_classifier:0.1",),
    }
)

_LOG = {"payoff": "log", "optimizer": "adam", "beta_1": 0.5}
_HUANG = {
    **_LOG,
    "learning_rate": 1e-4,
    "generator_loss": "minimax",
    "schedule": "released",
}
# The authors' code for arXiv:1606.03498. There the class loss has weight 1 and
# the payoff 1/2; here they have 2 and 1.
_IMPROVED_GAN = {**_LOG, "learning_rate": 3e-4}
# arXiv:1610.09585, appendix A: the middle of three learning rates.
_ACGAN = _training(
    **_LOG, learning_rate=2e-4, auxiliary=("auxiliary_classifier",)
)

ARCHITECTURES: dict[str, Architecture] = {
    architecture.name: architecture
    for architecture in (
        # MIX+GAN's own settings: arXiv:1703.00573, section 5; beta_1 from
        # its authors' code.
        Architecture(
            "dcgan",
            dcgan_generator,
            dcgan_discriminator,
            dcgan.IMAGE_SHAPES,
            _training(**_LOG, learning_rate=1e-4),
            mixture=_SHARED,
        ),
        # The same networks with small initial label embeddings. In a mixture
        # this avoids generators that make one image per class.
        Architecture(
            "dcgan_small_labels",
            functools.partial(dcgan_generator, label_scale=0.1),
            dcgan_discriminator,
            dcgan.IMAGE_SHAPES,
            _training(**_LOG, learning_rate=1e-4),
            mixture=_SHARED,
        ),
        # arXiv:1701.07875, algorithm 1; the critic's logit is read as a score.
        # RMSprop as in the authors' PyTorch:
        # rho 0.99, and 1e-8 added to the root, hence 1e-16 under it in Keras.
        # Keras's default epsilon would be as large as a mixture's gradients.
        Architecture(
            "wgan",
            dcgan_generator,
            dcgan_discriminator,
            dcgan.IMAGE_SHAPES,
            _training(
                payoff="wasserstein",
                optimizer="rmsprop",
                learning_rate=5e-5,
                rho=0.99,
                epsilon=1e-16,
                discriminator_steps=5,
                weight_clip=0.01,
            ),
        ),
        # arXiv:1704.00028, algorithm 1. The critic has no batch normalization
        # (section 4): the penalty is on the gradient at each single image, and
        # batch statistics would make the images of a batch interdependent.
        Architecture(
            "wgan_gp",
            dcgan_generator,
            functools.partial(dcgan_discriminator, batch_norm=False),
            dcgan.IMAGE_SHAPES,
            _training(
                payoff="wasserstein",
                optimizer="adam",
                learning_rate=1e-4,
                beta_1=0.0,
                beta_2=0.9,
                discriminator_steps=5,
                gradient_penalty=10.0,
            ),
        ),
        # arXiv:1802.05957, setting C of Table 1, and its hinge loss.
        Architecture(
            "sngan",
            sngan_generator,
            sngan_discriminator,
            dcgan.IMAGE_SHAPES,
            _training(
                payoff="hinge",
                optimizer="adam",
                learning_rate=2e-4,
                beta_1=0.5,
            ),
            mixture=_SHARED,
        ),
        Architecture(
            "acgan",
            acgan_generator,
            acgan_discriminator,
            dcgan.IMAGE_SHAPES,
            _ACGAN,
            labels_to=("generator",),
        ),
        # With a scale and an offset per class in the generator, which
        # reproductions of AC-GAN needed.
        Architecture(
            "acgan_cbn",
            functools.partial(acgan_generator, conditional_norm=True),
            acgan_discriminator,
            dcgan.IMAGE_SHAPES,
            _ACGAN,
            labels_to=("generator",),
        ),
        Architecture(
            "improved_gan",
            improved_gan_generator,
            improved_gan_discriminator,
            dcgan.IMAGE_SHAPES,
            _training(
                **_IMPROVED_GAN,
                generator_loss="minimax",
                auxiliary=("real_classifier:2",),
            ),
            labels_to=(),
        ),
        # Its other variant: generators minimise feature matching alone.
        Architecture(
            "improved_gan_features",
            improved_gan_generator,
            functools.partial(improved_gan_discriminator, minibatch=False),
            dcgan.IMAGE_SHAPES,
            _training(
                **_IMPROVED_GAN,
                generator_loss="auxiliary",
                auxiliary=("real_classifier:2", "feature_matching"),
            ),
            labels_to=(),
        ),
        # The authors' code for arXiv:1703.00573. There the discriminators'
        # payoff has weight 1/2, and the class loss 1.
        Architecture(
            "dcgan_huang",
            dcgan_huang_generator,
            dcgan_huang_discriminator,
            dcgan_huang.IMAGE_SHAPES,
            _training(
                **_HUANG,
                auxiliary=(
                    "real_classifier:2",
                    "latent_reconstruction:10",
                    "encoded_class",
                ),
            ),
            labels_to=("generator",),
        ),
        # The authors' code for arXiv:1612.04357, joint training. There the
        # schedule skips no discriminator steps.
        Architecture(
            "sgan",
            sgan_generator,
            sgan_discriminator,
            dcgan_huang.IMAGE_SHAPES,
            _training(
                **_HUANG,
                auxiliary=(
                    "code_payoff",
                    "real_classifier:2",
                    "latent_reconstruction:10",
                    "encoded_codes",
                ),
            ),
            generator_cut=sgan.GENERATOR_CUT,
            discriminator_cut=sgan.DISCRIMINATOR_CUT,
            labels_to=("generator",),
        ),
        # The authors' code for arXiv:1611.01722. There the discriminators'
        # learning rate and the weight of fakes fall while fakes have more
        # energy.
        Architecture(
            "steingan",
            steingan_generator,
            steingan_discriminator,
            dcgan.IMAGE_SHAPES,
            _training(
                payoff="energy",
                optimizer="adam",
                learning_rate=1e-3,
                discriminator_learning_rate=5e-4,
                beta_1=0.5,
                auxiliary=("kernel_repulsion:0.5",),
            ),
            # The energy compares the last layer's output with the image.
            discriminator_cut=None,
        ),
        # On points, ten times the learning rate of images is stable.
        Architecture(
            "mlp",
            mlp_generator,
            mlp_discriminator,
            mlp.IMAGE_SHAPES,
            _training(**_LOG, learning_rate=1e-3),
            generator_cut="hidden_0",
        ),
    )
}


def get(name: str) -> Architecture:
    """Looks an architecture up by its name.

    Args:
        name: A key of `ARCHITECTURES`, or the path of a Python file that sets
            `ARCHITECTURE` to an `Architecture`. The file is run.

    Returns:
        The `Architecture`.

    Raises:
        ValueError: If there is no architecture of that name.

    Example:
    >>> get("wgan").training["weight_clip"]
    0.01
    """
    if isinstance(name, str) and name.endswith(".py"):
        return files.load(name)
    checks.one_of("architecture", name, ARCHITECTURES)
    return ARCHITECTURES[name]


def build(
    name: str,
    image_shape: tuple[int, ...],
    latent_dim: int | None = None,
    num_classes: int | None = None,
    width: int | None = None,
    augment: bool = False,
) -> tuple[keras.Model, keras.Model]:
    """Builds the generator and the discriminator of a named architecture.

    Args:
        name: As `get` takes it.
        image_shape: Shape of one example, e.g. (28, 28, 1).
        latent_dim: Size of a latent vector; None for the default.
        num_classes: Number of classes, or None for unconditional networks.
        width: Channels (units for points) of the hidden layer with the highest
            resolution, in both networks; None for the default.
        augment: Whether the discriminator sees each image moved, and covered
            in part; see `augmented`.

    Returns:
        (generator, discriminator), two Functional models. The generator maps
        latents (batch, latent_dim), or [latents, labels (batch,) int32], to
        images (batch, *image_shape) float32 in [-1, 1]; the discriminator
        maps images, or [images, labels], to raw logits (batch, 1) float32, or
        to a dict of outputs with `logits` among them. `labels_to` of the
        architecture says which of them take labels.

    Raises:
        ValueError: If there is no architecture of that name, or it does not
            take one of the arguments.

    Example:
    >>> generator, discriminator = build("mlp", (2,), num_classes=8)
    >>> [tensor.name for tensor in generator.inputs]
    ['latents', 'labels']
    """
    architecture = get(name)
    shared = {"image_shape": image_shape, "num_classes": num_classes}
    if width is not None:
        shared["width"] = width
    latent = {} if latent_dim is None else {"latent_dim": latent_dim}
    generator = architecture.generator(**shared, **latent)
    takes = inspect.signature(architecture.discriminator).parameters
    if "latent_dim" not in takes:
        latent = {}
    discriminator = architecture.discriminator(**shared, **latent)
    if augment and len(image_shape) == 1:
        raise UserError(
            "`augment` must be False for points, which have no pixels to move. "
            f"Received: augment={augment}, image_shape={image_shape}"
        )
    return generator, augmented(discriminator) if augment else discriminator


def __dir__():
    return __all__
