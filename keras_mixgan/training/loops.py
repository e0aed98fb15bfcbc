"""Which training function `fit` runs, and on which data."""

import keras
import numpy as np

from keras_mixgan.data.batches import Batches
from keras_mixgan.data.batches import peeking
from keras_mixgan.distribution import batches
from keras_mixgan.training import jax_steps


def train_step(model, *arguments):
    """One step, with the arguments of `keras.Model.train_step`.

    Takes the data and returns the logs; under JAX it takes the state too,
    first, and also returns the new one.
    """
    if keras.backend.backend() == "jax":
        return jax_steps.train_step(model, *arguments)
    images, labels, _ = keras.utils.unpack_x_y_sample_weight(*arguments)
    import tensorflow as tf

    # Otherwise, at the end of the data, a graph would count one more step and
    # draw its seeds.
    data = [x for x in (images, labels) if x is not None]
    with tf.control_dependencies(data):
        return model.train_on(images, labels)


def train_function_of(model):
    """Returns the maker of the training function; `None` is Keras's own."""
    if keras.backend.backend() == "jax":
        return jax_steps.make_train_function
    if getattr(model, "_distribute_strategy", None) is not None:
        from keras_mixgan.distribution import loop

        return loop.train_function
    return None


def place_data(model, x, y, batch_size, first, arguments: dict):
    """Places data where the training function reads them.

    `first` is what `validation.check_data` returned, `arguments` are the other
    ones of `fit`. Returns `x`, `y`, `batch_size` and `arguments` to pass to
    Keras. Under JAX it sets `model.table` and `model.host_step`.
    """
    strategy = getattr(model, "_distribute_strategy", None)
    if strategy is not None:
        shuffle = arguments.get("shuffle", True)
        # Another order at each call, the same in all processes.
        (seed,) = np.random.SeedSequence(
            [model.seed, model.step]
        ).generate_state(1)
        x = batches.distribute(strategy, x, y, batch_size, shuffle, int(seed))
        y = batch_size = None
        arguments = arguments | {"shuffle": False}
    if keras.backend.backend() == "jax":
        _check_divides(x, batch_size, first)
        x, model.table = jax_steps.place_data(x)
        model.host_step = model.step
        # A batch that `train_on_batch` refused leaves an old one, which would
        # overwrite weights that were set since.
        model._jax_state = None
    return x, y, batch_size, arguments


@peeking()
def _check_divides(x, batch_size: int | None, first) -> None:
    """Checks that JAX's devices, if several, get equal parts of each batch.

    Of other data than `Batches` and arrays only the first batch is known.
    """
    distribution = keras.distribution.distribution()
    if distribution is None:
        return
    count, last = distribution.device_mesh.devices.size, 0
    if isinstance(x, Batches):
        batch_size = len(x.rows(0))
        if x.num_batches is not None:
            last = len(x.rows(x.num_batches - 1))
    elif hasattr(x, "shape"):
        batch_size = batch_size or 32
        last = len(x) % batch_size
    elif first is not None:
        batch_size = len(first[0])
    else:
        return
    batches.check_sizes(batch_size, last, count)
