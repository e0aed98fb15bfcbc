"""Runs with damaged checkpoints, and runs that a signal ends."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import forked
import numpy as np
import pytest

import keras_mixgan
from keras_mixgan import cli
from keras_mixgan.cli import models
from keras_mixgan.cli import run_files
from keras_mixgan.cli import runs
from keras_mixgan.cli import signals
from keras_mixgan.training import callbacks

pytestmark = pytest.mark.usefixtures("no_pictures", "no_graphs")

# Twenty steps an epoch.
RING = {
    "source": "ring",
    "num_generators": 2,
    "num_discriminators": 1,
    "width": 4,
    "latent_dim": 2,
    "batch_size": 1000,
}
CHECKPOINT = run_files.CHECKPOINT
PACKAGE = pathlib.Path(keras_mixgan.__file__).parent


def train(workdir, steps, verbose=0, **options):
    options = {"checkpoint_seconds": 0, "history_steps": 2} | options
    options["sample_epochs"] = 100  # Pictures are drawn at the end alone.
    given = RING | {"steps": steps}
    return runs.train(given, workdir, verbose=verbose, **options)


def weights(model):
    return [np.asarray(v) for v in (*model.weights, *model.optimizer.variables)]


def same(one, other):
    for a, b in zip(weights(one), weights(other), strict=True):
        np.testing.assert_array_equal(a, b)


def names(folder):
    return sorted(path.name for path in folder.glob("checkpoint*"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run of 12 steps that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    return train(folder, 12, checkpoint_seconds=1000)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The folder of a run that stopped after 8 steps, with 3 checkpoints."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    train(folder, 8, keep_checkpoints=3)
    return folder


@pytest.fixture
def half(stopped, tmp_path):
    """A copy of `stopped` that a test may damage."""
    return shutil.copytree(stopped, tmp_path / "run")


def damage(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(bytes(content))


def test_a_damaged_checkpoint_is_fallen_back_from(whole, half, capsys):
    damage(half / CHECKPOINT)
    content = (half / CHECKPOINT).read_bytes()
    model = train(half, 12, verbose=1)
    same(model, whole)
    out = capsys.readouterr().out
    assert "checkpoint.keras is damaged. It is kept as checkpoint.dam" in out
    assert "the run resumes from" in out
    assert "Resuming after step 6 of 12" in out
    assert (half / "checkpoint.damaged.keras").read_bytes() == content
    rows = callbacks.read_history(half / "history.csv")
    assert [row["step"] for row in rows] == [2, 4, 6, 8, 10, 12]


def test_a_missing_checkpoint_is_fallen_back_from(whole, half, capsys):
    (half / CHECKPOINT).unlink()
    same(train(half, 12, verbose=1), whole)
    assert "from " + str(half / "checkpoint-1.keras") in capsys.readouterr().out
    assert names(half) == ["checkpoint-1.keras", CHECKPOINT]


def test_none_intact_names_the_newest_and_changes_nothing(half):
    for name in names(half):
        (half / name).write_bytes(b"x")
    before = {path.name: path.read_bytes() for path in half.iterdir()}
    with pytest.raises(ValueError, match=r"checkpoint\.keras.*damaged"):
        train(half, 12)
    assert before == {p.name: p.read_bytes() for p in half.iterdir()}


def test_runs_keep_as_many_checkpoints_as_they_are_told(
    stopped, tmp_path, monkeypatch
):
    assert len(names(stopped)) == 3
    # Nor does a run that another program calls touch the handlers of signals.
    monkeypatch.setattr(signal, "signal", pytest.fail)
    train(tmp_path, 6, keep_checkpoints=1)
    assert names(tmp_path) == [CHECKPOINT]
    with pytest.raises(ValueError, match="`keep_checkpoints`"):
        train(tmp_path, 12, keep_checkpoints=0)


def assert_stopped(workdir, name, out):
    """Asserts what a signal leaves; returns the step that it came in."""
    assert f"{name}: saving after the current step" in out
    step = models.load_model(workdir / CHECKPOINT).step
    assert f"Stopped after step {step:,}" in out
    rows = callbacks.read_history(workdir / "history.csv")
    assert rows[-1]["step"] == step
    assert not (workdir / "model.keras").exists()
    return step


def test_ctrl_c_ends_a_run_with_a_checkpoint(
    whole, tmp_path, capsys, monkeypatch
):
    act = signals.StopOnSignal.act

    def press_ctrl_c(self, step):
        if step == 6:
            os.kill(os.getpid(), signal.SIGINT)
            while not self.received:
                time.sleep(0.001)
        act(self, step)

    monkeypatch.setattr(signals.StopOnSignal, "act", press_ctrl_c)
    options = {"checkpoint_seconds": 1000, "save_on_signals": True}
    with pytest.raises(SystemExit) as caught:
        train(tmp_path, 12, verbose=1, **options)
    assert caught.value.code == 130
    assert assert_stopped(tmp_path, "SIGINT", capsys.readouterr().out) == 6
    monkeypatch.undo()
    same(train(tmp_path, 12), whole)


def test_a_signal_ends_the_program_with_a_checkpoint(tmp_path):
    workdir = tmp_path / "run"
    flags = [f"--{key}={value}" for key, value in RING.items()]
    flags += [f"--workdir={workdir}", "--steps=100000", "--history_steps=2"]
    flags += ["--sample_epochs=1000", "--checkpoint_seconds=1000"]
    process = forked.start(cli.main, ["train", *flags], tmp_path / "process")
    history = workdir / "history.csv"
    while process.is_alive():
        if history.exists() and len(history.read_text().splitlines()) > 5:
            os.kill(process.pid, signal.SIGTERM)
            break
        time.sleep(0.01)
    status, out, err = forked.ended(process, tmp_path / "process")
    assert status == 128 + signal.SIGTERM
    assert "Traceback" not in err
    assert assert_stopped(workdir, "SIGTERM", out) >= 10


def test_handlers_are_restored():
    before = [signal.getsignal(number) for number in signals.SIGNALS]
    said = []
    with signals.received(said.append) as received:
        stop = signals.StopOnSignal(received, lambda: said.append("saved"))
        stop.act(1)
        os.kill(os.getpid(), signal.SIGTERM)
        while not said:
            time.sleep(0.001)
        with pytest.raises(SystemExit) as caught:
            stop.act(2)
    assert caught.value.code == 143
    assert said[1:] == ["saved"]
    assert before == [signal.getsignal(number) for number in signals.SIGNALS]


# Without Keras, which takes seconds to import.
SECOND_SIGNAL = f"""
import sys
import time
import types
for name in ("", ".cli", ".training"):
    package = types.ModuleType("keras_mixgan" + name)
    package.__path__ = [{str(PACKAGE)!r} + name.replace(".", "/")]
    sys.modules[package.__name__] = package
history = types.ModuleType("keras_mixgan.training.history")
history.BetweenSteps = object
sys.modules[history.__name__] = history
from keras_mixgan.cli import signals
# Silent: its line could come within one of ours.
with signals.received(lambda line: None) as received:
    print("ready", flush=True)
    while not received:
        time.sleep(0.001)
    print("once", flush=True)
    time.sleep(1000)
"""


def test_a_second_signal_leaves_at_once():
    with subprocess.Popen(
        [sys.executable, "-c", SECOND_SIGNAL],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stdout:
            if line.startswith(("ready", "once")):
                process.send_signal(signal.SIGTERM)
    assert process.returncode == 143
