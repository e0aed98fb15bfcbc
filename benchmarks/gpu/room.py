"""Many trainings on one GPU at once, and timings that have it alone.

Small networks leave most of a large GPU idle, so trainings run side by side. A
time that will be reported is taken alone: between its calls every training
leaves the room, and waits at the door while somebody measures inside.
"""

import contextlib
import fcntl
import pathlib
from collections.abc import Iterator

import jax
import keras
import numpy as np

# Calls of `steps_per_execution` steps: two that compile and warm up in the
# first ones, then those that are timed alone.
WARM, TIMED = 3, 5


class Room:
    """A room that many may be in, or one alone.

    Args:
        folder: Where the two files of its locks lie.
    """

    def __init__(self, folder: pathlib.Path):
        folder.mkdir(parents=True, exist_ok=True)
        self._door, self._floor = (folder / n for n in ("door", "floor"))

    @contextlib.contextmanager
    def shared(self) -> Iterator[None]:
        """Within it, others may be in the room, but none alone."""
        with _held(self._door, fcntl.LOCK_EX):
            floor = _lock(self._floor, fcntl.LOCK_SH)
        with floor:
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Within it, nobody else is in the room."""
        # Whoever holds the door waits only for those inside, so none starves.
        with (
            _held(self._door, fcntl.LOCK_EX),
            _held(self._floor, fcntl.LOCK_EX),
        ):
            yield


class Turns(keras.callbacks.Callback):
    """Enters the room for each call of a training; times some calls alone.

    Attributes:
        seconds: Median seconds of one step alone; `None` before it is known.
    """

    def __init__(self, room: Room, clock):
        super().__init__()
        self._room, self._clock = room, clock
        self._calls = 0
        self._times: list[float] = []
        self._inside = contextlib.ExitStack()
        self.seconds: float | None = None

    def on_train_batch_begin(self, batch, logs=None) -> None:
        """Enters, alone if this call is timed."""
        # While XLA compiles, in the first calls, nobody needs to wait.
        if WARM <= self._calls < WARM + TIMED:
            self._inside.enter_context(self._room.alone())
        elif self._calls >= WARM:
            self._inside.enter_context(self._room.shared())
        self._started = self._clock()

    def on_train_batch_end(self, batch, logs=None) -> None:
        """Waits for the GPU, and leaves."""
        jax.block_until_ready(self.model._jax_state)
        spent = self._clock() - self._started
        self._inside.close()
        if WARM <= self._calls < WARM + TIMED:
            self._times.append(spent / self.model.steps_per_execution)
        self._calls += 1
        if len(self._times) == TIMED and self.seconds is None:
            self.seconds = float(np.median(self._times))


def _lock(path: pathlib.Path, kind: int):
    file = open(path, "a")  # noqa: SIM115 (closing it frees the lock)
    fcntl.flock(file, kind)
    return file


@contextlib.contextmanager
def _held(path: pathlib.Path, kind: int) -> Iterator[None]:
    with _lock(path, kind):
        yield
