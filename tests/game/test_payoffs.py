"""Payoffs against numbers worked by hand, on both sides."""

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
    with pytest.raises(ValueError, match=r"must be one of.*payoff=\['log'\]"):
        payoffs.get(["log"])
    with pytest.raises(ValueError, match=r"`generator_loss`.*'saturating'"):
        payoffs.get("log").generator_loss("saturating")


def test_a_registered_payoff_is_found_by_its_name(monkeypatch):
    monkeypatch.setattr(payoffs, "PAYOFFS", dict(payoffs.PAYOFFS))
    mine = payoffs.Payoff("mine", real=ops.tanh, fake=ops.negative)
    payoffs.register(mine)
    payoffs.register(mine)
    assert payoffs.get("mine") is payoffs.get(mine) is mine
    assert payoffs.saved_name(mine) == "mine"


def test_registering_again_replaces(monkeypatch):
    # A notebook cell is run again, changed or not.
    monkeypatch.setattr(payoffs, "PAYOFFS", dict(payoffs.PAYOFFS))
    first, second = (
        payoffs.Payoff("cell", real=lambda x: x, fake=ops.negative)
        for _ in range(2)
    )
    payoffs.register(first)
    with pytest.raises(ValueError, match=r"register.* named 'cell'"):
        payoffs.get(second)
    payoffs.register(second)
    assert payoffs.get("cell") is second
    # A model of the first one would come back with the second.
    with pytest.raises(ValueError, match=r"register.* named 'cell'"):
        payoffs.saved_name(first)
    payoffs.register(first)
    assert payoffs.saved_name(first) == "cell"


def test_what_is_no_payoff_is_refused():
    for arguments, told in (
        ((3, ops.tanh, ops.negative), "`name` of a payoff"),
        (("mine", 1, ops.negative), "`real` of the payoff 'mine'"),
        (("mine", ops.tanh, ops.negative, 2), "`generator` of the payoff"),
    ):
        with pytest.raises(ValueError, match=told):
            payoffs.Payoff(*arguments)
    with pytest.raises(ValueError, match="`pair` of the payoff"):
        payoffs.PairwisePayoff("mine", None)
    with pytest.raises(ValueError, match="`payoff` must be a"):
        payoffs.register("log")


def test_a_built_in_name_is_refused():
    mine = payoffs.Payoff("log", real=ops.tanh, fake=ops.negative)
    for use in (payoffs.get, payoffs.register, payoffs.saved_name):
        with pytest.raises(ValueError, match="'log', built in are"):
            use(mine)
    log = payoffs.get("log")
    payoffs.register(payoffs.Payoff("log", log.real, log.fake, log.generator))
    assert payoffs.get("log") is log
