"""A mixture of the generators that one run passes through, for a race.

It takes no training at all, so that it is what every mixture has to beat.
"""

import collections

from keras_mixgan.metrics.samples import Samples
from keras_mixgan.mixgan import MixGAN
from keras_mixgan.training import forks

KEPT = 5
# Suffix of the contestant's name.
SUFFIX = " snapshots"
# Real images for the mixture weights.
IMAGES = 1000


class Snapshots:
    """The last networks of a run, and the mixture that they make.

    Args:
        real: Real images, on which the mixture weights are learned.

    Attributes:
        rows: A dict a mark, as `race_child.Marks` has them.
    """

    def __init__(self, real: Samples):
        self._real = real.first(IMAGES)
        self._kept = collections.deque(maxlen=KEPT)
        self.rows: list[dict[str, float]] = []

    def add(self, model: MixGAN) -> MixGAN:
        """Takes a snapshot of the model.

        Returns:
            The mixture of the last five snapshots, this one among them; the
            model itself where it is the first.
        """
        self._kept.append(forks.copy_networks(model, len(self.rows)))
        if len(self._kept) == 1:
            return model
        labels = None if model.num_classes is None else self._real.labels
        images = self._real.images()
        return forks.join(MixGAN, list(self._kept), model, images, labels, 0)
