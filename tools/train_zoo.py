"""Trains and scores the models of the zoo; `make_presets.py` packs them.

    python tools/train_zoo.py --groups=mnist
    python tools/train_zoo.py --status

The presets of one data set are the contestants of one race
(`keras_mixgan.cli.race`): every recipe is trained for the same seconds, one
run after the other, over the seeds of its group in `zoo_runs.py`. Then the
models of seed 0, which become presets, are scored at length by `keras-mixgan
evaluate`. After a stop, the same command again goes on with what is missing,
and with an unfinished run from its last mark; `--status` shows what that is.
Leave the machine to it.
"""

import pathlib

import scoring
from absl import app
from absl import flags
from zoo_runs import GROUPS
from zoo_runs import Run

from keras_mixgan.cli import race
from keras_mixgan.metrics import judges
from keras_mixgan.presets import recipes

GROUP_NAMES = flags.DEFINE_multi_enum(
    "groups",
    None,
    [key for key, group in GROUPS.items() if not group.on_gpu],
    "What to train, one data set each.",
)
STATUS = flags.DEFINE_bool("status", False, "Show all runs, train nothing.")
ROOT = flags.DEFINE_string("root", "runs/zoo", "Folder of all runs.")
CLOCK = flags.DEFINE_enum(
    "clock", "wall", race.CLOCKS[:2], "The seconds that count."
)
FACES = flags.DEFINE_string("faces", None, "Folder of CelebA's images.")
CLASSIFIER = flags.DEFINE_string(
    "classifier", None, "As in `keras-mixgan evaluate`."
)
NUM_IMAGES = flags.DEFINE_integer(
    "num_images", 50_000, "Images a row of a preset's scores."
)
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of TFDS.")
MARKS = 10
# For the scores at the marks.
FEWER_IMAGES = 10_000
METRICS = ("inception_score", "fid", "kid")


def train(key: str) -> None:
    """Runs what is missing of one group's race."""
    group = GROUPS[key]
    found = {}
    for name in group.names + group.raced:
        given = {}
        if "source" not in recipes.RECIPES[name]:
            given["source"] = FACES.value
        found[name] = recipes.complete(given, name)
        found[name].pop("seed")  # By the race, like most runs' length.
        if found[name].get("learning_rate_schedule", "constant") == "constant":
            found[name].pop("steps")
    conditions = race.Conditions(
        group.seconds, CLOCK.value, MARKS, FEWER_IMAGES, 2 * FEWER_IMAGES,
        CLASSIFIER.value or race.classifier_of(found),
    )  # fmt: skip
    race.run(
        found, conditions, group.seeds, f"{ROOT.value}/{key}", DATA_DIR.value,
        command=command(key),
        snapshots=group.names[:1], keep=True,
    )  # fmt: skip


def command(key: str) -> str:
    """The command that trains a group, with names in place of paths."""
    words = ["python tools/train_zoo.py", f"--groups={key}"]
    words.append(f"--clock={CLOCK.value}")
    if FACES.value:
        words.append("--faces=FOLDER")
    if CLASSIFIER.value:
        words.append(f"--classifier={pathlib.Path(CLASSIFIER.value).name}")
    return " ".join(words)


def evaluate(name: str) -> None:
    """Scores the model of a preset, unless that is done."""
    run = Run(ROOT.value, name)
    if run.best is None:
        return
    wanted = METRICS
    if run.result["settings"]["conditional"]:
        wanted += ("class_diversity",)
    settings = run.result["settings"]
    shown = [
        f"--source={settings['source'] if not FACES.value else 'FOLDER'}",
        f"--metrics={','.join(wanted)}", f"--num_images={NUM_IMAGES.value}",
    ]  # fmt: skip
    # A card shows names, not places on this machine.
    places = {"--source=FOLDER": f"--source={FACES.value}"}
    judge = CLASSIFIER.value or judges.judge_of(settings["source"])
    if CLASSIFIER.value:
        shown.append(f"--classifier={pathlib.Path(CLASSIFIER.value).name}")
        places[shown[-1]] = f"--classifier={CLASSIFIER.value}"
    words = [places.get(word, word) for word in shown]
    if DATA_DIR.value:
        words.append(f"--data_dir={DATA_DIR.value}")
    scoring.evaluate(run.model, run.scores, words, judge)
    called = ["keras-mixgan evaluate", f"--model={run.model.name}", *shown]
    run.command.write_text(" ".join(called) + "\n")


def show_status() -> None:
    """Prints every run: whether it is done, and how well it did."""
    for key, group in GROUPS.items():
        for seed in range(group.seeds):
            for name in group.names + group.raced:
                run = Run(ROOT.value, name, seed)
                line = "to do"
                if best := run.best:
                    line = (
                        f"{best['steps']:,} steps, score {best['score']:.3f}, "
                        f"distance {best['distance']:.3f}"
                    )
                    if run.report:
                        line += ", scored"
                elif so_far := run.unfinished:
                    marks = len(so_far["marks"])
                    line = f"stopped after mark {marks} of {MARKS}"
                print(f"{key}: {name}, seed {seed}, {group.seconds} s: {line}")


def main(arguments):
    """Trains and scores."""
    if arguments[1:]:
        raise app.UsageError(f"Unknown argument: {arguments[1]}")
    if STATUS.value:
        show_status()
        return
    if not GROUP_NAMES.value:
        raise app.UsageError(f"--groups must be given: {', '.join(GROUPS)}")
    if FACES.value and GROUP_NAMES.value != ["faces"]:
        raise app.UsageError("--faces is for the group faces alone")
    for key in GROUP_NAMES.value:
        train(key)
        for name in GROUPS[key].names:
            evaluate(name)


if __name__ == "__main__":
    app.run(main)
