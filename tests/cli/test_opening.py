"""`--model=RUN_FOLDER`: the trained model, or the newest intact checkpoint."""

import json
import os
import shutil

import keras
import pytest
from conftest import tensorflow_only

from keras_mixgan import cli
from keras_mixgan.cli import opening
from keras_mixgan.cli import runs
from keras_mixgan.serving import models

pytestmark = pytest.mark.usefixtures("no_pictures", "no_graphs")

SMALL = {
    "source": "ring",
    "num_generators": 2,
    "num_discriminators": 1,
    "width": 4,
    "latent_dim": 2,
    "batch_size": 1000,
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of four steps, with an older checkpoint of two."""
    folder = tmp_path_factory.mktemp("runs") / "points"
    for steps in (2, 4):
        runs.train(SMALL | {"steps": steps}, folder, verbose=0)
    return folder


@pytest.fixture
def run(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "points")


def opened(name):
    lines = []
    model, file = opening.open_model(str(name), lines.append)
    return model, file, lines


def test_the_trained_model_is_taken_and_said(run):
    model, file, lines = opened(run)
    assert file == run / "model.keras"
    assert lines == [f"Model: {file}, step 4"]
    assert model.run_settings["source"] == "ring"


def test_a_run_made_longer_gives_its_newest_checkpoint(run):
    model = keras.saving.load_model(run / "checkpoint.keras")
    model.step_variable.assign(6)
    os.utime(run / "model.keras", (1, 1))
    model.save(run / "checkpoint.keras")
    model, file, _ = opened(run)
    assert (model.step, file.name) == (6, "checkpoint.keras")
    (run / "checkpoint.keras").write_bytes(b"cut")
    for path in run.glob("checkpoint-*.keras"):
        path.unlink()
    model, file, _ = opened(run)
    assert (model.step, file.name) == (4, "model.keras")


def test_without_it_the_newest_checkpoint(run):
    (run / "model.keras").unlink()
    model, file, lines = opened(run)
    assert (model.step, file.name) == (4, "checkpoint.keras")
    assert lines == [f"Model: {file}, step 4"]


def test_damaged_files_are_passed_over_and_said(run):
    for name in ("checkpoint.keras", "model.keras"):
        path = run / name
        path.write_bytes(path.read_bytes()[:1000])
    model, file, lines = opened(run)
    assert (model.step, file.name) == (2, "checkpoint-1.keras")
    assert lines == [
        f"Model: {file}, step 2, as model.keras is damaged, as "
        "checkpoint.keras is damaged"
    ]
    file.write_bytes(b"")
    with pytest.raises(ValueError, match="damaged or truncated"):
        opened(run)


def test_a_run_without_a_model_is_refused(run, capsys):
    for path in run.glob("*.keras"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match="which has neither"):
        opened(run)
    assert cli.main(["evaluate", f"--model={run}"]) == 2
    assert "holds model.keras or a checkpoint" in capsys.readouterr().err


def test_a_file_alone_is_what_it_was(run, tmp_path):
    alone = tmp_path / "alone"
    alone.mkdir()
    shutil.copy(run / "model.keras", alone / "a.keras")
    model, file, lines = opened(alone / "a.keras")
    assert (file.name, lines, model.run_settings) == ("a.keras", [], None)
    # Editors use this file name, too.
    (alone / "settings.json").write_text('{"editor.tabSize": 4}')
    assert opened(alone / "a.keras")[0].run_settings is None


def test_every_command_takes_a_runs_folder(run, tmp_path, capsys):
    (run / "model.keras").unlink()
    said = f"Model: {run / 'checkpoint.keras'}, step 4"
    for command in (
        ["sample", "--num_images=3", f"--out={tmp_path / 'a.png'}"],
        ["evaluate", "--metrics=modes", "--num_images=100", "--noreal"],
        ["train", f"--workdir={tmp_path / 'on'}", "--steps=1"],
    ):
        flag = "from" if command[0] == "train" else "model"
        status = cli.main([*command, f"--{flag}={run}"])
        out, err = capsys.readouterr()
        assert (status, err) == (0, "")
        assert said in out.splitlines()
        if command[0] == "evaluate":
            assert f"Wrote {run / 'scores.json'}" in out
    assert (run / "scores.json").exists()


@tensorflow_only
def test_the_server_and_export_take_a_runs_folder(run, tmp_path, capsys):
    samplers = models.load(
        [str(run)], tmp_path, lambda name: opening.open_model(name)[0]
    )
    assert list(samplers) == ["points"]
    out = tmp_path / "exported" / "1"
    assert cli.main(["export", f"--model={run}", f"--out={out}"]) == 0
    assert (out / "saved_model.pb").exists()
    about = json.loads((out / "assets.extra" / "sampler.json").read_text())
    assert about["name"] == "points"
