"""DCGAN whose generator also reads a one-hot code of five.

A contestant of the race (`keras-mixgan race --architecture=FILE`): is it the
mixture that helps, or only a discrete code? The code is the place of the
largest of five more latents, so that each of its values is equally likely.
"""

import keras

from keras_mixgan import architectures

CODES = 5


def generator(image_shape, latent_dim=100, num_classes=None, width=64):
    """DCGAN's generator of latents (B, latent_dim + 5)."""
    inner = architectures.dcgan_generator(
        image_shape, latent_dim + CODES, num_classes, width
    )
    latents, *labels = (
        keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=tensor.name)
        for tensor in inner.inputs
    )
    code = keras.ops.one_hot(
        keras.ops.argmax(latents[:, latent_dim:], axis=-1), CODES
    )
    coded = keras.ops.concatenate([latents[:, :latent_dim], code], axis=-1)
    images = inner([coded, *labels] if labels else coded)
    inputs = [latents, *labels] if labels else latents
    return keras.Model(inputs, images, name="coded_dcgan_generator")


ARCHITECTURE = architectures.Architecture(
    "coded_dcgan",
    generator,
    architectures.dcgan_discriminator,
    ((28, 28, 1),),
    architectures.get("dcgan").training,
)
