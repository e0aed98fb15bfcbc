"""What goes where, said before anything runs: `--dry_run`."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np

from keras_mixgan.game import mixtures


@dataclasses.dataclass(frozen=True)
class Load:
    """What one device has to do.

    Attributes:
        device: Its name.
        replica: Number of its replica; `None` where there is one for all.
        generators: Numbers of the generators on it.
        discriminators: Numbers of the discriminators on it.
        parameters: Trained numbers on it.
        state_bytes: Of networks, averages, optimizer state and gradients.
        activation_bytes: Of what a step keeps for its backward pass, about.
        batch: Real images of a global batch that come to it.
    """

    device: str
    replica: int | None
    generators: tuple[int, ...]
    discriminators: tuple[int, ...]
    parameters: int
    state_bytes: int
    activation_bytes: int
    batch: int


def plan(
    model, name: str | None, devices: Sequence[str], batch_size: int
) -> list[Load]:
    """Says what each device will have to do.

    Args:
        model: A compiled `MixGAN`, wherever it was made.
        name: A strategy's name; `None` for one device.
        devices: All devices, of all hosts.
        batch_size: Images of a global batch.

    Returns:
        A `Load` a device.
    """
    sides = (model.num_generators, model.num_discriminators)
    if name != "component_parallel":
        everything = tuple(map(tuple, map(range, sides)))
        count = len(devices)
        return [
            _load(
                model,
                device,
                r if name else None,
                everything,
                -((r - batch_size) // count),
            )
            for r, device in enumerate(devices)
        ]
    return [
        _load(
            model,
            device,
            None,
            tuple(
                tuple(i for i in range(size) if i % len(devices) == d)
                for size in sides
            ),
            batch_size,
        )
        for d, device in enumerate(devices)
    ]


def _load(model, device, replica, components, batch: int) -> Load:
    generators, discriminators = components
    placed = [model.generators[i] for i in generators]
    placed += [model.discriminators[j] for j in discriminators]
    trained = [v for network in placed for v in network.trainable_variables]
    averages = [
        average
        for i, average in enumerate(model.ema_generators)
        if i in generators
    ]
    kept = [v for network in (*placed, *averages) for v in network.variables]
    # Gradients of one side exist at a time; the larger side's count.
    gradients = max(
        _bytes([v for network in side for v in network.trainable_variables])
        for side in (placed[: len(generators)], placed[len(generators) :])
    )
    return Load(
        device=device,
        replica=replica,
        generators=generators,
        discriminators=discriminators,
        parameters=sum(math.prod(v.shape) for v in trained),
        state_bytes=_bytes(kept)
        + round(_bytes(trained) * _slots(model))
        + gradients,
        activation_bytes=_activations(model, components, batch),
        batch=batch,
    )


def _bytes(variables) -> int:
    return sum(4 * math.prod(v.shape) for v in variables)


def _slots(model) -> float:
    """Numbers that the optimizers keep for each trained one."""
    trained = (
        model.generator_ensemble.trainable_variables
        + model.discriminator_ensemble.trainable_variables
    )
    return _bytes(model.optimizer.variables) / _bytes(trained)


def _activations(model, components, batch: int) -> int:
    """Outputs of all layers in the forward pass, for the larger update.

    The discriminators' update keeps their outputs for real images and fakes;
    the generators' keeps their own, and the discriminators' for fakes.
    """
    fakes = _fakes(model, batch)
    generators, discriminators = (
        [networks[i] for i in numbers]
        for networks, numbers in zip(
            (model.generators, model.discriminators), components, strict=True
        )
    )
    scored = sum(map(_output_bytes, discriminators))
    made = sum(
        fakes[i] * _output_bytes(network)
        for i, network in zip(components[0], generators, strict=True)
    )
    return max(scored * (batch + sum(fakes)), scored * sum(fakes) + made)


def _fakes(model, batch: int) -> list[int]:
    """Images of each generator that come with a batch of real ones."""
    if model.objective.payoff_estimate == "full":
        return [batch] * model.num_generators
    return mixtures.stratum_sizes(batch, model.num_generators)


def _output_bytes(network) -> int:
    """Bytes of the outputs of all layers for one image."""
    total = 0
    for layer in network._flatten_layers(include_self=False):
        size = np.dtype("float32").itemsize
        if "16" in layer.compute_dtype:
            size //= 2
        for node in layer._inbound_nodes[:1]:
            total += size * sum(
                math.prod(x.shape[1:]) for x in node.output_tensors
            )
    return total


def text(loads: Sequence[Load], name: str | None, batch_size: int) -> str:
    """A plan for a person, a line a device.

    Args:
        loads: What `plan` returned.
        name: The strategy's name; `None` for one device.
        batch_size: Images of a global batch.

    Returns:
        Several lines.
    """
    replicas = len({load.replica for load in loads})
    lines = [
        f"Strategy {name or 'none'}: {_count(len(loads), 'device')}, "
        f"{_count(replicas, 'replica')}, {batch_size} images a batch.",
    ]
    rows = [
        (
            "device",
            "replica",
            "generators",
            "discriminators",
            "parameters",
            "batch",
            "state",
            "activations",
        )
    ]
    for load in loads:
        idle = not (load.generators or load.discriminators)
        rows.append(
            (
                load.device,
                str(load.replica or 0),
                _numbers(load.generators),
                _numbers(load.discriminators),
                f"{load.parameters:,}",
                "0" if idle else str(load.batch),
                _mebibytes(load.state_bytes),
                _mebibytes(load.activation_bytes),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines += [
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]
    idle = [x.device for x in loads if not (x.generators or x.discriminators)]
    if idle:
        lines.append(
            "Idle, there being fewer components than devices: "
            f"{', '.join(idle)}."
        )
    lines.append(
        "State: networks, averages, optimizer, gradients. Activations: outputs "
        "of all layers\nin a step, an estimate; kernels need working memory "
        "beside them."
    )
    return "\n".join(lines)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + "s" * (number != 1)


def _numbers(numbers: tuple[int, ...]) -> str:
    """Component numbers; "0-9" for long runs."""
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]}-{numbers[-1]}"
    return ",".join(map(str, numbers)) or "-"


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB"
