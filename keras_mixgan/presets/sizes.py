"""Checks how much memory networks would take, before they take any."""

import contextlib
import json
import math
from collections.abc import Callable
from collections.abc import Iterator
from collections.abc import Sequence
from concurrent import futures
from typing import Any

import keras

from keras_mixgan.game.components import seeded
from keras_mixgan.presets import allowed
from keras_mixgan.presets import refusals
from keras_mixgan.utils import memory
from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.errors import first_line

_SIDES = ("generator", "discriminator")
_BYTES = 4  # Of a number in single precision.


def check(saved: dict[str, Any], source: str, elements: int | None) -> None:
    """Checks a model's size against this machine and the weights file.

    Networks are built without values: they have shapes, but take no memory.
    `saved` is a model as Keras writes it, with `class_name` and `config`, which
    `allowed.check` has passed: a `MixGAN`, or one network. `elements` counts
    the array elements in the weights file; it is `None` where none is read.
    Where layers of the user's own cannot be built without values, the others
    are counted.
    """
    with refusals.one_line(f"{source} describes {refusals.NOT_BUILT}"):
        networks = [saved]
        if saved["class_name"] == "MixGAN":
            config = saved["config"]
            networks = [n for side in _SIDES for n in config[side]]
            bodies = (config.get(f"{side}_body") for side in _SIDES)
            networks += [body for body in bodies if body is not None]
        # Otherwise Keras would give them values when the next model is built;
        # it forgets them together with their thread.
        with futures.ThreadPoolExecutor(1) as thread, seeded("sizes"):
            counts = thread.submit(_counts, networks).result()
    most = max((most for _, most, _ in counts), default=0)
    _check_memory(most, "an example in one layer", source)
    _check_memory(sum(x for x, _, _ in counts), "weights", source)
    # The user's own layers may save less than they hold.
    weights = sum(x for x, _, own in counts if not own)
    if elements is not None and weights > elements:
        raise UserError(
            f"{source} must describe the networks of its weights file. "
            f"Received: networks of {weights:,} weights, and a file of "
            f"{elements:,}"
        )


def check_made(
    make: Callable[[], Sequence[keras.Model]],
    copies: Sequence[int],
    batch_size: int,
    source: str,
) -> None:
    """Checks new networks against this machine, as `check` does saved ones.

    `make` makes them from layers of this package and Keras's. `copies` says how
    often each network is used.
    """

    def counted():
        with keras.StatelessScope(initialize_variables=False):
            return [_numbers(network) for network in make()]

    try:
        with futures.ThreadPoolExecutor(1) as thread, seeded("sizes"):
            counts = thread.submit(counted).result()
    except UserError:
        raise
    except Exception as error:  # Numbers that no tensor can have.
        raise UserError(
            f"{source} must describe networks that can be built. Received: "
            f"{refusals.NOT_BUILT} ({first_line(error)})"
        ) from error
    pairs = zip(counts, copies, strict=True)
    weights = sum(number * own for (own, _), number in pairs)
    _check_memory(weights, "weights", source)
    most = batch_size * max(most for _, most in counts)
    _check_memory(most, "a batch in one layer", source)


def _counts(networks: list[dict[str, Any]]) -> list[tuple[int, int, bool]]:
    """As `_numbers`, and whether a network has layers of the user's own."""
    known: dict[str, tuple[int, int, bool]] = {}
    counts = []
    for network in map(_uncompiled, networks):
        # As a rule, the components of a side differ only in their names.
        nameless = {**network, "config": {**network["config"], "name": None}}
        key = json.dumps(nameless)
        if key not in known:
            own = allowed.check(network, "a network")
            known[key] = (*_count(network, own), own)
        counts.append(known[key])
    return counts


def _count(network: dict[str, Any], own: bool) -> tuple[int, int]:
    try:
        return _numbers(_built(network))
    except Exception:
        if not own:
            raise
    # The user's own layers may need values: all around them is counted.
    weights, most = 0, 0
    for part in _parts_of_others(network):
        with contextlib.suppress(Exception):
            more, size = _numbers(_built(part))
            weights, most = weights + more, max(most, size)
    return weights, most


def _built(config: dict[str, Any]) -> Any:
    # A copy, since Keras changes its argument.
    with keras.StatelessScope(initialize_variables=False):
        return keras.saving.deserialize_keras_object(_uncompiled(config))


def _parts_of_others(config: Any) -> Iterator[dict[str, Any]]:
    """The largest layers in a configuration that name no class of the user's.

    Its depth has been checked.
    """
    if isinstance(config, dict):
        if "class_name" in config and not allowed.check(config, "a layer"):
            yield config
            return
        config = list(config.values())
    for inner in config if isinstance(config, list) else ():
        yield from _parts_of_others(inner)


def _numbers(built: Any) -> tuple[int, int]:
    """Weights of a network, and numbers per example in its largest layer."""
    if not isinstance(built, keras.Layer):
        return 0, 0
    weights = sum(math.prod(v.shape) for v in built.weights)
    outputs = [
        keras.tree.flatten(node.outputs)
        for layer in built._flatten_layers()
        # Operations such as `ops.repeat` are no layers.
        for operation in (layer, *getattr(layer, "operations", ()))
        for node in operation._inbound_nodes
    ]
    shapes = [tensor.shape[1:] for tensors in outputs for tensor in tensors]
    return weights, max(
        (math.prod(side or 1 for side in shape) for shape in shapes), default=0
    )


def _uncompiled(config: Any) -> Any:
    """A copy without metrics, which fail."""
    if isinstance(config, dict):
        return {
            key: _uncompiled(value)
            for key, value in config.items()
            if key != "compile_config"
        }
    if isinstance(config, list):
        return [_uncompiled(value) for value in config]
    return config


def _check_memory(numbers: int, what: str, source: str) -> None:
    most = memory.limit()
    if most is not None and numbers * _BYTES > most:
        raise UserError(
            f"{source} must describe networks that fit into this machine's "
            f"memory, {most / 2**30:.0f} GiB. Received: {numbers:,} numbers "
            f"of {what}"
        )
