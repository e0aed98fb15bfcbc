"""JSON to arrays and back, in TensorFlow Serving's row and column formats.

The formats, with the rules on numbers and bytes, are those of
tensorflow.org/tfx/serving/api_rest and of `json_tensor.cc` there.
"""

import base64
import binascii
import itertools
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_mixgan.serving.errors import bad_request
from keras_mixgan.serving.signatures import Signature
from keras_mixgan.serving.signatures import Spec

# JSON's types as Python's parser gives them, by TensorFlow's dtypes.
_NUMBERS = frozenset({int, float})
_TYPES = {"bool": frozenset({bool}), "string": frozenset({str, dict})}
_WRITTEN = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "true or false",
    type(None): "null",
    int: "an integer",
    float: "a decimal number",
}


def parse(body: bytes) -> dict[str, Any]:
    """Parses a request's body.

    Args:
        body: UTF-8 JSON; `NaN` and `Infinity` are read, as by TensorFlow
            Serving.

    Returns:
        The object.

    Raises:
        RequestError: It is no JSON object.

    Example:
    >>> parse(b'{"inputs": {"seed": 1}}')
    {'inputs': {'seed': 1}}
    """
    if not body:
        raise bad_request("JSON Parse error: The document is empty")
    try:
        value = json.loads(body)
    except RecursionError as error:
        raise bad_request(
            "JSON Parse error: The document is nested too deeply"
        ) from error
    except ValueError as error:  # No JSON, no UTF-8, or endless integers.
        raise bad_request(f"JSON Parse error: {error}") from error
    if not isinstance(value, dict):
        raise bad_request(
            f"The body must be a JSON object. Received: {_kind(value)}"
        )
    return value


def read_inputs(
    request: Mapping[str, Any], signature: Signature
) -> tuple[dict[str, np.ndarray], bool]:
    """Takes a signature's inputs out of a request.

    Args:
        request: A request with `"instances"`, the row format, or `"inputs"`,
            the column format.
        signature: Whose inputs they are.

    Returns:
        Arrays by name, of the signature's dtypes and shapes, and whether they
        came as rows.

    Raises:
        RequestError: They are not the signature's.
    """
    given = [key for key in ("instances", "inputs") if key in request]
    if len(given) != 1:
        raise bad_request(
            "The request must have one of 'instances' (row format) and "
            f"'inputs' (column format). Received: {len(given)} of them"
        )
    if given == ["instances"]:
        columns = _columns_of_rows(request["instances"], signature)
    else:
        columns = _columns(request["inputs"], signature)
    arrays = {
        name: to_array(columns[name], spec)
        for name, spec in signature.inputs.items()
    }
    return arrays, given == ["instances"]


def _columns_of_rows(rows, signature) -> dict[str, list]:
    flat = [name for name, s in signature.inputs.items() if not s.has_rows]
    if flat or not signature.inputs:
        names = dict.fromkeys(signature.inputs, "...")
        example = {"signature_name": signature.name, "inputs": names}
        reason = f"takes {', '.join(flat)} once a request" if flat else ""
        raise bad_request(
            f"The signature {signature.name} {reason or 'takes no inputs'}, "
            "not a value a row, so 'instances' cannot be used. Use the column "
            f"format: {json.dumps(example)}"
        )
    if not isinstance(rows, list) or not rows:
        raise bad_request(
            "'instances' must be a list of at least one row. Received: "
            f"{_kind(rows)}"
        )
    names = set(signature.inputs)
    if len(names) == 1 and not any(_is_object(row) for row in rows):
        return {names.pop(): rows}
    for number, row in enumerate(rows):
        if not _is_object(row) or row.keys() != names:
            keys = sorted(row) if _is_object(row) else _kind(row)
            raise bad_request(
                f"Element {number} of 'instances' must be an object with the "
                f"keys {sorted(names)}. Received: {keys}"
            )
    return {name: [row[name] for row in rows] for name in names}


def _columns(columns, signature) -> dict[str, Any]:
    names = set(signature.inputs)
    if len(names) == 1 and not _is_object(columns):
        return {names.pop(): columns}
    if not _is_object(columns) or columns.keys() != names:
        keys = sorted(columns) if _is_object(columns) else _kind(columns)
        raise bad_request(
            f"'inputs' of the signature {signature.name} must be an object "
            f"with the keys {sorted(names)}. Received: {keys}"
        )
    return columns


def to_array(value: Any, spec: Spec) -> np.ndarray:
    """Makes an array of nested lists, or of one value.

    Args:
        value: As JSON gives it.
        spec: What it has to be.

    Returns:
        Array of the spec's dtype and shape. An empty list stands for no rows.

    Raises:
        RequestError: Lists of different lengths, the wrong type of values, a
            number that the dtype does not hold, or the wrong shape.
    """
    shape, values = _flatten(value, spec)
    if shape == (0,) and spec.has_rows:
        shape = (0, *(max(size, 0) for size in spec.shape[1:]))
    if not _fits(shape, spec.shape):
        raise bad_request(
            f"Input {spec.name} must have shape {_written(spec.shape)}. "
            f"Received: shape {_written(shape)}"
        )
    allowed = _TYPES.get(spec.dtype, _NUMBERS)
    if spec.dtype.startswith(("int", "uint")):
        allowed = frozenset({int})
    wrong = set(map(type, values)) - allowed
    if wrong:
        raise bad_request(
            f"Input {spec.name} must hold values of type {spec.dtype}. "
            f"Received: {' and '.join(sorted(_WRITTEN[t] for t in wrong))}"
        )
    if spec.dtype == "string":
        values = [_to_bytes(item, spec) for item in values]
        array = np.empty(len(values), object)
        array[:] = values
        return array.reshape(shape)
    try:
        # NumPy warns of numbers that become infinite; `checks` refuses these.
        with np.errstate(over="ignore"):
            return np.array(values, spec.dtype).reshape(shape)
    except OverflowError as error:
        raise bad_request(
            f"Input {spec.name} must hold values of type {spec.dtype}. "
            "Received: a number that it does not hold"
        ) from error


def _flatten(value, spec) -> tuple[tuple[int, ...], list]:
    """The shape of nested lists, and their values in one list."""
    shape, values = [], [value]
    while values and any(isinstance(item, list) for item in values):
        lengths = {
            len(item) if isinstance(item, list) else -1 for item in values
        }
        if len(lengths) > 1:
            raise bad_request(
                f"Input {spec.name} must be nested lists of equal lengths. "
                f"Received: unequal ones at depth {len(shape) + 1}"
            )
        shape.append(lengths.pop())
        values = list(itertools.chain.from_iterable(values))
    return tuple(shape), values


def _fits(shape, wanted) -> bool:
    return wanted is None or (
        len(shape) == len(wanted)
        and all(w in (-1, s) for s, w in zip(shape, wanted, strict=True))
    )


def _written(shape) -> str:
    return f"[{','.join('?' if s == -1 else str(s) for s in shape)}]"


def _to_bytes(item, spec) -> bytes:
    if isinstance(item, str):
        return item.encode()
    try:
        (encoded,) = (item[key] for key in ("b64",) if len(item) == 1)
        return base64.b64decode(encoded, validate=True)
    except (KeyError, TypeError, ValueError, binascii.Error) as error:
        raise bad_request(
            f'Input {spec.name} must hold bytes as {{"b64": "..."}}'
        ) from error


def _is_object(value) -> bool:
    """Whether it is an object that does not stand for bytes."""
    return isinstance(value, dict) and set(value) != {"b64"}


def _kind(value) -> str:
    if value == []:
        return "an empty list"
    return _WRITTEN[type(value)]


def to_json(outputs: Mapping[str, np.ndarray], rows: bool) -> bytes:
    """Writes a signature's outputs.

    Args:
        outputs: Arrays by name.
        rows: Whether to write the row format, not the column format.

    Returns:
        The body. A single output stands without its name; strings whose name
        ends in `_bytes`, or that are no UTF-8, are written in base 64.

    Example:
    >>> to_json({"x": np.array([1.5, 2], "float32")}, rows=True)
    b'{"predictions":[1.5,2.0]}'
    >>> to_json({"a": np.array([1]), "b": np.array([2])}, rows=True)
    b'{"predictions":[{"a":1,"b":2}]}'
    >>> to_json({"a": np.array([1]), "b_bytes": np.array([b"c"])}, rows=False)
    b'{"outputs":{"a":[1],"b_bytes":[{"b64":"Yw=="}]}}'
    """
    import orjson

    written = {
        name: _writable(name, np.asarray(array))
        for name, array in outputs.items()
    }
    if len(written) == 1:
        (value,) = written.values()
    elif rows:
        value = [
            dict(zip(written, row, strict=True))
            for row in zip(*written.values(), strict=True)
        ]
    else:
        value = written
    answer = {"predictions" if rows else "outputs": value}
    if any(_has_nonfinite(array) for array in outputs.values()):
        # orjson would write null; Python writes what TensorFlow Serving does.
        return json.dumps(answer, default=lambda x: x.tolist()).encode()
    return orjson.dumps(answer, option=orjson.OPT_SERIALIZE_NUMPY)


def _has_nonfinite(array) -> bool:
    return array.dtype.kind == "f" and not np.isfinite(array).all()


def _writable(name: str, array: np.ndarray) -> Any:
    if array.dtype.kind in "OS":
        return _strings(name, array.tolist())
    return np.ascontiguousarray(array) if array.ndim else array.item()


def _strings(name, value) -> Any:
    if isinstance(value, list):
        return [_strings(name, item) for item in value]
    if not name.endswith("_bytes"):
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    return {"b64": base64.b64encode(value).decode()}
