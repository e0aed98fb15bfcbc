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
from keras_mixgan.cli import race_state
from keras_mixgan.utils.errors import UserError

pytestmark = pytest.mark.usefixtures("no_graphs")

MARKS = 3


def order(folder, **given):
    """A run of 6 steps, with the models of its best mark and of snapshots."""
    given = {**ONE, "ema_decay": 0.9, **given}
    paths = {
        "result": str(folder / "a-0.json"),
        "model": str(folder / "a.keras"),
    }
    return (
        task(given, seconds=6, clock="steps", marks=MARKS)
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
    stopped_after(2, again)
    said = []
    resumed = race_child.run(again, say=said.append)
    assert "goes on after mark 2" in said[0]
    assert without_seconds(resumed) == without_seconds(result)
    assert resumed["resumed"] == [1, 2]
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
    state = race_state.path_of(stopped / "a-0.json")
    saved = race_state.load(state)
    last = stopped / "a-0.unfinished.2.keras"
    assert saved["models"] == [last]
    assert set(stopped.glob("a-0*")) == {state, last, saved["best"]}
    assert race._finished(order(stopped) | {"snapshots": False}) is None


def test_a_state_of_other_settings_is_refused(stopped):
    with pytest.raises(UserError, match=r"unfinished.json .*log -> hinge"):
        race._finished(order(stopped, payoff="hinge"))


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"snapshots": True}, "snapshots: False -> True"),
        ({"model": None}, "keep: True -> False"),
    ],
)
def test_what_is_kept_cannot_change_on_the_way(stopped, asked, said):
    changed = order(stopped) | {"snapshots": False} | asked
    if changed["model"] is None:
        del changed["model"]
    with pytest.raises(UserError, match=said):
        race._finished(changed)


def interrupted(text):
    assert "goes on after" in text
    raise KeyboardInterrupt


def test_the_kept_model_is_that_of_the_last_mark_that_counts(stopped, tmp_path):
    # A later mark was better, but was lost in the stop.
    folder = shutil.copytree(stopped, tmp_path / "race")
    (folder / "a.keras").write_bytes(b"of a lost mark")
    with pytest.raises(KeyboardInterrupt):
        race_child.run(order(folder) | {"snapshots": False}, say=interrupted)
    best = race_state.load(folder / "a-0.unfinished.json")["best"]
    assert (folder / "a.keras").read_bytes() == best.read_bytes()


def test_a_state_that_cannot_be_loaded_is_one_line(stopped, tmp_path):
    folder = shutil.copytree(stopped, tmp_path / "race")
    (folder / "a-0.unfinished.2.keras").unlink()
    with pytest.raises(UserError, match=r"cannot be resumed: .*move that file"):
        race_child.run(order(folder) | {"snapshots": False})


def test_all_machines_are_told(stopped, tmp_path, monkeypatch):
    folder = shutil.copytree(stopped, tmp_path / "race")
    state = folder / "a-0.unfinished.json"
    content = json.loads(state.read_text())
    content["result"] |= {"machine": "first", "versions": {"keras": "3.15"}}
    state.write_text(json.dumps(content))
    monkeypatch.setattr(race_child, "machine", lambda: "second")
    monkeypatch.setattr(
        race_child.settings_module, "versions", lambda: {"keras": "4"}
    )
    resumed = race_child.run(order(folder) | {"snapshots": False})
    assert resumed["machine"] == "first; second"
    assert resumed["versions"] == {"keras": "3.15; 4"}


def test_a_finished_run_leaves_no_state(straight, stopped, tmp_path):
    result, _ = straight
    folder = shutil.copytree(stopped, tmp_path / "race")
    (folder / "a-0.json").write_text(json.dumps(result))
    (folder / ".a-0.unfinished.3.HOST-1.partial.keras").write_bytes(b"half")
    assert race._finished(order(folder)) == result
    assert not list(folder.glob("*unfinished*"))
    assert not list(folder.glob(".*unfinished*"))
