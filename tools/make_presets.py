"""Packs runs of `train_zoo.py` as the presets of the zoo.

    python tools/make_presets.py --root=runs/zoo

makes `zoo/NAME` of every recipe whose first seed has been trained and scored,
in place of the one that is there. Then it writes the SHA-256 of every file in
the zoo into `keras_mixgan/presets/zoo_hashes.json`; with `--root=` that alone,
for a zoo that was changed by other means. `zoo_pictures.py` adds to a new
preset's card; the hashes have to be written after it. `--scores_only` leaves
models and pictures as they are, for runs that were scored anew.
"""

import datetime
import json
import pathlib
import shutil
import tempfile

import keras
from absl import app
from absl import flags
from zoo_card import card
from zoo_runs import GROUPS
from zoo_runs import Run
from zoo_runs import group_of
from zoo_runs import twin_of

import keras_mixgan as kmg
from keras_mixgan import presets
from keras_mixgan.cli.models import load_model
from keras_mixgan.presets import hashes
from keras_mixgan.utils import atomic
from keras_mixgan.utils import json_files
from keras_mixgan.utils import plotting

ROOT = flags.DEFINE_string("root", "runs/zoo", "Folder of all runs.")
ZOO = flags.DEFINE_string("zoo", "zoo", "Folder of the zoo.")
LOAD = flags.DEFINE_string(
    "load", "", "A sentence on what else the machine did meanwhile."
)
SCORES_ONLY = flags.DEFINE_bool(
    "scores_only", False, "Change metadata and cards alone."
)
BFLOAT16 = "mixed_bfloat16"
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
        "limits": "At this size images suggest a class; few of the drawn "
        "ones look like photographs.",
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
    "mix_dcgan_mnist": "From the same latents all generators draw nearly the "
    "same digit: they began as copies of one pair, and have not grown far "
    "apart. A few digits are blots.",
    "dcgan_fashion_mnist": "Prints are broken, many bags crumpled, and some "
    "sandals are scraps.",
    "mix_dcgan_fashion_mnist": "The generators have divided each class: bags "
    "with and without handles, flat and heeled sandals, light and dark "
    "pullovers. Each varies less within a class than the mixture, but none "
    "draws one image again and again: the least diversity within a class is "
    "0.41, of the trousers of 0. Generator 1 mangles shirts, coats and bags; "
    "4 draws prints, which are broken.",
    "wgan_mnist": "Most digits can be told, many are broken or blurred: "
    "clipped weights make weak critics.",
    "mix_wgan_mnist": "The generators have divided the digits without having "
    "seen a label: 0 draws 1, 7 and thin 0; 1 draws 0, 3, 5 and 6; 2 draws 1 "
    "and 9; 3 draws 4 and 9; 4 draws 2, 3 and 8. So the mixture is much nearer "
    "to the data than any one of them. Many digits are broken or blurred.",
    "dcgan_celeba_64": "Most faces have eyes and a mouth; about one in four "
    "is smeared or lopsided. Its distance did not fall after the mark that is "
    "kept: 30.8 at 4,200 s, 33.8 at the end, 2,500 images each. The command "
    "in the card of `mix_dcgan_celeba_64` makes ten marks of 10,000 images; "
    "this run had twelve of 2,500.",
    "mix_dcgan_celeba_64": "The generators have divided the faces: 0 draws "
    "dark hair and broad smiles, 1 bald or tied-back hair before one colour, 2 "
    "long hair, 3 faces before dark or coloured backgrounds, 4 short dark hair "
    "and hats before white. Most have eyes and a mouth; about one in four is "
    "smeared or lopsided. Its distance did not fall after the mark that is "
    "kept: 26.6 at 4,800 s, 27.5 at the end, 2,500 images each. The command "
    'under "Against a single pair" makes ten marks of 10,000 images; this '
    "run had twelve of 2,500.",
    "sngan_cifar10": "Most cars, trucks, ships, planes and horses can be "
    "named, and some cats, dogs, deer, birds and frogs. The classifier gives "
    "78.5 % of 10,000 images their own label (`label_agreement`).",
    "mix_sngan_cifar10": "Most cars, trucks, ships, planes and horses can be "
    "named, and some cats, dogs, deer, birds and frogs. The classifier gives "
    "78.3 % of 10,000 images their own label (`label_agreement`). The "
    "generators have divided the images by their ground: 0 draws light and "
    "plain ones, 1 meadows, water and sky, 2 dark ones.",
}


def about(name: str, root: str) -> dict:
    """What a preset's metadata add to what the model itself says."""
    run = Run(root, name)
    result, best, report = run.result, run.best, run.report
    scheduled = result["settings"]["learning_rate_schedule"] != "constant"
    settings = result["settings"] | {
        # After a schedule's end nothing moves.
        "steps": (result["settings"] if scheduled else best)["steps"],
        "epochs": None,
        "auxiliary": result["settings"]["auxiliary"] or None,
    }
    dtype = settings.pop("dtype", None) or "float32"  # The preset's is that.
    is_folder = settings["source"] not in DATA
    if is_folder:  # By its name: where it lies is this machine's affair.
        for told in (settings, report["settings"]):
            told["source"] = pathlib.Path(told["source"]).name
    others = [part for part in GROUPS[group_of(name)].names if part != name]
    metadata = {
        "name": name,
        "recipe": name,
        "settings": settings,
        "data": DATA["faces" if is_folder else settings["source"]],
        "training": {
            "steps": best["steps"],
            # Of a GPU, the seconds of the steps alone.
            "seconds": best["wall_seconds"],
            "processor_seconds": best.get("processor_seconds"),
            "clock": result["conditions"]["clock"],
            "dtype": dtype,
            "best_of": (
                result["conditions"]["marks"] if result.get("kept") else None
            ),
            "machine": result["machine"],
            "date": result["date"],
            "load": LOAD.value,
        },
        "versions": result["versions"],
        "evaluation": report
        | {
            "date": day_of(run.scores),
            "command": run.command.read_text().strip(),
        },
        "remark": REMARKS.get(name, ""),
        "twins": {
            other: Run(root, other).report["scores"]["mixture"]
            for other in others
            if Run(root, other).report
        },
        "comparison": comparison(name, root),
    }
    if second := run.second_report:
        metadata["second"] = second | {
            "date": day_of(run.second),
            "command": run.second_command.read_text().strip(),
            "twins": {
                other: found["scores"]["mixture"]
                for other in others
                if (found := Run(root, other).second_report)
            },
        }
    return metadata


def day_of(path: pathlib.Path) -> str:
    """The day on which a file was written."""
    return str(datetime.date.fromtimestamp(path.stat().st_mtime))


def comparison(name: str, root: str) -> dict | None:
    """Scores at the end of a mixture and of its twin, by seed."""
    twin = twin_of(name)
    if twin is None:
        return None
    group = GROUPS[group_of(name)]
    seeds = {}
    for seed in range(group.seeds):
        found = [Run(root, part, seed) for part in (name, twin)]
        if all(run.best for run in found):
            seeds[str(seed)] = {
                side: {
                    "inception_score": run.best["score"],
                    "fid": run.best["distance"],
                    "steps": run.best["steps"],
                }
                for side, run in zip(("mixture", "twin"), found, strict=True)
            }
    result = Run(root, name).result
    conditions = result["conditions"]
    command = result.get("command") or (
        f"python tools/train_zoo.py --groups={group_of(name)} "
        f"--clock={conditions['clock']}"
    )
    if result["settings"]["source"] not in DATA:
        classifier = pathlib.Path(conditions["classifier"]).name
        command += f" --faces=FOLDER --classifier={classifier}"
    return {
        "main": "fid",
        "twin": twin,
        "seeds": seeds,
        "seconds": conditions["seconds"],
        "clock": conditions["clock"],
        "command": command,
        "num_images": conditions["num_images"],
        "best_of": conditions["marks"] if result.get("kept") else None,
    }


def in_float32(model: kmg.MixGAN) -> kmg.MixGAN:
    """The same mixture, computing in float32: not all machines have bfloat16.

    Weights are float32 under either policy. It is the mixture itself, or a new
    one with its weights.
    """
    saved = json.dumps(keras.saving.serialize_keras_object(model))
    if BFLOAT16 not in saved:
        return model
    other = keras.saving.deserialize_keras_object(
        json.loads(saved.replace(BFLOAT16, "float32"))
    )
    for ours, theirs in zip(other.weights, model.weights, strict=True):
        ours.assign(theirs)
    return other


def make(name: str, root: str, zoo: pathlib.Path) -> None:
    """Packs one preset."""
    model = in_float32(load_model(Run(root, name).model))
    metadata = about(name, root)
    whole = {**presets.describe(model, name), **metadata}
    with tempfile.TemporaryDirectory(dir=zoo) as folder:
        made = pathlib.Path(folder) / name
        presets.save(
            model,
            made,
            card=card(whole),
            samples=plotting.draw_mixture(model),
            about=metadata,
            small=True,
        )
        shutil.rmtree(zoo / name, ignore_errors=True)
        made.rename(zoo / name)


def rescore(name: str, root: str, zoo: pathlib.Path) -> None:
    """Writes the metadata and the card of a preset of the same model anew."""
    path = zoo / name / "metadata.json"
    metadata = json.loads(path.read_text()) | about(name, root)
    for made, text in (
        (path, json.dumps(metadata, indent=2) + "\n"),
        (zoo / name / presets.CARD, card(metadata)),
    ):
        with atomic.replacing(made) as partial:
            partial.write_text(text)


def write_hashes(folders):
    """Writes the hashes of all presets of the zoo into the package."""
    of_presets = {
        folder.name: {
            file.name: hashes.sha256(file) for file in sorted(folder.iterdir())
        }
        for folder in folders
    }
    content = {"format": hashes.FORMAT, "presets": of_presets}
    json_files.write(hashes.ZOO, content)


def main(arguments):
    """Packs every preset that has been trained."""
    if arguments[1:]:
        raise app.UsageError(f"Unknown argument: {arguments[1]}")
    root, zoo = ROOT.value, pathlib.Path(ZOO.value)
    trained = [name for group in GROUPS.values() for name in group.names]
    for name in trained if root else ():
        if Run(root, name).report:
            (rescore if SCORES_ONLY.value else make)(name, root, zoo)
            print(zoo / name)
    if zoo.resolve() == presets.zoo().resolve():
        write_hashes(sorted(x.parent for x in zoo.glob("*/metadata.json")))


if __name__ == "__main__":
    app.run(main)
