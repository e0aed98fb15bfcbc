"""`keras-mixgan export`."""

import pathlib
import re
import shlex

from keras_mixgan.cli.commands import shared_flags
from keras_mixgan.cli.commands.flag_groups import Flag
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

DESCRIPTION = """
Writes a sampler of a trained mixture that runs without Keras and this package.
It has the generators and mixture weights, but no discriminators or optimizers.
"""

_OUT = {"saved_model": "exported/1", "onnx": "sampler.onnx", "web": "web"}

GROUPS = {
    "Flags": (
        shared_flags.MODEL,
        Flag(
            "out",
            str,
            "A new or empty folder; with --format=onnx a new file that ends in "
            ".onnx. TensorFlow Serving needs a folder whose name is a number.",
            shown="; ".join(f"{name}: {path}" for name, path in _OUT.items()),
            placeholder="PATH",
        ),
        Flag(
            "format",
            str,
            "saved_model (TensorFlow); onnx, which needs "
            "pip install 'keras-mixgan[onnx]'; or web, a page that draws "
            "images in the browser, which needs the same and, once, npm.",
            "saved_model",
        ),
        Flag(
            "uint8",
            bool,
            "Whether images are integers from 0 to 255, not floats in [-1, 1].",
            default=False,
        ),
    ),
}

EPILOGUE = """
Examples:
  keras-mixgan export --model=runs/digits --out=exported/1
  keras-mixgan export --model=hf://user/faces --out=small/1 --uint8
  keras-mixgan export --model=runs/digits/model.keras --format=onnx
  keras-mixgan export --model=mix_dcgan_mnist --format=web --out=web
  python -m http.server --directory=web
"""


def run(values) -> None:
    """Exports the sampler."""
    shared_flags.check_model(values.model)
    checks.one_of("format", values.format, _OUT)
    out = pathlib.Path(values.out or _OUT[values.format]).expanduser()

    if (values.format == "onnx") != (out.suffix == ".onnx"):
        raise UserError(
            "`out` must end in .onnx if, and only if, `format` is onnx. "
            f"Received: out={out}, format={values.format}"
        )

    from keras_mixgan.utils import atomic

    atomic.check_new(out, "out")

    from keras_mixgan.cli import opening
    from keras_mixgan.serving import models

    model, _ = opening.open_model(values.model)
    # What a page allows in the names of its files.
    name = re.sub(r"[^A-Za-z0-9_.-]+", "_", models.name_of(values.model))
    model.name = name.lstrip("-.") or model.name
    model.export_sampler(out, uint8=values.uint8, format=values.format)
    print(f"Wrote a sampler of {model.num_generators} generators to {out}")
    if values.format == "web":
        folder = shlex.quote(str(out))
        print(f"To look at it: python -m http.server --directory={folder}")
