"""Exponential moving averages of generators, for sampling."""

from keras import ops

from keras_mixgan.game import components
from keras_mixgan.utils.errors import UserError

# Larger: the average looks back less far while training is young. 20 was the
# better of 10 and 20 on CIFAR-10 (benchmarks/results/averages.md).
WARM_UP = 20


def check_decay(decay: float | None) -> float | None:
    """Returns a decay, checked.

    Raises:
        ValueError: It is neither `None` nor strictly between 0 and 1.
    """
    if decay is not None and not 0 < decay < 1:
        raise UserError(
            "`ema_decay` must be None or lie strictly between 0 and 1. "
            f"Received: ema_decay={decay!r}"
        )
    return decay


def make(parts: list, executor) -> list:
    """Makes a copy of each part of the generators' side, to hold its average.

    Args:
        parts: Keras models: the generators, or the parts they own and share.
        executor: The model's `Executor`.

    Returns:
        The copies, not trainable, with the same weights.
    """
    averages = []
    for i, generator in enumerate(parts):
        with executor.placing(i):
            average = components.clone(generator, f"ema_generator_{i}")
        executor.adopt(average, i)
        average.set_weights(generator.get_weights())
        average.trainable = False
        averages.append(average)
    return averages


def update(
    executor, averages: list, generators: list, decay: float, updates
) -> None:
    """Moves the averages towards the generators, in place.

    Update n keeps min(decay, (n - 1) / (n + WARM_UP)) of the average. So the
    first update copies, and until the decay is reached the average looks back
    over about a twentieth of the training so far. Without this warm-up, it
    would hold the first weights for thousands of steps. Up to the decay this
    is polynomial-decay averaging (Shamir & Zhang 2013, arXiv:1212.1824), then
    an exponential moving average.

    Args:
        executor: The `Executor` of the step.
        averages: What `make` made.
        generators: The generators, just updated.
        decay: In (0, 1), the most of the average that an update keeps.
        updates: Integer scalar tensor, updates of the generators so far.
    """
    number = ops.cast(updates, "float32")
    decay = ops.minimum(decay, (number - 1.0) / (number + WARM_UP))
    for average, generator in zip(averages, generators, strict=True):
        with executor.placed(generator):
            _move(average, generator, decay)


def _move(average, generator, decay) -> None:
    trained = {id(v) for v in generator.trainable_variables}
    for mean, variable in zip(average.weights, generator.weights, strict=True):
        if id(variable) in trained:
            mean.assign(decay * mean + (1.0 - decay) * variable)
        else:
            # Moving statistics are averages already.
            mean.assign(variable)
