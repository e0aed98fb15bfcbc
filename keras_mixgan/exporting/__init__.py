"""Samplers of a trained mixture that run without keras and keras_mixgan."""

import importlib
import os

from keras_mixgan.utils.checks import boolean
from keras_mixgan.utils.checks import one_of
from keras_mixgan.utils.errors import UserError

# The module that writes each format.
FORMATS = {
    "saved_model": "saved_model",
    "onnx": "onnx_file",
    "web": "web_page",
}


def export(
    model,
    path: str | os.PathLike[str],
    uint8: bool = False,
    format: str = "saved_model",
) -> None:
    """Exports a sampler; see `MixGAN.export_sampler`."""
    import keras

    one_of("format", format, FORMATS)
    boolean("uint8", uint8)
    if uint8 and len(model.image_shape) == 1:
        raise UserError(
            "`uint8` must be False for a mixture that makes points, not "
            f"images. Received: uint8=True, points of {model.image_shape}"
        )
    if keras.backend.backend() != "tensorflow":
        raise UserError(
            "Samplers are exported under Keras's TensorFlow backend: save the "
            "model, and load it where KERAS_BACKEND=tensorflow is set. "
            f"Received: the backend {keras.backend.backend()}"
        )
    module = importlib.import_module(f"{__name__}.{FORMATS[format]}")
    module.write(model, path, uint8)
