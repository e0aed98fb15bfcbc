"""WGAN (weight clipping) and WGAN-GP (gradient penalty) on DCGAN's shape.

Arjovsky, Chintala & Bottou, "Wasserstein GAN", arXiv:1701.07875: DCGAN's
networks, the critic's logit read as a score. Gulrajani et al., "Improved
Training of Wasserstein GANs", arXiv:1704.00028, section 4: the critic has no
batch normalization, because the penalty is on the gradient at each single
image, and batch statistics would make the images of a batch interdependent.
"""

import keras

from keras_mixgan.architectures import dcgan


def wgan_generator(
    image_shape: tuple[int, int, int],
    latent_dim: int = 100,
    num_classes: int | None = None,
    width: int = 64,
    name: str = "wgan_generator",
) -> keras.Model:
    """Builds the generator of WGAN and WGAN-GP: DCGAN's.

    Args:
        image_shape: See `dcgan_generator`.
        latent_dim: Size of a latent vector.
        num_classes: Number of classes, or None for an unconditional
            generator.
        width: Channels of the last hidden stage.
        name: Name of the model.

    Returns:
        A model as `dcgan_generator` returns: images (batch, *image_shape)
        float32 in [-1, 1].

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> generator = wgan_generator((32, 32, 3), latent_dim=16, width=8)
    >>> generator.output_shape
    (None, 32, 32, 3)
    """
    return dcgan.dcgan_generator(
        image_shape, latent_dim, num_classes, width, name=name
    )


def wgan_critic(
    image_shape: tuple[int, int, int],
    num_classes: int | None = None,
    width: int = 64,
    name: str = "wgan_critic",
) -> keras.Model:
    """Builds the critic of WGAN, to be trained with weight clipping.

    Args:
        image_shape: See `dcgan_generator`.
        num_classes: Number of classes, or None for an unconditional critic.
        width: Channels of the first convolution.
        name: Name of the model.

    Returns:
        A model as `dcgan_discriminator` returns: scores (batch, 1) float32,
        of any real value.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> critic = wgan_critic((32, 32, 3), width=8)
    >>> critic.output_shape
    (None, 1)
    """
    return dcgan.strided_discriminator(
        image_shape, num_classes, width, batch_norm=True, name=name
    )


def wgan_gp_critic(
    image_shape: tuple[int, int, int],
    num_classes: int | None = None,
    width: int = 64,
    name: str = "wgan_gp_critic",
) -> keras.Model:
    """Builds the critic of WGAN-GP, to be trained with a gradient penalty.

    Args:
        image_shape: See `dcgan_generator`.
        num_classes: Number of classes, or None for an unconditional critic.
        width: Channels of the first convolution.
        name: Name of the model.

    Returns:
        A model as `dcgan_discriminator` returns, without batch
        normalization: scores (batch, 1) float32, of any real value.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> critic = wgan_gp_critic((32, 32, 3), width=8)
    >>> critic.output_shape
    (None, 1)
    """
    return dcgan.strided_discriminator(
        image_shape, num_classes, width, batch_norm=False, name=name
    )
