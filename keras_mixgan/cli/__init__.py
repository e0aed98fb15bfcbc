"""The command line, `keras-mixgan`."""

from keras_mixgan.cli.program import main

__all__ = ["main"]
