"""Keras variables as explicit state, which JAX's transformations need.

JAX differentiates, branches and compiles pure functions. What a step reads
and updates (weights, moving statistics, random states, optimizers, metrics)
is passed in and out as values; `keras.StatelessScope` lets the same code run
on them as on variables. A transformation inside a step has its own scope and
returns its updates: a traced value must not outlive its trace.
"""

import threading

import keras


class _Context(threading.local):
    """The variables of the current step, for each thread."""

    variables = ()


_context = _Context()


class Scope:
    """Context in which variables have given values, which updates change.

    The variables must be all that the code inside reads or updates.
    """

    def __init__(self, variables: list, values: list):
        self._variables = variables
        self._scope = keras.StatelessScope(
            list(zip(variables, values, strict=True)), collect_losses=True
        )
        self._given = self._values()

    def __enter__(self):
        self._outer, _context.variables = (
            _context.variables,
            self._variables,
        )
        self._scope.__enter__()
        return self

    def __exit__(self, *error):
        self._scope.__exit__(*error)
        _context.variables = self._outer

    def _values(self) -> list:
        return [self._scope.get_current_value(v) for v in self._variables]

    def values(self) -> list:
        """The variables' current values."""
        return self._values()

    def updates(self) -> dict:
        """The updated values, by the variable's index."""
        return {
            i: value
            for i, (value, given) in enumerate(
                zip(self._values(), self._given, strict=True)
            )
            if value is not given
        }


def gradients(function, sides):
    """`Executor.gradients` by JAX."""
    import jax

    shared = False

    def pure(*values):
        nonlocal shared
        (scalars, more), updates = _run(
            function,
            [variable for side in sides for variable in side],
            [value for side in values for value in side],
        )
        shared = all(scalar is scalars[0] for scalar in scalars)
        return scalars[:1] if shared else scalars, (more, updates)

    scalars, pull, (more, updates) = jax.vjp(
        pure, *[[v.value for v in side] for side in sides], has_aux=True
    )
    _assign(updates)
    one = keras.ops.ones_like(scalars[0])
    zero = keras.ops.zeros_like(one)
    if shared:
        return scalars * len(sides), more, pull((one,))
    by_side = []
    for i in range(len(sides)):
        weights = tuple(one if j == i else zero for j in range(len(sides)))
        by_side.append(pull(weights)[i])
    return scalars, more, by_side


def input_gradients(function, inputs):
    """`Executor.input_gradients` by JAX."""
    import jax

    def pure(inputs):
        return _run(lambda: function(inputs), [], [])

    gradient, updates = jax.grad(pure, has_aux=True)(inputs)
    _assign(updates)
    return gradient


def cond(condition, function, otherwise):
    """`keras.ops.cond` by JAX, where branches may update variables.

    Both branches take no arguments, and return the same structure.
    """
    import jax

    # Branches return only the variables that they update. An extra trace of
    # each finds these.
    updated = set()

    def note(branch):
        outputs, updates = _run(branch, [], [])
        updated.update(updates)
        return outputs

    for branch in (function, otherwise):
        jax.eval_shape(lambda branch=branch: note(branch))
    indices = sorted(updated)
    variables = [_context.variables[i] for i in indices]
    before = [variable.value for variable in variables]

    def run(branch):
        outputs, updates = _run(branch, [], [])
        values = zip(indices, before, strict=True)
        return outputs, [updates.get(i, value) for i, value in values]

    outputs, values = jax.lax.cond(
        condition, lambda: run(function), lambda: run(otherwise)
    )
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return outputs


def _run(function, variables: list, values: list):
    """Runs a function at other values; returns its outputs and updates."""
    known = _context.variables
    replaced = dict(zip(map(id, variables), values, strict=True))
    with Scope(known, [replaced.get(id(v), v.value) for v in known]) as scope:
        outputs = function()
    return outputs, scope.updates()


def _assign(updates: dict) -> None:
    for i, value in updates.items():
        _context.variables[i].assign(value)
