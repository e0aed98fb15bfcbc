"""A mixture of snapshots of one run, for a race.

It costs no extra training, so every trained mixture has to beat it.
"""

import collections
from collections.abc import Sequence

from keras_mixgan.metrics.samples import Samples
from keras_mixgan.mixgan import MixGAN
from keras_mixgan.training import forks

KEPT = 5
# Suffix of the contestant's name.
SUFFIX = " snapshots"
# Real images for the mixture weights.
IMAGES = 1000


class Snapshots:
    """The last snapshots of a run, and the mixture of them.

    The mixture weights are learned on `real`. `rows` has a dict per mark, as in
    `race_marks.Marks`.
    """

    def __init__(self, real: Samples):
        self._real = real.first(IMAGES)
        self._kept = collections.deque(maxlen=KEPT)
        self.rows: list[dict[str, float]] = []

    def restore(self, rows: Sequence, models: Sequence[MixGAN]) -> None:
        """Goes on with the `rows` of earlier marks; `models` are their last."""
        self.rows = list(rows)
        for number, model in enumerate(models, len(rows) - len(models)):
            self._kept.append(forks.copy_networks(model, number))

    def add(self, model: MixGAN) -> MixGAN:
        """Takes a snapshot; returns the mixture of the last five.

        For the first snapshot, that is the model itself.
        """
        self._kept.append(forks.copy_networks(model, len(self.rows)))
        if len(self._kept) == 1:
            return model
        labels = None if model.num_classes is None else self._real.labels
        images = self._real.images()
        return forks.join(MixGAN, list(self._kept), model, images, labels, 0)
