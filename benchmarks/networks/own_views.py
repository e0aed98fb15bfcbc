"""DCGAN whose discriminators, of one body, each have a view of their own.

A contestant of a race: `--share=both --architecture=FILE`. Above the cut a
head reads half of the body's channels, drawn once for each head. So heads that
share all images still differ in what they see, and cost less.

`own_dropout.py` is the other way to keep heads apart.
"""

import keras

from keras_mixgan import architectures

CUT = architectures.get("dcgan").discriminator_cut


@keras.saving.register_keras_serializable("own_views")
class OwnView(keras.layers.Layer):
    """A fixed random choice of channels, drawn when the layer is built.

    Random places, which are saved, in place of a list of channels: so a clone
    draws its own.
    """

    def __init__(self, fraction: float = 0.5, **kwargs):
        super().__init__(**kwargs)
        self.fraction = fraction

    def build(self, input_shape):
        """Draws a place for each channel."""
        self.places = self.add_weight(
            shape=(input_shape[-1],),
            initializer=keras.initializers.RandomUniform(),
            trainable=False,
            dtype="float32",
            name="places",
        )

    def call(self, inputs):
        """(..., channels) to (..., fraction * channels)."""
        number = round(self.fraction * inputs.shape[-1])
        chosen = keras.ops.argsort(self.places)[:number]
        return keras.ops.take(inputs, chosen, axis=-1)

    def compute_output_shape(self, input_shape):
        """As many channels as are chosen."""
        return (*input_shape[:-1], round(self.fraction * input_shape[-1]))

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "fraction": self.fraction}


def insert(network: keras.Model, after: str, layer) -> keras.Model:
    """A network with another layer after the named one, all weights anew."""

    def call(one, *args, **kwargs):
        outputs = one(*args, **kwargs)
        return layer(outputs) if one.name == after else outputs

    return keras.models.clone_model(network, call_function=call)


def discriminator(image_shape, num_classes=None, width=64):
    """DCGAN's discriminator with half of the channels above the cut's layer."""
    network = architectures.dcgan_discriminator(image_shape, num_classes, width)
    return insert(network, CUT, OwnView(name="view"))


ARCHITECTURE = architectures.Architecture(
    "own_views",
    architectures.dcgan_generator,
    discriminator,
    ((28, 28, 1),),
    architectures.get("dcgan").training,
)
