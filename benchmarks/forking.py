"""A mixture forked from a trained pair, against the pair that goes on.

    python benchmarks/forking.py --source=fashion_mnist --seconds=300 --seeds=1

A pair is trained for half of the processor seconds. From there on it goes on by
itself, and as mixtures of its copies (`MixGAN.from_pair`), each for the other
half. So all rows of a seed have the same seconds and the same first half.
`TFDS_DATA_DIR` must be set.
"""

import argparse
import dataclasses
import pathlib
import statistics
import tempfile

import keras

import keras_mixgan as kmg
from keras_mixgan import data
from keras_mixgan.cli import models
from keras_mixgan.cli import options
from keras_mixgan.cli import race_marks
from keras_mixgan.cli import settings as settings_module
from keras_mixgan.data import sources
from keras_mixgan.metrics.samples import Samples

# At T = 1 the linear estimate is the full one; the copies keep it.
SETTINGS = {
    "width": 16,
    "conditional": False,
    "ema_decay": 0.995,
    "generator_learning_rate": 2e-4,
    "discriminator_learning_rate": 2e-4,
    "num_generators": 1,
    "num_discriminators": 1,
    "payoff_estimate": "linear",
    "share": "none",
    "auxiliary": (),
}
FORKS = {
    "pair": None,
    "five copies": {},
    "five copies, shared body": {"share_generators": "start"},
}
MARKS = 3
_ENDLESS = 10**9


def options_of_the_program():
    """Reads the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--source", default="fashion_mnist")
    parser.add_argument("--seconds", type=float, default=300.0)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--noise", type=float, default=0.05)
    return parser.parse_args()


def train(model, chosen, source, real, seconds, start_step):
    """Trains for so many processor seconds; returns the rows of the marks."""
    conditions = {
        "seconds": seconds,
        "clock": "processor",
        "marks": MARKS,
        "num_images": 10_000,
        "classifier": chosen.source,
    }
    marks = race_marks.Marks(conditions, real, lambda line: print(line))
    stream = data.load(
        source,
        batch_size=chosen.batch_size,
        seed=chosen.seed,
        start_step=start_step,
    )
    model.fit(stream, steps_per_epoch=_ENDLESS, callbacks=[marks], verbose=0)
    return marks.rows


def run(flags, seed, folder):
    """The rows of one seed: name -> rows of the second half."""
    given = {**SETTINGS, "source": flags.source, "seed": seed}
    chosen = settings_module.resolve(given)
    source = sources.load_source(**options.values(chosen, "data"))
    chosen = chosen.for_source(source)
    real = Samples(source, 20_000, argument="source")
    source = dataclasses.replace(source, labels=None, label_names=None)
    model = models.make_model(chosen, source)
    print(f"seed {seed}: the first half")
    first = train(model, chosen, source, real, flags.seconds / 2, 0)
    path = folder / f"{seed}.keras"
    model.save(path)
    found = {}
    for name, shares in FORKS.items():
        print(f"seed {seed}: {name}")
        model = keras.saving.load_model(path)
        if shares is not None:
            model = kmg.MixGAN.from_pair(
                model, 5, 1, noise=flags.noise, seed=seed, **shares
            )
        steps = first[-1]["steps"]
        found[name] = train(
            model, chosen, source, real, flags.seconds / 2, steps
        )
    return found


def main():
    """Runs all seeds, and prints a table of distance and score."""
    flags = options_of_the_program()
    with tempfile.TemporaryDirectory() as folder:
        runs = [
            run(flags, seed, pathlib.Path(folder))
            for seed in range(flags.seeds)
        ]
    half = flags.seconds / 2
    marks = [half + half * mark / MARKS for mark in range(1, MARKS + 1)]
    names = " | ".join(f"{seconds:.0f} s" for seconds in marks)
    print(f"| from half time on | {names} |")
    print("|---" * (1 + MARKS) + "|")
    for name in FORKS:
        cells = []
        for mark in range(MARKS):
            distance, score = (
                statistics.mean(found[name][mark][key] for found in runs)
                for key in ("distance", "score")
            )
            cells.append(f"{distance:.2f} / {score:.2f}")
        print(f"| {name} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
