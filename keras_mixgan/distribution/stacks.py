"""The state of a mixture whose components are stacked over devices (JAX).

While a step runs, the same variable of all components of a side is one array
(devices * slots, ...), sharded over the mesh axis, see `exchange` for the
order of components. What belongs to no component is the same on all devices.
Between calls of `fit` each component's variables are Keras's again.
"""

import keras
import numpy as np

from keras_mixgan.distribution.component_sharding import AXIS
from keras_mixgan.distribution.component_sharding import ComponentSharding


class Stacks:
    """Which variables are stacked; to stacks and back.

    Args:
        model: A compiled `MixGAN`.
        groups: Its variables, in the groups and the order of Keras's state.
        sharding: The distribution.

    Raises:
        ValueError: Components of a side differ, or an optimizer's state is
            not one variable a weight.
    """

    def __init__(self, model, groups: tuple, sharding: ComponentSharding):
        self._groups = groups
        self._sharding = sharding
        self._mesh = sharding.device_mesh.backend_mesh
        self.rows = []
        for side in ("generator", "discriminator"):
            self.rows += _rows_of_side(model, side)
        stacked = {id(v) for row in self.rows for v in row}
        self.shared = [v for g in groups for v in g if id(v) not in stacked]

    def variables(self) -> list:
        """Those that one device's step runs on: shared ones, then slots."""
        slots = [v for row in self.rows for v in row[: self._slots(row)]]
        return [*self.shared, *slots]

    def values(self, shared: list, stacks: list) -> list:
        """The values of `variables`, of one device's part of the stacks."""
        return [*shared, *(value for stack in stacks for value in stack)]

    def parts(self, values: list) -> tuple[list, list]:
        """Turns `values` back into shared values and parts of the stacks."""
        values = iter(values)
        shared = [next(values) for _ in self.shared]
        stacks = [
            keras.ops.stack([next(values) for _ in range(self._slots(row))])
            for row in self.rows
        ]
        return shared, stacks

    def _slots(self, row: list) -> int:
        return -(-len(row) // self._sharding.num_component_devices)

    def stack(self, state: tuple) -> tuple[list, list]:
        """Lays Keras's state out over the devices.

        Args:
            state: Lists of values, one a group.

        Returns:
            Lists of shared values and of stacks.
        """
        import jax

        spec = jax.sharding.PartitionSpec
        everywhere = jax.sharding.NamedSharding(self._mesh, spec())
        apart = jax.sharding.NamedSharding(self._mesh, spec(AXIS))
        given = {
            id(variable): value
            for variables, values in zip(self._groups, state, strict=True)
            for variable, value in zip(variables, values, strict=True)
        }
        shared = [
            jax.device_put(given[id(variable)], everywhere)
            for variable in self.shared
        ]
        stacks = [
            self._stack([given[id(variable)] for variable in row], apart)
            for row in self.rows
        ]
        return shared, stacks

    def _stack(self, values: list, layout):
        import jax

        devices = self._sharding.num_component_devices
        parts = []
        for first in range(devices):
            chosen = [
                values[(first + slot * devices) % len(values)]
                for slot in range(self._slots(values))
            ]
            for device in self._sharding.devices_of(first):
                part = [jax.device_put(value, device) for value in chosen]
                parts.append(jax.numpy.stack(part))
        shape = (devices * len(parts[0]), *parts[0].shape[1:])
        return jax.make_array_from_single_device_arrays(shape, layout, parts)

    def unstack(self, shared: list, stacks: list) -> tuple:
        """Turns what `stack` made back into Keras's state.

        A component's values stay on its devices.
        """
        values = {
            id(variable): value
            for variable, value in zip(self.shared, shared, strict=True)
        }
        for row, stack in zip(self.rows, stacks, strict=True):
            by_device = {x.device: x.data for x in stack.addressable_shards}
            for i, variable in enumerate(row):
                slot = i // self._sharding.num_component_devices
                device = self._sharding.devices_of(i)[0]
                values[id(variable)] = by_device[device][slot]
        return tuple([values[id(v)] for v in group] for group in self._groups)


def _rows_of_side(model, side: str) -> list[list]:
    """The same variable of all components, for each that they have."""
    networks = getattr(model, f"{side}s")
    _check_one_architecture(networks, side)
    rows = list(zip(*[n.variables for n in networks], strict=True))
    if side == "generator" and model.ema_generators:
        averages = [n.variables for n in model.ema_generators]
        rows += zip(*averages, strict=True)
    optimizer = getattr(model.optimizer, f"{side}_optimizer")
    trained = [n.trainable_variables for n in networks]
    rows += _rows_of_optimizer(optimizer, trained, side)
    return [list(row) for row in rows]


def _rows_of_optimizer(optimizer, trained: list, side: str) -> list[tuple]:
    """The same, of the optimizer's state for the weights.

    Keras's optimizers keep lists of one variable a weight, in the order of
    the weights.
    """
    for option in ("use_ema", "gradient_accumulation_steps", "global_clipnorm"):
        if getattr(optimizer, option, None):
            raise ValueError(
                f"`{side}_optimizer` must not have `{option}` where components "
                "are sharded: it needs all of them at once. Received: "
                f"{option}={getattr(optimizer, option)!r}"
            )
    known = [id(v) for v in optimizer._trainable_variables]
    lists = [
        found
        for name, found in vars(optimizer).items()
        if isinstance(found, list)
        and len(found) == len(known)
        and name not in ("_trainable_variables", "_variables")
    ]
    rows, of_weights = [], set()
    for found in lists:
        slots = dict(zip(known, found, strict=True))
        of_weights |= {id(v) for v in found}
        for weights in zip(*trained, strict=True):
            row = tuple(slots[id(weight)] for weight in weights)
            if isinstance(row[0], keras.Variable):
                rows.append(row)
    for variable in optimizer.variables:
        if id(variable) not in of_weights and variable.shape != ():
            raise ValueError(
                f"`{side}_optimizer` must keep one variable a weight where "
                "components are sharded, as Keras's own do. Received: "
                f"{type(optimizer).__name__} with a variable "
                f"{variable.path!r} of shape {variable.shape}"
            )
    return rows


def _check_one_architecture(networks: list, side: str) -> None:
    first = _architecture(networks[0])
    for i, network in enumerate(networks):
        if _architecture(network) != first:
            raise ValueError(
                f"`{side}` must give networks of one architecture where "
                "components are sharded, as all devices run one program. "
                f"Received: {side} 0 and {side} {i}, which differ"
            )


def _architecture(network):
    """What a network computes, without the names and seeds of its parts."""
    shapes = [(tuple(v.shape), v.dtype, v.trainable) for v in network.variables]
    config = keras.saving.serialize_keras_object(network)
    names = {}
    for layer in network._flatten_layers():
        names.setdefault(layer.name, len(names))
    return shapes, _nameless(config, names)


def _nameless(config, names: dict):
    if isinstance(config, dict):
        return {
            key: _nameless(value, names)
            for key, value in config.items()
            if key not in ("name", "seed", "shared_object_id")
        }
    if isinstance(config, list | tuple):
        return [_nameless(value, names) for value in config]
    if isinstance(config, np.ndarray):
        return config.tolist()
    # In its graph a network's layers go by their names.
    return names.get(config, config) if isinstance(config, str) else config
