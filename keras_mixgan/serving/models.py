"""Finds and loads the samplers that a user names."""

import json
import os
import pathlib
import re
from collections.abc import Callable
from typing import Any

from keras_mixgan.exporting import metadata
from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.errors import first_line

_PB = "saved_model.pb"
# Files of presets and runs, which exported samplers have not.
_OF_OTHERS = ("metadata.json", "config.json", "settings.json")
# What TensorFlow Serving's addresses allow.
_NAME = re.compile(r"[^/:\s?#%]+")
_ABOUT = (
    "num_generators", "generator_weights", "latent_dim", "image_shape",
    "conditional", "num_classes", "class_names",
)  # fmt: skip


class Sampler:
    """An exported sampler under the name that requests give.

    `folder` holds its `saved_model.pb`, and is not needed once it is loaded.

    Attributes:
        about: What clients are told about it.
        inputs: TensorFlow's specs of each signature's inputs.
    """

    def __init__(self, name: str, folder: pathlib.Path):
        import tensorflow as tf

        number = folder.resolve().name
        version = number if number.isdecimal() else "1"
        # Samplers of before 2026-11-29 have no names of classes.
        self.about = {"name": name, "version": version, "class_names": None}
        self.about |= _read_about(folder)
        try:
            self._loaded = tf.saved_model.load(str(folder))
        except Exception as error:
            raise UserError(
                f"`model` must be a whole SavedModel. Received: {folder}, "
                f"which could not be loaded ({first_line(error)})"
            ) from error
        self.inputs = {
            key: function.structured_input_signature[1]
            for key, function in self._loaded.signatures.items()
            if not key.startswith("__")
        }
        self.about["signatures"] = {
            k: sorted(v) for k, v in self.inputs.items()
        }

    def run(self, signature: str, inputs: dict) -> dict:
        """Calls a signature with arrays by name, of its dtypes and shapes.

        Returns its outputs by name. Inputs that the graph itself refuses raise
        a `ValueError`.
        """
        import tensorflow as tf

        tensors = {name: tf.constant(array) for name, array in inputs.items()}
        try:
            outputs = self._loaded.signatures[signature](**tensors)
        except tf.errors.InvalidArgumentError as error:
            # Without the node names and stack traces of TensorFlow.
            before = error.message.partition("[[{{node")[0]
            reason = before.rpartition("<stack traces unavailable>")[2]
            raise UserError(reason.strip()) from error
        return {name: tensor.numpy() for name, tensor in outputs.items()}


def load(
    texts: list[str],
    scratch: str | os.PathLike[str],
    load_model: Callable[[str], Any],
) -> dict[str, Sampler]:
    """Loads all models that are to be served, by name.

    A text is the folder of an exported sampler or of numbered versions, a run's
    folder, a `.keras` file or a preset. `NAME=` before it chooses the name,
    which otherwise is that of the folder or file. What has to be exported first
    goes into `scratch`, which is not needed any more when this returns.
    """
    samplers: dict[str, Sampler] = {}
    for number, text in enumerate(texts):
        name, source = _split(text)
        if name in samplers:
            raise UserError(
                "`model` must name each model once. Received: two with the "
                f"name {name}. Choose names: --model=a=PATH,b=PATH"
            )
        folder = _find(pathlib.Path(source))
        if folder is None:
            folder = pathlib.Path(scratch) / str(number) / "1"
            folder.parent.mkdir(parents=True)
            load_model(source).export_sampler(folder)
        samplers[name] = Sampler(name, folder)
    return samplers


def name_of(source: str) -> str:
    """The name of a model: that of its run, preset, file or export."""
    path = pathlib.Path(os.path.abspath(source))
    # exported/1 is version 1 of `exported`; runs/digits/model.keras is best
    # named after its folder.
    if path.name.isdecimal() or path.name == "model.keras":
        path = path.parent
    return re.sub(r"[/:\s?#%]+", "_", path.name.removesuffix(".keras"))


def _split(text: str) -> tuple[str, str]:
    """The name and the path of a model."""
    text = os.path.expanduser(text)
    name, equals, source = text.partition("=")
    if not equals or pathlib.Path(text).exists():
        name, source = name_of(text), text
    if not _NAME.fullmatch(name) or not source:
        raise UserError(
            "`model` must be PATH or NAME=PATH, and a name must have no "
            f"blank and none of / : ? # %. Received: model={text}"
        )
    return name, os.path.expanduser(source)


def _find(path: pathlib.Path) -> pathlib.Path | None:
    """The folder of the newest SavedModel there; `None` if there is none."""
    for part in (path, *path.glob("*"), *path.glob("*/*"), *path.glob("*/*/*")):
        # Reading a FIFO or a device would never end.
        if part.exists() and not (part.is_file() or part.is_dir()):
            raise UserError(
                "`model` must be a folder, a .keras file or a preset. "
                f"Received: {part}, which is no regular file"
            )
    # Loading a preset or a run must not run a program that lies there, too.
    if any((path / name).exists() for name in _OF_OTHERS):
        return None
    if (path / _PB).exists():
        return path
    versions = (part.parent for part in path.glob(f"*/{_PB}"))
    numbered = [part for part in versions if part.name.isdecimal()]
    return max(numbered, key=lambda part: int(part.name), default=None)


def _read_about(folder: pathlib.Path) -> dict[str, Any]:
    path = folder / metadata.PLACE
    if not path.exists():
        raise UserError(
            "`model` must be a sampler that `keras-mixgan export` wrote. "
            f"Received: {folder}, a SavedModel without {metadata.PLACE}"
        )
    try:
        read = json.loads(path.read_text("utf-8"))
        about = {key: read[key] for key in _ABOUT if key in read}
        weights, latent_dim = about["generator_weights"], about["latent_dim"]
        if len(weights) != about["num_generators"] or latent_dim < 1:
            raise UserError("its numbers do not agree")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise UserError(
            f"`model` must be whole. Received: {path}, which is damaged "
            f"({type(error).__name__}: {error})"
        ) from error
    return about
