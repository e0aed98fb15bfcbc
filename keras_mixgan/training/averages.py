"""Exponential moving averages of generators, for sampling."""

from keras import ops

from keras_mixgan.game import adapting
from keras_mixgan.game import components

# Larger: the average looks back less far while training is young. 20 was the
# better of 10 and 20 on CIFAR-10 (benchmarks/results/averages.md).
WARM_UP = 20


def make(parts: list, number: int, executor) -> list:
    """Makes a copy of each part of the generators' side, to hold its average.

    The copies have the same weights and are not trainable, and lie where their
    parts do: a shared body comes after `number` generators, with the first.
    """
    averages = []
    for i, generator in enumerate(parts):
        adapting.check_clonable(generator, "for `ema_decay`, which copies it")
        # Their weights are copied: draws must not change the user's `random`.
        with components.seeded("averages"), executor.placing(i % number):
            average = components.clone(generator, f"ema_generator_{i}")
        executor.adopt(average, i % number)
        average.set_weights(generator.get_weights())
        average.trainable = False
        averages.append(average)
    return averages


def update(model, moved) -> None:
    """Moves a model's averages towards its generators, in place.

    The generators' optimizer has just been called. `moved` is False where it
    only collected gradients: then the averages stay, too.

    Update n keeps min(decay, (n - 1) / (n + WARM_UP)) of the average. So the
    first update copies, and until the decay is reached the average looks back
    over about a twentieth of the training so far. Without this warm-up, it
    would hold the first weights for thousands of steps. Up to the decay this
    is polynomial-decay averaging (Shamir & Zhang 2013, arXiv:1212.1824), then
    an exponential moving average.

    n is the model's own count, which a file keeps: neither `compile` nor a
    preset without optimizers starts the average anew.
    """
    model.ema_updates.assign_add(ops.cast(moved, "int32"))
    number = ops.cast(model.ema_updates.value, "float32")
    decay = ops.minimum(model.ema_decay, (number - 1.0) / (number + WARM_UP))
    decay = ops.where(moved, decay, 1.0)
    shares = decay, 1.0 - decay
    parts = model.generator_ensemble.parts
    for average, generator in zip(model.ema_parts, parts, strict=True):
        with model.executor.placed(generator):
            _move(average, generator, *shares)


def _move(average, generator, kept, taken) -> None:
    trained = {id(v) for v in generator.trainable_variables}
    for mean, variable in zip(average.weights, generator.weights, strict=True):
        if id(variable) in trained:
            mean.assign(kept * mean + taken * variable)
        else:
            # Moving statistics are averages already.
            mean.assign(variable)
