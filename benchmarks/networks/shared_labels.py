"""DCGAN whose generators, where they share a body, also share what labels do.

A contestant of a race. The first layer of DCGAN's generator multiplies the
latents and the label's learned vector by one matrix. Here these are two layers
whose outputs are added, so one pair is the same network. In a mixture each
generator owns the layer of the latents alone, and the label's is in the body:
what a class looks like is learned from all images, not from a T-th of them.
"""

import dataclasses

import keras

from keras_mixgan import architectures
from keras_mixgan.architectures import _checks
from keras_mixgan.architectures import dcgan


def generator(image_shape, latent_dim=100, num_classes=None, width=64):
    """DCGAN's generator, the first layer in two parts."""
    size, _, channels = dcgan.check_image_shape(image_shape)
    base, *upper = dcgan.generator_stages(size)
    widths = dcgan.channels_of(width, len(upper))[::-1]
    inputs, _ = _checks.generator_inputs(latent_dim, num_classes)
    latents, labels = inputs
    embedded = keras.layers.Embedding(
        num_classes, max(2, latent_dim // 10),
        embeddings_initializer=_checks.normal_init(1.0),
    )(labels)  # fmt: skip

    def project(x, name):
        return keras.layers.Dense(
            base**2 * widths[0],
            use_bias=False,
            kernel_initializer=_checks.normal_init(),
            name=name,
        )(x)

    x = keras.layers.Add()(
        [project(latents, "own"), project(embedded, "of_labels")]
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
