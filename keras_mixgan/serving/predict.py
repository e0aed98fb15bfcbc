"""TensorFlow Serving's `predict`: from a request's bytes to its answer's.

tensorflow.org/tfx/serving/api_rest describes the format (columns). A request
is checked completely before anything is computed.
"""

import base64
from typing import Annotated

import numpy as np
import orjson
import pydantic

from keras_mixgan.serving.models import Sampler
from keras_mixgan.utils.errors import UserError

_MOST_QUOTES = 100  # A request has at most eight names.
_INT32 = 2**31 - 1
# Lists stop at their first error: a million wrong numbers give one message.
_FIRST = pydantic.Field(fail_fast=True)
_Number = Annotated[float, pydantic.Field(allow_inf_nan=False)]
_Uniform = Annotated[float, pydantic.Field(ge=0, le=1)]
_Natural = Annotated[int, pydantic.Field(ge=0, le=_INT32)]
_Latents = Annotated[list[_Number], _FIRST]


class Inputs(pydantic.BaseModel, extra="forbid", strict=True):
    """The inputs of all signatures; each signature takes some of them."""

    latents: Annotated[list[_Latents], _FIRST] | None = None
    component_uniform: Annotated[list[_Uniform], _FIRST] | None = None
    labels: Annotated[list[_Natural], _FIRST] | None = None
    num_images: _Natural | None = None
    seed: Annotated[int, pydantic.Field(ge=-(2**63), lt=2**63)] | None = None
    component: Annotated[int, pydantic.Field(ge=-1, le=_INT32)] | None = None


class Request(pydantic.BaseModel, extra="forbid", strict=True):
    """The body of a request."""

    signature_name: str = "serving_default"
    inputs: Inputs


def answer(sampler: Sampler, body: bytes, max_images: int) -> bytes:
    """Answers one request: JSON of a `Request` to JSON, `{"outputs": ...}`.

    A single output has no name. A request may ask for `max_images` images, or
    rows. A wrong one raises a `ValueError`, whose message is for the client.
    """
    request = _parse(body)
    name = request.signature_name
    inputs = request.inputs.model_dump(exclude_none=True)
    specs = sampler.inputs.get(name)
    if specs is None:
        raise UserError(
            f"`signature_name` must be one of {', '.join(sampler.inputs)}. "
            f"Received: signature_name={name[:80]}"
        )
    if inputs.keys() != specs.keys():
        drawn = {"labels", "seed"} <= specs.keys()
        raise UserError(
            f"`inputs` of {name} must be {', '.join(sorted(specs)) or 'empty'}"
            f"{' (an empty list of labels: random ones)' * drawn}"
            f". Received: {', '.join(sorted(inputs)) or 'none'}"
        )
    _check_counts(inputs, sampler.about["latent_dim"], max_images)
    _check_choices(inputs, name, sampler.about)
    arrays = {key: _array(key, x, specs[key]) for key, x in inputs.items()}
    outputs = {k: _writable(x) for k, x in sampler.run(name, arrays).items()}
    if len(outputs) == 1:
        (outputs,) = outputs.values()
    # orjson writes float32 with the fewest digits, and without Python floats.
    return orjson.dumps({"outputs": outputs}, option=orjson.OPT_SERIALIZE_NUMPY)


def _parse(body: bytes) -> Request:
    # pydantic would collect an error for each of a hundred thousand unknown
    # keys, while other clients wait.
    if body.count(b'"') > _MOST_QUOTES:
        raise UserError(f"A request must have at most {_MOST_QUOTES} quotes")
    try:
        return Request.model_validate_json(body)
    except pydantic.ValidationError as error:
        first = error.errors(
            include_url=False, include_context=False, include_input=False
        )[0]
    if first["type"] == "missing" and b'"instances"' in body:
        raise UserError("`inputs` must be given, in columns; not `instances`")
    place = ".".join(str(part)[:40] for part in first["loc"])
    message = first["msg"].replace("Invalid JSON", "JSON Parse error")
    raise UserError(f"`{place}`: {message}" if place else message)


def _check_counts(inputs, latent_dim, max_images) -> None:
    images = inputs.get("num_images")
    rows = {k: len(x) for k, x in inputs.items() if isinstance(x, list)}
    if (most := max((images or 0, *rows.values()))) > max_images:
        raise UserError(
            f"A request may ask for at most {max_images} images, or rows. "
            f"Received: {most}"
        )
    if images is not None and rows.get("labels", 0) > images:
        raise UserError(
            "`labels` must be at most `num_images`; fewer are repeated. "
            f"Received: {rows['labels']} labels, num_images={images}"
        )
    if images is None and len(set(rows.values())) > 1:
        raise UserError(
            f"All inputs must have the same number of rows. Received: {rows}"
        )
    for number, row in enumerate(inputs.get("latents", ())):
        if len(row) != latent_dim:
            raise UserError(
                f"`latents` must have shape (B, {latent_dim}). Received: "
                f"{len(row)} numbers in row {number}"
            )


def _check_choices(inputs, signature, about) -> None:
    # -1 is the mixture, in a signature that can draw from either.
    least = 0 if signature == "sample_component" else -1
    component, last = inputs.get("component", 0), about["num_generators"] - 1
    if not least <= component <= last:
        raise UserError(
            f"`component` must lie in [{least}, {last}]. Received: "
            f"component={component}"
        )
    label = max(inputs.get("labels", ()), default=0)
    if label >= (classes := about.get("num_classes") or _INT32):
        raise UserError(
            f"`labels` must lie in [0, {classes - 1}]. Received: {label}"
        )


def _array(name, value, spec) -> np.ndarray:
    with np.errstate(over="ignore"):  # Overflows are refused below.
        array = np.array(value, spec.dtype.as_numpy_dtype)
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise UserError(f"`{name}` must hold numbers in float32's range")
    if not array.size and spec.shape.rank == 2:  # No rows.
        array = array.reshape(0, spec.shape[1])
    return array


def _writable(array: np.ndarray):
    if array.dtype.kind == "O":  # Bytes, as TensorFlow Serving writes them.
        return [{"b64": base64.b64encode(x).decode()} for x in array.tolist()]
    if not np.isfinite(array).all():
        # orjson would write null. No ValueError: the client did no wrong.
        raise ArithmeticError("The model's images have NaN or infinite pixels")
    return np.ascontiguousarray(array)
