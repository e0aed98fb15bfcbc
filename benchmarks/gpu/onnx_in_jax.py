"""A classifier from an ONNX file as a JAX function, for scores on a GPU.

The SavedModels that `keras_mixgan.metrics` takes need TensorFlow, which a
machine for JAX may lack. `python -m tf2onnx.convert --saved-model=PATH
--output=FILE.onnx` translates one; this file runs the few kinds of node that
EfficientNet-Lite0 has, and no others. The results are those of TensorFlow
within rounding:

    python benchmarks/gpu/onnx_in_jax.py FILE.onnx PATH
"""

import pathlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
import onnx
from onnx import numpy_helper

from keras_mixgan.metrics.classifiers import Classifier


def classifier(file: str, name: str, sha256: str) -> Classifier:
    """The classifier of an ONNX file with outputs `logits` and `pool_3`.

    `name` and `sha256` are those of the SavedModel that it was made of.
    """
    graph = onnx.load(file).graph
    constants = {
        tensor.name: numpy_helper.to_array(tensor)
        for tensor in graph.initializer
    }
    # Sizes and axes must be known while JAX compiles; weights need not.
    weights = {k: v for k, v in constants.items() if v.dtype == np.float32}

    @jax.jit
    def run(weights, images):
        values = {**constants, **weights, graph.input[0].name: images}
        for node in graph.node:
            given = [values[name] if name else None for name in node.input]
            options = {
                item.name: onnx.helper.get_attribute_value(item)
                for item in node.attribute
            }
            values[node.output[0]] = _NODES[node.op_type](*given, **options)
        return values["logits"], values["pool_3"]

    return Classifier(
        name, sha256, lambda images: run(weights, jnp.asarray(images))
    )


def _conv(x, kernel, bias=None, *, strides, pads, group, **_):
    half = len(pads) // 2
    x = jax.lax.conv_general_dilated(
        x,
        kernel,
        strides,
        list(zip(pads[:half], pads[half:], strict=True)),
        feature_group_count=group,
        # TensorFlow does not round its inputs to fewer bits.
        precision=jax.lax.Precision.HIGHEST,
    )
    return x if bias is None else x + bias[:, None, None]


def _resize(x, _, __, sizes, **options):
    assert options["mode"] == b"linear"
    assert options["coordinate_transformation_mode"] == b"half_pixel"
    return jax.image.resize(x, sizes, "bilinear", antialias=False)


def _matmul(x, y):
    return jnp.matmul(x, y, precision=jax.lax.Precision.HIGHEST)


_NODES = {
    "Add": jnp.add,
    "Clip": jnp.clip,
    "Concat": lambda *x, axis: np.concatenate(x, axis),
    "Conv": _conv,
    "GlobalAveragePool": lambda x: x.mean((2, 3), keepdims=True),
    "MatMul": _matmul,
    "Mul": jnp.multiply,
    "Resize": _resize,
    "Shape": lambda x: np.array(x.shape),
    "Slice": lambda x, start, end: x[int(start[0]) : int(end[0])],
    "Squeeze": lambda x, axes: jnp.squeeze(x, tuple(axes.tolist())),
    "Transpose": lambda x, perm: jnp.transpose(x, perm),
}


def main() -> None:
    """Compares a file with the SavedModel that it was made of."""
    from keras_mixgan.metrics import classifiers

    file, path = sys.argv[1:]
    images = np.random.default_rng(0).uniform(-1, 1, (64, 32, 32, 3))
    images = images.astype("float32")
    saved = classifiers.load(path)
    found = classifier(file, saved.name, saved.sha256)
    print(saved.name, saved.sha256, pathlib.Path(file).name)
    for name, a, b in zip(
        ("logits", "pool_3"),
        saved.logits_and_features(images),
        found.logits_and_features(images),
        strict=True,
    ):
        print(f"{name}: largest {abs(a).max():.3f}, "
              f"difference {abs(a - b).max():.2g}")  # fmt: skip


if __name__ == "__main__":
    main()
