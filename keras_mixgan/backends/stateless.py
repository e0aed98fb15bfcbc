"""Keras variables as explicit state, which is what JAX's transformations need.

JAX differentiates, branches and compiles pure functions. What a step reads
and updates (weights, moving statistics, random states, optimizers, metrics)
is handed in and out as values; `keras.StatelessScope` lets the same code run
on them as on variables. A transformation inside of a step gets a scope of its
own, whose updates it returns: a traced value must not outlive its trace.
"""

import threading

import keras


class _UnderWay(threading.local):
    """The variables of the step under way, one state a thread."""

    variables = ()


_under_way = _UnderWay()


class Scope:
    """Within it, variables have given values, and updates change these.

    Args:
        variables: List of Keras variables, all that the code inside reads or
            updates.
        values: Their values, backend tensors.
    """

    def __init__(self, variables: list, values: list):
        self._variables = variables
        self._scope = keras.StatelessScope(
            list(zip(variables, values, strict=True)), collect_losses=True
        )
        self._given = self._values()

    def __enter__(self):
        self._outer, _under_way.variables = (
            _under_way.variables,
            self._variables,
        )
        self._scope.__enter__()
        return self

    def __exit__(self, *error):
        self._scope.__exit__(*error)
        _under_way.variables = self._outer

    def _values(self) -> list:
        return [self._scope.get_current_value(v) for v in self._variables]

    def values(self) -> list:
        """The variables' values as they are now."""
        return self._values()

    def updates(self) -> dict:
        """The values that were updated, by the variable's place."""
        return {
            i: value
            for i, (value, given) in enumerate(
                zip(self._values(), self._given, strict=True)
            )
            if value is not given
        }


def value_and_gradients(function, variables: list):
    """`gradients.value_and_gradients` by JAX."""
    import jax

    def pure(values):
        (value, more), updates = _run(function, variables, values)
        return value, (more, updates)

    (value, (more, updates)), slopes = jax.value_and_grad(pure, has_aux=True)(
        [variable.value for variable in variables]
    )
    _assign(updates)
    return (value, more), slopes


def values_and_gradients(function, sides):
    """`gradients.values_and_gradients` by JAX."""
    import jax

    ours, theirs = sides
    shared = False

    def pure(*values):
        nonlocal shared
        (pair, more), updates = _run(
            function, [*ours, *theirs], [*values[0], *values[1]]
        )
        shared = pair[0] is pair[1]
        return pair[:1] if shared else pair, (more, updates)

    pair, pull, (more, updates) = jax.vjp(
        pure, *[[v.value for v in side] for side in sides], has_aux=True
    )
    _assign(updates)
    one, zero = jax.numpy.ones_like(pair[0]), jax.numpy.zeros_like(pair[0])
    if shared:
        return (pair * 2, more), pull((one,))
    slopes = pull((one, zero))[0], pull((zero, one))[1]
    return (pair, more), slopes


def input_gradients(function, inputs):
    """`gradients.input_gradients` by JAX."""
    import jax

    def pure(inputs):
        return _run(lambda: function(inputs), [], [])

    slopes, updates = jax.grad(pure, has_aux=True)(inputs)
    _assign(updates)
    return slopes


def cond(condition, function, otherwise):
    """`keras.ops.cond` by JAX, where branches may update variables.

    Args:
        condition: Boolean scalar tensor.
        function: Without arguments.
        otherwise: The same, of the same results.

    Returns:
        What the function that was run returned.
    """
    import jax

    # Only what is updated goes in and out of the branches. To know that, they
    # are traced once more.
    touched = set()

    def note(branch):
        outputs, updates = _run(branch, [], [])
        touched.update(updates)
        return outputs

    for branch in (function, otherwise):
        jax.eval_shape(lambda branch=branch: note(branch))
    places = sorted(touched)
    variables = [_under_way.variables[i] for i in places]
    before = [variable.value for variable in variables]

    def run(branch):
        outputs, updates = _run(branch, [], [])
        values = zip(places, before, strict=True)
        return outputs, [updates.get(i, value) for i, value in values]

    outputs, values = jax.lax.cond(
        condition, lambda: run(function), lambda: run(otherwise)
    )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return outputs


def share_among_devices(batch):
    """Lays a batch out over the devices of `keras.distribution`, if any.

    Real images come so from `fit`. What a step draws itself would else be
    computed by every device alike.

    Args:
        batch: Tensor (B, ...).

    Returns:
        The tensor, as it is where there is one device, or where B is no
        multiple of their number.
    """
    distribution = keras.distribution.distribution()
    if distribution is None or keras.backend.backend() != "jax":
        return batch
    if distribution.batch_dim_name is None:
        return batch
    mesh = distribution.device_mesh
    shares = mesh.shape[mesh.axis_names.index(distribution.batch_dim_name)]
    if batch.shape[0] % shares:
        return batch
    layout = distribution.get_data_layout(batch.shape)
    return keras.distribution.distribute_tensor(batch, layout)


def _run(function, variables: list, values: list):
    """Runs a function at other values; returns its outputs and updates."""
    known = _under_way.variables
    replaced = dict(zip(map(id, variables), values, strict=True))
    with Scope(known, [replaced.get(id(v), v.value) for v in known]) as scope:
        outputs = function()
    return outputs, scope.updates()


def _assign(updates: dict) -> None:
    for i, value in updates.items():
        _under_way.variables[i].assign(value)
