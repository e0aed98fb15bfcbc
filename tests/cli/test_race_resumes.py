"""A run of a race that is stopped goes on from its last mark."""

import json
import shutil

import keras
import numpy as np
import pytest
from test_race import ONE
from test_race import task

from keras_mixgan.cli import race
from keras_mixgan.cli import race_child
from keras_mixgan.utils.errors import UserError

MARKS = 4


def order(folder, **given):
    """A run of 12 steps, with the models of its best mark and of snapshots."""
    given = {**ONE, "ema_decay": 0.9, **given}
    paths = {
        "result": str(folder / "a-0.json"),
        "model": str(folder / "a.keras"),
    }
    return (
        task(given, seconds=12, clock="steps", marks=MARKS)
        | {"snapshots": True}
        | paths
    )


def stopped_after(mark, order):
    """Runs until a mark has been scored and left."""

    def say(text):
        # A mark is told when it is scored, the next one before it is left.
        if text.startswith(f"  mark {mark + 1} of") and "snapshots" not in text:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        race_child.run(order, say=say)


def without_seconds(result):
    """What does not depend on the clock."""
    rows = [
        [{k: v for k, v in row.items() if "seconds" not in k} for row in rows]
        for rows in (result["marks"], result["snapshots"])
    ]
    return rows, result["kept"], result["names"], result["settings"]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    return race_child.run(order(folder)), folder


def test_it_ends_as_if_never_stopped(straight, tmp_path):
    result, folder = straight
    again = order(tmp_path)
    stopped_after(1, again)
    stopped_after(3, again)
    said = []
    resumed = race_child.run(again, say=said.append)
    assert "goes on after mark 3" in said[0]
    assert without_seconds(resumed) == without_seconds(result)
    assert resumed["resumed"] == [1, 3]
    assert result["resumed"] == []
    for clock in ("wall_seconds", "processor_seconds"):
        seconds = [row[clock] for row in resumed["marks"]]
        assert seconds == sorted(seconds)
        assert seconds[0] > 0
    ours, theirs = (
        keras.saving.load_model(place / "a.keras")
        for place in (tmp_path, folder)
    )
    for one, other in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_array_equal(one, other, err_msg=one.path)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The folder of a run without snapshots that was stopped after mark 2."""
    folder = tmp_path_factory.mktemp("stopped")
    stopped_after(2, order(folder) | {"snapshots": False})
    return folder


def test_without_snapshots_the_last_model_is_enough(stopped):
    names = {path.name for path in stopped.glob("a-0*")}
    assert names == {"a-0.unfinished.json", "a-0.unfinished.2.keras"}
    assert race._finished(order(stopped) | {"snapshots": False}) is None


def test_a_state_of_other_settings_is_refused(stopped):
    with pytest.raises(UserError, match=r"unfinished.json .*log -> hinge"):
        race._finished(order(stopped, payoff="hinge"))


def test_a_finished_run_leaves_no_state(straight, stopped, tmp_path):
    result, _ = straight
    folder = shutil.copytree(stopped, tmp_path / "race")
    (folder / "a-0.json").write_text(json.dumps(result))
    assert race._finished(order(folder)) == result
    assert not list(folder.glob("*unfinished*"))
