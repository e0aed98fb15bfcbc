"""Divides the rest of a training into calls of `fit`."""

import contextlib
import itertools
from collections.abc import Iterator


def parts(
    step: int, steps: int, per_epoch: int, per_call: int = 1
) -> Iterator[tuple[int, int, int]]:
    """Divides the rest of a training into calls of `fit`.

    All epochs of one `fit` have the same number of steps, counted from 0. So
    the rest of an interrupted epoch, and a shorter last one, get a `fit` each.
    An epoch ends at a multiple of `per_call`, which may be a few steps after
    the last batch of the data, or with the training.

    `step` steps of `steps` are trained. Yields the number of the first epoch,
    from 0; the number of epochs; the steps of each.

    Example:
    >>> list(parts(7, 25, 5))
    [(1, 1, 3), (2, 3, 5)]
    >>> list(parts(0, 25, 5, per_call=4))
    [(0, 1, 8), (1, 3, 4), (4, 1, 5)]
    """
    epochs = _epochs(step, steps, per_epoch, per_call)

    def key(pair):
        """The same for consecutive epochs of equal length, in whole calls."""
        number, (epoch, length) = pair
        return epoch - number, length, number if length % per_call else None

    for _, group in itertools.groupby(enumerate(epochs), key):
        # Counted, not listed: a run may have millions of epochs.
        count = 0
        for count, (_, (epoch, length)) in enumerate(group, 1):  # noqa: B007
            pass
        yield epoch - count + 1, count, length


def _epochs(step, steps, per_epoch, per_call):
    """Yields the number of each remaining epoch, and its steps."""
    while step < steps:
        epoch = step // per_epoch
        if step % per_call:
            # The run was made longer: first a shorter call, to a multiple.
            stop = _up(step, per_call)
        else:
            stop = _up((epoch + 1) * per_epoch, per_call)
        stop = min(stop, steps)
        yield epoch, stop - step
        step = stop


def _up(number: int, multiple: int) -> int:
    return -(-number // multiple) * multiple


@contextlib.contextmanager
def in_calls_of(model, steps: int) -> Iterator[None]:
    """Within it, `fit` trains `steps` steps per call; after it, one."""
    model.steps_per_execution, model.train_function = steps, None
    try:
        yield
    finally:
        model.steps_per_execution, model.train_function = 1, None
