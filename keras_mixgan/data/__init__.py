"""Images and points by name, folder or file, as batches for `fit`."""

from keras_mixgan.data.streams import load
from keras_mixgan.data.streams import steps_per_epoch

__all__ = ["load", "steps_per_epoch"]


def __dir__():
    return __all__
