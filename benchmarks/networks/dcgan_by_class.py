"""DCGAN whose generator has a scale and an offset per class.

A contestant of a race, a base for CIFAR-10: the generator learns labels by its
batch normalization (arXiv:1707.00683) in place of an embedding beside the
latents. The discriminator also has logits of classes, which
`--auxiliary=auxiliary_classifier:0.2` trains and nothing else reads.
"""

import keras

from keras_mixgan import architectures
from keras_mixgan.architectures import _checks
from keras_mixgan.architectures import dcgan
from keras_mixgan.architectures.acgan import normalized_by_class


def generator(image_shape, latent_dim=100, num_classes=None, width=64):
    """DCGAN's generator, normalized by class."""
    size, _, channels = dcgan.check_image_shape(image_shape)
    inputs, _ = _checks.generator_inputs(latent_dim, num_classes)
    latents, labels = inputs
    base, *upper = dcgan.generator_stages(size)
    widths = dcgan.channels_of(width, len(upper))[::-1]
    x = keras.layers.Dense(
        base**2 * widths[0],
        use_bias=False,
        kernel_initializer=_checks.normal_init(),
    )(latents)
    x = keras.layers.Reshape((base, base, widths[0]))(x)
    x = normalized_by_class(x, labels, num_classes, "start")
    x = keras.layers.ReLU(name="start")(x)
    for stage, filters in enumerate(widths[1:]):
        x = _checks.upsample(filters, dcgan.KERNEL_SIZE, use_bias=False)(x)
        x = normalized_by_class(x, labels, num_classes, f"stage_{stage}")
        x = keras.layers.ReLU()(x)
    images = _checks.upsample(
        channels, dcgan.KERNEL_SIZE, activation="tanh", dtype="float32"
    )(x)
    return keras.Model(inputs, images, name="dcgan_by_class_generator")


def discriminator(image_shape, num_classes=None, width=64):
    """DCGAN's discriminator with logits of classes."""
    return architectures.add_heads(
        architectures.dcgan_discriminator(image_shape, num_classes, width),
        num_classes=num_classes,
    )


ARCHITECTURE = architectures.Architecture(
    "dcgan_by_class",
    generator,
    discriminator,
    ((32, 32, 3),),
    architectures.get("dcgan").training,
)
