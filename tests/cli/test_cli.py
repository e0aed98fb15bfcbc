"""The command line: help, flags, errors, `sample` and `export`."""

import importlib
import re
import subprocess
import sys

import conftest
import numpy as np
import pytest
import tensorflow as tf
from conftest import tensorflow_only
from PIL import Image

import keras_mixgan as kmg
from keras_mixgan import cli
from keras_mixgan._version import __version__
from keras_mixgan.architectures import ARCHITECTURES
from keras_mixgan.cli import models
from keras_mixgan.cli import runs
from keras_mixgan.cli.commands import COMMANDS
from keras_mixgan.cli.commands import flag_groups
from keras_mixgan.game import payoffs
from keras_mixgan.training import callbacks
from keras_mixgan.utils import errors

pytestmark = pytest.mark.usefixtures("no_graphs")

SMALL = [
    "--source=ring",
    "--num_generators=2",
    "--num_discriminators=1",
    "--width=4",
    "--latent_dim=2",
    "--batch_size=1000",
]


def call(capsys, *arguments):
    """Exit status, standard output, standard error."""
    status = cli.main(list(arguments))
    return status, *capsys.readouterr()


@pytest.fixture(scope="module")
def points_model(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("cli")
    assert cli.main(["train", *SMALL, f"--workdir={workdir}", "--steps=2"]) == 0
    return workdir / "model.keras"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"], ["help"]])
def test_help_lists_all_commands(capsys, arguments):
    status, out, err = call(capsys, *arguments)
    assert (status, err) == (0, "")
    for command in COMMANDS.values():
        assert f"  {command.name}" in out
        assert command.summary in out


def test_a_flag_without_its_value_is_refused(capsys):
    for command in ("train", "race"):
        status, _, err = call(capsys, command, "--workdir=")
        assert status == 2
        assert err.startswith("error: --workdir must have a value")
        assert err.count("\n") == 1


def test_version(capsys):
    assert call(capsys, "--version") == (0, f"keras-mixgan {__version__}\n", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_help_shows_its_flags_alone(capsys, name):
    status, out, err = call(capsys, name, "--help")
    assert (status, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 79
    module = importlib.import_module(COMMANDS[name].module)
    groups = module.GROUPS
    ours = {flag.name for group in groups.values() for flag in group}
    options = out[: out.index("Examples:")]
    shown = set(re.findall(r"^  --(?:\[no\])?(\w+)", options, re.MULTILINE))
    assert shown == ours
    for title in groups:
        assert f"\n{title}:\n" in out


def test_help_names_all_payoffs_and_architectures(capsys):
    _, out, _ = call(capsys, "train", "--help")
    for name in (*payoffs.PAYOFFS, *ARCHITECTURES):
        assert re.search(rf"\b{name}\b", out)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "Did you mean 'train'?"),
        (["train", "--payof=log"], "Did you mean: payoff"),
        (["train", "--lr=1"], "'lr'. Give --generator_learning_rate and"),
        (["sample", "--lr=1"], "'lr'. `keras-mixgan sample --help`"),
        (["train", "--resume"], "The same command resumes"),
        (["train", "--epochs=many"], "'many'. `keras-mixgan train --help`"),
        (["train", "digits"], "Received: digits"),
        (["train", "--payoff=lgo"], "Did you mean 'log'?"),
        (["train", "--payoff=wgan"], "Did you mean 'wasserstein'?"),
        (["train", "--architecture=SNGAN"], "Did you mean 'sngan'?"),
        (["train", "--num_generators=0"], "`num_generators`"),
        (["train", "--epochs=1", "--steps=1"], "exclude each other"),
        (["train", "--recipe=dcgn_mnist"], "Did you mean 'dcgan_mnist'?"),
        (["train", "--recipe=dcgan_celeba_64"], "`source` must be given"),
        (
            ["train", "--recipe=mix_dcgan_mnist", "--width=24"],
            "--from=dcgan_mnist: that model keeps its networks, and its width",
        ),
        (
            ["train", "--recipe=mix_dcgan_mnist", "--width=24"],
            "The recipe mix_dcgan_mnist starts from dcgan_mnist.",
        ),
        (["train", "--source=./nowhere"], "nowhere"),
        (["train", "--steps_per_execution=0"], "`steps_per_execution`"),
        (["train", "--steps_per_execution=4"], "`history_steps` must be"),
        (["train", "--optimizer=sgd", "--beta_1=0.5"], "`beta_1` must not"),
        (["train", "--rho=1"], "`rho` must be a number of at least 0 and"),
        (["sample"], "`model` must be given"),
        (["sample", "--model=no.keras"], "no.keras"),
        (["sample", "--model=nothing"], "must be the folder of a run, a .ker"),
        (["sample", "--model=wgan_mnist/"], "Did you mean 'wgan_mnist'?"),
        (
            ["sample", "--model=mix_dcgan_mnst"],
            "Did you mean 'mix_dcgan_mnist'?",
        ),
        (["sample", "--model=a.keras", "--labels=a,b"], "`labels` must be num"),
        (["sample", "--model=a.keras", "--num_images=0"], "`num_images`"),
        (["sample", "--model=a.keras", "--columns=0"], "`columns`"),
        (["sample", "--model=wgan_mnist", "--seed=-1"], "`seed`"),
        (["sample", "--model=a.keras", "--out=grid.txt"], "`out`"),
        (["sample", "--model=a.keras", "--out=no/grid.png"], "`out`"),
        (["train", "--noconditional=true"], "does not take an argument"),
        (["export"], "`model` must be given"),
        (["export", "--model=no.keras"], "no.keras"),
        (["export", "--model=a.keras", "--format=pb"], "`format`"),
        (["export", "--model=a.keras", "--format=onnx", "--out=1"], "`out`"),
    ],
)
def test_what_a_user_did_wrong_is_one_line_and_status_two(
    capsys, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    status, out, err = call(capsys, *arguments)
    assert (status, out) == (2, "")
    assert err.startswith("error: ")
    assert len(err.splitlines()) == 1
    assert message in err
    assert list(tmp_path.iterdir()) == []


def raising(error):
    def train(*_, **__):
        raise error

    return train


def test_a_backend_that_is_none_of_ours_is_named(capsys, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torhc")
    status, _, err = call(capsys, "sample", "--model=wgan_mnist")
    assert status == 2
    assert "must be tensorflow or jax. Received: KERAS_BACKEND='torhc'" in err


def test_a_loss_that_is_not_finite_is_one_line_and_what_was_good_is_kept(
    capsys, tmp_path
):
    status, _, err = call(
        capsys,
        "train",
        *SMALL,
        f"--workdir={tmp_path}",
        "--steps=40",
        "--generator_learning_rate=3e38",
        "--history_steps=1",
        "--checkpoint_seconds=0",
    )
    assert status == 2
    assert err.startswith("error: A loss became NaN or infinite at step ")
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "model.keras").exists()
    kept = models.load_model(tmp_path / "checkpoint.keras")
    assert kept.step > 0
    assert callbacks.is_finite(kept)


def test_a_full_disk_is_one_line(capsys, monkeypatch):
    monkeypatch.setattr(runs, "train", raising(OSError("No space left")))
    status, _, err = call(capsys, "train")
    assert (status, err) == (2, "error: No space left\n")


@pytest.mark.parametrize(
    "error", [errors.UserError("x"), errors.MissingPackageError("x")]
)
def test_errors_for_the_user_are_one_line(capsys, monkeypatch, error):
    monkeypatch.setattr(runs, "train", raising(error))
    assert call(capsys, "train") == (2, "", "error: x\n")


def test_our_own_faults_keep_their_traceback(monkeypatch):
    """Even if the package raises them, as it does errors for the user."""

    def parse(groups, arguments, words):
        return list(zip(groups, (), strict=True))

    monkeypatch.setattr(flag_groups, "parse", parse)
    with pytest.raises(ValueError, match="shorter"):
        cli.main(["train"])


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("of a library")])
def test_the_programs_own_errors_keep_their_traceback(monkeypatch, error):
    monkeypatch.setattr(runs, "train", raising(error))
    with pytest.raises(type(error)):
        cli.main(["train"])


def test_a_stop_by_the_user_is_no_error(capsys, monkeypatch):
    monkeypatch.setattr(runs, "train", raising(KeyboardInterrupt()))
    status, _, err = call(capsys, "train")
    assert status == 130
    assert err.strip() == "Stopped."


def test_a_run_resumed_with_other_flags_lists_them(capsys, points_model):
    workdir = points_model.parent
    status, _, err = call(
        capsys, "train", *SMALL, f"--workdir={workdir}", "--steps=2", "--seed=1"
    )
    assert status == 2
    assert "seed: 0 -> 1" in err


def test_sample_draws_points(capsys, points_model, tmp_path):
    out = tmp_path / "points.png"
    status, text, _ = call(
        capsys, "sample", f"--model={points_model}", f"--out={out}"
    )
    assert status == 0
    assert str(out) in text
    with Image.open(out) as picture:
        assert picture.size[0] > 200
    status, _, err = call(
        capsys,
        "sample",
        f"--model={points_model}",
        f"--out={out}",
        "--component=2",
    )
    assert status == 2
    assert "`component`" in err
    for ending in ("blp", "hdf", "txt"):
        status, _, err = call(
            capsys, "sample", f"--model={points_model}", f"--out=a.{ending}"
        )
        assert status == 2
        assert "must have the ending of a picture format" in err
    status, _, err = call(
        capsys, "sample", f"--model={points_model}", "--labels=1"
    )
    assert status == 2
    assert "`labels`" in err


def test_sample_draws_a_column_a_class_and_keeps_to_its_seed(capsys, tmp_path):
    path = tmp_path / "model.keras"
    model = kmg.MixGAN(*conftest.image_networks(num_classes=3), 2, 1, seed=0)
    model.save(path)

    def sample(name, *flags):
        out = tmp_path / name
        status, _, err = call(
            capsys, "sample", f"--model={path}", f"--out={out}", *flags
        )
        assert (status, err) == (0, "")
        with Image.open(out) as picture:
            return np.asarray(picture)

    one = sample("1.png", "--num_images=6", "--seed=1")
    again = sample("2.png", "--num_images=6", "--seed=1")
    other = sample("3.png", "--num_images=6", "--seed=2")
    assert (one == again).all()
    assert (one != other).any()
    assert sample("4.png", "--num_images=4", "--labels=2").shape != one.shape
    assert sample("5.png", "--num_images=2", "--columns=1").size


def test_presets_are_listed(capsys):
    status, out, _ = call(capsys, "presets")
    assert status == 0
    header, first, *_ = out.splitlines()
    assert header.split()[:3] == ["name", "data", "T"]
    assert first.split()[:3] == ["dcgan_5x_mnist", "MNIST", "1"]


@tensorflow_only
def test_export_writes_a_sampler_once(capsys, points_model, tmp_path):
    out = tmp_path / "exported" / "1"
    flags = ("export", f"--model={points_model}", f"--out={out}")
    status, text, err = call(capsys, *flags)
    assert (status, err) == (0, "")
    assert str(out) in text
    sampler = tf.saved_model.load(str(out))
    assert sampler.sample(num_images=3, seed=0)["images"].shape == (3, 2)
    status, _, err = call(capsys, *flags)
    assert status == 2
    assert err.startswith("error: `out` must be a new or an empty folder")
    flags = ("export", f"--model={points_model}", "--out=a.onnx")
    status, _, err = call(capsys, *flags)
    assert status == 2
    assert "if, and only if, `format` is onnx" in err


@pytest.mark.parametrize("arguments", [["--version"], ["train", "--help"]])
def test_the_module_is_the_program_and_help_waits_for_no_keras(arguments):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "keras_mixgan", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "keras-mixgan" in done.stdout
    lines = done.stderr.splitlines()
    imported = [line.split("|")[-1].strip() for line in lines]
    assert "keras_mixgan.cli" in imported
    assert not {"keras", "tensorflow", "numpy"} & set(imported)
    # Nothing but the list of imports.
    assert all(line.startswith("import time:") for line in lines)
