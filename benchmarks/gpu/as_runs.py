r"""Makes runs of the zoo of what `train.py` left, for `tools/make_presets.py`.

    python benchmarks/gpu/as_runs.py FOLDER --root=runs/zoo \
        --names sngan_cifar10 mix_sngan_cifar10 --steps 46750 38750 \
        --second_classifier efficientnet_lite0
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

METRICS = "inception_score,fid,kid,class_diversity,label_agreement"
# The second classifier takes ten times as long, so it sees fewer images.
SECOND = (
    "--split=test", "--num_images=5000", "--splits=10",
    "--metrics=inception_score,fid",
)  # fmt: skip


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
    parser.add_argument("--second_classifier", type=pathlib.Path)
    use = parser.parse_args()
    for name, steps in zip(use.names, use.steps, strict=True):
        run = Run(use.root, name)
        run.model.parent.mkdir(parents=True, exist_ok=True)
        model = kmg.MixGAN.from_preset(use.folder / f"{name}@{steps}")
        # Scores go by the file's hash: one of the same mark stays.
        if not run.model.exists() or load_model(run.model).step != steps:
            with atomic.replacing(run.model) as partial:
                in_float32(model).save(partial)
        words = [f"--num_images={use.num_images}", f"--metrics={METRICS}"]
        score(run, words, run.scores, run.command)
        if use.second_classifier:
            score(
                run, SECOND, run.second, run.second_command,
                use.second_classifier,
            )  # fmt: skip
        told = json.loads((use.folder / f"{name}.json").read_text())
        result = result_of(name, steps, told, run.report, use)
        run.model.with_suffix(".json").write_text(json.dumps(result, indent=2))


def score(run, words, out, command, classifier=None) -> None:
    """Scores a model, unless it has been; writes the command as printed."""
    words = ["--source=cifar10", *words]
    given = [f"--classifier={classifier}"] if classifier else []
    scoring.evaluate(run.model, out, words + given, classifier or "cifar10")
    if classifier:  # Its place is this machine's affair.
        words.append(f"--classifier={classifier.name}")
    called = ["keras-mixgan evaluate", *words, f"--model={run.model.name}"]
    command.write_text(" ".join(called) + "\n")


def result_of(name: str, steps: int, told: dict, report: dict, use) -> dict:
    """A result as `keras_mixgan.cli.race` writes it, of one mark."""
    scores = report["scores"]["mixture"]
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
