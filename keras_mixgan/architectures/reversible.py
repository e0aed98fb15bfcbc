"""A convolution that also runs backwards, for decoders with tied weights."""

import keras
from keras import ops

from keras_mixgan.utils import checks


@keras.saving.register_keras_serializable("keras_mixgan")
class ReversibleConv2D(keras.layers.Layer):
    """A convolution without bias, and its transpose with the same kernel.

    With `reverse=True` it applies the transpose of its linear map, as Keras's
    `ReversibleEmbedding` does for embeddings. An autoencoder whose decoder
    calls its encoder's layers in reverse has tied weights. The reverse restores
    sizes that the strides divide, with `"valid"` padding if the kernel is as
    large as the stride.

    Args:
        filters: Positive int, channels of the output.
        kernel_size: Positive int, height and width of the kernel.
        strides: Positive int.
        padding: `"same"` or `"valid"`.
        kernel_initializer: As in Keras's layers.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: A number is not positive, or there is no such padding.

    Example:
    >>> layer = ReversibleConv2D(5, 4, strides=4, padding="valid")
    >>> code = layer(ops.ones((2, 8, 8, 3)))
    >>> code.shape, layer(code, reverse=True).shape
    (TensorShape([2, 2, 2, 5]), TensorShape([2, 8, 8, 3]))
    """

    def __init__(
        self,
        filters: int,
        kernel_size: int,
        strides: int = 1,
        padding: str = "same",
        kernel_initializer="glorot_uniform",
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = checks.integer("filters", filters)
        self.kernel_size = checks.integer("kernel_size", kernel_size)
        self.strides = checks.integer("strides", strides)
        checks.one_of("padding", padding, ("same", "valid"))
        self.padding = padding
        self.kernel_initializer = keras.initializers.get(kernel_initializer)

    def build(self, input_shape):
        """Makes the kernel for the channels of the first input."""
        self.kernel = self.add_weight(
            shape=(
                self.kernel_size,
                self.kernel_size,
                input_shape[-1],
                self.filters,
            ),
            initializer=self.kernel_initializer,
            name="kernel",
        )

    def call(self, inputs, reverse: bool = False):
        """Convolves, or applies the transpose in reverse."""
        apply = ops.conv_transpose if reverse else ops.conv
        return apply(
            inputs,
            self.kernel,
            strides=self.strides,
            padding=self.padding,
            data_format="channels_last",
        )

    def get_config(self):
        """The constructor's arguments."""
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "kernel_initializer": keras.initializers.serialize(
                self.kernel_initializer
            ),
        }
