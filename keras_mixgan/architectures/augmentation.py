"""Differentiable augmentation of what a discriminator sees.

Keras's `RandomTranslation` and `RandomErasing` are no substitute: a call
without `training` changes images, and together they take 1.7 times as long.
"""

import keras
from keras import ops

from keras_mixgan.architectures import _checks
from keras_mixgan.utils.errors import UserError

# Of the authors' code: an image is moved by up to an eighth of its size, and
# loses a square of half its size.
MOVE = 1 / 8
COVER = 1 / 2


@keras.saving.register_keras_serializable("keras_mixgan")
class Augmentation(keras.layers.Layer):
    """Moves each image and covers a square of it, in training only.

    The policy "translation, cutout" of DiffAugment (Zhao et al. 2020,
    arXiv:2006.10738), with the sizes of its code. What comes into view, and the
    square, is 0, the middle gray. Gradients flow through.

    Args:
        seed: Optional int, the seed of the draws.
        **kwargs: Arguments of `keras.layers.Layer`.

    Example:
    >>> images = ops.ones((2, 8, 8, 3))
    >>> layer = Augmentation(seed=0)
    >>> bool(ops.all(layer(images) == images))
    True
    >>> bool(ops.all(layer(images, training=True) == images))
    False
    """

    def __init__(self, seed: int | None = None, **kwargs):
        # Where a GPU does not round products, unchanged pixels stay exact.
        super().__init__(**{"dtype": "float32", **kwargs})
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, images, training=False):
        """Images (B, height, width, channels) to images of that shape."""
        if not training:
            return images
        count, (height, width) = ops.shape(images)[0], images.shape[1:3]
        rows, columns = self._moves(count, height), self._moves(count, width)
        images = ops.einsum("bij,bjwc->biwc", rows, images)
        images = ops.einsum("bij,bhjc->bhic", columns, images)
        covered = ops.logical_and(
            self._square(count, height)[:, :, None],
            self._square(count, width)[:, None, :],
        )
        return ops.where(
            covered[..., None], ops.zeros((), images.dtype), images
        )

    def _draw(self, count, least: int, most: int):
        """Integers (B,) from `least` to `most`."""
        return keras.random.randint(
            (count,), least, most + 1, "int32", self.seed_generator
        )

    def _moves(self, count, size: int):
        """Matrices (B, size, size) that move along an axis."""
        most = int(size * MOVE + 0.5)
        places = ops.arange(size)
        sources = places[None] - self._draw(count, -most, most)[:, None]
        return ops.cast(
            sources[:, :, None] == places[None, None], self.compute_dtype
        )

    def _square(self, count, size: int):
        """Which places (B, size) of an axis are covered."""
        length = int(size * COVER + 0.5)
        middle = self._draw(count, 0, size - length % 2)[:, None]
        first = middle - length // 2
        places = ops.arange(size)[None]
        return ops.logical_and(places >= first, places < first + length)

    def compute_output_shape(self, input_shape):
        """The same shape."""
        return input_shape

    def get_config(self):
        """The arguments."""
        return {**super().get_config(), "seed": self.seed}


def augmented(discriminator: keras.Model) -> keras.Model:
    """Puts an `Augmentation` behind a discriminator's input of images.

    A discriminator that has learned its training images by heart leaves the
    generators little to learn. One that sees each image another way each time
    comes to that much later.

    Args:
        discriminator: A Functional or Sequential model with one input of images
            (B, height, width, channels) in [-1, 1], and perhaps others.

    Returns:
        A model of the same inputs, outputs and layers, with initial weights.

    Raises:
        ValueError: It is neither Functional nor Sequential; no input, or more
            than one, is of images; it is augmented already.

    Example:
    >>> import keras_mixgan as kmg
    >>> _, plain = kmg.architectures.build("dcgan", (28, 28, 1), width=4)
    >>> [layer.name for layer in augmented(plain).layers[:2]]
    ['images', 'augmentation']
    """
    discriminator = _checks.functional("discriminator", discriminator)
    if any(isinstance(x, Augmentation) for x in discriminator.layers):
        raise UserError(
            "`discriminator` must not be augmented already. Received: "
            f"{discriminator.name}, which has an `Augmentation`"
        )
    inputs = [
        keras.Input(x.shape[1:], dtype=x.dtype, name=x.name)
        for x in discriminator.inputs
    ]
    of_images = [x for x in inputs if len(x.shape) == 4]
    if len(of_images) != 1:
        raise UserError(
            "`discriminator` must have one input of images (height, width, "
            f"channels). Received: {[tuple(x.shape[1:]) for x in inputs]}"
        )
    images = of_images[0]
    changed = Augmentation(name="augmentation")(images)

    def call(layer, *args, **kwargs):
        args, kwargs = keras.tree.map_structure(
            lambda x: changed if x is images else x, (args, kwargs)
        )
        return layer(*args, **kwargs)

    return keras.models.clone_model(
        discriminator,
        input_tensors=keras.tree.pack_sequence_as(discriminator.input, inputs),
        call_function=call,
    )
