"""From what a user names to the SavedModel that is served."""

import os
import pathlib
import re

from keras_mixgan.serving.served_model import ServedModel

_PB = "saved_model.pb"
# What TensorFlow Serving's addresses allow.
_NAME = re.compile(r"[^/:\s?#%]+")


def load(
    texts: list[str], scratch: str | os.PathLike[str]
) -> dict[str, ServedModel]:
    """Loads all models that are to be served.

    Args:
        texts: For each model a SavedModel's folder, a folder of numbered
            versions, a `.keras` file or a preset; `NAME=` before it chooses
            the name, which otherwise is that of the folder or file.
        scratch: Folder for what has to be exported first. It is not needed
            any more when this returns.

    Returns:
        The models by name.

    Raises:
        ValueError: One of them is no model, or two have the same name.
        OSError: One of them cannot be read.
    """
    models: dict[str, ServedModel] = {}
    for number, text in enumerate(texts):
        name, source = _split(text)
        if name in models:
            raise ValueError(
                "`model` must name each model once. Received: two with the "
                f"name {name}. Choose names: --model=a=PATH,b=PATH"
            )
        folder = _find(source)
        if folder is None:
            folder = _export(source, pathlib.Path(scratch) / str(number) / "1")
        models[name] = ServedModel(name, _version(folder), folder)
    return models


def _split(text: str) -> tuple[str, str]:
    """The name, and where the model lies."""
    name, equals, source = text.partition("=")
    if not equals or pathlib.Path(text).exists():
        name, source = _default_name(text), text
    if not _NAME.fullmatch(name) or not source:
        raise ValueError(
            "`model` must be PATH or NAME=PATH, and a name must have no "
            f"blank and none of / : ? # %. Received: model={text}"
        )
    return name, source


def _default_name(source: str) -> str:
    path = pathlib.Path(os.path.abspath(source))
    # exported/1 is version 1 of `exported`; runs/digits/model.keras says more
    # by its folder's name.
    if path.name.isdecimal() or path.name == "model.keras":
        path = path.parent
    name = path.name.removesuffix(".keras")
    return re.sub(r"[/:\s?#%]+", "_", name)


def _find(source: str) -> pathlib.Path | None:
    """The folder of the newest SavedModel there; `None` where is none."""
    folder = pathlib.Path(source)
    if (folder / _PB).exists():
        return folder
    if not folder.is_dir():
        return None
    versions = [
        path
        for path in folder.iterdir()
        if path.name.isdecimal() and (path / _PB).exists()
    ]
    return max(versions, key=lambda path: int(path.name), default=None)


def _version(folder: pathlib.Path) -> int:
    name = folder.resolve().name
    return int(name) if name.isdecimal() else 1


def _export(source: str, folder: pathlib.Path) -> pathlib.Path:
    from keras_mixgan.cli import models

    folder.parent.mkdir(parents=True)
    models.load_model(source).export_sampler(folder)
    return folder
