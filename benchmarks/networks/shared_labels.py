"""DCGAN whose generators also learn labels together.

A contestant of a race. The first layer of DCGAN's generator reads the latents
and a learned vector of the label. In a mixture each generator owns that layer,
and learns labels from its part of the images alone. Here a second layer, of
another vector of the label, is added to it. It is behind the cut, so generators
that share a body learn it from all images.
"""

import dataclasses

import keras

from keras_mixgan import architectures
from keras_mixgan.architectures import _checks
from keras_mixgan.architectures import dcgan


def generator(image_shape, latent_dim=100, num_classes=None, width=64):
    """DCGAN's generator, with a second layer of the labels beside its first."""
    size, _, channels = dcgan.check_image_shape(image_shape)
    base, *upper = dcgan.generator_stages(size)
    widths = dcgan.channels_of(width, len(upper))[::-1]
    inputs, condition = _checks.generator_inputs(latent_dim, num_classes)
    labels = keras.layers.Embedding(
        num_classes,
        max(2, latent_dim // 10),
        embeddings_initializer=_checks.normal_init(1.0),
    )(inputs[1])

    def project(x, name):
        return keras.layers.Dense(
            base**2 * widths[0],
            use_bias=False,
            kernel_initializer=_checks.normal_init(),
            name=name,
        )(x)

    x = keras.layers.Add()(
        [project(condition, "own"), project(labels, "of_labels")]
    )
    x = keras.layers.Reshape((base, base, widths[0]))(x)
    x = keras.layers.ReLU()(_checks.batch_norm()(x))
    for filters in widths[1:]:
        x = _checks.upsample(filters, dcgan.KERNEL_SIZE, use_bias=False)(x)
        x = keras.layers.ReLU()(_checks.batch_norm()(x))
    images = _checks.upsample(
        channels, dcgan.KERNEL_SIZE, activation="tanh", dtype="float32"
    )(x)
    return keras.Model(inputs, images, name="shared_labels_generator")


ARCHITECTURE = dataclasses.replace(
    architectures.get("dcgan"),
    name="shared_labels",
    generator=generator,
    image_shapes=((28, 28, 1),),
    generator_cut="own",
)
