"""DCGAN whose discriminators, of one body, each have dropout of their own.

A contestant of a race: `--share=both --architecture=FILE`. Above the cut each
head drops 30% of the body's channels of an image, anew at each call.

`own_views.py` is the other way to keep heads apart.
"""

import keras

from keras_mixgan import architectures

CUT = architectures.get("dcgan").discriminator_cut


def discriminator(image_shape, num_classes=None, width=64):
    """DCGAN's discriminator with dropout after the cut's layer."""

    def call(layer, *args, **kwargs):
        outputs = layer(*args, **kwargs)
        if layer.name != CUT:
            return outputs
        return keras.layers.SpatialDropout2D(0.3, name="dropout")(outputs)

    return keras.models.clone_model(
        architectures.dcgan_discriminator(image_shape, num_classes, width),
        call_function=call,
    )


ARCHITECTURE = architectures.Architecture(
    "own_dropout",
    architectures.dcgan_generator,
    discriminator,
    ((28, 28, 1),),
    architectures.get("dcgan").training,
)
