"""`keras-mixgan evaluate`: the scores of runs and presets."""

import errno
import json

import conftest
import hostile_presets
import keras
import numpy as np
import pytest
from PIL import Image

from keras_mixgan import cli
from keras_mixgan import metrics
from keras_mixgan import presets
from keras_mixgan.cli import runs

pytestmark = pytest.mark.usefixtures("no_pictures")

# Networks for images of any shape.
OWN = """
import keras
import keras_mixgan as kmg


def generator(image_shape, latent_dim=4, num_classes=None, width=2):
    latents = keras.Input((latent_dim,))
    x = keras.layers.Dense(8 * 12, activation="tanh")(latents)
    return keras.Model(latents, keras.layers.Reshape(image_shape)(x))


def discriminator(image_shape, num_classes=None, width=2):
    images = keras.Input(image_shape)
    x = keras.layers.Flatten()(images)
    return keras.Model(images, keras.layers.Dense(1)(x))


ARCHITECTURE = kmg.architectures.Architecture(
    "own", generator, discriminator, ((8, 12, 1),),
    kmg.architectures.get("dcgan").training,
)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for source, width in (("digits", 4), ("ring", 8)):
        given = {"source": source, "width": width, "steps": 2}
        with conftest.tracing_nothing():
            runs.train(
                given | {"num_generators": 2}, folder / source, verbose=0
            )
    return folder


def evaluate(capsys, *flags):
    status = cli.main(["evaluate", *flags])
    out, err = capsys.readouterr()
    return status, out, err


def test_digits_are_scored_against_the_runs_own_data(folder, capsys):
    run = folder / "digits"
    status, out, _ = evaluate(
        capsys,
        f"--model={run / 'model.keras'}",
        "--num_images=40",
        "--splits=2",
    )
    assert status == 0
    for row in ("mixture", "generator 0", "generator 1", "real"):
        assert row in out
    scores = json.loads((run / "scores.json").read_text())
    assert set(scores["scores"]["mixture"]) == {"inception_score", "fid", "kid"}
    settings = scores["settings"]
    assert settings["num_images"] == 40
    assert settings["classifier"] == "digits"
    assert len(settings["classifier_sha256"]) == 64
    real = scores["scores"]["real"]["inception_score"]["mean"]
    assert real > scores["scores"]["mixture"]["inception_score"]["mean"]


def test_a_preset_is_scored_by_the_judge_of_its_data(capsys, tmp_path):
    pytest.importorskip("tensorflow_datasets")
    out = tmp_path / "scores.json"
    status, printed, err = evaluate(
        capsys,
        "--model=mix_dcgan_fashion_mnist",
        "--source=digits",
        "--metrics=inception_score",
        "--num_images=20",
        "--splits=2",
        "--nocomponents",
        "--noreal",
        f"--out={out}",
    )
    assert (status, err) == (0, "")
    assert "Classifier digits" in printed  # That of --source.
    assert (
        cli.main(["evaluate", "--model=mix_dcgan_celeba_64", "--num_images=20"])
        == 2
    )
    assert "such as --source=FOLDER" in capsys.readouterr().err


def test_points_are_scored_by_their_modes(folder, capsys, monkeypatch):
    # No shell expands ~ after the sign of equality.
    monkeypatch.setenv("HOME", str(folder))
    flags = ("--metrics=modes", "--num_images=10500", "--nocomponents")
    flags += ("--noreal", "--split=test")
    status, out, _ = evaluate(capsys, "--model=~/ring/checkpoint.keras", *flags)
    assert status == 0
    assert "10,500 images per row (10,000 for modes, good) against" in out
    # Not scores.json, which belongs to model.keras.
    out = folder / "ring" / "checkpoint_scores.json"
    report = json.loads(out.read_text())
    assert list(report["scores"]) == ["mixture"]
    assert report["settings"]["split"] == "test"


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--metrics=fidd"], "`metrics` must be among"),
        (["--num_images=5"], "`num_images` must be at least `splits`"),
        (["--classifier=nothing"], "`classifier` must be one of"),
        (["--source=ring"], "`source` must have images of the model's shape"),
        (["--source=no_such_data"], "no_such_data"),
        (["--out=no/such/folder/s.json"], "`out` must be in an existing"),
        (["--out=."], "`out` must be a file to write"),
        (["--images_split=test"], "`images_split` must not be given with"),
    ],
)
def test_bad_flags(folder, capsys, flags, message):
    model = folder / "digits" / "model.keras"
    status, _, err = evaluate(capsys, f"--model={model}", *flags)
    assert status == 2
    assert err.startswith("error: ")
    assert message in err


def test_scores_are_shown_where_their_file_cannot_be_written(
    folder, capsys, monkeypatch
):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(metrics.report.Report, "save", full)
    model = folder / "ring" / "model.keras"
    status, out, err = evaluate(
        capsys, f"--model={model}", "--metrics=modes", "--num_images=200"
    )
    assert (status, "modes" in out) == (2, True)
    assert "No space left" in err


@pytest.fixture(scope="module")
def skipped(tmp_path_factory):
    """A run on a folder of images, one of them damaged."""
    folder = tmp_path_factory.mktemp("skipped")
    images = folder / "images"
    images.mkdir()
    for i in range(8):
        Image.new("L", (28, 28), 20 * i).save(images / f"{i}.png")
    (images / "bad.png").write_bytes(b"no picture")
    given = {"source": str(images), "skip_bad_images": True, "batch_size": 4}
    given |= {"width": 2, "latent_dim": 4, "steps": 1, "num_generators": 1}
    with conftest.tracing_nothing():
        runs.train(given, folder / "run", verbose=0)
    return folder


@pytest.mark.parametrize("named", [None, "{}", "{}/../images/"])
def test_bad_images_that_a_run_skipped_are_skipped(skipped, capsys, named):
    source = named and named.format(skipped / "images")
    status, out, err = evaluate(
        capsys, f"--model={skipped / 'run'}", "--metrics=sliced_wasserstein",
        "--num_images=20", "--nocomponents", "--noreal",
        *([f"--source={source}"] if named else []),
    )  # fmt: skip
    assert status == 0, err
    assert "mixture" in out


@pytest.mark.usefixtures("no_graph", "short_responses")
def test_images_that_are_not_square_keep_their_shape(tmp_path, capsys):
    images = np.zeros((16, 8, 12, 1), "uint8")
    np.savez(tmp_path / "wide.npz", images=images)
    (tmp_path / "own.py").write_text(OWN)
    given = {"source": str(tmp_path / "wide.npz"), "batch_size": 4, "steps": 1}
    given |= {"architecture": str(tmp_path / "own.py"), "num_generators": 1}
    runs.train(given, tmp_path / "run", verbose=0)
    status, out, err = evaluate(
        capsys, f"--model={tmp_path / 'run'}", f"--source={given['source']}",
        "--metrics=neural_net_distance", "--num_images=20",
        "--nocomponents", "--noreal",
    )  # fmt: skip
    assert status == 0, err
    assert "mixture" in out


@pytest.mark.parametrize("recorded", ["\x1b[2J\x1b]0;owned\x07evil", 5])
def test_a_hostile_record_of_the_data(capsys, tmp_path, recorded):
    preset = hostile_presets.copy(tmp_path)

    def change(content):
        content["settings"] = {"source": recorded}

    hostile_presets.edit(preset, change, presets.METADATA)
    others = tmp_path / "photos"
    others.mkdir()
    Image.new("L", (28, 28)).save(others / "a.png")
    for flags in ((), (f"--source={others}",)):
        status, _, err = evaluate(capsys, f"--model={preset}", *flags)
        assert status == 2
        assert err.startswith("error: ")
        assert err.rstrip("\n").isprintable()


def test_a_model_needs_a_source(folder, capsys, tmp_path):
    model = keras.saving.load_model(folder / "ring" / "model.keras")
    model.save(tmp_path / "alone.keras")
    status, _, err = evaluate(capsys, f"--model={tmp_path / 'alone.keras'}")
    assert status == 2
    assert "`source` must be given" in err
    status, _, err = evaluate(capsys)
    assert status == 2
    assert "`model` must be given" in err
