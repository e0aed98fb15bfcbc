"""Which inputs are refused, before they meet those of other clients."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_mixgan.serving.errors import bad_request
from keras_mixgan.serving.signatures import Signature

# Inputs of an exported sampler that count images, one value a request.
_COUNT = "num_images"


def check_inputs(
    inputs: Mapping[str, np.ndarray],
    signature: Signature,
    sampler: Mapping[str, Any] | None,
    max_images: int,
) -> int | None:
    """Checks one request's inputs.

    Args:
        inputs: Arrays of the signature's dtypes and shapes.
        signature: Whose inputs they are.
        sampler: What an exported sampler says of itself; `None` for any other
            SavedModel.
        max_images: Most rows, or images.

    Returns:
        The number of rows of a row-wise signature, else `None`.

    Raises:
        RequestError: An input is not finite or out of its range, there are
            too many rows or images, or inputs differ in their rows.
    """
    for name, array in inputs.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise bad_request(
                f"Input {name} must be finite. Received: NaN, infinity or a "
                f"number that {array.dtype} does not hold"
            )
    rows = _rows(inputs, max_images) if signature.row_wise else None
    if sampler is not None:
        _check_sampler(inputs, signature.name, sampler, max_images)
    return rows


def _rows(inputs, max_images) -> int:
    counts = {name: len(array) for name, array in inputs.items()}
    rows = next(iter(counts.values()))
    if set(counts.values()) != {rows}:
        raise bad_request(
            "All inputs must have the same number of rows. Received: "
            + ", ".join(f"{name} {count}" for name, count in counts.items())
        )
    if rows > max_images:
        raise bad_request(
            f"A request may have at most {max_images} rows. Received: {rows}"
        )
    return rows


def _check_sampler(inputs, signature, sampler, max_images) -> None:
    if _COUNT in inputs:
        _check_range(inputs, _COUNT, 0, max_images)
    if "component" in inputs:
        # -1 stands for the mixture where the signature has no other way.
        least = 0 if signature == "sample_component" else -1
        _check_range(inputs, "component", least, sampler["num_generators"] - 1)
    classes = sampler.get("num_classes")
    if "labels" in inputs:
        last = np.inf if classes is None else classes - 1
        _check_range(inputs, "labels", 0, last)
        _check_label_count(inputs)
    uniform = inputs.get("component_uniform")
    if uniform is not None and uniform.size:
        low, high = uniform.min(), uniform.max()
        # Rounding a number under one to float32 may give one.
        if low < 0 or high > 1:
            raise bad_request(
                "Input component_uniform must lie in [0, 1). Received: values "
                f"from {low} to {high}"
            )


def _check_range(inputs, name, least, last) -> None:
    array = inputs[name]
    if array.size and not (least <= array.min() and array.max() <= last):
        value = array.min() if array.min() < least else array.max()
        raise bad_request(
            f"Input {name} must lie in [{least}, {last}]. Received: {value}"
        )


def _check_label_count(inputs) -> None:
    if _COUNT not in inputs:
        return
    labels, images = len(inputs["labels"]), int(inputs[_COUNT])
    if labels > images:
        raise bad_request(
            f"Input labels must hold at most num_images={images} labels; "
            f"fewer are repeated in order. Received: {labels} labels"
        )
