"""Clients that send one bad request after another are turned away."""

import collections
import math
import time
from collections.abc import Callable

_SECONDS = 60.0
_MAX_ADDRESSES = 10_000


class BadClients:
    """Counts the bad requests of each address over the last minute.

    Args:
        allowed: Bad requests a minute after which an address is turned away;
            0 for any number.
        clock: Gives seconds.

    Example:
    >>> clients = BadClients(allowed=2, clock=lambda: 0.0)
    >>> clients.note("10.0.0.1")
    >>> clients.wait("10.0.0.1")
    >>> clients.note("10.0.0.1")
    >>> clients.wait("10.0.0.1")
    60
    """

    def __init__(
        self, allowed: int, clock: Callable[[], float] = time.monotonic
    ):
        self._allowed = allowed
        self._clock = clock
        self._times: collections.OrderedDict[str, collections.deque[float]] = (
            collections.OrderedDict()
        )

    def note(self, address: str) -> None:
        """Notes a bad request.

        Args:
            address: Whose it was.
        """
        if not self._allowed:
            return
        # A deque of this length holds all that the answer depends on.
        times = self._times.setdefault(
            address, collections.deque(maxlen=self._allowed)
        )
        times.append(self._clock())
        self._times.move_to_end(address)
        if len(self._times) > _MAX_ADDRESSES:
            self._times.popitem(last=False)

    def wait(self, address: str) -> int | None:
        """How long an address is turned away.

        Args:
            address: Whose request came.

        Returns:
            Seconds until it may come again; `None` if it is welcome now.
        """
        times = self._times.get(address, ())
        if not self._allowed or len(times) < self._allowed:
            return None
        left = times[0] + _SECONDS - self._clock()
        return math.ceil(left) if left > 0 else None
