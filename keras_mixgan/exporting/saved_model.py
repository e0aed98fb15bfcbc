"""A mixture's sampler as a TensorFlow SavedModel."""

import contextlib
import errno
import os
from collections.abc import Iterator

import keras

from keras_mixgan.exporting import metadata
from keras_mixgan.exporting import tf_serving
from keras_mixgan.exporting.signatures import Signatures
from keras_mixgan.utils import atomic


def write(model, path: str | os.PathLike[str], uint8: bool = False) -> None:
    """Writes only the generators that sample, and the mixture weights.

    The folder must be new or empty. With `uint8`, images are uint8 in [0, 255].
    """
    with atomic.new_folder(path) as folder:
        archive = keras.export.ExportArchive()
        functions = {
            name: archive.add_endpoint(
                name, function, inputs
            ).get_concrete_function()
            for name, (function, inputs) in (
                Signatures(model, uint8).table().items()
            )
        }
        with _disk_errors(path):
            archive.write_out(os.fspath(folder), verbose=False)
        description = metadata.describe(model, uint8)
        description["signatures"] = metadata.signatures(functions)
        metadata.write(folder, description)
        tf_serving.write(folder)


@contextlib.contextmanager
def _disk_errors(path: str | os.PathLike[str]) -> Iterator[None]:
    """Turns TensorFlow's errors of files into Python's."""
    import tensorflow as tf

    try:
        yield
    except tf.errors.ResourceExhaustedError as error:
        full = errno.ENOSPC
        raise OSError(full, os.strerror(full), os.fspath(path)) from error
    except tf.errors.PermissionDeniedError as error:
        refused = errno.EACCES
        raise OSError(refused, os.strerror(refused), os.fspath(path)) from error
