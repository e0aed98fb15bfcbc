"""The table of `--dry_run`: what goes on which device."""

import math
from collections.abc import Sequence

from keras_mixgan.utils import tables


def _places(ensemble) -> list[int]:
    """The component with which each part of a side is placed.

    A shared body lies with the first.
    """
    count = len(ensemble.networks)
    return [i % count for i in range(len(ensemble.parts))]


def table(
    model, name: str | None, devices: Sequence[str], batch_size: int
) -> str:
    """A table with a line for each device, of all hosts.

    `name` is a strategy's; `None` for one device. `batch_size` is global.
    """
    count, divided = len(devices), name == "component_parallel"
    rows = [("device", "generators", "discriminators", "parameters", "images")]
    for d, device in enumerate(devices):
        sides = [
            {i: n for i, n in enumerate(side) if not divided or i % count == d}
            for side in (model.generators, model.discriminators)
        ]
        parameters = sum(
            math.prod(variable.shape)
            for ensemble in (
                model.generator_ensemble, model.discriminator_ensemble,
            )
            for part, place in zip(
                ensemble.parts, _places(ensemble), strict=True
            )
            if not divided or place % count == d
            for variable in part.trainable_variables
        )  # fmt: skip
        images = batch_size if divided else batch_size // count
        numbers = (",".join(map(str, side)) or "-" for side in sides)
        rows.append((device, *numbers, f"{parameters:,}", str(images)))
    return tables.aligned(rows, others=str.ljust)
