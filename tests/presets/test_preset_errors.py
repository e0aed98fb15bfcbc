"""What a preset is refused for; nothing in a preset is executed."""

import json
import shutil
import sys

import keras
import pytest
from test_presets import small_model

import keras_mixgan as kmg
from keras_mixgan import presets

pytestmark = pytest.mark.usefixtures("no_graphs")


@pytest.fixture(scope="module")
def trained():
    """A model that tests do not change."""
    return small_model()


@pytest.fixture(scope="module")
def saved(trained, tmp_path_factory):
    folder = tmp_path_factory.mktemp("presets") / "preset"
    trained.save_to_preset(folder)
    return folder


@pytest.fixture
def preset(saved, tmp_path):
    """A copy for each test, which may damage it."""
    return shutil.copytree(saved, tmp_path / "preset")


def edited(preset, name, change):
    """Changes a JSON file of a preset and updates its hash."""
    content = json.loads((preset / name).read_text())
    change(content)
    (preset / name).write_text(json.dumps(content))
    if name != presets.METADATA:
        mend_hash(preset, name)


def mend_hash(preset, name):
    from keras_mixgan.presets.hashes import sha256

    def change(metadata):
        metadata["files"][name] = sha256(preset / name)

    edited(preset, presets.METADATA, change)


@pytest.mark.parametrize("name", [presets.CONFIG, presets.WEIGHTS])
def test_a_damaged_file_is_named(preset, name):
    path = preset / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    with pytest.raises(ValueError, match=rf"{name} is damaged.*SHA-256"):
        kmg.MixGAN.from_preset(preset)


def test_damaged_metadata_are_named(preset):
    (preset / presets.METADATA).write_text("{")
    with pytest.raises(ValueError, match=r"metadata\.json is damaged"):
        kmg.MixGAN.from_preset(preset)


@pytest.mark.parametrize("name", [presets.CONFIG, presets.WEIGHTS])
def test_a_missing_file_is_named(preset, name):
    (preset / name).unlink()
    with pytest.raises(FileNotFoundError, match=name):
        kmg.MixGAN.from_preset(preset)


def test_a_folder_without_a_preset_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no metadata\.json"):
        kmg.MixGAN.from_preset(tmp_path)


def test_an_unknown_name_lists_those_there_are():
    with pytest.raises(ValueError, match="mix_dcgan_mnist") as error:
        kmg.MixGAN.from_preset("mix_dcgn_mnist")
    assert "Did you mean 'mix_dcgan_mnist'?" in str(error.value)


def test_a_newer_format_says_so(preset):
    def newer(content):
        content["format"] = presets.FORMAT + 1

    edited(preset, presets.METADATA, newer)
    with pytest.raises(ValueError, match=r"newer than this.*Upgrade"):
        kmg.MixGAN.from_preset(preset)


def test_a_folder_that_is_not_empty_is_left_alone(trained, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="nothing is overwritten"):
        trained.save_to_preset(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_preset_that_fails_to_be_saved_leaves_nothing(
    trained, tmp_path, monkeypatch
):
    def fail(*arguments):
        raise OSError("disk full")

    monkeypatch.setattr(trained, "save_weights", fail)
    with pytest.raises(OSError, match="disk full"):
        trained.save_to_preset(tmp_path / "preset")
    assert list(tmp_path.iterdir()) == []


# Nothing in a preset is executed.


def first_layer(content):
    return content["config"]["generator"][0]["config"]["layers"][1]


def test_a_lambda_layer_is_refused(preset):
    def harm(content):
        layer = first_layer(content)
        layer["class_name"] = "Lambda"
        layer["config"] = {
            "name": "harm",
            "function": {
                "class_name": "__lambda__",
                "config": {"code": "4wEA", "defaults": None, "closure": None},
            },
        }

    edited(preset, presets.CONFIG, harm)
    with pytest.raises(ValueError, match="code inside a preset is never run"):
        kmg.MixGAN.from_preset(preset)


def test_a_module_beside_a_preset_is_not_imported(
    preset, tmp_path, monkeypatch
):
    (tmp_path / "harmful.py").write_text("raise SystemExit('was run')")
    monkeypatch.syspath_prepend(tmp_path)

    def harm(content):
        first_layer(content).update(
            module="harmful", class_name="Layer", registered_name="Layer"
        )

    edited(preset, presets.CONFIG, harm)
    with pytest.raises(ValueError, match="code inside a preset is never run"):
        kmg.MixGAN.from_preset(preset)
    assert "harmful" not in sys.modules


def test_what_could_not_be_loaded_is_not_saved(tmp_path):
    latents = keras.Input((3,))
    doubled = keras.layers.Lambda(lambda x: 2 * x, output_shape=(3,))(latents)
    generator = keras.Model(latents, doubled)
    points = keras.Input((3,))
    discriminator = keras.Model(points, keras.layers.Dense(1)(points))
    model = kmg.MixGAN([generator], [discriminator], seed=0)
    with pytest.raises(ValueError, match=r"`model` must.*'Lambda'"):
        model.save_to_preset(tmp_path / "own")
    assert list(tmp_path.iterdir()) == []
