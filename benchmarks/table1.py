r"""The paper's Table 1 again: each system alone, and as MIX+.

    python benchmarks/table1.py --workdir=runs/table1 --seconds=1800 \
        --classifiers cifar10 PATH/efficientnet_lite0 --num_images 50000 10000

Each system of `SYSTEMS` is trained alone for so many seconds, then as MIX+ for
as many seconds, each in a process of its own, by `keras_mixgan.cli.race`. The
run of MIX+ then goes on up to as many steps as the system took alone. The
three models are scored by every classifier. The table is printed, and written
to `table.md` in the folder, after every system.

Run again after a stop, it goes on: a finished run and finished scores are
files, and are not made again. Leave the machine to it meanwhile; or give it a
core of its own, by `taskset`, and count that core's seconds, by
`--clock=processor`. The paper's
numbers stand in columns of their own: its Inception network, its widths and
its days of training are not ours, and the two do not compare.
"""

import argparse
import json
import os
import pathlib
import shlex
import subprocess
import sys
from typing import Any

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
sys.path.append(str(pathlib.Path(__file__).parents[1] / "tools"))

import scoring
import table1_equal_steps
import table1_figures

from keras_mixgan.cli import race
from keras_mixgan.presets import recipes
from keras_mixgan.utils import atomic

# System -> recipe, and the paper's score alone and as MIX+ (arXiv:1703.00573,
# Table 1; "-" where it has none). The recipe of MIX+ begins with "mix_".
SYSTEMS = {
    "WGAN": ("wgan_cifar10", "3.82 +- 0.06", "4.04 +- 0.07"),
    "DCGAN": ("dcgan_apart_cifar10", "-", "-"),
    "DCGAN, losses of Huang et al.": (
        "dcgan_huang_cifar10", "7.16 +- 0.10", "7.72 +- 0.09",
    ),
    "the same, mixed as released": (
        "dcgan_huang_as_released_cifar10", "7.16 +- 0.10", "7.72 +- 0.09",
    ),
    "S-GAN": ("sgan_cifar10", "8.59 +- 0.12", "-"),
    "S-GAN, top alone mixed": ("sgan_top_cifar10", "8.59 +- 0.12", "-"),
    "AC-GAN": ("acgan_cifar10", "8.25 +- 0.07", "-"),
    "AC-GAN, normalized by class": ("acgan_cbn_cifar10", "8.25 +- 0.07", "-"),
    "Improved GAN": ("improved_gan_cifar10", "8.09 +- 0.07", "-"),
    "Improved GAN, matching features": (
        "improved_gan_features_cifar10", "-", "-",
    ),
    "SteinGAN": ("steingan_cifar10", "6.35", "-"),
}  # fmt: skip
RUNS = ("alone", "MIX+, equal steps", "MIX+, equal seconds")
TABLE = "table.md"
# Images of the one score that a race takes; those of the table come after.
LOOK = 100


def options() -> argparse.Namespace:
    """Reads the command line."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False,
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--workdir", default="runs/table1")
    parser.add_argument("--seconds", type=float, default=1800.0)
    parser.add_argument(
        "--clock",
        choices=race.CLOCKS[:2],
        default="wall",
        help="the seconds that count",
    )
    parser.add_argument("--num_components", type=int, default=5)
    parser.add_argument("--width", type=int, help="in place of the recipes'")
    parser.add_argument("--batch_size", type=int)
    parser.add_argument("--systems", nargs="*", help="recipes; default: all")
    parser.add_argument("--classifiers", nargs="+", default=["cifar10"])
    parser.add_argument(
        "--look",
        help="classifier of the one score that a race itself takes; "
        "by default the last one",
    )
    parser.add_argument(
        "--num_images",
        type=int,
        nargs="+",
        default=[50_000],
        help="one per classifier, or one for all",
    )
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--source", default="cifar10")
    parser.add_argument(
        "--real",
        nargs="+",
        default=["train"],
        help="split to compare with: one per classifier, or one for all",
    )
    parser.add_argument(
        "--only_train",
        action="store_true",
        help="leave the scores to a later call",
    )
    parser.add_argument("--test", default="test", help="split for class errors")
    parser.add_argument(
        "--figures",
        action="store_true",
        help="Figures 3 and 4 in place of the table",
    )
    parser.add_argument(
        "--figure_steps",
        type=int,
        nargs=2,
        default=[10_000, 10_000],
        help="steps of each run of Figure 3, and of Figure 4",
    )
    parser.add_argument("--data_dir")
    parser.add_argument(
        "--encoder_epochs", type=int, default=8, help="of the frozen encoder"
    )
    use = parser.parse_args()
    for name in ("num_images", "real"):
        given = getattr(use, name)
        if len(given) == 1:
            given *= len(use.classifiers)
        if len(given) != len(use.classifiers):
            parser.error(
                f"--{name} must have one value, or one per classifier. "
                f"Received: {given}"
            )
    return use


def given_of(recipe: str, use: argparse.Namespace) -> dict[str, Any]:
    """The settings of one contestant."""
    changed = {"source": use.source, "width": use.width}
    changed["batch_size"] = use.batch_size
    if recipe.startswith("mix_"):
        count = use.num_components
        changed |= {"num_generators": count, "num_discriminators": count}
    if "huang" in recipe or "sgan" in recipe:
        changed["encoder"] = str(encoder(use))
    found = recipes.complete(changed, recipe)
    for name in ("seed", "steps"):  # The race sets both.
        found.pop(name, None)
    return found


def encoder(use: argparse.Namespace) -> pathlib.Path:
    """The frozen encoder of the data, trained where it is not there yet."""
    name = f"encoder_{use.source}_{use.encoder_epochs}.npz"
    path = pathlib.Path(use.workdir).resolve() / name.replace("/", "_")
    if not path.exists():
        tool = pathlib.Path(__file__).parents[1] / "tools/train_encoder.py"
        call(
            [
                str(tool),
                f"--source={use.source}",
                f"--out={path}",
                f"--epochs={use.encoder_epochs}",
                *([f"--data_dir={use.data_dir}"] if use.data_dir else []),
            ]
        )
    return path


def call(arguments: list[str]) -> None:
    """Runs Python and waits; raises where it fails."""
    print("  " + shlex.join(arguments), flush=True)
    subprocess.run([sys.executable, *arguments], check=True)


def train(recipe: str, use: argparse.Namespace) -> dict[str, dict]:
    """Trains a system alone and as MIX+; returns the results by run."""
    folder = pathlib.Path(use.workdir) / recipe
    folder.mkdir(parents=True, exist_ok=True)
    alone, mixture = (given_of(x, use) for x in (recipe, f"mix_{recipe}"))

    conditions = race.Conditions(
        use.seconds, use.clock, 1, LOOK, LOOK, use.look or use.classifiers[-1]
    )
    first = {}
    for result in race.run(
        {"alone": alone, "mix": mixture}, conditions, 1, folder / "seconds",
        use.data_dir, keep=True,
    ):  # fmt: skip
        path = folder / "seconds" / race.RUNS
        result["model"] = path / f"{result['contestant']}-0.keras"
        first[result["contestant"]] = result
    found = {"alone": first["alone"], "MIX+, equal seconds": first["mix"]}
    if first["mix"]["diverged"] is not None:
        found["MIX+, equal steps"] = first["mix"]  # It is the same run.
    elif first["alone"]["diverged"] is None:
        steps = first["alone"]["marks"][-1]["steps"]
        found["MIX+, equal steps"] = table1_equal_steps.go_on(
            first["mix"], steps, folder / "steps" / race.RUNS / "mix-0.json",
            use.data_dir,
        )  # fmt: skip
    return found


def scores(result: dict, use: argparse.Namespace) -> dict[str, dict]:
    """Scores a run's model by every classifier; from files where there."""
    if result["diverged"] is not None:
        return {}
    found = {}
    path = result["model"]
    for classifier, count, real in zip(
        use.classifiers, use.num_images, use.real, strict=True
    ):
        wanted = ["inception_score", "fid"]
        out = path.with_suffix(f".{pathlib.Path(classifier).name}.json")
        evaluate(path, out, wanted, real, use, count, classifier)
        found[pathlib.Path(classifier).name] = json.loads(out.read_text())
    if conditional(result):
        out = path.with_suffix(".diversity.json")
        count = use.num_images[0]
        evaluate(
            path, out, ["class_diversity"], use.real[0], use, count,
            use.classifiers[0], components=True,
        )  # fmt: skip
        found["diversity"] = json.loads(out.read_text())
    if "classifier" in " ".join(result["settings"]["auxiliary"] or ()):
        out = path.with_suffix(".classes.json")
        count = use.num_images[0]
        evaluate(path, out, ["classification_error"], use.test, use, count)
        found["classes"] = json.loads(out.read_text())
    return found


def conditional(result: dict) -> bool:
    """Whether the generators of a run take labels."""
    from keras_mixgan import architectures

    name = result["settings"]["architecture"]
    takes = "generator" in architectures.get(name).labels_to
    return takes and result["settings"]["conditional"]


def evaluate(
    path, out, wanted, split, use, count, classifier=None, components=False
) -> None:
    """Runs `keras-mixgan evaluate`, unless it did so of this model."""
    flags = {
        "source": use.source,
        "split": split,
        "metrics": ",".join(wanted),
        "num_images": count,
        "splits": use.splits,
        "classifier": classifier,
        "data_dir": use.data_dir,
    }
    words = [f"--{k}={v}" for k, v in flags.items() if v is not None]
    if not components:
        words.append("--nocomponents")
    judge = classifier or use.classifiers[0]
    scoring.evaluate(path, out, [*words, "--noreal"], judge)


def score_of(found: dict, name: str, row: str = "mixture") -> str:
    """One score of a report, as it is printed."""
    score = found["scores"].get(row, {}).get(name)
    if score is None:
        return "-"
    spread = "" if score["std"] is None else f" +- {score['std']:.2f}"
    return f"{score['mean']:.2f}{spread}"


def lines(name: str, paper: tuple, found: dict, use) -> list[list[str]]:
    """The rows of one system, a run each."""
    rows = []
    for run in RUNS:
        if run not in found:
            continue
        result = found[run]
        scored = scores(result, use)
        row = [name, run, paper[0] if run == "alone" else paper[1]]
        for classifier in use.classifiers:
            report = scored.get(pathlib.Path(classifier).name)
            for key in ("inception_score", "fid"):
                row.append("diverged" if report is None else
                           score_of(report, key))  # fmt: skip
        row.append(diversity(scored.get("diversity")))
        classes = scored.get("classes")
        row.append(
            "-"
            if classes is None
            else score_of(classes, "classification_error")
        )
        mark = result["marks"][-1] if result["marks"] else {}
        row += [
            f"{mark.get('steps', 0):,}",
            f"{mark.get(f'{use.clock}_seconds', 0.0):.0f}",
            str(result["settings"]["num_generators"]),
            str(result["settings"]["width"]),
        ]
        rows.append(row)
    return rows


def diversity(report: dict | None) -> str:
    """Class diversity of the mixture, and of each generator."""
    if report is None:
        return "-"
    rows = [row for row in report["scores"] if row.startswith("generator")]
    each = [score_of(report, "class_diversity", row) for row in rows]
    whole = score_of(report, "class_diversity")
    return f"{whole} ({', '.join(each)})" if len(each) > 1 else whole


def write(rows: list[list[str]], use: argparse.Namespace) -> str:
    """Writes the table; returns it as text."""
    header = ["system", "run", "paper (Inception, its own training)"]
    for classifier in use.classifiers:
        name = pathlib.Path(classifier).name
        header += [f"{name} score", f"{name} Frechet distance"]
    header += ["class diversity (each generator)", "class error"]
    header += ["steps", "seconds", "T", "width"]
    table = [header, ["---"] * len(header), *rows]
    text = "\n".join(f"| {' | '.join(row)} |" for row in table)
    told = {key: [] for key in ("machine", "date", "versions")}
    for path in pathlib.Path(use.workdir).glob("*/*/runs/*-0.json"):
        result = json.loads(path.read_text())
        for key, values in told.items():
            if str(result[key]) not in values:
                values.append(str(result[key]))
    listed = {key: "; ".join(values) for key, values in told.items()}
    how = "; ".join(
        f"by {pathlib.Path(classifier).name} {count:,} images, and distances "
        f"to {real}"
        for classifier, count, real in zip(
            use.classifiers, use.num_images, use.real, strict=True
        )
    )
    page = (
        f"# Table 1 again\n\n{text}\n\nScores: {how}; "
        f"{use.splits} splits. "
        f"{use.seconds:g} {use.clock} seconds a run, but for those of equal "
        f"steps.\n\nMachine: {listed['machine']}\n\n"
        f"Date: {listed['date']}\n\nVersions: {listed['versions']}\n"
    )
    with atomic.replacing(pathlib.Path(use.workdir) / TABLE) as partial:
        partial.write_text(page)
    return text


def command_of_figures(use: argparse.Namespace) -> str:
    """The command that draws them, with names in place of paths."""
    words = ["python benchmarks/table1.py --figures --figure_steps"]
    words += map(str, use.figure_steps)
    words.append(f"--num_components={use.num_components}")
    for name in ("width", "batch_size"):
        if getattr(use, name) is not None:
            words.append(f"--{name}={getattr(use, name)}")
    words.append(f"--classifiers {pathlib.Path(use.classifiers[0]).name}")
    return " ".join(words)


def draw(use: argparse.Namespace) -> None:
    """Trains and draws Figures 3 and 4."""
    workdir = pathlib.Path(use.workdir)
    common = {
        "source": use.source,
        "width": use.width,
        "batch_size": use.batch_size,
    }
    table1_figures.figure_3(
        workdir / "figure3", use.figure_steps[0], common, use.num_components,
        use.classifiers[0], use.data_dir, command_of_figures(use),
    )  # fmt: skip
    table1_figures.figure_4(
        workdir / "figure4", use.figure_steps[1], common, use.num_components,
        use.data_dir,
    )  # fmt: skip


def main() -> None:
    """Trains, scores and prints what is not there yet."""
    use = options()
    pathlib.Path(use.workdir).mkdir(parents=True, exist_ok=True)
    if use.figures:
        draw(use)
        return
    rows: list[list[str]] = []
    for name, (recipe, *paper) in SYSTEMS.items():
        if use.systems and recipe not in use.systems:
            continue
        print(f"{name} ({recipe})", flush=True)
        trained = train(recipe, use)
        if use.only_train:
            continue
        rows += lines(name, tuple(paper), trained, use)
        text = write(rows, use)
    if rows:
        print(f"\n{text}")


if __name__ == "__main__":
    main()
