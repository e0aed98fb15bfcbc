"""Which average of a generator's weights draws best, after how many steps.

    python benchmarks/averages.py --recipe=dcgan_cifar10 --width=16 \
        --steps 300 1000 2500 5000 8000 --num_images=2500

One training without an average. Beside it, averages of several kinds are kept
of the same weights, so that nothing else differs between rows of the table.
`TFDS_DATA_DIR` must be set. With a warm-up of w, update n keeps at most
(n - 1) / (n + w) of an average, as `keras_mixgan.training.averages` does.
"""

import argparse

from keras_mixgan import data
from keras_mixgan import metrics
from keras_mixgan.cli import models
from keras_mixgan.cli import options
from keras_mixgan.cli import settings as settings_module
from keras_mixgan.data import sources
from keras_mixgan.metrics.samples import Samples
from keras_mixgan.presets import recipes
from keras_mixgan.training.history import BetweenSteps

DECAYS = (0.99, 0.995, 0.998, 0.999, 0.9995)
WARM_UPS = (10, 20)
METRICS = ("inception_score", "fid")
_ENDLESS = 10**9


class Average:
    """An average of arrays.

    Args:
        decay: The most that an update keeps.
        warm_up: As above, or `None` for none; the first update copies anyway.
        trained: For each array whether it is a weight; the others, moving
            statistics, are copied.
        statistics: Whether to average moving statistics as well.
    """

    def __init__(self, decay, warm_up, trained, statistics=False):
        self._decay, self._warm_up = decay, warm_up
        self._averaged = [weight or statistics for weight in trained]
        self.values = []

    def update(self, number, values):
        """Takes the values after update `number`, from 1."""
        keep = self._decay if number > 1 else 0.0
        if self._warm_up is not None:
            keep = min(keep, (number - 1) / (number + self._warm_up))
        old = self.values or values
        self.values = [
            keep * a + (1 - keep) * b if averaged else b
            for a, b, averaged in zip(old, values, self._averaged, strict=True)
        ]


class Compare(BetweenSteps):
    """Scores every average at some steps, and stops after the last."""

    def __init__(self, variables, averages, steps, score):
        super().__init__()
        self._variables, self._averages = variables, averages
        self._steps, self._score = steps, score
        self._seen = 0
        self.rows = {name: [] for name in averages}

    def act(self, step):
        """Updates the averages; scores them where it is time."""
        if step == self._seen:
            return
        self._seen = step
        values = [variable.numpy() for variable in self._variables]
        for average in self._averages.values():
            average.update(step, values)
        if step in self._steps:
            for name, average in self._averages.items():
                self._set(average.values)
                self.rows[name].append(self._score(self.model))
                print(f"{step:,} steps, {name}: {self.rows[name][-1]}")
            self._set(values)
        self.model.stop_training = step >= max(self._steps)

    def _set(self, values):
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)


def options_of_the_program():
    """Reads the command line."""
    parser = argparse.ArgumentParser(allow_abbrev=False, description=__doc__)
    parser.add_argument("--recipe", default="dcgan_cifar10")
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument(
        "--steps", type=int, nargs="+", default=[300, 1000, 2500, 5000, 8000]
    )
    parser.add_argument("--classifier", help="default: the data set's own")
    parser.add_argument("--num_images", type=int, default=2500)
    parser.add_argument("--num_real", type=int, default=10000)
    return parser.parse_args()


def kinds(trained):
    """Name -> `Average`."""
    made = {"none": Average(0.0, None, trained)}
    for decay in DECAYS:
        made[f"{decay}"] = Average(decay, None, trained)
    for warm_up in WARM_UPS:
        made[f"warm-up of {warm_up}"] = Average(1.0, warm_up, trained)
    last = WARM_UPS[-1]
    made[f"warm-up of {last}, statistics too"] = Average(
        1.0, last, trained, statistics=True
    )
    return made


def main():
    """Trains, compares, and prints a table of distance and score."""
    flags = options_of_the_program()
    given = recipes.complete({}, flags.recipe)
    given.pop("steps", None)
    given |= {"ema_decay": None, "width": flags.width}
    chosen = settings_module.resolve(given)
    source = sources.load_source(**options.values(chosen, "data"))
    chosen = chosen.for_source(source)
    model = models.make_model(chosen, source)
    parts = model.generator_ensemble.parts
    variables = [variable for part in parts for variable in part.weights]
    trained = {id(v) for part in parts for v in part.trainable_variables}
    real = Samples(source, flags.num_real, argument="source")

    def score(model):
        found = metrics.evaluate(
            model, real, METRICS, flags.classifier, flags.num_images,
            components=False, real=False, verbose=0,
        ).scores["mixture"]  # fmt: skip
        score, distance = (found[name].mean for name in METRICS)
        return f"{distance:.2f} / {score:.2f}"

    compare = Compare(
        variables,
        kinds([id(variable) in trained for variable in variables]),
        flags.steps,
        score,
    )
    stream = data.load(
        source, batch_size=chosen.batch_size, seed=chosen.seed, start_step=0
    )
    model.fit(stream, steps_per_epoch=_ENDLESS, callbacks=[compare], verbose=0)
    print("| average | " + " | ".join(f"{n:,} steps" for n in flags.steps), "|")
    print("|---" * (1 + len(flags.steps)) + "|")
    for name, row in compare.rows.items():
        print(f"| {name} | " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
