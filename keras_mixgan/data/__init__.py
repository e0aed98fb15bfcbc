"""Images and points by name, folder or file, as batches for `fit`."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_mixgan.data.streams import load
    from keras_mixgan.data.streams import steps_per_epoch

__all__ = ["load", "steps_per_epoch"]


def __getattr__(name: str):
    """Imports `streams` at first use: it needs Keras, which sources do not."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from keras_mixgan.data import streams

    return getattr(streams, name)


def __dir__() -> list[str]:
    return __all__
