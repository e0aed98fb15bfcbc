"""`keras-mixgan race`."""

import pathlib
import shlex
import sys

from keras_mixgan.cli.commands.flag_groups import Flag
from keras_mixgan.cli.commands.flag_groups import Group

DESCRIPTION = """
Trains contestants one after the other, each for the same seconds, scores them
on the way, and compares them over several seeds. A contestant is a name and
flags of `train` that are settings, but for --seed. A run ends by the clock:
--steps and --epochs are only the length of a learning-rate schedule. Loading,
compiling and scoring do not count.

Run again with the same flags after a stop, it goes on: runs that have
finished are kept, the one under way starts from its beginning. Leave the
machine to it meanwhile.
"""

GROUPS = (
    Group(
        "Contestants",
        (
            Flag(
                "contestant",
                tuple,
                "A name and flags of `train`; give it once a contestant.",
                placeholder='"NAME: --FLAG=VALUE ..."',
            ),
            Flag(
                "common",
                str,
                "Flags of all contestants; a contestant's own win.",
                default="",
                placeholder='"--FLAG=VALUE ..."',
            ),
        ),
    ),
    Group(
        "Race",
        (
            Flag("seconds", float, "Seconds of training a run.", 300.0),
            Flag(
                "clock",
                str,
                "The seconds that count: wall, or processor where other work "
                "is on the machine. Both are recorded. With steps, --seconds "
                "counts steps.",
                "wall",
            ),
            Flag("marks", int, "Scores a run, equally spaced in time.", 10),
            Flag("seeds", int, "Runs a contestant, each with a seed.", 3),
            Flag(
                "snapshots",
                tuple,
                "A contestant of which the generators of its last five marks, "
                "joined to a mixture without more training, race as well; "
                "may be given several times.",
                placeholder="NAME",
            ),
        ),
    ),
    Group(
        "Scores",
        (
            Flag(
                "classifier",
                str,
                "digits or fashion_mnist (bundled), inception (from TF-Hub), "
                "or a SavedModel with outputs logits and pool_3.",
                shown="the bundled one of the source",
            ),
            Flag("num_images", int, "Images to generate a score.", 10_000),
            Flag("num_real", int, "Real images to compare with.", 20_000),
        ),
    ),
    Group(
        "Data and output",
        (
            Flag(
                "data_dir",
                str,
                "Folder of TensorFlow Datasets.",
                shown="TFDS_DATA_DIR, or TFDS's own",
                placeholder="PATH",
            ),
            Flag(
                "workdir",
                str,
                "Folder to leave everything in.",
                default="runs/race",
                placeholder="PATH",
            ),
        ),
    ),
)

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
"""


def run(values) -> None:
    """Runs the race.

    Args:
        values: The flags' values, as attributes.

    Raises:
        UserError, OSError: See `race.contestants` and `race.run`.
    """
    from keras_mixgan.cli import race
    from keras_mixgan.cli import race_results

    found = race.contestants(values.contestant or (), values.common)
    conditions = race.Conditions(
        values.seconds,
        values.clock,
        values.marks,
        values.num_images,
        values.num_real,
        values.classifier or race.classifier_of(found),
    )
    results = race.run(
        found,
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
            "The runs come from different machines, so their seconds do not "
            f"compare: {'; '.join(sorted(machines))}"
        )
    sys.stdout.flush()


def _command(values) -> str:
    """The command, without the folders of this machine."""
    parts = ["keras-mixgan", "race"]
    for group in GROUPS:
        for flag in group.flags:
            value = getattr(values, flag.name)
            if value in (flag.default, ()) or flag.name in (
                "data_dir",
                "workdir",
            ):
                continue
            if flag.name == "classifier":
                value = pathlib.Path(value).name
            for one in value if flag.kind is tuple else [value]:
                parts.append(f"--{flag.name}={one}")
    return shlex.join(parts)
