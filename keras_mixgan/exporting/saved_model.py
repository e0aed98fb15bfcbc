"""A mixture's sampler as a TensorFlow SavedModel."""

import os

import keras

from keras_mixgan.exporting import metadata
from keras_mixgan.exporting import tf_serving
from keras_mixgan.exporting.signatures import Signatures
from keras_mixgan.utils import atomic


def write(model, path: str | os.PathLike[str], uint8: bool = False) -> None:
    """Writes the generators that sample, the weights, and nothing else.

    Args:
        model: The `MixGAN`.
        path: A folder that is not there yet, or empty.
        uint8: Whether images are uint8 levels.

    Raises:
        FileExistsError: There is something at `path`.
        OSError: It could not be written.
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
        archive.write_out(os.fspath(folder), verbose=False)
        description = metadata.describe(model, uint8)
        description["signatures"] = metadata.signatures(functions)
        metadata.write(folder, description)
        tf_serving.write(folder)
