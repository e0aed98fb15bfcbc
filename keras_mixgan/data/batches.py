"""Sources as NumPy batches of images in [-1, 1], without TensorFlow.

Their order is that of the `tf.data` pipelines of `streams`, so a training may
continue under another backend.
"""

import contextlib
import copy
import functools
from collections.abc import Iterator

import keras
import numpy as np

from keras_mixgan.utils import pixels

# Version of the order of batches, which runs record. 1 was that of version
# 0.1, by TensorFlow's `stateless_shuffle`; 2 is that of `epoch_order`.
ORDER = 2

# One entry for each `peeking` that is open.
_peeks: list[bool] = []


@contextlib.contextmanager
def peeking() -> Iterator[None]:
    """Within it, an iteration is no pass over the data.

    `fit` looks at the first batch before it trains. The epoch after that must
    have the order that it would have had.
    """
    _peeks.append(True)
    try:
        yield
    finally:
        _peeks.pop()


class Passes:
    """Counts the passes over a data set; `current` is the last one's number."""

    def __init__(self):
        self.current = 0
        self._begun = 0

    def begin(self) -> int:
        """Begins a pass, or looks at the next one: its number, from 0."""
        self.current = self._begun
        self._begun += not _peeks
        return self.current


class Batches(keras.utils.PyDataset):
    """Batches of a source in memory, for `MixGAN.fit` and for iteration.

    Images are uint8 (N, ...) in 0..255 or float32 in [-1, 1], labels int32
    (N,) or `None`. An epoch has `num_batches` batches and, with `shuffle`, its
    own order. `start_step` is the batch that an endless stream begins with;
    `None` gives a stream of one epoch, in a new order at each iteration.

    Example:
    >>> batches = Batches(np.zeros((6, 2), "float32"), None, 2, 3)
    >>> [images.shape for images in batches]
    [(2, 2), (2, 2), (2, 2)]
    """

    def __init__(
        self,
        images: np.ndarray,
        labels: np.ndarray | None,
        batch_size: int,
        num_batches: int,
        shuffle: bool = True,
        seed: int = 0,
        start_step: int | None = None,
    ):
        super().__init__()
        self.images = images
        self.labels = labels
        self._batch_size = batch_size
        self._per_epoch = num_batches
        self._start_step = start_step
        # The first batches, `take`, are a pass over the same data.
        self._passes = Passes()
        self._limit = None
        self._order = functools.lru_cache(maxsize=2)(
            functools.partial(epoch_order, len(images), seed)
            if shuffle
            else lambda epoch: np.arange(len(images), dtype=np.int32)
        )

    @property
    def num_batches(self) -> int | None:
        """Batches in the stream; `None` if it is endless."""
        if self._limit is not None:
            return self._limit
        return self._per_epoch if self._start_step is None else None

    def rows(self, index: int) -> np.ndarray:
        """The row numbers of batch `index`, from 0: int32 (B,)."""
        if self._start_step is None:
            if index == 0:
                # Not at the end of an epoch, which may be part of a pass.
                self._passes.begin()
            epoch, number = self._passes.current, index
        else:
            epoch, number = divmod(self._start_step + index, self._per_epoch)
        start = number * self._batch_size
        return self._order(epoch)[start : start + self._batch_size]

    def __getitem__(self, index: int):
        """Batch `index`: images float32 (B, ...), or (images, labels).

        Batch 0 begins a pass over the data, in its own order.
        """
        rows = self.rows(index)
        images = self.images[rows]
        if images.dtype == np.uint8:
            images = pixels.to_floats(images)
        return images if self.labels is None else (images, self.labels[rows])

    def take(self, count: int) -> "Batches":
        """The first batches, as in `tf.data.Dataset.take`."""
        first = copy.copy(self)
        length = self.num_batches
        first._limit = count if length is None else min(count, length)
        return first


class Rows(keras.utils.PyDataset):
    """Only the row numbers of batches, for data that are on the device."""

    def __init__(self, batches: Batches):
        super().__init__()
        self._batches = batches

    @property
    def num_batches(self) -> int | None:
        """Batches in the stream; `None` if it is endless."""
        return self._batches.num_batches

    def __getitem__(self, index: int):
        """Row numbers of batch `index`, in a tuple: int32 (B,)."""
        return (self._batches.rows(index),)


def epoch_order(size: int, seed: int, epoch: int) -> np.ndarray:
    """The order of an epoch, the same under every backend.

    A permutation, int32 (size,), and a pure function of the arguments. `seed`
    and `epoch` are at least 0.

    Example:
    >>> epoch_order(8, seed=1, epoch=2).tolist()
    [6, 0, 7, 5, 1, 4, 3, 2]
    """
    order = np.random.default_rng([seed, epoch]).permutation(size)
    return order.astype(np.int32)
