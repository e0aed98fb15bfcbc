"""`keras-mixgan race`."""

import itertools
import pathlib
import shlex

from keras_mixgan.cli.commands import shared_flags
from keras_mixgan.cli.commands.flag_groups import Flag

DESCRIPTION = """
Trains contestants one after the other, each for the same time, scores them
during training, and compares them over several seeds. A contestant is a name
and flags of `train`, except --seed, --config and those for output, scores
and devices. The clock ends a run: --steps and --epochs only set the length of
a learning-rate schedule. Loading, compiling and scoring do not count.

After an interruption, the same command resumes the race: finished runs are
kept, an unfinished one goes on from its last mark. Do not use the machine for
anything else meanwhile.
"""

GROUPS = {
    "Contestants": (
        Flag(
            "contestant",
            tuple,
            "A name and flags of `train`. Give it once per contestant.",
            placeholder='"NAME: --FLAG=VALUE ..."',
        ),
        Flag(
            "common",
            str,
            "Flags of all contestants; a contestant's own override them.",
            default="",
            placeholder='"--FLAG=VALUE ..."',
        ),
    ),
    "Race": (
        Flag("seconds", float, "Seconds of training per run.", 300.0),
        Flag(
            "clock",
            str,
            "What --seconds counts: wall (seconds), processor (seconds, "
            "for a machine with other work) or steps. All are recorded.",
            "wall",
        ),
        Flag("marks", int, "Scores per run, equally spaced in time.", 10),
        Flag("seeds", int, "Runs per contestant, each its own seed.", 3),
        Flag(
            "snapshots",
            tuple,
            "A contestant whose snapshots race as well: a mixture of its "
            "generators at its last five marks, without more training. "
            "May be given several times.",
            placeholder="NAME",
        ),
    ),
    "Scores": (
        Flag(
            "classifier",
            str,
            "digits, fashion_mnist or cifar10 (bundled), inception (from "
            "TF-Hub), or a SavedModel with outputs logits and pool_3.",
            shown="the bundled one for the data",
        ),
        Flag("num_images", int, "Images to generate per score.", 10_000),
        Flag("num_real", int, "Real images to compare with.", 20_000),
    ),
    "Data and output": (
        shared_flags.DATA_DIR,
        Flag(
            "workdir",
            str,
            "Output folder.",
            default="runs/race",
            placeholder="PATH",
        ),
    ),
}

EPILOGUE = """
Examples:
  keras-mixgan race --seconds=300 --workdir=runs/fashion_race \\
      --common="--source=fashion_mnist --width=16 --noconditional" \\
      --contestant="pair: --num_generators=1 --num_discriminators=1" \\
      --contestant="5x1: --num_generators=5 --num_discriminators=1 \\
                         --payoff_estimate=linear"
  keras-mixgan race --seconds=60 --clock=processor --seeds=1 \\
      --contestant="recipe: --recipe=dcgan_mnist" \\
      --contestant="wider: --recipe=dcgan_mnist --width=24"
  keras-mixgan race --common=--from=runs/pair --contestant="pair:" \\
      --contestant="copies: --num_generators=5"
"""


def run(values) -> None:
    """Runs the race."""
    from keras_mixgan.cli import race
    from keras_mixgan.cli import race_results

    contestants = race.contestants(values.contestant or (), values.common)
    conditions = race.Conditions(
        values.seconds,
        values.clock,
        values.marks,
        values.num_images,
        values.num_real,
        values.classifier or race.classifier_of(contestants),
    )
    results = race.run(
        contestants,
        conditions,
        values.seeds,
        values.workdir,
        values.data_dir,
        _command(values),
        tuple(values.snapshots or ()),
    )
    print(f"\n{race_results.text(results)}\n")
    print(f"Left in {values.workdir}:")
    for name, meaning in race_results.OUTPUTS.items():
        print(f"  {name:<12} {meaning}")
    machines = {result["machine"] for result in results}
    if len(machines) > 1:
        print(
            "The runs come from different machines, so their seconds are not "
            f"comparable: {'; '.join(sorted(machines))}"
        )


def _command(values) -> str:
    """The command, without the folders of this machine."""
    parts = ["keras-mixgan", "race"]
    for flag in itertools.chain(*GROUPS.values()):
        value = getattr(values, flag.name)
        if value in (flag.default, ()) or flag.name in ("data_dir", "workdir"):
            continue
        if flag.name == "classifier":
            value = pathlib.Path(value).name
        for one in value if flag.kind is tuple else [value]:
            parts.append(f"--{flag.name}={one}")
    return shlex.join(parts)
