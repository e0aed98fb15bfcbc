"""Which rows of a global batch one replica computes, and over what it divides.

Row k of everything that belongs to a batch - real images, labels, latents,
images of generators, draws of the gradient penalty - is replica k mod n's, of
n replicas. So each of them has its part of every generator's images, also of
a stratified batch, and no replica has more than one row above another. Every
replica draws the whole batch's latents, from the same state, and keeps its
own rows: no two share noise, and together they have that of one device.

What a replica computes are contributions: sums over its rows, divided by the
number of rows of all. Contributions, and their gradients, add up to those of
one device with the whole batch, whatever the sizes, zero among them.
"""

import contextlib
import dataclasses
import threading
from typing import Any

from keras import ops


@dataclasses.dataclass(frozen=True)
class Share:
    """One replica's share.

    Attributes:
        index: The replica's number, from 0.
        replicas: How many there are.
        total: Images in the global batch, positive: an int, or an integer
            tensor where it is known only when the step runs.

    Example:
    >>> share = Share(index=1, replicas=2, total=7)
    >>> share.sizes([3, 2, 2])
    [1, 1, 1]
    """

    index: int
    replicas: int
    total: Any

    def sizes(self, totals: list) -> list:
        """Rows of each stratum that are this replica's.

        Args:
            totals: Rows of each stratum in the global batch.

        Returns:
            As many ints or integer tensors.
        """
        return [
            (size - skip + self.replicas - 1) // self.replicas
            for size, skip in zip(totals, self._skips(totals), strict=True)
        ]

    def rows(self, totals: list) -> list[slice]:
        """Where this replica's rows of each stratum are in the global batch."""
        slices, start = [], 0
        for size, skip in zip(totals, self._skips(totals), strict=True):
            slices.append(slice(start + skip, start + size, self.replicas))
            start = start + size
        return slices

    def _skips(self, totals: list) -> list:
        """Rows of each stratum before the first that is this replica's."""
        skips, start = [], 0
        for size in totals:
            skip = (self.index - start % self.total) % self.replicas
            # No further than the stratum's end, where it holds none.
            least = min if isinstance(size, int) else ops.minimum
            skips.append(least(skip, size))
            start = start + size
        return skips


class _Current(threading.local):
    """The share of the step under way: replicas trace in own threads."""

    share: Share | None = None


_current = _Current()


@contextlib.contextmanager
def sharing(share: Share | None):
    """Within it, objectives are those of a share; `None` is all of a batch."""
    previous, _current.share = _current.share, share
    try:
        yield
    finally:
        _current.share = previous


def current() -> Share | None:
    """The share of the step under way; `None` where there is one device."""
    return _current.share


def once(term):
    """A term that does not depend on the batch: each replica has its part."""
    return term if _current.share is None else term / _current.share.replicas


def divisor(size):
    """The size of a share's batch, or 1 where it has no images."""
    if _current.share is None:
        return size
    return max(size, 1) if isinstance(size, int) else ops.maximum(size, 1)


def mean(terms, total):
    """Contribution to a mean over the global batch.

    Args:
        terms: Float tensor (rows, ...), those of this share.
        total: Rows of all shares.

    Returns:
        Float tensor (...); summed over shares it is the mean.
    """
    if _current.share is None:
        return ops.mean(terms, axis=0)
    return ops.sum(terms, axis=0) / ops.cast(total, terms.dtype)


def parts(draws, totals: list) -> list:
    """Cuts random numbers of a global batch into strata, own rows alone.

    Args:
        draws: Tensor (sum of totals, ...).
        totals: Rows of each stratum in the global batch.

    Returns:
        A tensor a stratum.
    """
    if _current.share is not None:
        return [draws[rows] for rows in _current.share.rows(totals)]
    return cut(draws, totals)


def cut(batch, sizes: list) -> list:
    """Cuts a batch into strata.

    Args:
        batch: Tensor (sum of sizes, ...).
        sizes: Rows of each stratum.

    Returns:
        A tensor a stratum.
    """
    found, start = [], 0
    for size in sizes:
        found.append(batch[start : start + size])
        start = start + size
    return found
