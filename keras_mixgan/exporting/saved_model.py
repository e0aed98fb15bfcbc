"""A mixture's sampler as a TensorFlow SavedModel."""

import contextlib
import errno
import os
from collections.abc import Iterator

import keras

from keras_mixgan.exporting import metadata
from keras_mixgan.exporting.signatures import Signatures
from keras_mixgan.utils import atomic
from keras_mixgan.utils import json_files

# How TensorFlow Serving batches a sampler. It finds the file with
# `--enable_per_model_batching_parameters`, or takes it as
# `--batching_parameters_file`. The fields are those of
# `tensorflow_serving/servables/tensorflow/session_bundle_config.proto`.
_BATCHING = """\
# For tensorflow_model_server --enable_batching, which computes rows of
# `serving_default` together. It then refuses signatures whose inputs are not
# rows (sample, sample_png, sample_component, mixture_weights): serve those
# without the flag. One bad row (a label of no class, NaN) fails all requests of
# its batch: check what clients send before it comes here.
max_batch_size { value: 1024 }
enable_large_batch_splitting { value: true }
max_execution_batch_size { value: 128 }
batch_timeout_micros { value: 3000 }
max_enqueued_batches { value: 64 }
"""


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
        about = folder / metadata.PLACE
        about.parent.mkdir(exist_ok=True)
        json_files.write(about, description, strict=True)
        batching = folder / "batching_params.pbtxt"
        batching.write_text(_BATCHING, encoding="utf-8")


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
