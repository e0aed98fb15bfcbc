"""`keras-mixgan train --from`: training a mixture further on other data."""

import json
import pathlib
import shutil

import keras
import numpy as np
import pytest
from conftest import small_generator

import keras_mixgan as kmg
from keras_mixgan import cli
from keras_mixgan.cli import records
from keras_mixgan.cli import run_files
from keras_mixgan.cli import runs
from keras_mixgan.cli import settings
from keras_mixgan.cli import starting
from keras_mixgan.data import sources
from keras_mixgan.presets import hashes

pytestmark = pytest.mark.usefixtures("no_pictures", "no_graphs")

DIGITS = pathlib.Path(__file__).parents[1] / "version_0_1" / "preset"
# Twenty steps an epoch.
RING = {
    "source": "ring",
    "num_generators": 2,
    "num_discriminators": 1,
    "width": 4,
    "latent_dim": 2,
    "batch_size": 1000,
    "payoff": "hinge",
    "optimizer": "sgd",
    "generator_learning_rate": 0.02,
    "ema_decay": 0.9,
    "steps": 4,
}


@pytest.fixture(scope="module")
def ring(tmp_path_factory):
    """A run on the ring; its model as a preset, and as a file alone."""
    folder = tmp_path_factory.mktemp("from")
    model = runs.train(RING, folder / "run", verbose=0, history_steps=2)
    model.save_to_preset(folder / "preset")
    (folder / "alone").mkdir()
    shutil.copy(folder / "run" / "model.keras", folder / "alone" / "a.keras")
    return folder


def train(capsys, *flags):
    status = cli.main(["train", "--history_steps=2", *flags])
    return status, *capsys.readouterr()


def weights_of(model):
    return [np.asarray(v) for v in model.weights]


@pytest.mark.parametrize(
    "name", ["run", "run/checkpoint.keras", "preset", "alone/a.keras"]
)
def test_a_run_begins_with_the_weights_and_the_game_of_the_model(ring, name):
    given = {"from_model": str(ring / name), "source": "grid", "seed": 5}
    chosen = settings.resolve(given | {"steps": 2})
    source = sources.load_source("grid", seed=5)
    chosen = chosen.for_source(source)
    model, origin = starting.make_model(chosen, source, lambda text: None)
    trained = keras.saving.load_model(ring / "run" / "model.keras")
    for side in ("generators", "discriminators", "ema_generators"):
        pairs = zip(getattr(model, side), getattr(trained, side), strict=True)
        for mine, theirs in pairs:
            for one, other in zip(mine.weights, theirs.weights, strict=True):
                np.testing.assert_array_equal(one, other)
    np.testing.assert_array_equal(
        model.generator_weights, trained.generator_weights
    )
    assert (model.step, model.seed, trained.step) == (0, 5, 4)
    assert origin["step"] == 4
    assert chosen.payoff == model.objective.payoff.name == "hinge"
    assert chosen.optimizer == "sgd"
    optimizer = model.optimizer.generator_optimizer
    assert float(optimizer.learning_rate) == pytest.approx(0.02)
    assert int(optimizer.iterations) == 0
    assert chosen.num_generators == 2
    assert chosen.width == (None if name == "alone/a.keras" else 4)
    # Data and length are the new run's own.
    assert (chosen.source, chosen.steps) == ("grid", 2)


def test_a_run_says_where_it_came_from_and_goes_on_without_it(
    ring, tmp_path, capsys
):
    copy = tmp_path / "copy"
    shutil.copytree(ring / "run", copy)
    flags = [f"--from={copy}", "--source=grid", "--batch_size=1000"]
    flags += ["--payoff=log", f"--workdir={tmp_path / 'tuned'}"]
    status, out, err = train(capsys, *flags, "--steps=2")
    assert (status, err) == (0, "")
    assert f"Model: {copy / 'model.keras'}, step 4" in out
    saved = json.loads((tmp_path / "tuned" / "settings.json").read_text())
    assert saved["settings"]["from_model"] == str(copy)
    assert saved["settings"]["payoff"] == "log"
    assert saved["settings"]["width"] == 4
    assert saved["from"] == {
        "model": str(copy),
        "file": str(copy / "model.keras"),
        "step": 4,
        "sha256": hashes.sha256(copy / "model.keras"),
    }
    shutil.rmtree(copy)
    # In Python the folder may begin with a tilde, too.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path))
        found = starting.settle({"from_model": str(copy)}, None, "~/tuned")
        assert found[2] is not None
    status, out, err = train(capsys, *flags, "--steps=4")
    assert (status, err) == (0, "")
    assert "Resuming after step 2 of 4" in out
    again = json.loads((tmp_path / "tuned" / "settings.json").read_text())
    assert again["from"] == saved["from"]
    # The weights are those of an uninterrupted run.
    flags[0] = f"--from={ring / 'run'}"
    flags[-1] = f"--workdir={tmp_path / 'whole'}"
    assert train(capsys, *flags, "--steps=4")[0] == 0
    pairs = zip(
        *(
            weights_of(keras.saving.load_model(tmp_path / n / "model.keras"))
            for n in ("tuned", "whole")
        ),
        strict=True,
    )
    assert all((one == other).all() for one, other in pairs)
    # A run that starts from another model is another run.
    flags[-1] = f"--workdir={tmp_path / 'tuned'}"
    status, _, err = train(capsys, *flags, "--steps=4")
    assert status == 2
    assert f"from_model: {copy} -> {ring / 'run'}" in err


def test_without_a_source_the_models_own_data_are_taken(ring):
    chosen = settings.resolve({"from_model": str(ring / "run")})
    assert chosen.source == "ring"
    with pytest.raises(ValueError, match="`source` must be given"):
        settings.resolve({"from_model": str(ring / "alone" / "a.keras")})


def test_runs_from_models_have_folders_of_their_own(ring):
    def folder(**given):
        return str(starting.settle(given, None, None)[1])

    start = str(ring / "run" / "model.keras")
    assert folder(from_model=start, source="grid") == "runs/grid-from-run"
    assert folder(from_model=start) == "runs/from-run"


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for name, shape, classes in (
        ("large", (20, 32, 32), 10),
        ("colour", (20, 28, 28, 3), 10),
        ("few", (20, 28, 28), 4),
    ):
        np.savez(
            folder / f"{name}.npz",
            images=rng.integers(256, size=shape, dtype="uint8"),
            labels=np.arange(20) % classes,
        )
    unlabelled = rng.integers(256, size=(20, 28, 28), dtype="uint8")
    np.savez(folder / "unlabelled.npz", images=unlabelled)
    return folder


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("large", "(--image_size=28 resizes them)"),
        ("colour", "must have images of shape (28, 28, 1)"),
        ("few", "must have 10 classes"),
        ("unlabelled", f"`conditional` needs labels (in a folder: one "
         f"subfolder per class), as {DIGITS} takes labels"),
    ],
)  # fmt: skip
def test_data_that_do_not_fit_are_refused_in_a_line(
    photos, tmp_path, capsys, data, message
):
    status, _, err = train(
        capsys,
        f"--from={DIGITS}",
        f"--source={photos / data}.npz",
        "--batch_size=8",
        "--steps=1",
        f"--workdir={tmp_path / 'run'}",
    )
    assert status == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "run").exists()


def test_generators_of_labels_need_them_all(tmp_path, capsys):
    status, _, err = train(
        capsys, f"--from={DIGITS}", "--source=digits", "--labels_per_class=10",
        "--steps=1", f"--workdir={tmp_path / 'run'}",
    )  # fmt: skip
    assert status == 2
    assert "`labels_per_class` must not be given if the generators" in err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--width=8"], "its width is 4. Received: width=8"),
        (["--architecture=dcgan"], "its architecture is mlp"),
        (["--num_generators=3"], "its num_generators is 2"),
        (["--share=generators"], "its share is none"),
        (["--ema_decay=0"], "its ema_decay is 0.9"),
        (["--recipe=mix_wgan_mnist"], "must not be given with --from="),
    ],
)
def test_other_networks_are_refused_in_a_line(
    ring, tmp_path, capsys, flags, message
):
    status, _, err = train(
        capsys, f"--from={ring / 'run'}", f"--workdir={tmp_path / 'x'}", *flags
    )
    assert status == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "x").exists()


def test_a_model_that_its_record_belies_is_refused(ring, tmp_path, capsys):
    shutil.copytree(ring / "run", tmp_path / "run")
    record = tmp_path / "run" / run_files.SETTINGS
    saved = json.loads(record.read_text())
    saved["settings"]["num_generators"] = 1
    record.write_text(json.dumps(saved))
    status, _, err = train(
        capsys, f"--from={tmp_path / 'run'}", "--steps=1",
        f"--workdir={tmp_path / 'x'}",
    )  # fmt: skip
    assert status == 2
    assert "num_generators=2, recorded as 1" in err


def test_a_pruned_model_beside_the_record_of_the_whole_one(ring):
    model = keras.saving.load_model(ring / "run" / "model.keras")
    model.set_generator_weights([0.99, 0.01])
    model.prune(below=0.5).save(ring / "run" / "pruned.keras")
    given = {"from_model": str(ring / "run" / "pruned.keras")}
    chosen = settings.resolve(given | {"source": "ring", "steps": 2})
    assert (chosen.num_generators, chosen.width) == (1, None)
    source = sources.load_source("ring", seed=0)
    model, _ = starting.make_model(
        chosen.for_source(source), source, lambda text: None
    )
    assert model.num_generators == 1


def test_what_is_no_model_is_refused_in_a_line(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "bad.keras").write_text("x")
    (tmp_path / "folder").mkdir()
    small_generator().save(tmp_path / "other.keras")
    for name, message in (
        ("none.keras", "none.keras"),
        ("a.txt", "a preset, a .keras file or the folder of a run"),
        ("bad.keras", "damaged"),
        ("folder", "a preset, a .keras file or the folder of a run"),
        ("other.keras", "which is a Sequential"),
    ):
        status, _, err = train(capsys, f"--from={name}", "--source=ring")
        assert status == 2, name
        assert message in err, err
        assert len(err.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_a_record_runs_no_python_file(ring, tmp_path):
    """A record may name one as the architecture; it must not be executed."""
    shutil.copytree(ring / "run", tmp_path / "run")
    path = tmp_path / "run" / run_files.SETTINGS
    saved = json.loads(path.read_text())
    code = tmp_path / "net.py"
    code.write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    saved["settings"]["architecture"] = str(code)
    path.write_text(json.dumps(saved))
    chosen = settings.resolve({"from_model": str(tmp_path / "run")})
    assert chosen.architecture is None
    assert not (tmp_path / "ran").exists()


def test_a_models_own_configuration_tells_its_game(tmp_path):
    generator, discriminator = kmg.architectures.build("mlp", (2,), width=4)
    model = kmg.MixGAN(generator, discriminator, 2, 1, seed=0)
    model.compile(
        payoff="least_squares",
        generator_optimizer=keras.optimizers.RMSprop(1e-3, rho=0.8),
        discriminator_optimizer=keras.optimizers.RMSprop(2e-3, rho=0.8),
        auxiliary=["gradient_penalty:3"],
        weight_clip=0.5,
    )
    model.save(tmp_path / "a.keras")
    start = records.of_model(str(tmp_path / "a.keras"))
    expected = {
        "num_generators": 2,
        "num_discriminators": 1,
        "conditional": False,
        "ema_decay": 0,
        "width": None,
        "payoff": "least_squares",
        "weight_clip": 0.5,
        "gradient_penalty": 0,
        "auxiliary": ["gradient_penalty:3.0"],
        "optimizer": "rmsprop",
        "generator_learning_rate": pytest.approx(1e-3),
        "discriminator_learning_rate": pytest.approx(2e-3),
        "rho": 0.8,
    }
    assert {name: start[name] for name in expected} == expected


def test_another_optimizer_leaves_the_old_ones_arguments_out():
    given = {"from_model": str(DIGITS), "source": "digits", "optimizer": "sgd"}
    assert settings.resolve(given).beta_1 is None


def test_generators_without_labels_on_data_with_labels(tmp_path):
    given = {
        "source": "digits",
        "architecture": "improved_gan",
        "num_generators": 1,
        "num_discriminators": 1,
        "width": 2,
        "latent_dim": 4,
        "batch_size": 8,
        "steps": 1,
    }
    runs.train(given, tmp_path / "run", verbose=0, sample_epochs=100)
    again = {"from_model": str(tmp_path / "run"), "source": "digits"}
    source = sources.load_source("digits")
    chosen = settings.resolve({**again, "steps": 1}).for_source(source)
    model, _ = starting.make_model(chosen, source)
    assert model.step == 0


def test_rmsprop_of_version_0_1_stays_as_it_was():
    recorded = {"optimizer": "rmsprop", "architecture": "wgan"}
    assert records.as_recorded(recorded)["rho"] == 0.9
    assert records.as_recorded({**recorded, "rho": 0.99})["rho"] == 0.99
    # The same, left out in another way.
    assert records.as_recorded({**recorded, "rho": None})["rho"] == 0.9
