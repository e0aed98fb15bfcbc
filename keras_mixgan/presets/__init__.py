"""Presets: folders that hold a trained mixture, and the zoo of bundled ones."""

from keras_mixgan.presets.folders import CARD
from keras_mixgan.presets.folders import CONFIG
from keras_mixgan.presets.folders import FORMAT
from keras_mixgan.presets.folders import METADATA
from keras_mixgan.presets.folders import SAMPLES
from keras_mixgan.presets.folders import WEIGHTS
from keras_mixgan.presets.folders import Preset
from keras_mixgan.presets.folders import Presets
from keras_mixgan.presets.folders import describe
from keras_mixgan.presets.folders import find
from keras_mixgan.presets.folders import is_preset
from keras_mixgan.presets.folders import list_presets
from keras_mixgan.presets.folders import load
from keras_mixgan.presets.folders import read
from keras_mixgan.presets.folders import save
from keras_mixgan.presets.folders import zoo
from keras_mixgan.presets.saving import save_model

__all__ = [
    "CARD",
    "CONFIG",
    "FORMAT",
    "METADATA",
    "SAMPLES",
    "WEIGHTS",
    "Preset",
    "Presets",
    "describe",
    "find",
    "is_preset",
    "list_presets",
    "load",
    "read",
    "save",
    "save_model",
    "zoo",
]
