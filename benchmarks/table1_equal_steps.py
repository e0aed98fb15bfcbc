"""A run of equal seconds that goes on to as many steps as the pair took."""

import datetime
import pathlib
from typing import Any

from keras_mixgan.cli import models
from keras_mixgan.cli import options
from keras_mixgan.cli import race
from keras_mixgan.cli import race_child
from keras_mixgan.cli import settings
from keras_mixgan.cli.race_marks import Stopwatch
from keras_mixgan.data import sources
from keras_mixgan.presets import hashes
from keras_mixgan.training.callbacks import is_finite
from keras_mixgan.training.divergence import NonFiniteError
from keras_mixgan.utils import atomic
from keras_mixgan.utils import json_files


def go_on(
    first: dict[str, Any],
    steps: int,
    out: pathlib.Path,
    data_dir: str | None = None,
) -> dict[str, Any]:
    """Trains the model of a race's result up to `steps`; returns its result.

    Both are one run: it goes on with the optimizers' state and with the batch
    that would have come next, and ends as if it had never stopped. `first` has
    the path of its model as `model`. The result is written to `out`, the model
    beside it. Where `out` is there, nothing is trained; it must be of the same
    model and steps.
    """
    path = out.with_suffix(".keras")
    asked = {"sha256": hashes.sha256(first["model"]), "steps": steps}
    if out.exists():
        if json_files.read(out, race.FORMAT).get("from") != asked:
            raise SystemExit(f"{out} is of another run: move it away.")
    else:
        out.parent.mkdir(parents=True, exist_ok=True)
        model = models.load_model(first["model"])
        row, diverged = _train(model, first, steps, data_dir)
        if diverged is None:
            with atomic.replacing(path) as partial:
                model.save(partial)
        result = {
            **{k: v for k, v in first.items() if k != "model"},
            "from": asked,
            "marks": [row],
            "diverged": diverged,
            "machine": race_child.machine(),
            "versions": settings.versions(),
            "date": datetime.date.today().isoformat(),
        }
        json_files.write(out, result)
    return {**json_files.read(out, race.FORMAT), "model": path}


def _train(model, first, steps, data_dir):
    """Trains up to `steps`; returns the mark, and why it diverged, if so."""
    chosen = settings.resolve({**first["given"], "seed": first["seed"]})
    source = sources.load_source(
        data_dir=data_dir, **options.values(chosen, "data")
    )
    chosen = chosen.for_source(source)
    watch = Stopwatch()
    before = first["marks"][-1]
    watch.add(before["wall_seconds"], before["processor_seconds"])

    def train(count: int) -> None:
        stream = models.stream(model, source, chosen)
        model.fit(stream, steps_per_epoch=count, verbose=0)

    diverged = None
    if model.step >= steps:
        return before, diverged
    try:
        # As in a race, the step that builds the graph is not counted.
        train(1)
        watch.start()
        if model.step < steps:
            train(steps - model.step)
        watch.stop()
        if not is_finite(model):
            diverged = f"A weight became NaN or infinite by step {steps}."
    except NonFiniteError as error:
        diverged = str(error)
    row = {f"{x}_seconds": watch.seconds(x) for x in ("wall", "processor")}
    return {**row, "steps": model.step}, diverged
