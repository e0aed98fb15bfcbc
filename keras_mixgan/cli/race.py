"""A race: contestants trained for the same seconds, one after the other.

A contestant is a list of flags of `keras-mixgan train`. Each pair of
contestant and seed is a run in a process of its own (`race_child`), so that
it starts with a fresh TensorFlow and its processor time is exact. A run that
ends leaves one file in `runs/`. A race that is started again takes the runs
that are there, and goes on with an unfinished one from its last mark.
"""

import dataclasses
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from absl import flags

from keras_mixgan.cli import options
from keras_mixgan.cli import race_results
from keras_mixgan.cli import race_state
from keras_mixgan.cli import settings
from keras_mixgan.cli.commands import flag_groups
from keras_mixgan.cli.commands import train
from keras_mixgan.metrics import bundled
from keras_mixgan.metrics import judges
from keras_mixgan.presets import recipes
from keras_mixgan.utils import checks
from keras_mixgan.utils import json_files
from keras_mixgan.utils import lock
from keras_mixgan.utils.errors import UserError

FORMAT = 1
CLOCKS = ("wall", "processor", "steps")
RUNS = "runs"
# The score is taken over ten splits of the images.
LEAST_IMAGES = 10
# Settings that the data settle. A run ends by the clock: its steps or epochs
# are only the length of a learning-rate schedule.
_SETTLED_LATER = ("steps", "epochs", "conditional")
# All contestants are judged on the same real images.
_OF_THE_DATA = ("source", "split", "image_size", "crop_size")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


@dataclasses.dataclass(frozen=True)
class Conditions:
    """What is the same for all runs of a race.

    Attributes:
        seconds: Seconds of training a run; with the clock `"steps"`, steps.
        clock: `"wall"` or `"processor"`: the seconds that count; or
            `"steps"`.
        marks: Equally spaced moments at which a run is scored.
        num_images: Generated images a score, at least 10.
        num_real: Real images to compare with, at most.
        classifier: As in `metrics.evaluate`.
    """

    seconds: float
    clock: str
    marks: int
    num_images: int
    num_real: int
    classifier: str

    def __post_init__(self):
        checks.one_of("clock", self.clock, CLOCKS)
        checks.number("seconds", self.seconds)
        checks.integer("marks", self.marks)
        checks.integer("num_images", self.num_images, LEAST_IMAGES)
        checks.integer("num_real", self.num_real, LEAST_IMAGES)


def contestants(
    given: Sequence[str], common: str = ""
) -> dict[str, dict[str, Any]]:
    """Reads contestants: texts of the form "name: --flag=value ...".

    Flags in `common` are for all; a contestant's own win. Returns the settings
    that each contestant gives, by its name. Refuses fewer than two contestants,
    two of one name, and data that differ.

    Example:
    >>> contestants(["pair: --num_generators=1", "three:"])["pair"]
    {'num_generators': 1}
    """
    shared = _parse("common", common)
    found: dict[str, dict[str, Any]] = {}
    for text in given:
        name, colon, own = text.partition(":")
        name = name.strip()
        if not colon or not _NAME.fullmatch(name):
            raise UserError(
                '`contestant` must be "name: --flag=value ...", the name of '
                "letters, digits and ._+- without a space. Received: "
                f"contestant={text!r}"
            )
        # Some systems' file names do not tell upper from lower case.
        if name.lower() in map(str.lower, found):
            raise UserError(
                "`contestant` must have a name of its own. Received: "
                f"{name!r} twice"
            )
        own = _parse(f"contestant {name}", own)
        chosen = options.replaced(shared, own)
        if "recipe" in chosen:
            chosen = recipes.complete(chosen, chosen.pop("recipe"))
            chosen.pop("seed", None)
        settings.resolve(chosen)
        found[name] = chosen
    if len(found) < 2:
        raise UserError(
            "`contestant` must be given at least twice: a race needs two. "
            f"Received: {list(found) or 'none'}"
        )
    _check_data(found)
    return found


def classifier_of(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The bundled classifier for the contestants' source; refuses others."""
    source = settings.resolve(next(iter(found.values()))).source
    judge = judges.judge_of(source)
    if judge is None:
        raise UserError(
            "`classifier` must be given for a source other than "
            f"{', '.join(judges.JUDGES)}. Received: source={source!r}"
        )
    return judge


def _parse(where: str, text: str) -> dict[str, Any]:
    """Flags of `keras-mixgan train` that are settings, as settings."""
    names = {o.flag_name: name for name, o in options.SETTINGS.items()}
    names["recipe"] = "recipe"
    del names["seed"]
    groups = {
        title: [flag for flag in group if flag.name in names]
        for title, group in train.GROUPS.items()
    }
    try:
        values = flag_groups.parse(groups, shlex.split(text))
    except (flags.Error, ValueError) as error:
        raise UserError(
            f"{where}: {str(error).rstrip('.')}. It takes the flags of "
            "`keras-mixgan train` that are settings, except --seed."
        ) from error
    given = vars(values).items()
    return {names[flag]: value for flag, value in given if value is not None}


def _check_data(found: Mapping[str, Mapping[str, Any]]) -> None:
    resolved = {name: settings.resolve(given) for name, given in found.items()}
    for field in _OF_THE_DATA:
        values = {name: getattr(s, field) for name, s in resolved.items()}
        if len(set(values.values())) > 1:
            raise UserError(
                f"`{field}` must be the same for all contestants. Received: "
                + ", ".join(f"{k}: {v}" for k, v in values.items())
            )


def run(
    found: Mapping[str, Mapping[str, Any]],
    conditions: Conditions,
    seeds: int,
    workdir: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None = None,
    command: str = "",
    snapshots: Sequence[str] = (),
    keep: bool = False,
) -> list[dict[str, Any]]:
    """Runs a race, or goes on with the one that is in the folder.

    Contestants that do not fit the data, and runs of other settings, finished
    or not, are refused before any training. A run that fails raises an
    `OSError`.

    `found` is what `contestants` returned; each has `seeds` runs, with the
    seeds 0, 1, ... `command` is written beside the table. `snapshots` names
    contestants whose snapshots race as well, as a contestant of their own. With
    `keep`, the model of each run's best mark, the one with the smallest
    distance, stays in a `.keras` file beside its result. Results are as of
    `race_child.run`.
    """
    checks.integer("seeds", seeds)
    for name in snapshots:
        checks.one_of("snapshots", name, found)
    workdir = pathlib.Path(workdir).expanduser()
    tasks = list(_tasks(found, conditions, seeds, workdir, snapshots))
    if keep:
        for task in tasks:
            path = pathlib.Path(task["result"]).with_suffix(".keras")
            task["model"] = str(path)
    _check_workdir(workdir)
    with lock.held(workdir, "workdir"):
        (workdir / RUNS).mkdir(exist_ok=True)
        return _run(tasks, workdir, data_dir, command)


def _check_workdir(workdir: pathlib.Path) -> None:
    """Refuses a folder whose files, which a race has not made, it replaces."""
    if any((workdir / RUNS).glob("*.json")) or race_results.are_in(workdir):
        return
    for name in race_results.OUTPUTS:
        if (workdir / name).exists():
            raise FileExistsError(
                "`workdir` must be the folder of a race, or hold no such "
                f"files. Received: {workdir}, which holds {name} of something "
                "else. Choose another folder, or move that file away"
            )


def _run(tasks, workdir, data_dir, command) -> list[dict[str, Any]]:
    clock = tasks[0]["conditions"]["clock"]
    results = [_finished(task) for task in tasks]
    if None in results:
        started = [task for task in tasks if task["seed"] == 0]
        log = workdir / RUNS / "check.log"
        _child({"check": started, "data_dir": data_dir}, log)
    for i, task in enumerate(tasks):
        if results[i] is not None:
            continue
        label = f"{task['contestant']}, seed {task['seed']}"
        print(f"Run {i + 1} of {len(tasks)}: {label}", flush=True)
        log = pathlib.Path(task["result"]).with_suffix(".log")
        _child({"run": task, "data_dir": data_dir}, log)
        results[i] = _finished(task)
        done = [result for result in results if result is not None]
        done = race_results.with_snapshots(done)
        race_results.write(workdir, done, clock, command)
    results = race_results.with_snapshots(results)
    race_results.write(workdir, results, clock, command)
    return results


def _tasks(found, conditions, seeds, workdir, snapshots) -> Iterator[dict]:
    # Every contestant's first seed comes before any second one.
    for seed in range(seeds):
        for name, given in found.items():
            yield {
                "format": FORMAT,
                "contestant": name,
                "seed": seed,
                "given": dict(given),
                "conditions": {
                    **dataclasses.asdict(conditions),
                    "classifier_sha256": bundled.digest(conditions.classifier),
                },
                "snapshots": name in snapshots,
                "result": str(workdir / RUNS / f"{name}-{seed}.json"),
            }


def _finished(task: Mapping[str, Any]) -> dict[str, Any] | None:
    """The result of a run that has finished, `None` of any other.

    An unfinished one of other settings is refused, as a finished one is.
    """
    path = pathlib.Path(task["result"])
    state = race_state.path_of(path)
    if path.exists():
        result = json_files.read(
            path, FORMAT, "given", "settings", "conditions"
        )
        _check_same(path, result, task)
        race_state.remove(state)
        return result
    if saved := race_state.load(state):
        _check_same(state, saved["result"], task, finished=False)
    return None


def _check_same(path, result, task, finished=True) -> None:
    """Refuses a run of other settings than the task's."""
    chosen = settings.resolve({**task["given"], "seed": task["seed"]})
    # A setting that the run's version did not have was its general default.
    before = {name: o.default for name, o in options.SETTINGS.items()}
    before |= result["settings"] | result["conditions"]
    now = {**dataclasses.asdict(chosen), **task["conditions"]}
    # A run that diverged at once has an empty list of them.
    before["snapshots"] = result.get("snapshots") is not None
    # What a finished run has beyond what is asked for does no harm.
    more = finished and before["snapshots"]
    now["snapshots"] = task["snapshots"] or more
    if not finished:
        before["keep"] = result["kept"] is not None
        now["keep"] = "model" in task
    for name in _SETTLED_LATER:
        before[name] = result["given"].get(name)
        now[name] = task["given"].get(name)
    # As JSON gives it back: a tuple has become a list.
    now = json.loads(json.dumps(now))
    before["backend"], now["backend"] = (
        "jax" if "jax" in versions else "tensorflow"
        for versions in (result["versions"], settings.versions())
    )
    lines = [
        f"{name}: {before[name]} -> {value}"
        for name, value in now.items()
        if name in before and before[name] != value
    ]
    if lines:
        raise UserError(
            f"{path} is a run of other settings (saved -> now): "
            f"{', '.join(lines)}. Give another --workdir, or move that file "
            "away."
        )


def _child(order: Mapping[str, Any], log: pathlib.Path) -> None:
    """Has a process carry out an order, and waits for its end."""
    program = [sys.executable, "-m", "keras_mixgan.cli.race_child"]
    with (
        open(log, "w") as errors,
        subprocess.Popen(
            program, stdin=subprocess.PIPE, stderr=errors, text=True
        ) as child,
    ):
        try:
            child.stdin.write(json.dumps(order, default=str) + "\n")
            child.stdin.flush()
            # The pipe stays open: its end tells the child that we are gone.
            status = child.wait()
        except BaseException:
            child.kill()
            raise
    if status == 0:
        log.unlink()
        return
    _, marker, message = log.read_text().rpartition("\nerror: ")
    if marker:
        log.unlink()
        raise UserError(message.strip())
    raise ChildProcessError(
        f"A process of the race ended with status {status}. Its messages are "
        f"in {log}. The same command again goes on with the race."
    )
