"""Several training steps in one call, so that small networks do not wait.

Keras trains `steps_per_execution` steps a call, from the first of an epoch,
and past its end where the data have none. A run writes at certain steps and
at the ends of epochs, so here a call stops there: how many steps it takes is
a function of the model's step alone, and a resumed run takes the same calls.
"""

import contextlib
import dataclasses
import itertools
from collections.abc import Iterator


@dataclasses.dataclass(frozen=True)
class Executions:
    """How many steps each call trains.

    Attributes:
        most: Steps of a call, at most.
        periods: No call goes beyond a multiple of one of these.
        end: Nor beyond this step.

    Example:
    >>> list(Executions(most=4, periods=(10,), end=23).ends(0))
    [4, 8, 10, 14, 18, 20, 23]
    """

    most: int
    periods: tuple[int, ...]
    end: int

    @property
    def longest(self) -> int:
        """Steps of the longest call there can be."""
        return min(self.most, *self.periods)

    def length(self, step: int) -> int:
        """Steps of the call that begins after `step` steps."""
        rests = [period - step % period for period in self.periods]
        return min(self.most, self.end - step, *rests)

    def ends(self, step: int) -> Iterator[int]:
        """Yields the step at which each call ends, from `step` on."""
        while step < self.end:
            step += self.length(step)
            yield step

    def calls(self, step: int, stop: int) -> int:
        """The number of calls from `step` to `stop`, where one ends."""
        before = itertools.takewhile(lambda end: end < stop, self.ends(step))
        return 1 + sum(1 for _ in before)


def segments(
    step: int, steps: int, per_epoch: int, plan: Executions | None = None
) -> Iterator[tuple[int, int, int]]:
    """Cuts the rest of a training into calls of `fit`.

    Keras counts the batches of an epoch from its beginning, and wants as many
    in each, so the rest of an interrupted epoch, and a last one that is not
    to be whole, are calls of `fit` of their own.

    Args:
        step: Steps trained so far.
        steps: Steps in all.
        per_epoch: Steps of a whole epoch, one of the periods of a plan.
        plan: How many steps each call of the step trains; `None` for one.

    Yields:
        Number of the first epoch, from 0; how many epochs; calls of each.

    Example:
    >>> list(segments(7, 25, 5))
    [(1, 1, 3), (2, 3, 5)]
    """
    epochs = _epochs(step, steps, per_epoch, plan)
    for calls, group in itertools.groupby(epochs, key=lambda pair: pair[1]):
        numbers = [number for number, _ in group]
        yield numbers[0], len(numbers), calls


def _epochs(step, steps, per_epoch, plan):
    """Yields the number of each epoch that is left, and its calls."""
    while step < steps:
        epoch = step // per_epoch
        stop = min((epoch + 1) * per_epoch, steps)
        calls = stop - step
        if plan is not None:
            calls = plan.calls(step, stop)
        yield epoch, calls
        step = stop


@contextlib.contextmanager
def planned(model, plan: Executions | None) -> Iterator[None]:
    """Within it, `fit` counts calls as Keras counts batches.

    Args:
        model: A compiled `MixGAN`.
        plan: How many steps each call trains; `None` leaves all as it is.
    """
    if plan is None:
        yield
        return
    model.executions, model.train_function = plan, None
    try:
        yield
    finally:
        model.executions = model.train_function = None


def length(model) -> int:
    """Steps that the next call trains, where the data last."""
    if model.executions is None:
        return model.steps_per_execution
    return model.executions.length(model.step)


def longest(model) -> int:
    """Steps of the longest call there can be."""
    if model.executions is None:
        return model.steps_per_execution
    return model.executions.longest


def train_function(model):
    """Makes what `fit` calls under TensorFlow, where calls are planned.

    Keras's own would be traced anew for each number of steps.

    Args:
        model: A compiled `MixGAN`, made in no scope of a strategy.

    Returns:
        Function from an iterator of batches, of which there are enough, to
        the last step's logs.
    """
    import tensorflow as tf

    if model.run_eagerly:

        def function(iterator):
            for _ in range(length(model)):
                logs = model.train_step(next(iterator))
            return logs

        return function

    step = tf.function(
        model.train_step,
        reduce_retracing=True,
        jit_compile=model.jit_compile,
    )

    @tf.function(reduce_retracing=True, autograph=False)
    def many(iterator, count):
        logs = {metric.name: tf.zeros(()) for metric in model.metrics}
        _, logs = tf.while_loop(
            lambda i, logs: i < count,
            lambda i, logs: (i + 1, step(next(iterator))),
            (tf.constant(0), logs),
            parallel_iterations=1,
        )
        return logs

    return lambda iterator: many(iterator, tf.constant(length(model)))
