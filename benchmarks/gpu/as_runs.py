r"""Makes runs of the zoo of what `train.py` left, for `tools/make_presets.py`.

    python benchmarks/gpu/as_runs.py FOLDER --root=runs/zoo \
        --names sngan_cifar10 mix_sngan_cifar10 --steps 46750 38750
    python tools/make_presets.py --root=runs/zoo

`FOLDER` has `NAME.json` and the preset `NAME@STEPS`. They are scored here, on
any machine, in float32.
"""

import argparse
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "tools"))

import scoring
from make_presets import in_float32
from zoo_runs import Run

import keras_mixgan as kmg
from keras_mixgan.cli.models import load_model
from keras_mixgan.utils import atomic

METRICS = "inception_score,fid,kid,class_diversity"


def main() -> None:
    """Converts and scores all runs."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, description=__doc__.split("\n")[0]
    )
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--root", required=True)
    parser.add_argument("--names", nargs="+", required=True)
    parser.add_argument("--steps", nargs="+", type=int, required=True)
    parser.add_argument("--num_images", type=int, default=50_000)
    parser.add_argument("--num_images_of_each", type=int, default=10_000)
    use = parser.parse_args()
    for name, steps in zip(use.names, use.steps, strict=True):
        run = Run(use.root, name)
        run.model.parent.mkdir(parents=True, exist_ok=True)
        model = kmg.MixGAN.from_preset(use.folder / f"{name}@{steps}")
        # Scores go by the file's hash: one of the same mark stays.
        if not run.model.exists() or load_model(run.model).step != steps:
            with atomic.replacing(run.model) as partial:
                in_float32(model).save(partial)
        whole = score(
            run, use.num_images, run.model.with_suffix(".whole.json"),
            "--metrics=inception_score,fid,label_agreement",
            "--nocomponents", "--noreal",
        )  # fmt: skip
        command = score(
            run, use.num_images_of_each, run.scores, f"--metrics={METRICS}"
        )
        run.command.write_text(command + "\n")
        whole = json.loads(run.model.with_suffix(".whole.json").read_text())
        told = json.loads((use.folder / f"{name}.json").read_text())
        result = result_of(name, steps, told, whole, use)
        run.model.with_suffix(".json").write_text(json.dumps(result, indent=2))


def score(run: Run, count: int, out: pathlib.Path, *flags: str) -> str:
    """Scores a model, unless it has been; returns the command, as printed."""
    words = ["--source=cifar10", f"--num_images={count}", *flags]
    scoring.evaluate(run.model, out, words, "cifar10")
    return " ".join(
        ["keras-mixgan evaluate", *words, f"--model={run.model.name}"]
    )


def result_of(name: str, steps: int, told: dict, whole: dict, use) -> dict:
    """A result as `keras_mixgan.cli.race` writes it, of one mark."""
    scores = whole["scores"]["mixture"]
    mark = told["models"][f"{name}@{steps}"]
    return {
        "contestant": name,
        # The file there was made of TFDS's copy.
        "settings": told["settings"] | {"source": "cifar10"},
        "marks": [
            {
                "mark": 1,
                "steps": steps,
                "wall_seconds": mark["alone_seconds"],
                "score": scores["inception_score"]["mean"],
                "distance": scores["fid"]["mean"],
            }
        ],
        "kept": None,
        "conditions": {
            "clock": "alone",
            "seconds": round(mark["alone_seconds"]),
            "marks": 1,
            "num_images": use.num_images,
            "classifier": "cifar10",
        },
        "command": "the commands in benchmarks/results/gpu.md",
        "machine": f"one {told['device']}",
        "date": told["date"],
        "versions": told["versions"],
    }


if __name__ == "__main__":
    main()
