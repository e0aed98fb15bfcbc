r"""One training on a GPU that others share; its step is timed alone.

    KERAS_BACKEND=jax python benchmarks/gpu/train.py OUT/NAME --steps=10000 \
        --settings='{"recipe": "mix_wgan_cifar10", "source": "train.npz"}'

Writes `NAME.json` (seconds of a step, alone; settings; losses) and a model
`NAME@STEPS.keras` per mark. `--like=PATH.json` is the pair's file: there is a
mark, too, after as many seconds as the pair had, by the two steps' times.

Trainings and scores in one folder share a room (`room.py`).

With `--every=SECONDS --until=TIME` there is a mark every so many seconds (of
steps alone), until that time of the clock; models are presets, in folders.
"""

import argparse
import dataclasses
import itertools
import json
import os
import pathlib
import time
from collections.abc import Iterator

os.environ.setdefault("KERAS_BACKEND", "jax")

import jax
import keras
import numpy as np
import room

from keras_mixgan.cli import models
from keras_mixgan.cli import settings as settings_module
from keras_mixgan.data import sources
from keras_mixgan.presets import folders
from keras_mixgan.presets import recipes
from keras_mixgan.training.callbacks import is_finite
from keras_mixgan.training.divergence import NonFiniteError
from keras_mixgan.utils import atomic

PER_CALL = 50
# Seconds to wait for the pair's file.
PATIENCE = 600


def options() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, description=__doc__.split("\n")[0]
    )
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--settings", type=json.loads, default={})
    parser.add_argument("--steps", type=int)
    parser.add_argument("--every", type=float, help="seconds alone, per mark")
    parser.add_argument("--until", type=float, help="of time.time()")
    parser.add_argument("--marks", type=int, default=1)
    parser.add_argument("--like", type=pathlib.Path)
    return parser.parse_args()


def prepare(given: dict):
    """The source, settings and model of a run."""
    recipe = given.pop("recipe", None)
    if recipe is not None:
        given = recipes.complete(given, recipe)
    given.pop("steps", None)
    chosen = settings_module.resolve(given)
    source = sources.load_source(**_data(chosen))
    chosen = chosen.for_source(source)
    model = models.make_model(chosen, source)
    model.steps_per_execution = PER_CALL
    return source, chosen, model


def _data(chosen) -> dict:
    from keras_mixgan.cli import options as cli_options

    return cli_options.values(chosen, "data")


def planned(use, seconds: float) -> Iterator[int]:
    """The steps at which the model is saved, in order."""
    if use.every:
        for mark in itertools.count(1):
            if time.time() > use.until:
                return
            yield PER_CALL * max(
                1, round(mark * use.every / seconds / PER_CALL)
            )
    marks = {use.steps * (i + 1) / use.marks for i in range(use.marks)}
    if use.like is not None:
        end = time.time() + PATIENCE
        while not use.like.exists() and time.time() < end:
            time.sleep(1)
        pair = json.loads(use.like.read_text())["seconds_per_step"]
        if pair is not None:  # It has diverged at once.
            marks.add(use.steps * pair / seconds)
    yield from sorted(
        {PER_CALL * max(1, round(mark / PER_CALL)) for mark in marks}
    )


def save(model, use) -> pathlib.Path:
    """Saves a model, under the number of its steps."""
    path = use.out.with_name(f"{use.out.name}@{model.step}")
    if use.every:
        folders.save(model, path, card="", samples=None, small=True)
        return path
    path = path.with_name(f"{path.name}.keras")
    with atomic.replacing(path) as partial:
        model.save(partial)
    return path


def main() -> None:
    """Trains one model."""
    use = options()
    if (use.every is None) != (use.until is None) or not (
        use.every or use.steps
    ):
        raise SystemExit(
            "error: `--steps`, or both `--every` and `--until`, must be given. "
            f"Received: --steps={use.steps} --every={use.every} "
            f"--until={use.until}"
        )
    use.out.parent.mkdir(parents=True, exist_ok=True)
    source, chosen, model = prepare(use.settings)
    turns = room.Turns(room.Room(use.out.parent / "room"), time.perf_counter)
    record = {
        "settings": dataclasses.asdict(chosen),
        "device": jax.devices()[0].device_kind,
        "versions": {**settings_module.versions(), "jax": jax.__version__},
        "date": time.strftime("%Y-%m-%d"),
        "seconds_per_step": None,
        "diverged": None,
        "models": {},
    }
    began = time.perf_counter()

    def fit(steps: int) -> dict:
        stream = models.stream(model, source, chosen)
        return model.fit(
            stream, steps_per_epoch=steps, callbacks=[turns], verbose=0
        ).history

    def write() -> None:
        with atomic.replacing(use.out.with_suffix(".json")) as partial:
            partial.write_text(json.dumps(record, indent=2) + "\n")

    keras.utils.set_random_seed(chosen.seed)
    try:
        fit(PER_CALL * (room.WARM + room.TIMED))
        record["seconds_per_step"] = turns.seconds
        record["until_timed"] = time.perf_counter() - began
        write()
        for mark in planned(use, turns.seconds):
            logs = fit(mark - model.step) if mark > model.step else {}
            if use.until and time.time() > use.until:
                break  # Nobody will wait for this one.
            if not is_finite(model):
                raise NonFiniteError(f"A weight is not finite at {mark}.")
            path = save(model, use)
            record["models"][path.name] = {
                "steps": model.step,
                "alone_seconds": model.step * turns.seconds,
                "wall_seconds": time.perf_counter() - began,
                "weights": np.asarray(model.generator_weights).tolist(),
                "logs": {k: float(v[-1]) for k, v in logs.items()},
            }
            write()
    except NonFiniteError as error:
        record["diverged"] = str(error)
    write()
    print(use.out.name, record["seconds_per_step"], record["diverged"] or "")


if __name__ == "__main__":
    main()
