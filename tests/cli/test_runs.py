"""Runs: settings, folders, bit-exact resuming, bad input."""

import json
import os
import signal
import time

import conftest
import forked
import keras
import numpy as np
import pytest
from PIL import Image

import keras_mixgan as kmg
from keras_mixgan import cli
from keras_mixgan.cli import models
from keras_mixgan.cli import options
from keras_mixgan.cli import run_files
from keras_mixgan.cli import runs
from keras_mixgan.cli import settings
from keras_mixgan.training import callbacks
from keras_mixgan.utils import lock

pytestmark = pytest.mark.usefixtures("no_picture")

# Twenty steps an epoch.
RING = {
    "source": "ring",
    "num_generators": 2,
    "num_discriminators": 1,
    "width": 4,
    "latent_dim": 2,
    "batch_size": 1000,
}


def train(workdir, steps_per_execution=1, verbose=0, **given):
    return runs.train(
        RING | given,
        workdir,
        checkpoint_seconds=3600,  # Never, even on a slow machine.
        sample_epochs=100,  # Pictures are drawn at the end alone.
        history_steps=2,
        steps_per_execution=steps_per_execution,
        verbose=verbose,
    )


def same_weights(one, other):
    pairs = zip(
        [*one.weights, *one.optimizer.variables],
        [*other.weights, *other.optimizer.variables],
        strict=True,
    )
    return all((np.asarray(a) == np.asarray(b)).all() for a, b in pairs)


def same_history(workdir, other):
    """Whether rows are the same, except for the clock and rounding."""
    pairs = zip(
        *(callbacks.read_history(w / "history.csv") for w in (workdir, other)),
        strict=True,
    )
    return all(
        row == pytest.approx(wanted | {"seconds": row["seconds"]}, rel=1e-4)
        for row, wanted in pairs
    )


def contents(folder):
    """All files except the empty lock file."""
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert found.pop(lock.LOCK, b"") == b""
    return found


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """An uninterrupted run of 46 steps: two epochs and a part."""
    workdir = tmp_path_factory.mktemp("whole") / "run"
    return train(workdir, steps=46), workdir


def test_a_run_leaves_everything(whole):
    model, workdir = whole
    assert sorted(contents(workdir)) == sorted(run_files.OUTPUTS)
    history = callbacks.read_history(workdir / "history.csv")
    assert [row["step"] for row in history] == list(range(2, 47, 2))
    assert [row["epoch"] for row in history][-4:] == [2, 3, 3, 3]
    loaded = keras.saving.load_model(workdir / "model.keras")
    assert loaded.step == 46
    assert same_weights(model, loaded)
    saved = json.loads((workdir / "settings.json").read_text())
    assert saved["settings"]["steps"] == 46
    assert saved["settings"]["generator_learning_rate"] == 1e-3
    assert saved["data"]["image_shape"] == [2]
    assert saved["versions"]["keras"] == keras.__version__
    for name in ("samples.png", "curves.png"):
        with Image.open(workdir / name) as picture:
            assert min(picture.size) > 200


def test_a_run_made_longer_in_mid_epoch_ends_as_if_never_stopped(
    whole, tmp_path, capsys
):
    train(tmp_path, steps=28)
    model = train(tmp_path, steps=46, verbose=1)
    assert same_weights(model, whole[0])
    assert same_history(tmp_path, whole[1])
    out = capsys.readouterr().out
    assert "Resuming after step 28 of 46" in out
    assert "Epoch 2/3, from step 9 of 20" in out
    assert "Epoch 3/3\n" in out


def test_a_run_killed_at_any_moment_ends_as_if_never_stopped(whole, tmp_path):
    steps_per_execution = 2  # test_checkpoints has a run of single steps.
    flags = [f"--{name}={value}" for name, value in RING.items()]
    workdir = tmp_path / "run"
    flags += [f"--workdir={workdir}", "--steps=100000", "--history_steps=2"]
    flags += ["--checkpoint_seconds=0", "--sample_epochs=100"]
    flags += [f"--steps_per_execution={steps_per_execution}"]
    process = forked.start(cli.main, ["train", *flags], tmp_path / "process")
    history = workdir / "history.csv"
    while process.is_alive():
        if history.exists() and len(history.read_text().splitlines()) > 6:
            # It saves at every other step: most likely right now.
            os.kill(process.pid, signal.SIGKILL)
            break
        time.sleep(0.002)
    status, _, err = forked.ended(process, tmp_path / "process")
    assert status == -signal.SIGKILL, err
    stopped_at = models.load_model(workdir / "checkpoint.keras").step
    assert stopped_at > 0
    if stopped_at >= 46:  # Only if we came late, as on a busy machine.
        straight = tmp_path / "straight"
        whole = train(straight, steps=stopped_at + 4), straight
    steps = whole[0].step
    # A run may get longer but not shorter, so its settings are changed.
    settings_file = workdir / "settings.json"
    settings_file.write_text(
        settings_file.read_text().replace("100000", str(steps))
    )
    model = train(workdir, steps_per_execution, steps=steps)
    assert same_weights(model, whole[0])
    assert same_history(workdir, whole[1])
    left = [*run_files.OUTPUTS, "checkpoint-1.keras"]
    assert sorted(contents(workdir)) == sorted(left)


def test_a_finished_run_says_so_and_draws_anew(whole, tmp_path, capsys):
    _, workdir = whole
    before = contents(workdir)
    for name in ("samples.png", "curves.png"):
        (workdir / name).unlink()
    model = train(workdir, steps=46, verbose=1)
    assert model.step == 46
    out = capsys.readouterr().out
    assert "This run is finished: 46 steps" in out
    assert "to resume from, also with more --epochs or --steps\n" in out
    after = contents(workdir)
    for name in ("checkpoint.keras", "model.keras", "history.csv"):
        assert after[name] == before[name]
    assert sorted(after) == sorted(before)


def test_other_settings_are_refused_and_listed(whole):
    _, workdir = whole
    before = contents(workdir)
    with pytest.raises(ValueError, match="other settings") as caught:
        train(workdir, steps=40, num_generators=3, payoff="hinge")
    message = str(caught.value)
    assert "num_generators: 2 -> 3" in message
    assert "payoff: log -> hinge" in message
    assert "steps: 46 -> 40 (a run can only be made longer)" in message
    assert "seed" not in message
    # The command that resumes the saved run.
    command = f"--config={workdir / 'settings.json'} --workdir={workdir}"
    assert command in message
    assert contents(workdir) == before


@pytest.mark.usefixtures("no_graph")
def test_another_number_of_images_is_refused(tmp_path):
    folder = conftest.images_of(tmp_path / "photos")
    given = {"source": str(folder), "image_size": 28, "width": 1, "steps": 1}
    given |= {"batch_size": 2, "num_generators": 1, "num_discriminators": 1}
    workdir = tmp_path / "run"
    model = runs.train(given, workdir, verbose=0)
    assert model.conditional
    assert model.image_shape == (28, 28, 3)
    (folder / "cat" / "0.png").unlink()
    with pytest.raises(ValueError, match="num_images: 12 -> 11"):
        runs.train(given, workdir, verbose=0)


@pytest.mark.parametrize("size", [0, 40, 5000])
def test_a_truncated_checkpoint_is_named_and_kept(whole, tmp_path, size):
    for name, content in contents(whole[1]).items():
        (tmp_path / name).write_bytes(content)
    path = tmp_path / "checkpoint.keras"
    path.write_bytes(path.read_bytes()[:size])
    before = contents(tmp_path)
    with pytest.raises(ValueError, match=r"checkpoint\.keras.*truncated"):
        train(tmp_path, steps=50)
    assert contents(tmp_path) == before


def test_files_that_are_no_mixture_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"a\.keras"):
        models.load_model(tmp_path / "a.keras")
    with pytest.raises(IsADirectoryError, match="folder"):
        models.load_model(tmp_path)
    text = tmp_path / "a.txt"
    text.write_text("x")
    with pytest.raises(ValueError, match=r"\.keras file"):
        models.load_model(text)
    path = tmp_path / "other.keras"
    conftest.small_generator().save(path)
    with pytest.raises(ValueError, match="which is a Sequential"):
        models.load_model(path)


@pytest.mark.usefixtures("no_graph")
def test_an_older_checkpoint_without_settings_is_not_taken(tmp_path):
    # Braces of a folder are a part of its name.
    workdir = tmp_path / "{a} {step}"
    train(workdir, steps=4)
    assert (workdir / "samples.png").exists()
    kept = (workdir / "checkpoint.keras").rename(workdir / "checkpoint-1.keras")
    for file in workdir.iterdir():
        if file != kept:
            file.unlink()
    with pytest.raises(FileExistsError, match=r"which holds checkpoint-1\.k"):
        train(workdir, steps=4, width=2)
    assert [file.name for file in workdir.iterdir()] == [kept.name]


def test_damaged_settings_are_named(whole, tmp_path):
    for text in ("", "{}", '{"format": 1, "settings"'):
        (tmp_path / "settings.json").write_text(text)
        with pytest.raises(ValueError, match=r"settings\.json is damaged"):
            train(tmp_path, steps=2)
    saved = json.loads((whole[1] / "settings.json").read_text())
    for name in ("settings", "data", "given"):
        for wrong in (
            {k: v for k, v in saved.items() if k != name},
            saved | {name: None},
            saved | {name: [1]},
        ):
            (tmp_path / "settings.json").write_text(json.dumps(wrong))
            with pytest.raises(ValueError, match=r"is damaged.*" + name):
                train(tmp_path, steps=2)
    newer = json.dumps(saved | {"format": 99})
    (tmp_path / "settings.json").write_text(newer)
    with pytest.raises(ValueError, match="Upgrade"):
        train(tmp_path, steps=2)


def test_folders_that_cannot_be_used_are_refused_first(tmp_path, monkeypatch):
    monkeypatch.setattr(runs.sources, "load_source", pytest.fail)
    file = tmp_path / "file"
    file.write_text("mine")
    with pytest.raises(NotADirectoryError, match="`workdir`"):
        train(file / "run", steps=1)
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "model.keras").write_text("mine")
    with pytest.raises(FileExistsError, match=r"model\.keras"):
        train(folder, steps=1)
    assert (folder / "model.keras").read_text() == "mine"
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(PermissionError, match="writable"):
        train(tmp_path / "run", steps=1)


@pytest.mark.usefixtures("no_graph")
def test_weights_that_break_in_the_last_step_are_not_kept(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(callbacks, "is_finite", lambda model: False)
    with pytest.raises(kmg.NonFiniteError, match="last step, 2"):
        train(tmp_path, steps=2)
    assert not (tmp_path / "model.keras").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"payoff": "hing"}, "Did you mean 'hinge'"),
        ({"architecture": "dcgam"}, "Did you mean 'dcgan'"),
        ({"payoff_estimate": "liner"}, "Did you mean 'linear'"),
        ({"generator_loss": "x"}, "`generator_loss` must be one of"),
        ({"num_generator": 3}, "Did you mean 'num_generators'"),
        ({"num_generators": 0}, "`num_generators`"),
        ({"num_discriminators": -1}, "`num_discriminators`"),
        ({"batch_size": 0}, "`batch_size`"),
        ({"epochs": 0}, "`epochs`"),
        ({"epochs": 2, "steps": 2}, "exclude each other"),
        ({"generator_learning_rate": 0.0}, "`generator_learning_rate`"),
        ({"seed": -1}, "`seed`"),
        ({"ema_decay": 1.5}, "`ema_decay`"),
        ({"mixture_regularizer": -1.0}, "`mixture_regularizer`"),
        ({"weight_clip": -1.0}, "`weight_clip`"),
        ({"conditional": True}, "`conditional` needs labels"),
        (
            {"source": "digits", "architecture": "improved_gan"}
            | {"conditional": False},
            "'improved_gan', needs class labels",
        ),
        (
            {"source": "digits", "conditional": False, "labels_per_class": 5},
            "`labels_per_class` must not be given without class labels",
        ),
        ({"encoder": "a.keras"}, "`encoder` must not be given unless"),
        ({"batch_size": 30000}, "`batch_size`"),
        ({"source": "/nowhere"}, "/nowhere"),
        ({"source": "digts"}, "Did you mean 'digits'"),
        ({"source": "fashion_mist"}, "Did you mean 'fashion_mnist'"),
        ({"image_size": 28}, "`image_size`"),
        ({"architecture": "wgan"}, "`image_shape`"),
        ({"width": 10**6}, "fit into this machine's memory"),
        ({"latent_dim": 10**12}, "fit into this machine's memory"),
        ({"num_generators": 10**10}, "fit into this machine's memory"),
        ({"width": 10**20}, "fit into this machine's memory"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_written(
    tmp_path, changes, message
):
    workdir = tmp_path / "run"
    with pytest.raises((ValueError, OSError), match=message):
        train(workdir, **changes)
    assert not workdir.exists()


def test_replicas_are_needed_to_share_statistics(tmp_path):
    with pytest.raises(ValueError, match="`sync_batch_norm` must come with"):
        runs.train(RING, tmp_path / "run", sync_batch_norm=True)


def test_a_file_that_is_no_image_is_named(tmp_path):
    folder = conftest.images_of(tmp_path / "photos", count=1)
    (folder / "cat" / "notes.txt").write_text("x")
    given = {"source": str(folder), "image_size": 28}
    with pytest.raises(ValueError, match=r"notes\.txt"):
        runs.train(given, tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_two_runs_do_not_share_a_folder(tmp_path):
    with lock.held(tmp_path):
        pid = os.getpid()
        with pytest.raises(OSError, match=f"`workdir` must not.*{pid} on"):
            train(tmp_path, steps=1)
        assert {path.name for path in tmp_path.iterdir()} == {
            lock.LOCK,
            lock.OWNER,
        }


@pytest.mark.usefixtures("no_graph")
def test_networks_compute_in_the_dtype_that_is_asked_for(tmp_path):
    model = train(tmp_path / "a", steps=3, dtype="mixed_bfloat16")
    assert keras.config.dtype_policy().name == "float32"
    assert model.generators[0].layers[-2].compute_dtype == "bfloat16"
    assert {v.dtype for v in model.trainable_variables} == {"float32"}
    saved = keras.saving.load_model(tmp_path / "a" / "model.keras")
    assert saved.discriminators[0].layers[-2].compute_dtype == "bfloat16"
    with pytest.raises(ValueError, match=r"dtype: mixed_bfloat16 -> float32"):
        train(tmp_path / "a", steps=6)
    assert train(tmp_path / "a", steps=6, dtype="mixed_bfloat16").step == 6


@pytest.mark.usefixtures("no_graph")
@pytest.mark.parametrize(
    ("estimate", "said"),
    [("linear", "grows to 4 generated"),
     ("split", "grows to 8 generated"), ("full", None)],
)  # fmt: skip
def test_a_batch_that_grows_is_told(tmp_path, estimate, said, capsys):
    train(
        tmp_path, steps=1, verbose=1, batch_size=3, num_generators=4,
        num_discriminators=2, payoff_estimate=estimate,
    )  # fmt: skip
    out = capsys.readouterr().out
    assert ("A batch of 3 grows" in out) == (said is not None)
    assert said is None or said in out


def test_zero_means_none():
    resolved = settings.resolve({"architecture": "wgan", "weight_clip": 0.0})
    assert resolved.weight_clip is None
    assert settings.resolve({"architecture": "wgan"}).weight_clip == 0.01


def test_digits_have_settings_of_their_own_only_with_dcgan():
    papers = settings.resolve({"source": "digits", "architecture": "wgan"})
    assert papers.generator_learning_rate == 5e-5
    assert papers.batch_size == 64
    tuned = settings.resolve({})
    assert (tuned.source, tuned.architecture) == ("digits", "dcgan")
    own = {
        name: option.by["digits"]
        for name, option in options.SETTINGS.items()
        if "digits" in option.by
    }
    assert own.items() <= vars(tuned).items()
    elsewhere = settings.resolve({"source": "mnist"})
    assert elsewhere.generator_learning_rate == 1e-4


def test_folders_are_named_after_their_source(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos").mkdir()
    names = [
        run_files.default_workdir(source).as_posix()
        for source in ("digits", "photos/", str(tmp_path / "photos"), "a/b")
    ]
    assert names == ["runs/digits", "runs/photos", "runs/photos", "runs/a-b"]
