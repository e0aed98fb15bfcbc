"""What the signatures of a SavedModel take and give."""

import dataclasses
import os
import pathlib
from collections.abc import Mapping
from typing import Any

DEFAULT = "serving_default"


@dataclasses.dataclass(frozen=True)
class Spec:
    """One input or output.

    Attributes:
        name: Its name in requests and answers.
        dtype: TensorFlow's name of its dtype, such as `"float32"`.
        shape: Its shape, -1 for a free dimension; `None` for a free rank.
        proto: TensorFlow Serving's JSON for it.
    """

    name: str
    dtype: str
    shape: tuple[int, ...] | None
    proto: Mapping[str, Any]

    @property
    def has_rows(self) -> bool:
        """Whether its first dimension is free, and so counts rows."""
        return bool(self.shape) and self.shape[0] == -1


@dataclasses.dataclass(frozen=True)
class Signature:
    """One function of a SavedModel.

    Attributes:
        name: Its name.
        inputs: Its inputs by name.
        outputs: Its outputs by name.
        method_name: As TensorFlow Serving tells it.
    """

    name: str
    inputs: Mapping[str, Spec]
    outputs: Mapping[str, Spec]
    method_name: str

    @property
    def row_wise(self) -> bool:
        """Whether all it takes and gives are rows, so that it can be batched.

        Row i of the outputs is then of row i of the inputs.
        """
        specs = [*self.inputs.values(), *self.outputs.values()]
        return bool(self.inputs) and all(spec.has_rows for spec in specs)

    def metadata(self) -> dict[str, Any]:
        """TensorFlow Serving's JSON for it."""
        return {
            "inputs": {name: s.proto for name, s in self.inputs.items()},
            "outputs": {name: s.proto for name, s in self.outputs.items()},
            "method_name": self.method_name,
        }


def read_signatures(
    folder: str | os.PathLike[str],
) -> dict[str, Signature]:
    """Reads what a SavedModel's functions take and give.

    Args:
        folder: The folder of its `saved_model.pb`.

    Returns:
        Its signatures by name, also TensorFlow's own `__saved_model_init_op`.

    Raises:
        ValueError: The file is damaged, or no SavedModel for serving.
    """
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    path = pathlib.Path(folder) / "saved_model.pb"
    saved = saved_model_pb2.SavedModel()
    try:
        saved.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise ValueError(
            f"`model` must be a SavedModel. Received: {path}, which is "
            f"damaged ({error})"
        ) from error
    for graph in saved.meta_graphs:
        if "serve" in graph.meta_info_def.tags:
            return {
                name: _signature(name, proto)
                for name, proto in sorted(graph.signature_def.items())
            }
    raise ValueError(
        "`model` must be a SavedModel with the tag `serve`. Received: "
        f"{path}, which has none"
    )


def _signature(name, proto) -> Signature:
    return Signature(
        name,
        {key: _spec(key, info) for key, info in sorted(proto.inputs.items())},
        {key: _spec(key, info) for key, info in sorted(proto.outputs.items())},
        proto.method_name,
    )


def _spec(name, info) -> Spec:
    import tensorflow as tf
    from tensorflow.core.framework import types_pb2

    shape = info.tensor_shape
    proto = {
        "dtype": types_pb2.DataType.Name(info.dtype),
        "tensor_shape": {
            # Protocol buffers write 64-bit integers as strings in JSON.
            "dim": [
                {"size": str(dim.size), "name": dim.name} for dim in shape.dim
            ],
            "unknown_rank": shape.unknown_rank,
        },
        "name": info.name,
    }
    sizes = None
    if not shape.unknown_rank:
        sizes = tuple(dim.size for dim in shape.dim)
    # The init op's output is no tensor and has no dtype.
    dtype = tf.dtypes.as_dtype(info.dtype).name if info.dtype else "invalid"
    return Spec(name, dtype, sizes, proto)
