"""One SavedModel in memory, ready to be called."""

import json
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_mixgan.serving.signatures import Signature
from keras_mixgan.serving.signatures import read_signatures

_SAMPLER = pathlib.PurePath("assets.extra", "sampler.json")


class ServedModel:
    """A SavedModel under the name and version that requests give.

    Args:
        name: Its name.
        version: Its version.
        folder: The folder of its `saved_model.pb`. It is not read again once
            the model has been made.

    Raises:
        ValueError: The folder holds no SavedModel that can be loaded.

    Attributes:
        name: Its name.
        version: Its version.
        signatures: Its signatures by name.
        sampler: What an exported sampler says of itself, `None` for any
            other SavedModel.
    """

    def __init__(self, name: str, version: int, folder: str | os.PathLike[str]):
        import tensorflow as tf

        self.name = name
        self.version = version
        folder = pathlib.Path(folder)
        self.signatures: Mapping[str, Signature] = read_signatures(folder)
        self.sampler = _read_sampler(folder)
        try:
            self._loaded = tf.saved_model.load(str(folder))
        except Exception as error:
            first = (str(error).strip().splitlines() or [""])[0]
            raise ValueError(
                f"`model` must be a whole SavedModel. Received: {folder}, "
                f"which could not be loaded ({type(error).__name__}: {first})"
            ) from error

    def run(
        self, signature: str, inputs: Mapping[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        """Calls a signature.

        Args:
            signature: Its name.
            inputs: Arrays by name, of its dtypes and shapes.

        Returns:
            Its outputs by name.

        Raises:
            ValueError: The graph itself refuses the inputs.
        """
        import tensorflow as tf

        tensors = {name: tf.constant(array) for name, array in inputs.items()}
        try:
            outputs = self._loaded.signatures[signature](**tensors)
        except tf.errors.InvalidArgumentError as error:
            raise ValueError(_reason(error.message)) from error
        return {name: tensor.numpy() for name, tensor in outputs.items()}


def _reason(message: str) -> str:
    """TensorFlow's reason, without the nodes and calls it writes around."""
    before = message.partition("[[{{node")[0]
    return before.rpartition("<stack traces unavailable>")[2].strip()


def _read_sampler(folder: pathlib.Path) -> dict[str, Any] | None:
    path = folder / _SAMPLER
    if not path.exists():
        return None
    try:
        sampler = json.loads(path.read_text("utf-8"))
        generators = sampler["num_generators"]
        if len(sampler["generator_weights"]) != generators:
            raise ValueError("it has not one weight a generator")
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"`model` must be whole. Received: {path}, which is damaged "
            f"({type(error).__name__}: {error})"
        ) from error
    return sampler
