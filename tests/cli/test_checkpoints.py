"""Runs with damaged checkpoints, and runs that a signal ends."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from keras_mixgan.cli import models
from keras_mixgan.cli import run_files
from keras_mixgan.cli import runs
from keras_mixgan.cli import signals
from keras_mixgan.training import callbacks

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


def train(workdir, steps, verbose=0, **options):
    options = {"checkpoint_seconds": 0, "history_steps": 2} | options
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
    return train(tmp_path_factory.mktemp("whole") / "run", 12)


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """The folder of a run that stopped after 8 steps."""
    folder = tmp_path_factory.mktemp("stopped") / "run"
    train(folder, 8)
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


def test_one_checkpoint_can_be_kept(tmp_path):
    train(tmp_path, 6, keep_checkpoints=1)
    assert names(tmp_path) == [CHECKPOINT]
    train(tmp_path, 12, keep_checkpoints=3)
    assert len(names(tmp_path)) == 3
    with pytest.raises(ValueError, match="`keep_checkpoints`"):
        train(tmp_path, 12, keep_checkpoints=0)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_signal_ends_a_run_with_a_checkpoint(tmp_path, name):
    workdir = tmp_path / "run"
    flags = [f"--{key}={value}" for key, value in RING.items()]
    command = [sys.executable, "-m", "keras_mixgan", "train", *flags]
    command += [f"--workdir={workdir}", "--steps=100000", "--history_steps=2"]
    process = subprocess.Popen(
        [*command, "--checkpoint_seconds=1000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    history = workdir / "history.csv"
    while process.poll() is None:
        if history.exists() and len(history.read_text().splitlines()) > 5:
            process.send_signal(getattr(signal, name))
            break
        time.sleep(0.01)
    out, err = process.communicate()
    assert process.returncode == 128 + getattr(signal, name)
    assert f"{name}: saving after the current step" in out
    assert "Traceback" not in err
    saved = models.load_model(workdir / CHECKPOINT)
    rows = callbacks.read_history(history)
    assert f"Stopped after step {saved.step:,}" in out
    assert rows[-1]["step"] == saved.step >= 10
    assert not (workdir / "model.keras").exists()
    # Resumed, it ends with the weights of an uninterrupted run.
    end = saved.step + 4
    resume = RING | {"steps": end}
    (workdir / "settings.json").write_text(
        (workdir / "settings.json").read_text().replace("100000", str(end))
    )
    model = runs.train(resume, workdir, verbose=0)
    same(model, runs.train(resume, tmp_path / "straight", verbose=0))


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


def test_runs_of_other_programs_leave_handlers_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(signal, "signal", pytest.fail)
    train(tmp_path, 2)


def test_a_second_signal_leaves_at_once():
    script = """
        import time
        from keras_mixgan.cli import signals
        # Silent: its line could come within one of ours.
        with signals.received(lambda line: None) as received:
            print("ready", flush=True)
            while not received:
                time.sleep(0.001)
            print("once", flush=True)
            time.sleep(1000)
    """
    root = pathlib.Path(runs.__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, "-c", "if True:" + script],
        stdout=subprocess.PIPE,
        cwd=root,
        text=True,
    ) as process:
        for line in process.stdout:
            if line.startswith(("ready", "once")):
                process.send_signal(signal.SIGTERM)
    assert process.returncode == 143
