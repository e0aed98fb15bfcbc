"""Trains and scores the models of the zoo; `make_presets.py` packs them.

Every run is `keras-mixgan train --recipe=NAME`, every score `keras-mixgan
evaluate`; this script calls them in order, so that it can be stopped and run
again at any time. Run from the root of a checkout:

    python tools/train_zoo.py --names=dcgan_mnist,mix_dcgan_mnist --seeds=0,1,2

To compare a mixture and its single-component twin at equal time, the mixture's
checkpoint is kept from the moment at which it had trained for as long as the
twin did in all. Train the twin first, and under the same load.
"""

import json
import pathlib
import shutil
import subprocess
import sys
import time

from absl import app
from absl import flags
from zoo_runs import COMMAND
from zoo_runs import run_folder
from zoo_runs import seconds_of
from zoo_runs import twin_of

from keras_mixgan.presets import recipes

NAMES = flags.DEFINE_list("names", None, "Recipes to train.", required=True)
SEEDS = flags.DEFINE_list("seeds", ["0"], "Seeds, each a run of its own.")
ROOT = flags.DEFINE_string("root", "runs/zoo", "Folder of all runs.")
FACES = flags.DEFINE_string("faces", None, "Folder of CelebA's images.")
CLASSIFIER = flags.DEFINE_string(
    "classifier", None, "As in `keras-mixgan evaluate`."
)
NUM_IMAGES = flags.DEFINE_integer("num_images", 50_000, "Images a row.")
SPLIT = flags.DEFINE_string(
    "split", None, "Real data to score against, by default those trained on."
)
METRICS = ("inception_score", "fid", "kid")
MODEL = "model.keras"


def train(name: str, seed: str) -> None:
    """Trains one run to its end, and keeps its checkpoint at equal time."""
    run = run_folder(ROOT.value, name, seed)
    if (run / MODEL).exists():
        return
    command = [
        *(sys.executable, "-m", "keras_mixgan", "train"),
        *(f"--recipe={name}", f"--seed={seed}", f"--workdir={run}"),
        *("--checkpoint_seconds=10", "--sample_epochs=1000"),
    ]
    if "source" not in recipes.RECIPES[name]:
        command.append(f"--source={FACES.value}")
    run.mkdir(parents=True, exist_ok=True)
    limit = None
    if twin_of(name):
        limit, _ = seconds_of(run_folder(ROOT.value, twin_of(name), seed))
    with open(run / "train.log", "a") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
        while process.poll() is None:
            time.sleep(1)
            if limit and seconds_of(run)[0] >= limit:
                keep_early(run)
    if process.returncode:
        raise RuntimeError(f"{run}/train.log tells why {command} failed")


def keep_early(run: pathlib.Path) -> None:
    """Keeps a copy of the current checkpoint, once."""
    early = run / "equal_time"
    if early.exists() or not (run / "checkpoint.keras").exists():
        return
    early.mkdir()
    shutil.copyfile(run / "checkpoint.keras", early / MODEL)
    shutil.copyfile(run / "settings.json", early / "settings.json")


def metrics_of(run: pathlib.Path) -> tuple[str, ...]:
    """Metrics of a run: with labels class diversity too."""
    found = json.loads((run / "settings.json").read_text())
    labels = ("class_diversity",) if found["settings"]["conditional"] else ()
    return METRICS + labels


def evaluate(run: pathlib.Path, whole: bool) -> None:
    """Scores a run's model; if `whole`, its generators and real data too."""
    if (run / "scores.json").exists() or not (run / MODEL).exists():
        return
    command = [
        *(sys.executable, "-m", "keras_mixgan", "evaluate"),
        f"--model={run / MODEL}",
        f"--metrics={','.join(metrics_of(run))}",
        f"--num_images={NUM_IMAGES.value}",
    ]
    if CLASSIFIER.value:
        command.append(f"--classifier={CLASSIFIER.value}")
    if SPLIT.value:
        command.append(f"--split={SPLIT.value}")
    if not whole:
        command += ["--nocomponents", "--noreal"]
    elif not twin_of(run.parent.name):
        command.append("--nocomponents")
    with open(run / "evaluate.log", "a") as log:
        subprocess.run(command, stdout=log, stderr=log, check=True)
    # For the card, as a user would type it.
    shown = ["keras-mixgan", *command[3:]]
    (run / COMMAND).write_text(" ".join(shown) + "\n")


def main(arguments):
    """Trains and scores."""
    if arguments[1:]:
        raise app.UsageError(f"Unknown argument: {arguments[1]}")
    for seed in SEEDS.value:
        for name in NAMES.value:
            train(name, seed)
            run = run_folder(ROOT.value, name, seed)
            evaluate(run, whole=seed == SEEDS.value[0])
            if seed == SEEDS.value[0]:
                evaluate(run / "equal_time", whole=False)
            print(f"{run}: done", flush=True)


if __name__ == "__main__":
    app.run(main)
