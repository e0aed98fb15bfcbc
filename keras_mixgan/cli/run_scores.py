"""Scores of a run while it trains: `train --evaluate_every`."""

import pathlib
from typing import Any

import keras

from keras_mixgan.cli import run_files
from keras_mixgan.data import sources
from keras_mixgan.metrics import classifiers
from keras_mixgan.metrics import figures
from keras_mixgan.metrics import judges
from keras_mixgan.metrics.callback import Evaluate
from keras_mixgan.training.history import MixtureHistory
from keras_mixgan.utils import atomic
from keras_mixgan.utils import plotting
from keras_mixgan.utils.errors import UserError

OF_IMAGES = ("inception_score", "fid")
# Images a score, unless another number is given.
NUM_IMAGES = 5000


def judge(
    source: sources.Source,
    classifier: str | None,
    every: int | None,
    num_images: int | None,
) -> classifiers.Classifier | None:
    """Finds the classifier of a run's scores, before it trains.

    It is `None` for points, and if nothing is scored. It must take the images
    of the source.
    """
    if every is None:
        given = {"classifier": classifier, "evaluate_images": num_images}
        for name, value in given.items():
            if value is not None:
                raise UserError(
                    f"`{name}` must be given together with --evaluate_every. "
                    f"Received: {name}={value}, evaluate_every=None"
                )
        return None
    if len(source.image_shape) == 1:
        if classifier is not None:
            raise UserError(
                "`classifier` must not be given for points, which no "
                f"classifier scores. Received: classifier={classifier}"
            )
        return None
    try:
        network = judges.load(classifier, source.name, None)
        network.conversion(source.image_shape)
    except UserError as error:
        raise UserError(
            f"{error}. Give a classifier with --classifier=, or leave out "
            "--evaluate_every"
        ) from error
    return network


def make(
    folder: pathlib.Path,
    source: sources.Source,
    network: classifiers.Classifier | None,
    every: int,
    num_images: int | None,
    history: MixtureHistory,
    title: str,
) -> list[keras.callbacks.Callback]:
    """Makes the callbacks that score a run, in order.

    The last draws the scores, and saves the model when it is the best so far.
    `network` is what `judge` returned. There are `every` epochs between scores.
    Their seconds are those of the clock of `history`.
    """
    metrics = OF_IMAGES
    if network is None:
        known = source.name in sources.POINTS
        metrics = ("modes",) if known else ("neural_net_distance",)
    scores = Evaluate(
        metrics,
        every=every,
        source=source,
        classifier=network,
        num_images=NUM_IMAGES if num_images is None else num_images,
        path=folder / run_files.SCORES,
        history=history,
    )
    scores.counts_again = False

    def use(epoch, logs=None) -> None:
        records = scores.records
        if figures.score_names(records[-1:]):
            figure = figures.scores_in_time(records, title)
            plotting.save(figure, folder / run_files.SCORE_CURVES)
        if _is_best(records):
            with atomic.replacing(folder / run_files.BEST) as partial:
                scores.model.save(partial)

    return [scores, keras.callbacks.LambdaCallback(on_epoch_end=use)]


def _is_best(records: list[dict[str, Any]]) -> bool:
    """Whether the last epoch has the smallest distance so far.

    A long training does not end at its best: GANs swing, and may collapse.
    Distances of other numbers of images, before a resume, are no measure.
    """
    *earlier, last = records
    if "fid" not in last:
        return False
    images = last["num_images"]
    known = [
        record["fid"]
        for record in earlier
        if "fid" in record and record.get("num_images", images) == images
    ]
    return last["fid"] <= min(known, default=last["fid"])
