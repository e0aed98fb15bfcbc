"""Packs runs of `train_zoo.py` as the presets of the zoo.

    python tools/make_presets.py --root=runs/zoo

makes `zoo/NAME` of every recipe whose first seed has been trained and scored,
in place of the one that is there. Then it writes the SHA-256 of every file in
the zoo into `keras_mixgan/presets/zoo_hashes.json`; with `--root=` that alone,
for a zoo that was changed by other means.
"""

import datetime
import json
import os
import pathlib
import shutil

from absl import app
from absl import flags
from zoo_card import card
from zoo_runs import COMMAND
from zoo_runs import run_folder
from zoo_runs import seconds_of
from zoo_runs import twin_of

from keras_mixgan import presets
from keras_mixgan.cli.models import load_model
from keras_mixgan.presets import hashes
from keras_mixgan.presets import recipes
from keras_mixgan.utils import plotting

ROOT = flags.DEFINE_string("root", "runs/zoo", "Folder of all runs.")
ZOO = flags.DEFINE_string("zoo", "zoo", "Folder of the zoo.")
SEEDS = range(10)
LOAD = (
    "It ran in one thread, beside other work on the same machine, so the "
    "seconds say little about its speed."
)
DATA = {
    "mnist": {
        "name": "MNIST",
        "citation": "Y. LeCun, C. Cortes, C. Burges: The MNIST database.",
        "license": "Creative Commons Attribution-ShareAlike 3.0.",
        "limits": "It draws digits as Americans wrote them around 1990.",
    },
    "fashion_mnist": {
        "name": "Fashion-MNIST",
        "citation": "H. Xiao, K. Rasul, R. Vollgraf, arXiv:1708.07747.",
        "license": "MIT.",
        "limits": "It draws small gray pictures of ten kinds of clothing.",
    },
    "cifar10": {
        "name": "CIFAR-10",
        "citation": "A. Krizhevsky: Learning Multiple Layers of Features from "
        "Tiny Images, 2009.",
        "license": "The author states none; the images are from the web.",
        "limits": "At this size its images suggest a class; few look like "
        "photographs.",
    },
    "faces": {
        "name": "CelebA",
        "citation": "Z. Liu, P. Luo, X. Wang, X. Tang: Deep Learning Face "
        "Attributes in the Wild, 2015; 10,000 images, the largest centre "
        "square.",
        "license": "For non-commercial research only; that holds for these "
        "weights too. None of its images is included here.",
        "limits": "The faces show nobody, but were learned from celebrities, "
        "with the biases of that choice in age, sex and skin colour. Do not "
        "use them to identify, judge or imitate people.",
    },
}

# What the pictures show and the scores do not.
REMARKS = {
    "mix_dcgan_mnist": "Generator 1 has collapsed to about one image a class; "
    "its mixture weight fell to 0.18, and the regulariser keeps it from zero. "
    "The architecture `dcgan_small_labels` cures that, see BUILD_NOTES.md.",
    "mix_dcgan_fashion_mnist": "The generators have divided shades and shapes "
    "among themselves, and each varies little within a class.",
    "mix_wgan_mnist": "After equal steps the five generators are behind the "
    "single one, and generator 3 draws hardly anything yet. The linear "
    "estimate, by which each sees a fifth of a batch, is not the reason: with "
    "the full estimate three generators were even further behind.",
    "mix_dcgan_celeba_64": "The generators have divided the backgrounds among "
    "themselves: coloured, dark and light.",
    "dcgan_cifar10": "Colours and textures of a class are there, objects are "
    "not yet.",
    "mix_dcgan_cifar10": "The generators have divided the palettes among "
    "themselves. Colours and textures are there, objects are not yet.",
}


def machine() -> str:
    """The machine, in words."""
    lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    model = next(line for line in lines if line.startswith("model name"))
    return f"{os.cpu_count()} cores of an {model.partition(':')[2].strip()}"


def scores_of(run: pathlib.Path) -> dict:
    """The scores that `evaluate` wrote in a run."""
    return json.loads((run / "scores.json").read_text())


def command_of(run: pathlib.Path, source: str) -> str:
    """The command that scored a run, without paths of this machine."""
    words = []
    for word in (run / COMMAND).read_text().split():
        name, equals, value = word.partition("=")
        if name in ("--model", "--classifier"):
            value = pathlib.Path(value).name
        words.append(name + equals + value)
    if source not in DATA:
        words.append("--source=FOLDER")
    return " ".join(words)


def means(run: pathlib.Path) -> dict[str, float]:
    """The mixture's scores of a run, by metric."""
    scores = scores_of(run)["scores"]["mixture"]
    return {key: score["mean"] for key, score in scores.items()}


def about(name: str, root: str) -> dict:
    """What a preset's metadata add to what the model itself says."""
    run = run_folder(root, name, 0)
    found = json.loads((run / "settings.json").read_text())
    settings, report = found["settings"], scores_of(run)
    is_folder = settings["source"] not in DATA
    data = DATA["faces" if is_folder else settings["source"]]
    seconds, _ = seconds_of(run)
    date = datetime.date.fromtimestamp((run / "scores.json").stat().st_mtime)
    return {
        "name": name,
        "recipe": name,
        "settings": settings
        | (
            {"source": pathlib.Path(settings["source"]).name}
            if is_folder
            else {}
        ),
        "data": data,
        "training": {
            "steps": settings["steps"],
            "seconds": seconds,
            "machine": machine(),
            "date": str(date),
            "load": LOAD,
        },
        "versions": found["versions"],
        "evaluation": report
        | {
            "date": str(date),
            "command": command_of(run, settings["source"]),
        },
        "remark": REMARKS.get(name, ""),
        "twins": twins(name, root),
        "comparison": comparison(name, root),
    }


def twins(name: str, root: str) -> dict:
    """Scores of the other presets on the same data, with the same recipe."""
    found = {}
    for other in (twin_of(name), f"dcgan_5x_{name.removeprefix('mix_dcgan_')}"):
        run = run_folder(root, other or "", 0)
        if other and name.startswith("mix_") and (run / "scores.json").exists():
            found[other] = scores_of(run)["scores"]["mixture"]
    return found


def comparison(name: str, root: str) -> dict | None:
    """Mixture and twin by seed, and at equal time."""
    twin = twin_of(name)
    if twin is None:
        return None
    pairs = {}
    for seed in SEEDS:
        runs = [run_folder(root, part, seed) for part in (name, twin)]
        if all((run / "scores.json").exists() for run in runs):
            pairs[str(seed)] = {
                "mixture": means(runs[0]),
                "twin": means(runs[1]),
            }
    found = {"main": "fid", "twin": twin, "seeds": pairs}
    early = run_folder(root, name, 0) / "equal_time"
    if (early / "scores.json").exists():
        seconds, _ = seconds_of(run_folder(root, twin, 0))
        found["equal_time"] = {
            "step": load_model(early / "model.keras").step,
            "seconds": seconds,
            "scores": means(early),
        }
    return found


def make(name: str, root: str, zoo: pathlib.Path) -> None:
    """Packs one preset."""
    model = load_model(run_folder(root, name, 0) / "model.keras")
    metadata = about(name, root)
    whole = {**presets.describe(model, name), **metadata}
    shutil.rmtree(zoo / name, ignore_errors=True)
    presets.save(
        model,
        zoo / name,
        card=card(whole),
        samples=plotting.draw_mixture(model),
        about=metadata,
        small=True,
    )


def main(arguments):
    """Packs every preset that has been trained."""
    if arguments[1:]:
        raise app.UsageError(f"Unknown argument: {arguments[1]}")
    root, zoo = ROOT.value, pathlib.Path(ZOO.value)
    for name in recipes.ZOO if root else ():
        if (run_folder(root, name, 0) / "scores.json").exists():
            make(name, root, zoo)
            print(zoo / name)
    hashes.write_zoo([path.parent for path in zoo.glob("*/metadata.json")])


if __name__ == "__main__":
    app.run(main)
