"""A folder with a page that draws images in the browser, with ONNX."""

import os
import pathlib
import re
import shutil
from collections.abc import Mapping

from keras_mixgan.exporting import metadata
from keras_mixgan.exporting import onnx_file
from keras_mixgan.exporting import web_runtime
from keras_mixgan.game import mixtures
from keras_mixgan.utils import atomic
from keras_mixgan.utils import json_files
from keras_mixgan.utils.errors import UserError

_PAGE = pathlib.Path(__file__).parents[1] / "page"
_COPIED = (
    "draws.js",
    "favicon.svg",
    "gallery.css",
    "gallery.js",
    "in_browser.js",
    "onnxruntime-web.LICENSE.txt",
)
# Removed from the page: only a server has it.
_OF_SERVERS = '<p>All addresses: <a href="/openapi.json">openapi.json</a></p>'
# The page may load only the files beside it.
_POLICY = (
    '<meta http-equiv="Content-Security-Policy" content="default-src '
    "'self'; script-src 'self' 'wasm-unsafe-eval'; img-src 'self' data:\">"
)


def write(model, path: str | os.PathLike[str], uint8: bool = False) -> None:
    """Writes the page of one mixture, as `write_page` does.

    `uint8` must be False: the page always draws 8-bit images.
    """
    if uint8:
        raise UserError(
            '`uint8` must be False where `format` is "web": the page always '
            "draws 8-bit images. Received: uint8=True"
        )
    write_page({model.name: model}, path)


def write_page(models: Mapping, path: str | os.PathLike[str]) -> None:
    """Writes `index.html`, one ONNX file per mixture, and the page's files.

    Any file server can serve it, such as `python -m http.server`. The list
    `class_names` of a model, in `models.json`, may be changed.

    Args:
        models: `MixGAN`s by the name that the page shows: letters, digits,
            `_`, `-` and `.`.
        path: A new or empty folder.

    Raises:
        ImportError: A required package is missing.
        ValueError: A mixture makes no images that can be PNG files, or its
            generators do not compute in float32; or a name is not as
            described.
        FileExistsError: `path` exists, and is not an empty folder.
        OSError: It could not be written.
    """
    for name, model in models.items():
        _check(name, model)
    with atomic.new_folder(path) as folder:
        web_runtime.copy_to(folder)  # First: it may be missing.
        about = []
        for name, model in models.items():
            onnx_file.write(model, folder / f"{name}.onnx", uint8=True)
            about.append(_describe(name, model))
        content = {"format": metadata.FORMAT, "models": about}
        json_files.write(folder / "models.json", content)
        (folder / "index.html").write_text(_index(), encoding="utf-8")
        for name in _COPIED:
            shutil.copyfile(_PAGE / name, folder / name)


def _check(name: str, model) -> None:
    if not re.fullmatch(r"\w[\w.-]*", name, re.ASCII):
        raise UserError(
            "A model's name must be made of letters, digits, _, - and ., and "
            f"begin with a letter, a digit or _. Received: {name!r}"
        )
    if model.conditional and model.num_classes is None:
        raise UserError(
            '`format` "web" needs a mixture whose number of classes is known, '
            f"so that its page can draw each. Received: {name}, which takes "
            "labels without `num_classes`"
        )
    # A browser's canvas would round colours by their alpha.
    shape = model.image_shape
    if len(shape) != 3 or shape[-1] not in (1, 3):
        raise UserError(
            '`format` "web" needs a mixture that makes images of 1 or 3 '
            f"channels. Received: {name}, of shape {shape}"
        )


def _describe(name: str, model) -> dict:
    edges = mixtures.inner_edges(model.generator_weights)
    return {
        **metadata.describe(model, uint8=True),
        "name": name,
        "file": f"{name}.onnx",
        "edges": edges.tolist(),
    }


def _index() -> str:
    """The gallery's page, changed to compute images in the browser."""
    text = (_PAGE / "gallery.html").read_text(encoding="utf-8")
    text = text.replace('"/gallery/', '"')
    text = text.replace("over_http.js", "in_browser.js")
    text = text.replace(_OF_SERVERS, "")
    return text.replace("<title>", f"{_POLICY}\n  <title>")
