"""Payoffs against numbers worked by hand, on both sides."""

import functools

import numpy as np
import pytest
from keras import ops

from keras_mixgan.game import payoffs

# logits -> (real term, fake term, generator's non-saturating loss)
HAND_WORKED = {
    "log": {
        0.0: (-np.log(2), -np.log(2), np.log(2)),
        2.0: (np.log(1 / (1 + np.exp(-2))), np.log(1 / (1 + np.exp(2))),
              np.log(1 + np.exp(-2))),
        -1.0: (np.log(1 / (1 + np.e)), np.log(1 / (1 + 1 / np.e)),
               np.log(1 + np.e)),
    },
    "wasserstein": {0.0: (0, 1, 0), 2.0: (2, -1, -2), -3.0: (-3, 4, 3)},
    "hinge": {0.0: (-1, -1, 0), 2.0: (0, -3, -2), -3.0: (-4, 0, 3)},
    "least_squares": {
        0.0: (-0.5, 0, 0.5), 1.0: (0, -0.5, 0), 3.0: (-2, -4.5, 2),
    },
    "energy": {0.0: (0, 0, 0), 2.0: (0, 0, 0), -3.0: (-3, 0.9, 3)},
}  # fmt: skip


SUMS = [x for x in payoffs.PAYOFFS.values() if isinstance(x, payoffs.Payoff)]


@pytest.mark.parametrize("name", [payoff.name for payoff in SUMS])
def test_terms_match_numbers_worked_by_hand(name):
    payoff = payoffs.get(name)
    generator = payoff.generator_loss("non_saturating")
    for logit, expected in HAND_WORKED[name].items():
        logits = ops.convert_to_tensor([[logit]])
        terms = payoff.real(logits), payoff.fake(logits), generator(logits)
        np.testing.assert_allclose(
            [float(ops.squeeze(t)) for t in terms], expected, rtol=1e-6
        )


def test_minimax_is_the_payoff_itself():
    for payoff in SUMS:
        assert payoff.generator_loss("minimax") is payoff.fake


def test_log_stays_finite_at_extreme_logits():
    logits = ops.convert_to_tensor([-1e4, -100.0, 100.0, 1e4])
    payoff = payoffs.get("log")
    for term in (payoff.real, payoff.fake, payoff.generator):
        assert np.isfinite(ops.convert_to_numpy(term(logits))).all()
    np.testing.assert_allclose(payoff.real(logits), [-1e4, -100, 0, 0])
    np.testing.assert_allclose(payoff.fake(logits), [0, 0, -100, -1e4])


def test_unknown_names_are_named():
    with pytest.raises(ValueError, match=r"`payoff` must be one of.*'logg'"):
        payoffs.get("logg")
    with pytest.raises(ValueError, match=r"`generator_loss`.*'saturating'"):
        payoffs.get("log").generator_loss("saturating")


def test_registering_adds_a_name_once(monkeypatch):
    monkeypatch.setattr(payoffs, "PAYOFFS", dict(payoffs.PAYOFFS))
    mine = payoffs.Payoff("mine", real=ops.tanh, fake=ops.negative)
    payoffs.register(mine)
    payoffs.register(mine)
    assert payoffs.get("mine") is mine
    with pytest.raises(ValueError, match="taken by another"):
        payoffs.register(payoffs.Payoff("mine", real=ops.tanh, fake=ops.tanh))


def cell(steepness=2.0, offset=0):
    """A payoff that a notebook cell defines."""
    functions = {}
    exec(
        "\n" * offset
        + "def real(x): return x * steepness\n"
        + "fake = lambda x: (lambda y: -y)(x)",
        {"steepness": steepness},
        functions,
    )
    return payoffs.Payoff("cell", **functions)


def closed(scale):
    return payoffs.Payoff("cell", lambda x: x * scale, lambda x: -x)


def test_a_cell_may_be_run_again(monkeypatch):
    monkeypatch.setattr(payoffs, "PAYOFFS", dict(payoffs.PAYOFFS))
    payoffs.register(cell())
    again = cell(offset=3)
    payoffs.register(again)
    assert payoffs.get("cell") is again
    with pytest.raises(ValueError, match="taken by another"):
        payoffs.register(closed(1))


def test_what_a_function_closes_over_belongs_to_its_definition(monkeypatch):
    monkeypatch.setattr(payoffs, "PAYOFFS", dict(payoffs.PAYOFFS))
    payoffs.register(closed(1))
    payoffs.register(closed(1))
    with pytest.raises(ValueError, match="taken by another"):
        payoffs.register(closed(2))


class Scaled:
    """A payoff of methods, with a table of numbers."""

    def __init__(self, scale):
        self.table = np.full(3, scale)

    def real(self, logits):
        return self.table[0] * logits

    def payoff(self):
        return payoffs.Payoff("scaled", self.real, ops.negative)


class Holding:
    """An object that holds its own payoff."""

    __slots__ = ("__dict__", "scale")

    def __init__(self, scale):
        self.scale = self.number = scale
        self.made = payoffs.Payoff("holding", self.real, ops.negative)

    def real(self, logits):
        return self.number * logits


def partial(scale):
    real = functools.partial(lambda x, scale: x * scale, scale=scale)
    return payoffs.Payoff("partial", real, ops.negative)


def of_a_class(scale):
    """A cell that defines a class anew, whose objects hold nothing."""
    made = {}
    exec(
        "class Real:\n"
        f"    def __call__(self, logits): return logits * {scale}\n",
        {"__name__": "cell"},
        made,
    )
    return payoffs.Payoff("class", made["Real"](), ops.negative)


def of_a_table(size):
    table = np.ones(int(size))
    return payoffs.Payoff("table", lambda x: x * table.sum(), ops.negative)


def of_a_default(scale):
    def real(logits, *, scale=scale):
        return scale * logits

    return payoffs.Payoff("default", real, ops.negative)


@pytest.mark.parametrize(
    "make",
    [
        lambda x: Scaled(x).payoff(),
        lambda x: Holding(x).made,
        of_a_default,
        partial,
        of_a_class,
        of_a_table,
    ],
)
def test_what_a_method_or_a_default_holds_belongs_to_it_too(monkeypatch, make):
    monkeypatch.setattr(payoffs, "PAYOFFS", dict(payoffs.PAYOFFS))
    payoffs.register(make(1.0))
    payoffs.register(make(1.0))
    with pytest.raises(ValueError, match="taken by another"):
        payoffs.get(make(10.0))


def test_a_built_in_name_is_refused():
    mine = payoffs.Payoff("log", real=ops.tanh, fake=ops.negative)
    for use in (payoffs.get, payoffs.register, payoffs.saved_name):
        with pytest.raises(ValueError, match="'log', taken are"):
            use(mine)
    log = payoffs.get("log")
    payoffs.register(payoffs.Payoff("log", log.real, log.fake, log.generator))
    assert payoffs.get("log") is log
