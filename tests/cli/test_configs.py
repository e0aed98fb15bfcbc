"""`keras-mixgan train --config`: flags from a file."""

import dataclasses
import json

import pytest
import yaml

from keras_mixgan import cli
from keras_mixgan.architectures import ARCHITECTURES
from keras_mixgan.cli import configs
from keras_mixgan.cli import runs
from keras_mixgan.cli import settings
from keras_mixgan.utils.errors import UserError

pytestmark = pytest.mark.usefixtures("no_pictures", "no_graphs")

FLAGS = {
    "source": "ring",
    "num_generators": 2,
    "num_discriminators": 1,
    "width": 4,
    "latent_dim": 2,
    "batch_size": 1000,
    "history_steps": 2,
    "steps": 2,
}


@pytest.fixture
def trained(monkeypatch):
    """The arguments of calls of `runs.train`."""
    calls = []
    monkeypatch.setattr(
        runs, "train", lambda given, **others: calls.append((given, others))
    )
    return calls


@pytest.mark.parametrize("ending", ["yaml", "yml", "json"])
def test_a_file_of_flags_and_the_flags_win(trained, tmp_path, ending):
    path = tmp_path / f"a.{ending}"
    write = json.dumps if ending == "json" else yaml.safe_dump
    path.write_text(write({**FLAGS, "workdir": "here", "from": "a.keras"}))
    status = cli.main(["train", f"--config={path}", "--seed=3", "--width=8"])
    assert status == 0
    ((given, others),) = trained
    assert given["num_generators"] == 2
    assert (given["width"], given["seed"]) == (8, 3)
    assert given["from_model"] == "a.keras"
    assert (others["workdir"], others["history_steps"]) == ("here", 2)
    assert "config" not in others


def test_length_by_flag_wins_over_the_other_kind_of_length(trained, tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("steps: 10\n")
    assert cli.main(["train", f"--config={path}", "--epochs=2"]) == 0
    assert trained[0][0] == {"epochs": 2}


def test_what_a_run_wrote_is_such_a_file(tmp_path, capsys):
    path = tmp_path / "a.yaml"
    path.write_text(yaml.safe_dump(FLAGS))
    one = tmp_path / "one"
    assert cli.main(["train", f"--config={path}", f"--workdir={one}"]) == 0
    wrote = one / "settings.json"
    saved = json.loads(wrote.read_text())["settings"]
    again = dataclasses.asdict(settings.resolve(configs.completed({}, wrote)))
    assert json.loads(json.dumps(again)) == saved
    # Other settings are refused, with the command that resumes.
    capsys.readouterr()
    status = cli.main(["train", f"--workdir={one}", "--source=ring"])
    err = capsys.readouterr().err
    assert status == 2
    command = f"--config={wrote} --workdir={one}"
    assert command in err
    assert cli.main(["train", *command.split(), "--history_steps=2"]) == 0
    assert "This run is finished: 2 steps" in capsys.readouterr().out


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_all_settings_survive_their_file(name, tmp_path):
    given = {"source": "mnist", "architecture": name, "weight_clip": 0}
    chosen = settings.resolve(given | {"ema_decay": 0.5, "steps": 3})
    path = tmp_path / "settings.json"
    settings.write(path, chosen, {}, given={})
    again = settings.resolve(configs.completed({}, path))
    # A tuple comes back as a list.
    one, other = (json.dumps(dataclasses.asdict(s)) for s in (chosen, again))
    assert one == other


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("none.yaml", None, "none.yaml"),
        ("a.toml", "x", "ends in .yaml, .yml, .json"),
        ("a.yaml", "payof: log", "'payof'. Did you mean 'payoff'?"),
        ("a.yaml", "payoff: lgo", "Did you mean 'log'?"),
        ("a.yaml", "config: b.yaml", "'config'"),
        ("a.yaml", "3: log", "with 3"),
        ("a.yaml", "epochs: many", "`epochs` must be an integer"),
        ("a.yaml", "source: [a, b]", "`source` must be a string"),
        ("a.yaml", "dry_run: 7", "`dry_run` must be true or false"),
        ("a.yaml", "checkpoint_seconds: -1", "`checkpoint_seconds`"),
        ("a.yaml", "- log", "which holds list"),
        ("a.yaml", "", "which holds nothing"),
        ("a.yaml", "a: [", "is not valid YAML"),
        ("a.yaml", "a: !!python/object:os.system x", "is not valid YAML"),
        ("a.yaml", "\x00", "is not valid YAML"),
        ("a.json", "{", "is damaged"),
        ("a.json", '{"format": 99, "settings": {}}', "Upgrade"),
        ("a.json", '{"format": 1, "settings": {"new": 1}}', "'new'"),
        ("a.json", '{"format": "x", "settings": {}}', "'format'"),
    ],
)
def test_bad_files_are_refused_in_a_line(
    tmp_path, monkeypatch, capsys, name, text, message
):
    monkeypatch.chdir(tmp_path)
    if text is not None:
        (tmp_path / name).write_text(text)
    status = cli.main(["train", f"--config={name}"])
    err = capsys.readouterr().err
    assert status == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "runs").exists()


def test_a_run_leaves_nothing_for_a_recipe_to_set(tmp_path):
    path = tmp_path / "settings.json"
    path.write_text('{"format": 1, "settings": {"source": "ring"}}')
    with pytest.raises(ValueError, match="`recipe` must not come with"):
        configs.completed({"recipe": "mix_wgan_mnist"}, path)


def test_a_folder_is_no_file_of_flags(tmp_path):
    (tmp_path / "a.yaml").mkdir()
    with pytest.raises(UserError, match="regular file"):
        configs.completed({}, tmp_path / "a.yaml")


def test_yaml_without_pyyaml_says_what_to_install(tmp_path, monkeypatch):
    import sys

    (tmp_path / "a.yaml").write_text("seed: 1")
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(ImportError, match="pip install pyyaml"):
        configs.completed({}, tmp_path / "a.yaml")


def test_numbers_as_people_write_them(tmp_path):
    path = tmp_path / "a.yaml"
    # YAML 1.1 reads 1e-4 as text, because it has no point.
    path.write_text("generator_learning_rate: 1e-4\nauxiliary: a,b\n")
    found = configs.completed({}, path)
    assert found == {"generator_learning_rate": 1e-4, "auxiliary": ["a", "b"]}


def test_lists_and_homes_are_read_as_those_of_flags(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    path = tmp_path / "a.yaml"
    path.write_text(
        'auxiliary: "component_classifier:0.1, feature_matching"\nfrom: ~/run\n'
    )
    found = configs.completed({}, path)
    assert found["auxiliary"] == [
        "component_classifier:0.1",
        "feature_matching",
    ]
    assert found["from_model"] == "/home/me/run"
    path.write_text('auxiliary: ""\n')
    assert configs.completed({}, path) == {"auxiliary": []}
