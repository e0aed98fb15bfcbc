"""Scores during training, for curves like the paper's figures 3 and 4."""

import contextlib
import csv
import os
import pathlib
from collections.abc import Sequence
from typing import Any

import keras

from keras_mixgan.metrics import judges
from keras_mixgan.metrics import registry
from keras_mixgan.metrics.evaluate import check_numbers
from keras_mixgan.metrics.evaluate import checked
from keras_mixgan.metrics.evaluate import evaluate
from keras_mixgan.metrics.samples import as_samples
from keras_mixgan.utils import checks
from keras_mixgan.utils import tables
from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.errors import first_line

# The columns that are texts.
CLASSIFIER = "classifier"
CLASSIFIER_SHA256 = "classifier_sha256"
TEXTS = (CLASSIFIER, CLASSIFIER_SHA256)


class Evaluate(keras.callbacks.Callback):
    """Scores the mixture every few epochs; records mixture weights always.

    The scores enter the epoch's logs under the metrics' names ("fid",
    "inception_score", "inception_score_std"), where `History`, TensorBoard
    and `ModelCheckpoint(monitor="fid")` find them.

    Args:
        metrics: names among `METRICS`, or one of them.
        every: epochs between scores.
        source: the real data: a source, its name or folder, or an array. By
            default the data that the model's run or preset was trained on, if
            recorded.
        classifier: see `classifiers.load`. By default the bundled one for
            these data.
        num_images: images to generate each time; fewer than a final score's
            50,000, so compare FID only along the curve.
        splits: splits of the classifier score.
        seed: seed of the images: the same latents each time.
        components: score each generator alone as well, under
            "generator_0_fid" and so on.
        path: CSV file to update, a line per epoch; `None` for none. An
            existing file is continued, so that a resumed run has one curve.
            Where `fit` goes on with a model that has been trained and counts
            its epochs from 1 again, they are numbered after those recorded;
            epochs of a new model replace them.
        options: see `evaluate`.
        batch_size: images the classifier sees at a time.
        verbose: 1 shows progress bars.
        history: a `MixtureHistory`, listed before this callback. With it,
            records have its `seconds` of training, and its clock is paused
            while the mixture is scored.

    Raises:
        ValueError: unknown metric, or a number out of its range. When training
            begins: no `source` or no `classifier` is given or known, or
            another error of `evaluate` that does not need the images; or the
            file has scores by another classifier.

    Example:
    >>> callback = Evaluate(metrics=["inception_score", "fid"], every=5)
    >>> callback.records
    []
    """

    def __init__(
        self,
        metrics: Sequence[str] = ("inception_score", "fid"),
        every: int = 5,
        source: Any = None,
        classifier: Any = None,
        num_images: int = 5000,
        splits: int = 10,
        seed: int = 0,
        components: bool = False,
        path: str | os.PathLike | None = None,
        options: dict[str, dict[str, Any]] | None = None,
        batch_size: int = 128,
        verbose: int = 0,
        history: Any = None,
    ) -> None:
        super().__init__()
        checks.integer("every", every)
        check_numbers(num_images, splits, seed, batch_size)
        metrics = [metrics] if isinstance(metrics, str) else list(metrics)
        for name in metrics:
            registry.get(name)
        self.every = every
        self.source = source
        self.history = history
        self.path = None if path is None else pathlib.Path(path).expanduser()
        self.records: list[dict[str, Any]] = []
        self.report = None
        self._real = None
        # What the classifier turned out to be; `None` where none is needed.
        self._network = None
        # Whether epochs may count from 1 again. Those of a run do not: one
        # that was stopped in its first epoch goes on in it.
        self.counts_again = True
        # Epochs of earlier calls of `fit`; `None` before the first epoch.
        self._earlier: int | None = None
        self._arguments = {
            "metrics": metrics,
            "classifier": classifier,
            "num_images": num_images,
            "splits": splits,
            "seed": seed,
            "components": components,
            "options": options,
            "batch_size": batch_size,
            "verbose": verbose,
        }

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Reads the source, and raises now what scoring would raise."""
        use = self._arguments
        seed = use["seed"]
        source = self.source
        if source is None:
            source = _recorded_source(self.model)
        # Kept, so that the classifier sees the real data only once.
        self._real = as_samples(source, seed=seed, argument="source")
        self._network = checked(
            self.model, self._real, use["metrics"], use["options"],
            use["classifier"], use["num_images"], use["splits"], real=False,
        )  # fmt: skip
        if self.path is not None and self.path.exists() and not self.records:
            self.records = read_scores(self.path)
        self._check_classifier()
        self._earlier = None

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Finds out, at the first epoch, how many there were before."""
        if self._earlier is not None:
            return
        self._earlier = 0
        if epoch == 0 and self.counts_again:
            # An earlier state of the model repeats the epochs after it.
            step = getattr(self.model, "step", 0)
            before = (
                int(record["epoch"])
                for record in self.records
                if 0 < record.get("step", 0) <= step
            )
            self._earlier = max(before, default=0)

    def _check_classifier(self) -> None:
        """Refuses to go on with the scores of another classifier."""
        now = _texts_of(self._network)
        where = "in the records" if self.path is None else f"in {self.path}"
        for record in self.records:
            before = {key: record.get(key, now.get(key)) for key in now}
            if before != now:
                raise UserError(
                    f"`classifier` must be that of the scores {where}, "
                    f"{_described(before)}, which no other one's can continue: "
                    "give it, or another `path`. Received: "
                    f"classifier={_described(now)}"
                )

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Records the weights and, every few epochs, the scores."""
        epoch += self._earlier or 0
        record: dict[str, Any] = {"epoch": epoch + 1}
        if hasattr(self.model, "step"):
            record["step"] = self.model.step
        # Epochs that a resumed run repeats replace the old ones.
        kept = [old for old in self.records if old["epoch"] <= epoch]
        pause = contextlib.nullcontext()
        if self.history is not None:
            record["seconds"] = self.history.seconds
            pause = self.history.paused()
        # Numbers may be left out: one call of many steps may end several.
        previous = kept[-1]["epoch"] if kept else epoch
        if (epoch + 1) // self.every > previous // self.every:
            with pause:
                scores = self._scores()
            record["num_images"] = self._arguments["num_images"]
            record.update(_texts_of(self._network))
            record.update(scores)
            if logs is not None:
                logs.update(scores)
        for side in ("generator", "discriminator"):
            weights = getattr(self.model, f"{side}_weights", ())
            for i, weight in enumerate(weights):
                record[f"{side}_weight_{i}"] = float(weight)
        self.records = [*kept, record]
        if self.path is not None:
            write_scores(self.path, self.records)

    def _scores(self) -> dict[str, float]:
        given = {**self._arguments, CLASSIFIER: self._network}
        self.report = evaluate(self.model, self._real, real=False, **given)
        columns = {}
        for row, scores in self.report.scores.items():
            prefix = "" if row == "mixture" else row.replace(" ", "_") + "_"
            for name, score in scores.items():
                columns[prefix + name] = score.mean
                if score.std is not None:
                    columns[f"{prefix}{name}_std"] = score.std
        return columns


def _texts_of(network: Any) -> dict[str, str]:
    """What a record says of the classifier; nothing where none was used."""
    if network is None:
        return {}
    return {CLASSIFIER: network.name, CLASSIFIER_SHA256: network.sha256}


def _described(texts: dict[str, str]) -> str:
    return f"{texts[CLASSIFIER]!r} (SHA-256 {texts[CLASSIFIER_SHA256][:16]})"


def _recorded_source(model: Any) -> Any:
    """The data that the model's run or preset was trained on."""
    settings = judges.recorded(model)
    if not settings.get("source"):
        raise UserError(
            "`source` must be given: the real data to compare with. The data "
            "that the model is trained on are not recorded. Received: "
            "source=None"
        )
    from keras_mixgan.data.sources import load_source

    names = ("split", "image_size", "crop_size", "skip_bad_images")
    arguments = {name: settings[name] for name in names if settings.get(name)}
    return load_source(settings["source"], **arguments)


def write_scores(
    path: str | os.PathLike, records: Sequence[dict[str, Any]]
) -> None:
    """Writes records as CSV, whole or not at all; missing values stay empty.

    Args:
        path: the file.
        records: a dictionary per line, with "epoch".
    """
    columns = list(dict.fromkeys(key for record in records for key in record))
    path = pathlib.Path(path).expanduser()
    path.parent.mkdir(parents=True, exist_ok=True)
    tables.write_csv(path, columns, records)


def read_scores(path: str | os.PathLike) -> list[dict[str, Any]]:
    """Reads what `write_scores` wrote.

    Args:
        path: the file.

    Returns:
        A dictionary per line, without the values that are empty there.

    Raises:
        ValueError: it is not such a file.
        OSError: it cannot be read.
    """
    path = os.path.expanduser(path)
    if os.path.exists(path) and not os.path.isfile(path):
        raise UserError(f"`path` must be a regular file. Received: {path}")
    try:
        with open(path, newline="", encoding="utf-8") as file:
            records = [
                {
                    key: value if key in TEXTS else float(value)
                    for key, value in line.items()
                    if value
                }
                for line in csv.DictReader(file)
            ]
        for record in records:
            record["epoch"] = int(record["epoch"])
    except KeyError as error:
        raise UserError(
            f"`path` must be a CSV file with a column 'epoch'. Received: "
            f"{path}."
        ) from error
    except (csv.Error, OverflowError, TypeError, ValueError) as error:
        raise UserError(
            f"`path` must be a CSV file of scores. Received: {path} "
            f"({first_line(error)})."
        ) from error
    return records
