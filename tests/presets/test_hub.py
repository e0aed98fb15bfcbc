"""Presets on the Hugging Face hub, against a stand-in of its HTTP API."""

import json
import sys

import hub_stand_in
import numpy as np
import pytest

import keras_mixgan as kmg
from keras_mixgan import cli
from keras_mixgan import presets
from keras_mixgan.cli import settings
from keras_mixgan.presets import hub as hub_module
from keras_mixgan.utils.errors import UserError

pytest.importorskip("huggingface_hub")
constants = pytest.importorskip("huggingface_hub.constants")
hub_utils = pytest.importorskip("huggingface_hub.utils")

# huggingface_hub 2 calls its HTTP library in a deprecated way.
pytestmark = pytest.mark.filterwarnings(
    "ignore:Use 'content=:DeprecationWarning"
)


def at(monkeypatch, url):
    """Sets the hub's address; HF_ENDPOINT would be read only at import."""
    template = url + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture
def hub(tmp_path, monkeypatch):
    """An empty hub, an empty cache, and a token that may write."""
    with hub_stand_in.serving() as hub:
        at(monkeypatch, hub.url)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        # Uploads weights by LFS; the stand-in does not speak Xet.
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_TOKEN", hub_stand_in.TOKEN)
        monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
        hub_utils.disable_progress_bars()
        yield hub


@pytest.fixture(scope="module")
def model():
    generator, discriminator = kmg.architectures.build("mlp", (2,), width=4)
    model = kmg.MixGAN(generator, discriminator, 2, 1, seed=0)
    model.compile(payoff="hinge")
    model.run_settings = {"source": "ring", "payoff": "hinge"}
    return model


@pytest.fixture
def pushed(hub, model, tmp_path):
    model.save_to_preset(tmp_path / "made", push="hf://user/points")
    return hub


def test_a_pushed_preset_comes_back_the_same(pushed, model, tmp_path):
    files = pushed.repositories["user/points"][-1]
    for name in ("config.json", "metadata.json", "model.weights.h5"):
        assert files[name] == (tmp_path / "made" / name).read_bytes()
    assert {"README.md", "samples.png"} <= set(files)
    assert b'from_preset("hf://user/points")' in files["README.md"]
    loaded = kmg.MixGAN.from_preset("hf://user/points")
    np.testing.assert_array_equal(
        loaded.generate(5, seed=1), model.generate(5, seed=1)
    )
    assert loaded.run_settings["source"] == "ring"
    # The second time no file is fetched: it is in the cache.
    pushed.requests.clear()
    kmg.MixGAN.from_preset("hf://user/points")
    assert not [path for verb, path in pushed.requests if "resolve" in path]


def test_a_revision_stays_what_it_was(pushed, model, tmp_path):
    first = hub_stand_in.sha("user/points", 1)
    other = kmg.MixGAN(*kmg.architectures.build("mlp", (2,), width=4), 3, 1)
    other.save_to_preset(tmp_path / "other", push="hf://user/points")
    newest = kmg.MixGAN.from_preset("hf://user/points")
    before = kmg.MixGAN.from_preset(f"hf://user/points@{first}")
    assert (newest.num_generators, before.num_generators) == (3, 2)


def test_the_command_line_takes_a_url(pushed, capsys, tmp_path):
    out = tmp_path / "points.png"
    flags = ["--model=hf://user/points", "--num_images=4", f"--out={out}"]
    assert cli.main(["sample", *flags]) == 0
    assert out.exists()
    given = {"from_model": "hf://user/points", "source": "grid"}
    assert settings.resolve(given).payoff == "hinge"
    capsys.readouterr()
    assert cli.main(["sample", "--model=hf://user/none"]) == 2
    err = capsys.readouterr().err
    assert "hf://user/none (RepositoryNotFoundError" in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("name", ["config.json", "model.weights.h5"])
def test_a_file_that_was_changed_on_the_hub_is_refused(pushed, name):
    files = pushed.repositories["user/points"][-1]
    content = bytearray(files[name])
    content[len(content) // 2] ^= 1
    files[name] = bytes(content)
    with pytest.raises(UserError, match="is damaged: its SHA-256"):
        kmg.MixGAN.from_preset("hf://user/points")


def test_a_repository_of_something_else_is_refused(pushed):
    pushed.repositories["user/other"] = [{"config.json": b"{}"}]
    with pytest.raises(UserError, match=r"has no metadata\.json"):
        kmg.MixGAN.from_preset("hf://user/other")


def test_a_revision_that_is_not_there_is_refused(pushed):
    with pytest.raises(UserError, match="RevisionNotFoundError"):
        kmg.MixGAN.from_preset("hf://user/points@v9")


def test_the_hubs_answer_is_shown_without_codes_for_the_terminal(monkeypatch):
    def fail(*_, **__):
        raise ValueError("\x1b[2Jgone")

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    monkeypatch.setattr("huggingface_hub.hf_hub_download", fail)
    with pytest.raises(OSError, match="ValueError: '") as caught:
        kmg.MixGAN.from_preset("hf://user/points")
    assert str(caught.value).isprintable()


def test_a_hub_that_cannot_be_reached_is_an_oserror(hub, monkeypatch):
    # Nothing listens on this port.
    at(monkeypatch, "http://127.0.0.1:9")
    with pytest.raises(OSError, match="the Hugging Face hub did not answer"):
        kmg.MixGAN.from_preset("hf://user/points")


def test_who_may_not_write_keeps_the_folder(hub, model, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    with pytest.raises((OSError, UserError), match="hf://user/points"):
        model.save_to_preset(tmp_path / "made", push="hf://user/points")
    assert kmg.MixGAN.from_preset(tmp_path / "made").num_generators == 2
    assert "user/points" not in hub.repositories


@pytest.mark.parametrize(
    "url", ["hf://", "hf://faces", "hf://a/b/c", "hf://a b/c", "hf://a/b@"]
)
def test_what_is_no_url_is_refused_before_anything_is_written(
    model, tmp_path, url
):
    with pytest.raises(UserError, match="hf://user/name"):
        kmg.MixGAN.from_preset(url)
    with pytest.raises(UserError, match="`push` must be hf://user/name"):
        model.save_to_preset(tmp_path / "made", push=url)
    assert not (tmp_path / "made").exists()


def test_without_huggingface_hub_the_extra_is_named(
    model, tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ImportError, match=r"keras-mixgan\[hf\]"):
        kmg.MixGAN.from_preset("hf://user/points")
    with pytest.raises(ImportError, match=r"keras-mixgan\[hf\]"):
        model.save_to_preset(tmp_path / "made", push="hf://user/points")
    assert cli.main(["sample", "--model=hf://user/points"]) == 2
    assert "pip install 'keras-mixgan[hf]'" in capsys.readouterr().err


def test_paths_of_this_machine_are_not_shared(model, tmp_path):
    other = kmg.MixGAN(*kmg.architectures.build("mlp", (2,), width=4), 1, 1)
    other.run_settings = {
        "source": str(tmp_path),
        "from_model": "hf://user/points",
        "encoder": "not/here.npz",
        "payoff": "log",
    }
    other.save_to_preset(tmp_path / "made")
    text = (tmp_path / "made" / presets.METADATA).read_text()
    assert json.loads(text)["settings"] == {
        "from_model": "hf://user/points",
        "payoff": "log",
    }
    assert str(tmp_path) not in text


def test_urls_are_told_from_names():
    assert hub_module.split("hf://user/a.b-c@refs/pr/1") == (
        "user/a.b-c",
        "refs/pr/1",
    )
    assert not hub_module.is_url("user/name")
