"""Spectral normalization, computed in the forward pass.

Keras's `SpectralNormalization` overwrites the kernel at every training call.
Here the kernel stays as the optimizer left it, so averages, copies and the
gradients of several discriminators in one step read the same values.
"""

import keras
from keras import ops

from keras_mixgan.utils.errors import UserError

LAYERS = (keras.layers.Dense, keras.layers.Conv2D, keras.layers.Embedding)
# Avoids a division by 0.
EPSILON = 1e-12


@keras.saving.register_keras_serializable("keras_mixgan")
class SpectralNormalization(keras.layers.Wrapper):
    """A linear layer divided by the largest singular value of its matrix.

    Miyato et al. 2018 (arXiv:1802.05957), Equations 7 and 8 and Algorithm 1:
    W / sigma(W), with sigma estimated by one power iteration per training call.
    The kernel is read as a matrix of (all other axes, output channels).

    Args:
        layer: A `Dense` or `Conv2D` without bias and activation, or an
            `Embedding`.
        offset: Whether to add a trained offset to every output channel, in
            place of the bias.
        **kwargs: Arguments of `keras.layers.Layer`.

    Raises:
        ValueError: `layer` is not such a layer.

    Example:
    >>> dense = keras.layers.Dense(3, use_bias=False)
    >>> SpectralNormalization(dense)(ops.ones((2, 4))).shape
    TensorShape([2, 3])
    """

    def __init__(self, layer, offset: bool = True, **kwargs):
        linear = keras.activations.linear
        if (
            not isinstance(layer, LAYERS)
            or getattr(layer, "use_bias", False)
            or getattr(layer, "activation", linear) is not linear
        ):
            raise UserError(
                "`layer` must be a Dense or Conv2D without bias and "
                f"activation, or an Embedding. Received: layer={layer}"
            )
        super().__init__(layer, **kwargs)
        self.has_offset = bool(offset)

    def build(self, input_shape=None):
        """Makes the estimated singular vector (channels,) and the offset."""
        super().build(input_shape)
        channels = (self._kernel.shape[-1],)
        self.vector = self.add_weight(
            shape=channels,
            initializer="random_normal",
            trainable=False,
            name="vector",
            # The kernel is the same on all replicas, and so is the vector.
            aggregation="only_first_replica",
        )
        if self.has_offset:
            self.offset = self.add_weight(
                shape=channels, initializer="zeros", name="offset"
            )

    @property
    def _kernel(self):
        layer = self.layer
        if isinstance(layer, keras.layers.Embedding):
            return layer.embeddings
        return layer.kernel

    def call(self, inputs, training=False):
        """Applies the layer with its weights divided by sigma."""
        kernel = ops.cast(ops.convert_to_tensor(self._kernel), "float32")
        matrix = ops.reshape(kernel, (-1, kernel.shape[-1]))
        # The gradient is that of sigma = u^T W v for fixed u and v.
        fixed = ops.stop_gradient(matrix)
        left = _unit(ops.matmul(fixed, ops.cast(self.vector, "float32")))
        right = _unit(ops.matmul(left, fixed))
        if training:
            self.vector.assign(right)
        sigma = ops.sum(left * ops.matmul(matrix, right))
        outputs = self._apply(
            inputs, ops.cast(kernel / sigma, self.compute_dtype)
        )
        if self.has_offset:
            outputs = outputs + ops.cast(self.offset, outputs.dtype)
        return outputs

    def _apply(self, inputs, kernel):
        if isinstance(self.layer, keras.layers.Embedding):
            return ops.take(kernel, inputs, axis=0)
        if isinstance(self.layer, keras.layers.Dense):
            return ops.matmul(inputs, kernel)
        return self.layer.convolution_op(inputs, kernel)

    def compute_output_shape(self, input_shape):
        """The output shape of the layer."""
        return self.layer.compute_output_shape(input_shape)

    def get_config(self):
        """The constructor's arguments."""
        return {**super().get_config(), "offset": self.has_offset}


def _unit(vector):
    """A vector of length 1 in the direction of another."""
    return vector / (ops.sqrt(ops.sum(ops.square(vector))) + EPSILON)
