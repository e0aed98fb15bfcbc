"""Shares of a global batch: all rows, each once, wherever they are cut."""

import numpy as np
import pytest
from keras import ops

from keras_mixgan.distribution import shares
from keras_mixgan.game import mixtures


def of(total, replicas):
    return [shares.Share(r, replicas, total) for r in range(replicas)]


@pytest.mark.parametrize("total", [1, 2, 5, 8, 9])
@pytest.mark.parametrize("replicas", [1, 2, 3])
@pytest.mark.parametrize("generators", [1, 2, 4, 7])
@pytest.mark.parametrize("estimate", ["full", "linear"])
def test_every_row_is_one_replicas(total, replicas, generators, estimate):
    totals = [total] * generators
    if estimate == "linear":
        totals = mixtures.stratum_sizes(total, generators)
    draws = np.arange(sum(totals))
    edges = np.cumsum(totals)[:-1]
    strata = np.split(draws, edges)
    found = [[] for _ in totals]
    for share in of(total, replicas):
        with shares.sharing(share):
            parts = shares.parts(draws, totals)
        assert [len(part) for part in parts] == share.sizes(totals)
        # Row k of the batch, and of the fakes that go with it, is k mod n's.
        for part in parts:
            assert (part % total % replicas == share.index).all()
        for rows, part in zip(found, parts, strict=True):
            rows.extend(part)
    for rows, stratum in zip(found, strata, strict=True):
        assert sorted(rows) == list(stratum)


def test_sizes_known_only_when_a_step_runs():
    for share in of(7, 2):
        tensors = shares.Share(share.index, 2, ops.convert_to_tensor(7))
        totals = [4, 3]
        known = share.sizes(totals)
        sizes = tensors.sizes([ops.convert_to_tensor(t) for t in totals])
        assert [int(size) for size in sizes] == known


def test_contributions_add_up():
    rng = np.random.default_rng(0)
    terms = rng.normal(size=(7, 2)).astype("float32")
    totals = [4, 3]
    mean, strata, constant = 0.0, 0.0, 0.0
    for share in of(7, 3):
        rows = terms[share.index :: 3]
        with shares.sharing(share):
            mean += shares.mean(ops.convert_to_tensor(rows), 7)
            strata += mixtures.stratum_means(
                ops.convert_to_tensor(rows), share.sizes(totals), totals
            )
            constant += shares.once(1.0)
    np.testing.assert_allclose(mean, terms.mean(axis=0), rtol=1e-5)
    wanted = [terms[:4].mean(axis=0), terms[4:].mean(axis=0)]
    np.testing.assert_allclose(strata, wanted, rtol=1e-5)
    assert constant == pytest.approx(1)
