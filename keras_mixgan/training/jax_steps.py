"""Training under JAX: the step as a pure function, one `jax.jit` around it.

Keras's JAX trainer passes all state to a step as values, and gets the new state
back. Here one call runs `steps_per_execution` steps, in an XLA loop over their
batches, so that small networks do not wait for Python. Where the data lie on
the device (`batches.Batches`), the host sends row numbers, not images.
"""

import contextlib
import itertools
import signal
import threading

import keras

from keras_mixgan.backends import stateless
from keras_mixgan.data.batches import Batches
from keras_mixgan.data.batches import Rows
from keras_mixgan.utils import pixels

# Keras's names of the parts of a state, in the order of `_variables`.
_STATE = (
    "trainable_variables",
    "non_trainable_variables",
    "optimizer_variables",
    "metrics_variables",
)
# The share of a device's memory that training data may take.
DATA_SHARE = 0.25


def train_step(model, state, data, table=None):
    """One step as a pure function, see `keras.Model.train_step` under JAX.

    `state` has lists of values of trainable, non-trainable, optimizer and
    metric variables. `data` are what `MixGAN.train_step` takes under
    TensorFlow; or, with a table, a tuple of the row numbers (B,). The table has
    images (N, ...), as `Batches` holds them, and labels (N,) or `None`. Returns
    the logs and the new state.
    """
    groups = _variables(model)
    data = _batch(data, table)
    variables = [v for group in groups for v in group]
    values = [value for group in state for value in group]
    with stateless.Scope(variables, values) as scope:
        images, labels, _ = keras.utils.unpack_x_y_sample_weight(data)
        logs = model.train_on(images, labels)
    values = iter(scope.values())
    return logs, tuple([next(values) for _ in group] for group in groups)


def make_train_function(model):
    """Makes the function from (state, iterator) that `fit` calls.

    It takes up to `steps_per_execution` batches from the iterator, and returns
    the last step's logs and the new state.
    """
    one = model.train_step
    if model.jit_compile and not model.run_eagerly:
        one, many = _jit(model, one), _jit(model, _loop(one))
    else:
        many = _eager_loop(one)
    returned = None

    def run(state, iterator):
        nonlocal returned
        if state is not returned:  # Keras has read it from the variables.
            _keep(model, state)
        table, longest = model.table, model.steps_per_execution
        # At the end of the data this raises the StopIteration that `fit`
        # expects; a generator could not raise it.
        data = itertools.chain([next(iterator)], iterator)
        for batches in _runs_of_one_shape(data, longest):
            count = len(batches)
            # A call deletes the old state before it returns the new one.
            with _interrupts_held():
                if longest == 1:
                    logs, state = one(state, batches[0], table)
                elif count == longest:
                    logs, state = many(state, batches, table)
                else:
                    # One program for all shorter runs: XLA compiles slowly.
                    batches += batches[-1:] * (longest - count)
                    logs, state = many(state, batches, table, count)
                _keep(model, state, count)
        returned = state
        return logs, state

    return run


def _keep(model, state, steps: int | None = None) -> None:
    """Keeps a state where Keras looks for it when `fit` fails.

    Before the first step it has emptied the variables. `steps` more have been
    taken, or else the state was read from the variables, which a callback may
    have set.
    """
    model._jax_state = dict(zip(_STATE, state, strict=True))
    if model.host_step is None:
        return
    if steps is not None:
        model.host_step += steps
        return
    variables = zip(model.non_trainable_variables, state[1], strict=True)
    model.host_step = next(
        int(value) for v, value in variables if v is model.step_variable
    )


@contextlib.contextmanager
def _interrupts_held():
    """Within it, in the main thread, Ctrl-C waits for the end."""
    before = signal.getsignal(signal.SIGINT)
    main = threading.current_thread() is threading.main_thread()
    if not main or not callable(before):
        yield
        return
    held = []
    signal.signal(signal.SIGINT, lambda *arguments: held.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if held:
            before(*held[-1])


def place_data(x):
    """Puts `Batches` on the device if they fit there.

    Returns the data for Keras to read, and the table for `train_step`, or
    `None`.
    """
    if not isinstance(x, Batches) or not _fits(x):
        return x, None
    import jax

    sharding = None
    distribution = keras.distribution.distribution()
    if distribution is not None:
        mesh = distribution.device_mesh.backend_mesh
        sharding = jax.sharding.NamedSharding(
            mesh, jax.sharding.PartitionSpec()
        )
    return Rows(x), jax.device_put((x.images, x.labels), sharding)


def _fits(batches: Batches) -> bool:
    import jax

    statistics = jax.local_devices()[0].memory_stats() or {}
    limit = statistics.get("bytes_limit")  # Not known for a CPU.
    return limit is None or batches.images.nbytes <= DATA_SHARE * limit


def _batch(data, table):
    """The batch itself, or the rows of the table that it names."""
    import jax

    if table is None:
        return data
    (rows,), (images, labels) = data, table
    images = jax.numpy.take(images, rows, axis=0)
    if images.dtype == "uint8":
        images = pixels.to_floats(images)
    if labels is None:
        return (images,)
    return images, jax.numpy.take(labels, rows, axis=0)


def _variables(model) -> tuple:
    """All that a step reads or updates, in the order of Keras's state."""
    return (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )


def _jit(model, function):
    import jax

    shardings = None
    if keras.distribution.distribution() is not None:
        # Without this, XLA may shard the new state differently from the old.
        state = tuple(
            [v.value.sharding for v in group] for group in _variables(model)
        )
        shardings = (None, state)
    return jax.jit(function, donate_argnums=0, out_shardings=shardings)


def _loop(step):
    """Makes a function that runs a step on all batches, or on `count`.

    Shorter calls are a loop too, never single steps: XLA may round differently
    outside a loop, and results must not depend on where calls end.
    """
    import jax

    step = jax.jit(step)  # Traced once, though it is called twice.

    def many(state, batches, table, count=None):
        stacked = jax.tree.map(lambda *x: jax.numpy.stack(x), *batches)
        logs, _ = jax.eval_shape(step, state, batches[0], table)
        logs = jax.tree.map(lambda x: jax.numpy.zeros(x.shape, x.dtype), logs)

        def body(i, carry):
            return step(carry[1], jax.tree.map(lambda x: x[i], stacked), table)

        # With a constant number, a GPU runs without asking the host.
        count = len(batches) if count is None else count
        return jax.lax.fori_loop(0, count, body, (logs, state))

    return many


def _eager_loop(step):
    def many(state, batches, table, count=None):
        for data in batches[:count]:
            logs, state = step(state, data, table)
        return logs, state

    return many


def _runs_of_one_shape(iterator, count: int):
    """Yields lists of up to `count` batches in all, of one shape each."""
    import jax

    run, shapes = [], None
    for data in itertools.islice(iterator, count):
        new = [x.shape for x in jax.tree.leaves(data)]
        if run and new != shapes:
            yield run
            run = []
        run, shapes = [*run, data], new
    yield run
