"""`keras-mixgan race`: contestants at equal seconds of training."""

import contextlib
import csv
import inspect
import io
import json
import shutil
import subprocess
import sys
import threading

import keras
import pytest
from PIL import Image

from keras_mixgan import cli
from keras_mixgan.cli import race
from keras_mixgan.cli import race_child
from keras_mixgan.cli import race_results
from keras_mixgan.cli import runs
from keras_mixgan.utils import lock
from keras_mixgan.utils.errors import UserError

pytestmark = pytest.mark.usefixtures("no_graphs")

PAIR = "pair: --num_generators=1 --num_discriminators=1"
MIX = "2x1: --num_generators=2 --num_discriminators=1"
ONE = {"num_generators": 1, "num_discriminators": 1}
FLAGS = (
    "--common=--width=2 --latent_dim=4 --batch_size=8",
    f"--contestant={PAIR}",
    f"--contestant={MIX}",
    "--marks=2",
    "--seeds=1",
    "--num_images=50",
    "--num_real=100",
)


def task(given, seconds=1.0, clock="wall", name="a", marks=3):
    conditions = race.Conditions(seconds, clock, marks, 50, 100, "digits")
    return {
        "format": race.FORMAT,
        "contestant": name,
        "seed": 0,
        "given": {"width": 2, "latent_dim": 4, "batch_size": 8, **given},
        "conditions": vars(conditions),
    }


def test_a_contestants_optimizer_replaces_the_common_one_and_its_arguments():
    common = "--optimizer=rmsprop --rho=0.9 --generator_learning_rate=1e-3"
    found = race.contestants(
        [PAIR, f"{MIX} --optimizer=sgd --momentum=0.5"], common
    )
    assert found["pair"]["rho"] == 0.9
    assert found["2x1"] == {
        "optimizer": "sgd", "momentum": 0.5, "generator_learning_rate": 1e-3,
        "num_generators": 2, "num_discriminators": 1,
    }  # fmt: skip


def test_contestants_go_on_from_a_trained_pair(tmp_path):
    given = task({"num_generators": 1, "steps": 1})["given"]
    runs.train(given, tmp_path / "pair", verbose=0)
    found = race.contestants(
        ["pair:", "copies: --num_generators=2"], f"--from={tmp_path / 'pair'}"
    )
    results = [
        race_child.run(task(given, 2.0, "steps", name, marks=1))
        for name, given in found.items()
    ]
    counts = [result["settings"]["num_generators"] for result in results]
    assert counts == [1, 2]
    # Both start from the same generator, and take two small steps.
    one, other = (result["marks"][-1]["distance"] for result in results)
    assert one == pytest.approx(other, rel=0.2)
    race_results.write(tmp_path, results, "steps", "command")
    page = (tmp_path / "table.md").read_text()
    assert f"`--from={tmp_path / 'pair'}` `--num_generators=2`" in page


def fails(capsys, *flags):
    """The one line of error of a race that is refused before training."""
    assert cli.main(["race", *flags]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    return error


@contextlib.contextmanager
def checked_here():
    """Has this process check contestants; only runs get one of their own."""
    child = race._child

    def carry_out(order, log):
        if "check" not in order:
            child(order, log)
            return
        patch.setattr("sys.stdin", io.StringIO(json.dumps(order)))
        assert race_child.main() == 0

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(race, "_child", carry_out)
        patch.setattr(race_child, "_end_with_the_race", lambda: None)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A resumed race, whose first run was trained in this process."""
    folder = tmp_path_factory.mktemp("race")
    (folder / "runs").mkdir()
    first = folder / "runs" / "2x1-0.json"
    found = race.contestants([PAIR, MIX], "--width=2 --latent_dim=4")
    order = task(found["2x1"], 0.4, name="2x1", marks=2) | {"snapshots": True}
    first.write_text(json.dumps(race_child.run(order)))
    written = first.stat().st_mtime_ns
    flags = [*FLAGS, "--seconds=0.4", f"--workdir={folder}"]
    with checked_here():
        assert cli.main(["race", *flags, "--snapshots=2x1"]) == 0
    assert first.stat().st_mtime_ns == written
    return folder


def test_each_mark_of_each_run_is_a_row(folder):
    with open(folder / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    runs = [(row["contestant"], row["seed"], row["mark"]) for row in rows]
    names = ("pair", "2x1", "2x1 snapshots")
    assert runs == [(name, "0", mark) for name in names for mark in "12"]
    for early, late in (rows[:2], rows[2:4], rows[4:]):
        assert float(early["wall_seconds"]) >= 0.2
        assert float(late["wall_seconds"]) >= 0.4
        assert float(late["processor_seconds"]) > 0
        assert 0 < int(early["steps"]) <= int(late["steps"])
        assert float(late["distance"]) > 0
        assert 1 <= float(late["score"]) <= 10


def test_a_run_tells_all_that_it_depends_on(folder):
    text = (folder / "runs" / "2x1-0.json").read_text()
    assert str(folder) not in text
    run = json.loads(text)
    assert run["settings"]["num_generators"] == 2
    assert run["settings"]["seed"] == 0
    assert run["conditions"]["classifier"] == "digits"
    assert run["compiling_seconds"] > 0
    assert run["scoring_seconds"] > 0
    assert run["diverged"] is None


@pytest.fixture(scope="module")
def by_steps(tmp_path_factory):
    """Marks at two moments of a run; they are surely two by steps alone."""
    path = tmp_path_factory.mktemp("steps") / "a.keras"
    order = task(ONE, seconds=4, clock="steps", marks=2)
    order |= {"model": str(path), "snapshots": True}
    return race_child.run(order), path


def test_snapshots_are_scored_beside_the_run_itself(by_steps):
    run, _ = by_steps
    (first, last), (own, joined) = run["marks"], run["snapshots"]
    seconds = "scoring_seconds"
    assert first | {seconds: 0} == own | {seconds: 0}  # One snapshot.
    assert last["steps"] == joined["steps"]
    assert last["distance"] != joined["distance"]


def test_table_and_figure(folder):
    page = (folder / "table.md").read_text()
    assert "| 2x1 " in page
    assert "digits Frechet distance" in page
    assert "keras-mixgan race" in page
    assert str(folder) not in page
    Image.open(folder / "race.png").verify()
    assert not list(folder.rglob("*.log"))
    assert not list(folder.rglob(".*partial*"))


def test_a_finished_race_is_not_run_again(folder, capsys):
    flags = [*FLAGS, "--seconds=0.4", f"--workdir={folder}"]
    assert cli.main(["race", *flags]) == 0
    out = capsys.readouterr().out
    assert "Run " not in out
    assert "2x1" in out


def test_other_settings_are_refused(folder, capsys):
    flags = [*FLAGS, "--seconds=2", f"--workdir={folder}"]
    assert "seconds: 0.4 -> 2.0" in fails(capsys, *flags)
    flags = [*FLAGS, "--seconds=0.4", f"--workdir={folder}"]
    flags[0] += " --payoff=hinge"
    assert "payoff: log -> hinge" in fails(capsys, *flags)


def test_another_classifier_of_the_same_name_is_refused(
    folder, monkeypatch, capsys
):
    monkeypatch.setattr(race.bundled, "digest", lambda name: f"new {name}")
    flags = [*FLAGS, "--seconds=0.4", f"--workdir={folder}"]
    said = fails(capsys, *flags)
    assert "classifier_sha256" in said
    assert "-> new digits" in said


def test_a_setting_that_a_result_lacks_was_its_default(
    folder, tmp_path, capsys
):
    folder = shutil.copytree(folder, tmp_path / "race")
    path = folder / "runs" / "pair-0.json"
    result = json.loads(path.read_text())
    del result["settings"]["dtype"]
    path.write_text(json.dumps(result))
    flags = [*FLAGS, "--seconds=0.4", f"--workdir={folder}"]
    flags[1] += " --dtype=mixed_bfloat16"
    assert "dtype: float32 -> mixed_bfloat16" in fails(capsys, *flags)


def test_one_race_at_a_time_in_a_folder(tmp_path, capsys):
    with lock.held(tmp_path):
        error = fails(capsys, *FLAGS, f"--workdir={tmp_path}")
    assert "`workdir` must not be in use" in error


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], "at least twice"),
        ([f"--contestant={PAIR}"], "Received: ['pair']"),
        ([f"--contestant={PAIR}"] * 2, "name of its own"),
        (["--contestant=--width=2", f"--contestant={PAIR}"], "name:"),
        (["--contestant=a: --wdith=2", "--contestant=b:"], "wdith"),
        (["--contestant=a: --seed=2", "--contestant=b:"], "--seed"),
        (["--contestant=a: --workdir=x", "--contestant=b:"], "workdir"),
        (["--contestant=a: --payoff=lgo", "--contestant=b:"], "'log'"),
        (["--contestant=a: 'b", "--contestant=b:"], "contestant a"),
        (["--contestant=a: --source=mnist", "--contestant=b:"], "`source`"),
        (["--contestant=a: --recipe=none", "--contestant=b:"], "`recipe`"),
        ([*FLAGS, "--clock=sun"], "`clock`"),
        ([*FLAGS, "--seconds=0"], "`seconds`"),
        ([*FLAGS, "--marks=0"], "`marks`"),
        ([*FLAGS, "--seeds=0"], "`seeds`"),
        ([*FLAGS, "--num_images=9"], "`num_images`"),
        ([*FLAGS, "--contestant=c: --source=ring"], "`source`"),
        ([*FLAGS, "--snapshots=pairs"], "'pair'"),
        (["--common=--source=x/", *FLAGS[1:]], "`classifier`"),
        (["--common=--source=ring", *FLAGS[1:]], "`classifier`"),
    ],
)
def test_what_cannot_be_raced_is_one_line(flags, said, capsys, tmp_path):
    assert said in fails(capsys, *flags, f"--workdir={tmp_path}")


def test_labels_that_are_not_there_are_found_before_training(tmp_path):
    Image.new("L", (28, 28)).save(tmp_path / "one.png")
    given = {"source": str(tmp_path), "conditional": True, "batch_size": 1}
    with pytest.raises(ValueError, match="contestant a: `conditional` needs"):
        race_child.check([task(given)])


def test_our_own_faults_are_no_users_mistakes(monkeypatch):
    def fails(*_):
        raise ValueError("a shape of ours")

    monkeypatch.setattr(race_child.models, "make_model", fails)
    with pytest.raises(ValueError, match=r"^a shape of ours") as caught:
        race_child.check([task({})])
    assert not isinstance(caught.value, UserError)


def test_points_have_no_judge():
    with pytest.raises(ValueError, match="images"):
        race_child.check([task({"source": "ring"})])


def test_a_run_does_not_outlive_its_race(monkeypatch):
    # The pipe is closed when the race's process ends.
    script = "import os, sys, time\n"
    script += inspect.getsource(race_child._end_with_the_race)
    script += "_end_with_the_race()\ntime.sleep(1000)"
    done = subprocess.run([sys.executable, "-c", script], input=b"")
    assert done.returncode == 1
    # And that is what each child waits for.
    waits = threading.Event()
    monkeypatch.setattr(race_child, "_end_with_the_race", waits.set)
    monkeypatch.setattr(race_child, "check", lambda *_: None)
    order = json.dumps({"check": [], "data_dir": None})
    monkeypatch.setattr(sys, "stdin", io.StringIO(order + "\n"))
    assert race_child.main() == 0
    assert waits.wait(10)


def test_a_race_by_steps_keeps_its_best_model(by_steps):
    result, path = by_steps
    assert [row["steps"] for row in result["marks"]] == [2, 4]
    best = min(result["marks"], key=lambda row: row["distance"])
    assert result["kept"] == best["mark"]
    assert keras.saving.load_model(path).step == best["steps"]
    assert "model" not in result


def test_a_step_longer_than_the_race_passes_all_marks():
    result = race_child.run(task(ONE, seconds=1e-9, clock="processor"))
    assert [row["mark"] for row in result["marks"]] == [1, 2, 3]
    assert len({row["steps"] for row in result["marks"]}) == 1


def test_a_run_that_diverges_is_a_result():
    given = {**ONE, "generator_learning_rate": 1e30}
    result = race_child.run(task(given, seconds=60.0))
    assert "NaN" in result["diverged"]


def test_a_run_that_diverged_at_once_is_a_result(tmp_path):
    rate = {"discriminator_learning_rate": 1e30}
    order = task(rate, 5, "steps") | {"snapshots": True}
    result = race_child.run(order)
    assert result["diverged"]
    path = tmp_path / "a-0.json"
    path.write_text(json.dumps(result))
    assert race._finished(order | {"result": str(path)}) == json.loads(
        path.read_text()
    )
    names = [x["contestant"] for x in race_results.with_snapshots([result])]
    assert names == ["a", "a snapshots"]


def test_a_run_of_another_backend_is_refused(folder, monkeypatch):
    path = folder / "runs" / "2x1-0.json"
    saved = json.loads(path.read_text())
    order = {**saved, "snapshots": True, "result": str(path)}
    assert race._finished(order) is not None
    monkeypatch.setattr(race.settings, "versions", lambda: {"jax": "1"})
    with pytest.raises(UserError, match="backend: tensorflow -> jax"):
        race._finished(order)


def test_all_versions_are_listed(folder):
    run = json.loads((folder / "runs" / "2x1-0.json").read_text())
    other = {**run, "versions": {"keras": "9.9"}}
    page = race_results._page([run, other], "wall", "race")
    assert f"keras {keras.__version__}" in page
    assert "; keras 9.9" in page
    assert "resumed" not in page


def test_the_page_says_which_runs_were_resumed(folder):
    run = json.loads((folder / "runs" / "2x1-0.json").read_text())
    runs = race_results.with_snapshots([{**run, "resumed": [1, 4]}])
    page = race_results._page(runs, "wall", "race")
    assert "Stopped and resumed: 2x1, seed 0, after mark 1, 4\n" in page


def test_a_contestants_length_overrides_the_common_one():
    found = race.contestants(["a: --epochs=5", "b:"], "--steps=100")
    assert found == {"a": {"epochs": 5}, "b": {"steps": 100}}
    with pytest.raises(UserError, match="exclude each other"):
        race.contestants(["a: --epochs=5 --steps=5", "b:"], "--steps=100")


def test_a_users_own_files_are_not_replaced(tmp_path, capsys):
    (tmp_path / "results.csv").write_text("mine")
    said = fails(capsys, *FLAGS, f"--workdir={tmp_path}")
    assert "holds results.csv of something else" in said
    assert [path.name for path in tmp_path.iterdir()] == ["results.csv"]
    # `train` puts its runs into `runs/`, too.
    (tmp_path / "runs" / "digits").mkdir(parents=True)
    assert "of something else" in fails(capsys, *FLAGS, f"--workdir={tmp_path}")


def test_results_without_runs_are_a_races(folder, tmp_path):
    # As they are kept in a repository.
    for name in ("results.csv", "table.csv", "table.md"):
        shutil.copy(folder / name, tmp_path)
    race._check_workdir(tmp_path)


def test_an_encoder_that_no_loss_reads_is_refused():
    with pytest.raises(UserError, match="contestant a: `encoder` must not"):
        race_child.check([task({"encoder": "e.npz"})])


def test_each_contestant_is_checked_with_its_own_data():
    some = {"architecture": "improved_gan", "labels_per_class": 5}
    race_child.check([task(some, name="some"), task(ONE, name="pair")])
    with pytest.raises(UserError, match=r"contestant b: .*labels_per_class"):
        race_child.check(
            [task(ONE, name="a"), task({"labels_per_class": 5}, name="b")]
        )
    # The data themselves are at fault here.
    many = {"architecture": "improved_gan", "labels_per_class": 100_000}
    with pytest.raises(UserError, match=r"contestant b: .*labels_per_class"):
        race_child.check([task(ONE, name="a"), task(many, name="b")])
