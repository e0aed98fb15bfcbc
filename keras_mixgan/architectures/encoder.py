"""The frozen encoder of Huang et al. 2017, a small classifier in a file.

arXiv:1612.04357, appendix, and the authors' code for CIFAR-10: two 5x5
convolutions, each with max pooling, then 256 units, then the classes. Files
are plain NumPy archives; reading one executes no code from it.
"""

import os
import pathlib
import zipfile

import keras
import numpy as np

from keras_mixgan.architectures import dcgan
from keras_mixgan.utils import atomic
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

SMALLEST = 16


def encoder(
    image_shape: tuple[int, int, int], num_classes: int, width: int = 64
) -> keras.Model:
    """Builds an encoder with fresh weights.

    Args:
        image_shape: (size, size, channels), of the sizes that
            `dcgan_generator` takes, from 16 on, channels 1 or 3.
        num_classes: Number of classes.
        width: Channels of the first convolution; the second has twice, the
            dense layer four times as many.

    Returns:
        A Functional model from images (batch, *image_shape) float32 in
        [-1, 1] to logits (batch, num_classes) float32.

    Raises:
        ValueError: If an argument is out of its range.

    Example:
    >>> encoder((32, 32, 3), 10, width=4).output_shape
    (None, 10)
    """
    image_shape = dcgan.check_image_shape(image_shape)
    if image_shape[0] < SMALLEST:
        raise UserError(
            f"`image_shape` must have at least {SMALLEST} pixels a side for an "
            f"encoder. Received: image_shape={image_shape}"
        )
    num_classes = checks.integer("num_classes", num_classes)
    width = checks.integer("width", width)
    images = x = keras.Input(image_shape, name="images")
    for filters in (width, 2 * width):
        x = keras.layers.Conv2D(filters, 5, activation="relu")(x)
        x = keras.layers.MaxPooling2D()(x)
    x = keras.layers.Flatten()(x)
    x = keras.layers.Dense(4 * width, activation="relu", name="features")(x)
    logits = keras.layers.Dense(num_classes, dtype="float32")(x)
    return keras.Model(images, logits, name="encoder")


def save(network: keras.Model, path: str | os.PathLike[str]) -> None:
    """Writes what `encoder` built to a file, which ends in .npz."""
    arrays = {f"weight_{i}": w for i, w in enumerate(network.get_weights())}
    with atomic.replacing(path) as partial, open(partial, "wb") as file:
        np.savez(file, size=network.input_shape[1], **arrays)


def load(path: str | os.PathLike[str]) -> keras.Model:
    """Reads the encoder that `save` wrote; it is not trainable.

    Refuses a file that is damaged, or holds something else.

    Example:
    >>> import tempfile
    >>> file = tempfile.mkdtemp() + "/encoder.npz"
    >>> save(encoder((28, 28, 1), 10, width=2), file)
    >>> load(file).trainable
    False
    """
    path = pathlib.Path(path).expanduser()
    if not path.exists():
        raise FileNotFoundError(
            "`encoder` must be an existing file; `python "
            f"tools/train_encoder.py` makes one. Received: {path}"
        )
    try:
        with np.load(path, allow_pickle=False) as arrays:
            names = [name for name in arrays if name.startswith("weight_")]
            weights = [arrays[f"weight_{i}"] for i in range(len(names))]
            size = int(arrays["size"])
        _, _, channels, width = weights[0].shape
        classes = len(weights[-1])
        network = encoder((size, size, channels), classes, width)
        network.set_weights(weights)
    except (ValueError, KeyError, IndexError, OSError, EOFError, TypeError,
            zipfile.BadZipFile) as error:  # fmt: skip
        raise UserError(
            "`encoder` must be a file that `python tools/train_encoder.py` "
            f"made. Received: {path}, which could not be read ({error})"
        ) from error
    network.trainable = False
    return network
