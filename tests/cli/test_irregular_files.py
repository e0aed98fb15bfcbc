"""Pipes and devices instead of files are refused at once, in one line."""

import json
import os
import shutil
import signal

import hostile_presets
import pytest

from keras_mixgan import cli
from keras_mixgan import presets
from keras_mixgan.cli import records
from keras_mixgan.cli import runs

pytestmark = pytest.mark.usefixtures("no_pictures", "no_graphs")

RING = ["--source=ring", "--width=4", "--batch_size=1000", "--steps=2"]


@pytest.fixture(autouse=True)
def alarm():
    """Fails a test that opens a pipe, which would block for ever."""

    def stop(number, frame):
        raise AssertionError("A pipe was opened.")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(600)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(params=["pipe", "device"])
def irregular(tmp_path, request):
    path = tmp_path / "model.keras"
    if request.param == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    return path


def refused(capsys, *arguments):
    assert cli.main(list(arguments)) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, lines
    return lines[0]


@pytest.mark.parametrize("command", ["sample", "evaluate", "export", "serve"])
def test_models(irregular, command, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    line = refused(capsys, command, f"--model={irregular}")
    assert "`model` must be a" in line
    assert str(irregular) in line
    assert list(tmp_path.iterdir()) == [irregular]


def test_models_to_go_on_from(irregular, capsys, tmp_path):
    workdir = f"--workdir={tmp_path / 'run'}"
    line = refused(capsys, "train", f"--from={irregular}", workdir)
    assert "`from` must be a" in line
    assert not (tmp_path / "run").exists()


def test_configurations_to_go_on_from_that_are_damaged(capsys, tmp_path):
    preset = hostile_presets.copy(tmp_path)
    config = preset / presets.CONFIG
    workdir = f"--workdir={tmp_path / 'run'}"
    for damaged in ([1], {}, {"generator": 7}, None, "x"):
        content = {"format": 1, "config": damaged, "compile_config": [1]}
        config.write_text(json.dumps(content))
        line = refused(capsys, "train", f"--from={preset}", workdir)
        assert "`from` must be a MixGAN" in line
    assert not (tmp_path / "run").exists()


def test_classifiers(irregular, capsys, tmp_path):
    flags = [f"--classifier={irregular}", f"--out={tmp_path / 'scores.json'}"]
    preset = hostile_presets.copy(tmp_path)
    line = refused(
        capsys, "evaluate", f"--model={preset}", "--source=digits",
        "--num_images=20", "--metrics=inception_score", *flags,
    )  # fmt: skip
    assert "`classifier` must be a regular file" in line


@pytest.mark.parametrize("suffix", [".npz", ".keras", ""])
def test_data(irregular, suffix, capsys, tmp_path):
    path = irregular.rename(tmp_path / f"data{suffix}")
    line = refused(
        capsys, "train", f"--source={path}", f"--workdir={tmp_path / 'run'}"
    )
    assert "`source` must be a" in line
    assert not (tmp_path / "run").exists()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained") / "run"
    assert cli.main(["train", *RING, f"--workdir={folder}"]) == 0
    return folder


@pytest.mark.parametrize(
    "name", ["settings.json", "history.csv", "checkpoint.keras"]
)
def test_parts_of_a_run(trained, name, capsys, tmp_path):
    run = shutil.copytree(trained, tmp_path / "run")
    capsys.readouterr()
    for path in run.glob("checkpoint*" if "check" in name else name):
        path.unlink()
        os.mkfifo(path)
    line = refused(capsys, "train", *RING, f"--workdir={run}")
    assert "must be a regular file" in line
    assert name in line


def test_settings_beside_a_model(tmp_path):
    shutil.copy(
        hostile_presets.FOLDER / "run" / "checkpoint.keras",
        tmp_path / "model.keras",
    )
    os.mkfifo(tmp_path / "settings.json")
    assert records.of_file(tmp_path / "model.keras") is None


def test_a_tilde_is_the_home_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    given = {"source": "ring", "width": 2, "num_generators": 1, "steps": 1}
    runs.train(given, "~/run", verbose=0, sample_epochs=100)
    assert (tmp_path / "run" / "model.keras").exists()
