"""`keras-mixgan train --evaluate_every`: scores with seconds of training."""

import json
import shutil

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

import keras_mixgan as kmg
from keras_mixgan import cli
from keras_mixgan import metrics
from keras_mixgan.training import callbacks

pytestmark = pytest.mark.usefixtures("no_pictures")

RING = [
    "train",
    "--source=ring",
    "--num_generators=2",
    "--num_discriminators=1",
    "--width=4",
    "--latent_dim=2",
    "--batch_size=2000",
    "--history_steps=5",
    "--sample_epochs=100",
    "--evaluate_images=200",
]


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Four epochs of ten steps, with scores every second epoch."""
    folder = tmp_path_factory.mktemp("scored") / "run"
    command = [*RING, f"--workdir={folder}", "--evaluate_every=2"]
    assert cli.main([*command, "--epochs=4"]) == 0
    return folder


def test_scores_are_written_with_seconds_and_drawn(scored):
    records = metrics.read_scores(scored / "scores.csv")
    assert [record["epoch"] for record in records] == [1, 2, 3, 4]
    assert [record["step"] for record in records] == [10, 20, 30, 40]
    assert [r["epoch"] for r in records if "modes" in r] == [2, 4]
    names = metrics.figures.score_names(records)
    assert "modes" in names
    assert not {"seconds", "step", "generator_weight_0"} & set(names)
    seconds = [record["seconds"] for record in records]
    assert seconds == sorted(seconds)
    with Image.open(scored / "scores.png") as picture:
        assert min(picture.size) > 200
    # The history has no scores; both files use the same clock.
    history = callbacks.read_history(scored / "history.csv")
    assert "modes" not in history[0]
    at = {row["step"]: row["seconds"] for row in history}
    for record in records:
        assert record["seconds"] >= at[record["step"]]


def test_the_clock_stands_still_while_a_mixture_is_scored(
    monkeypatch, generator, discriminator
):
    clock = [0.0]
    monkeypatch.setattr(
        "keras_mixgan.training.history.time.monotonic", lambda: clock[0]
    )
    model = kmg.MixGAN(generator, discriminator, 1, 1, seed=0)
    model.compile()
    history = callbacks.MixtureHistory()
    history.set_model(model)
    history.on_train_begin()
    clock[0] = 5.0
    with history.paused():
        clock[0] = 65.0
    clock[0] = 67.0
    assert history.seconds == 7.0


def test_a_run_that_is_killed_while_it_is_scored_is_scored_again(
    tmp_path, monkeypatch
):
    command = [*RING, f"--workdir={tmp_path}", "--evaluate_every=2"]
    command += ["--epochs=4", "--checkpoint_seconds=0"]

    def interrupted(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(metrics.callback.Evaluate, "_scores", interrupted)
        assert cli.main(command) == 130
    assert cli.main(command) == 0
    records = metrics.read_scores(tmp_path / "scores.csv")
    assert [record["epoch"] for record in records] == [1, 2, 3, 4]
    assert [r["epoch"] for r in records if "modes" in r] == [2, 4]


def test_a_run_made_longer_has_one_curve(scored, tmp_path, capsys):
    folder = shutil.copytree(scored, tmp_path / "run")
    command = [*RING, f"--workdir={folder}", "--evaluate_every=2"]
    assert cli.main([*command, "--epochs=6"]) == 0
    out = capsys.readouterr().out
    assert "scores.csv" in out
    assert "scores.png" in out
    records = metrics.read_scores(folder / "scores.csv")
    assert [record["epoch"] for record in records] == [1, 2, 3, 4, 5, 6]
    assert [r["epoch"] for r in records if "modes" in r] == [2, 4, 6]
    seconds = [record["seconds"] for record in records]
    assert seconds == sorted(seconds)


@pytest.mark.usefixtures("no_graph")
def test_a_run_made_longer_within_its_first_epoch(tmp_path):
    command = [*RING, f"--workdir={tmp_path}", "--evaluate_every=2"]
    command = [flag for flag in command if not flag.startswith("--epochs")]
    assert cli.main([*command, "--steps=3"]) == 0
    assert cli.main([*command, "--steps=15"]) == 0
    records = metrics.read_scores(tmp_path / "scores.csv")
    assert [record["epoch"] for record in records] == [1, 2]
    assert [record["step"] for record in records] == [10, 15]


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Images without a bundled classifier, and a classifier for them."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(48, 28, 28), dtype="uint8")
    np.savez(folder / "photos.npz", images=images)
    judge = keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.AveragePooling2D(7),
            layers.Flatten(),
            layers.Dense(5),
        ]
    )
    judge.save(folder / "judge.keras")
    return folder


def of_photos(photos, workdir, *flags):
    return cli.main(
        [
            "train",
            f"--source={photos / 'photos.npz'}",
            "--width=2",
            "--latent_dim=4",
            "--num_generators=1",
            "--num_discriminators=1",
            "--batch_size=16",
            "--epochs=1",
            "--evaluate_every=1",
            "--evaluate_images=20",
            f"--workdir={workdir}",
            *flags,
        ]
    )


def test_without_a_judge_it_says_how_to_give_one(photos, tmp_path, capsys):
    status = of_photos(photos, tmp_path / "run")
    err = capsys.readouterr().err
    assert status == 2
    assert "`classifier` must be given" in err
    assert "--classifier=" in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("no_graph")
def test_the_model_of_the_smallest_distance_is_kept(
    photos, tmp_path, capsys, monkeypatch
):
    distances = iter([3.0, 2.0, 4.0, 9.0])
    monkeypatch.setattr(
        metrics.callback.Evaluate, "_scores", lambda _: {"fid": next(distances)}
    )
    judge = f"--classifier={photos / 'judge.keras'}"
    run = tmp_path / "run"
    assert of_photos(photos, run, judge, "--epochs=3") == 0
    assert "best.keras" in capsys.readouterr().out
    best = keras.saving.load_model(run / "best.keras")
    assert best.step == 2 * 3  # Three batches an epoch.
    # A distance of more images is another measure: comparison begins anew.
    flags = (judge, "--epochs=4", "--evaluate_images=30")
    assert of_photos(photos, run, *flags) == 0
    assert keras.saving.load_model(run / "best.keras").step == 4 * 3


@pytest.mark.usefixtures("no_graph")
def test_a_judge_that_is_given_is_used(photos, tmp_path, capsys):
    judge = photos / "judge.keras"
    assert of_photos(photos, tmp_path, f"--classifier={judge}") == 0
    assert "scores.png" in capsys.readouterr().out
    (record,) = metrics.read_scores(tmp_path / "scores.csv")
    assert np.isfinite(record["fid"])
    assert 1 <= record["inception_score"] <= 5
    # The run may resume without these flags: they are not settings.
    settings = json.loads((tmp_path / "settings.json").read_text())["settings"]
    assert not {"evaluate_every", "classifier"} & set(settings)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--evaluate_every=0"], "`evaluate_every` must be"),
        (["--evaluate_images=5"], "`evaluate_images` must be"),
        (["--evaluate_every=1", "--classifier=digits"], "for points"),
        (["--classifier=digits"], "together with --evaluate_every"),
        (["--evaluate_images=50"], "together with --evaluate_every"),
    ],
)
def test_bad_flags(tmp_path, capsys, flags, message):
    status = cli.main([*RING, f"--workdir={tmp_path / 'run'}", *flags])
    err = capsys.readouterr().err
    assert status == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("no_graph", "short_responses")
def test_points_of_ones_own_are_scored_by_distance(tmp_path, capsys):
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (2000, 2)).astype("float32")
    np.savez(tmp_path / "own.npz", images=points)
    folder = tmp_path / "run"
    flags = [f"--source={tmp_path / 'own.npz'}", "--architecture=mlp"]
    scored = [f"--workdir={folder}", "--epochs=1", "--evaluate_every=1"]
    assert cli.main([*RING, *flags, *scored]) == 0
    (record,) = metrics.read_scores(folder / "scores.csv")
    assert record["neural_net_distance"] > 0
    command = ["evaluate", f"--model={folder}", "--num_images=200"]
    assert cli.main(command) == 0
    assert "modes" not in capsys.readouterr().out
    np.savez(tmp_path / "own.npz", images=2 * points)
    assert cli.main([*RING, *flags, f"--workdir={tmp_path / 'b'}"]) == 2
    assert "floats in [-1, 1]" in capsys.readouterr().err
