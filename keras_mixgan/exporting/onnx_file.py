"""A mixture's sampler as one ONNX file, written by Keras's exporter."""

import importlib.util
import json
import os
import pathlib
import types
import warnings

import keras
import tensorflow as tf

from keras_mixgan.exporting import metadata
from keras_mixgan.exporting import pixels
from keras_mixgan.exporting import routing
from keras_mixgan.game import mixtures
from keras_mixgan.utils import atomic
from keras_mixgan.utils.errors import MissingPackageError
from keras_mixgan.utils.errors import UserError

PACKAGES = ("onnx", "tf2onnx")
# Metadata key for the content of a SavedModel's `sampler.json`.
METADATA_KEY = "sampler"


def write(model, path: str | os.PathLike[str], uint8: bool = False) -> None:
    """Writes the generators that sample, and the weights, to one new file.

    Its inputs are `latents`, `component_uniform` and, where the networks
    take them, `labels`; its output is `images`. ONNX has no assertions: only an
    embedding refuses a label of no class. With `uint8`, images are uint8 in
    [0, 255]. Generators must compute in float32.
    """
    path = pathlib.Path(path).expanduser()
    _check(model, path)
    import onnx

    sampler = _Sampler(model, uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic.replacing(path) as partial:
        with warnings.catch_warnings():
            # Keras looks up `np.object`, which old versions of tf2onnx need.
            warnings.simplefilter("ignore", FutureWarning)
            sampler.export(
                partial,
                format="onnx",
                verbose=False,
                input_signature=[sampler.specs],
            )
        written = onnx.load(partial)
        entry = written.metadata_props.add()
        entry.key = METADATA_KEY
        entry.value = json.dumps(metadata.describe(model, uint8))
        onnx.save(written, partial)


def _check(model, path: pathlib.Path) -> None:
    missing = [
        name for name in PACKAGES if importlib.util.find_spec(name) is None
    ]
    if missing:
        raise MissingPackageError(
            f'`format` "onnx" needs {" and ".join(missing)}, which '
            "pip install 'keras-mixgan[onnx]' installs."
        )
    if path.suffix != ".onnx":
        raise UserError(
            "`path` must end in .onnx, as `format` is onnx. Received: "
            f"path={path}"
        )
    atomic.check_new(path, "path")
    halves = {
        layer.compute_dtype
        for generator in model.sampling_generators
        for layer in generator._flatten_layers()
    } & {"bfloat16", "float16"}
    if halves:
        raise UserError(
            '`format` "onnx" needs generators that compute in float32; for '
            "others export a SavedModel. Received: layers that compute in "
            f"{', '.join(sorted(halves))}"
        )


class _Sampler(keras.Model):
    """The function of `serving_default`, as a model for Keras's exporter."""

    def __init__(self, model, uint8: bool):
        super().__init__(name=model.name)
        self.generators = model.sampling_generators
        # The part of the model that `run_mixed` reads.
        self.source = types.SimpleNamespace(
            sampling_generators=model.sampling_generators,
            sampling_shared=model.sampling_shared,
        )
        self.uint8 = uint8
        self.edges = mixtures.inner_edges(model.generator_weights)
        self.specs = [
            tf.TensorSpec((None, model.latent_dim), tf.float32, "latents"),
            tf.TensorSpec((None,), tf.float32, "component_uniform"),
        ]
        if model.conditional:
            self.specs.append(tf.TensorSpec((None,), tf.int32, "labels"))
        self.built = True

    def call(self, inputs):
        latents, uniform, *labels = inputs
        # ONNX would count a negative index from the last class.
        labels = [tf.where(x < 0, tf.int32.max, x) for x in labels]
        images = routing.run_mixed(
            self.source,
            routing.components_of(uniform, self.edges),
            latents,
            labels[0] if labels else None,
            routing.run,
        )
        return {"images": pixels.levels(images) if self.uint8 else images}
