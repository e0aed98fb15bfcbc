"""Tampered configurations of presets end in one line, and do nothing else."""

import importlib
import json
import shutil

import hostile_presets as hostile
import keras
import pytest
from hostile_presets import refused

import keras_mixgan as kmg
from keras_mixgan import presets
from keras_mixgan.presets import allowed
from keras_mixgan.presets import hashes


@keras.saving.register_keras_serializable("test_hostile")
class Own(keras.layers.Layer):
    """A layer of the user's own, with a table that it does not save."""

    def build(self, input_shape):
        self.table = self.add_weight((300, 300), trainable=False)

    def call(self, x):
        return x

    def save_own_variables(self, store):
        pass

    def load_own_variables(self, store):
        pass


@pytest.fixture
def preset(tmp_path):
    return hostile.copy(tmp_path)


@pytest.mark.parametrize("layer", hostile.CODE.values(), ids=hostile.CODE)
@pytest.mark.parametrize("place", hostile.PLACES)
def test_code_is_refused_wherever_it_stands(preset, layer, place):
    hostile.edit(preset, lambda c: hostile.put_code(c, layer, place))
    refused(preset, r"code inside a preset is never run.* at \w+")


def test_keras_format_of_before_2023_is_refused(preset):
    hostile.edit(preset, lambda c: hostile.dense(c).pop("module"))
    refused(preset, "code inside a preset is never run")


def test_lambdas_are_refused_as_values(preset):
    hostile.edit(preset, hostile.put_lambda)
    refused(preset, "__lambda__")


def test_what_is_allowed_is_there():
    for module, names in allowed._CLASSES.items():
        assert names <= set(vars(importlib.import_module(module))), module


def test_operations_and_activations_are_allowed():
    x = keras.Input((3,))
    y = keras.layers.Activation(keras.activations.mish)(2 * keras.ops.sin(x))
    config = keras.saving.serialize_keras_object(keras.Model(x, y))
    assert not allowed.check(json.loads(json.dumps(config)), "x")


@pytest.mark.parametrize("change", hostile.WRONG.values(), ids=hostile.WRONG)
def test_networks_that_cannot_be_built_are_said(preset, change):
    hostile.edit(preset, change)
    refused(preset, r"config\.json describes networks that could not be built")


@pytest.mark.parametrize(
    "change", hostile.COMPILED.values(), ids=hostile.COMPILED
)
def test_a_wrong_compile_config_is_said(preset, change):
    hostile.edit(preset, change)
    refused(preset, r"config\.json holds a compile_config that")


@pytest.mark.parametrize("name", [presets.CONFIG, presets.METADATA])
@pytest.mark.parametrize("depth", hostile.DEPTHS)
def test_deep_json_is_said(preset, name, depth):
    hostile.nest(preset, name, depth)
    # Nothing is built from metadata: a hundred levels do no harm there.
    if name == presets.CONFIG or depth == 100_000:
        refused(preset, "nested")
    else:
        assert kmg.MixGAN.from_preset(preset).step == 20


@pytest.mark.parametrize("text", hostile.OTHER_JSON)
@pytest.mark.parametrize("name", [presets.CONFIG, presets.METADATA])
def test_other_json_is_said(preset, name, text):
    (preset / name).write_text(text)
    if name == presets.CONFIG:
        hostile.mend(preset)
    refused(preset, f"{name} is damaged")


@pytest.mark.parametrize("files", [None, [], "x"])
def test_hashes_that_are_none_are_said(preset, files):
    hostile.edit(preset, lambda c: c.update(files=files), presets.METADATA)
    refused(preset, r"metadata\.json is damaged: 'files' must be")


def test_metadata_of_other_shapes_are_left_out(preset):
    def harm(content):
        content.update(evaluation={"scores": [1]}, data=None)

    hostile.edit(preset, harm, presets.METADATA)
    found = presets.read(preset)
    assert (found.scores, found.data) == ({}, "")


# Sizes.


@pytest.mark.parametrize("what", hostile.HUGE)
@pytest.mark.parametrize("load_weights", [True, False])
def test_more_than_the_machine_holds_is_refused(preset, what, load_weights):
    hostile.edit(preset, hostile.HUGE[what])
    with pytest.raises(ValueError, match=f"numbers of {what}|not be built"):
        kmg.MixGAN.from_preset(preset, load_weights)


def test_more_weights_than_the_file_holds_are_refused(preset):
    hostile.edit(preset, lambda c: hostile.embed(c, 10**7))
    refused(preset, "the networks of its weights file")


def test_a_size_that_only_the_build_config_tells_counts(preset):
    def widen(content):
        for i, network in enumerate(content["config"]["generator"]):
            small = keras.Sequential([keras.layers.Dense(5)], name="g")
            network.clear()
            network.update(keras.saving.serialize_keras_object(small))
            network["build_config"] = {"input_shape": [None, 4 * 10 ** (6 * i)]}

    hostile.edit(preset, widen)
    refused(preset, "and a file of")


def test_an_own_class_that_nobody_reads_switches_no_check_off(preset):
    name = keras.saving.get_registered_name(Own)

    def add(content):
        hostile.embed(content, 10**6)
        content["extra"] = {
            "class_name": "Own", "module": "m", "registered_name": name,
        }  # fmt: skip

    hostile.edit(preset, add)
    refused(preset, "and a file of")


def test_an_own_class_that_fails_hides_no_layers(preset):
    def hide(content):
        large = keras.Sequential([keras.layers.Dense(10)], name="large")
        large = keras.saving.serialize_keras_object(large)
        large["build_config"] = {"input_shape": [None, 10**13]}
        own = keras.saving.serialize_keras_object(Own())
        own["config"]["nonsense"] = 1
        network = keras.saving.serialize_keras_object(keras.Sequential())
        network["config"]["layers"] = [large, own]
        content["config"]["generator"][0] = network

    hostile.edit(preset, hide)
    refused(preset, "memory")


def test_an_own_layer_may_save_less_than_it_holds(tmp_path):
    points = keras.Input((2,))
    generator = keras.Model(points, keras.layers.Dense(2)(Own()(points)))
    critic = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model = kmg.MixGAN(generator, critic, 2, 1, seed=0)
    model.save_to_preset(tmp_path / "own")
    again = kmg.MixGAN.from_preset(tmp_path / "own")
    assert (again.generate(3, seed=1) == model.generate(3, seed=1)).all()


def test_paths_in_the_settings_of_a_preset_are_not_followed(preset, tmp_path):
    hostile.edit(
        preset,
        lambda m: m.update(settings={"source": str(tmp_path), "width": 4}),
        presets.METADATA,
    )
    assert presets.read(preset).settings == {"width": 4}


def test_nor_is_a_folder_with_the_name_of_their_data(
    preset, tmp_path, monkeypatch
):
    hostile.edit(
        preset,
        lambda m: m.update(settings={"source": "photos"}),
        presets.METADATA,
    )
    assert presets.read(preset).settings == {"source": "photos"}
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    assert presets.read(preset).settings == {}


def test_a_shared_body_counts_as_well(tmp_path):
    networks = kmg.architectures.build("mlp", (2,), width=4)
    model = kmg.MixGAN(*networks, 2, 1, share_generators="hidden_0")
    model.save_to_preset(tmp_path / "preset")

    def widen(content):
        for layer in content["config"]["generator_body"]["config"]["layers"]:
            if layer["config"].get("units") == 4:
                layer["config"]["units"] = 10**6

    hostile.edit(tmp_path / "preset", widen)
    with pytest.raises(ValueError, match=r"weights file|not be built"):
        kmg.MixGAN.from_preset(tmp_path / "preset")


# The zoo.


def test_the_zoos_files_are_those_that_the_package_knows():
    """After a change: `python tools/make_presets.py --root=`."""
    for name, preset in presets.list_presets().items():
        known = hashes.of_zoo(name)
        assert known == {
            file.name: hashes.sha256(file) for file in preset.path.iterdir()
        }, name


def test_a_zoo_with_other_files_is_refused(tmp_path, monkeypatch):
    from keras_mixgan.presets import folders

    zoo = tmp_path / "zoo"
    for name in ("mix_dcgan_mnist", "wgan_mnist"):
        shutil.copytree(hostile.FOLDER / "preset", zoo / name)
    monkeypatch.setattr(folders, "zoo", lambda: zoo)
    # Intact by its own hashes, but not the preset of that name.
    assert kmg.MixGAN.from_preset(zoo / "wgan_mnist").step == 20
    refused("wgan_mnist", r"SHA-256 .* that in zoo_hashes\.json")
    shutil.copytree(zoo / "wgan_mnist", zoo / "unknown")
    refused("unknown", r"zoo_hashes\.json")


HIDDEN = "x\n\x1b[2Jerror: all fine"


@pytest.mark.parametrize("place", ["files", "class", "key"])
def test_terminal_codes_are_not_printed(preset, place):
    def harm(content):
        if place == "files":
            content.update(files=HIDDEN)
        elif place == "class":
            content["config"]["generator"][0].update(class_name=HIDDEN)
        else:
            content["config"][HIDDEN] = {"class_name": "Lambda", "module": "m"}

    name = presets.METADATA if place == "files" else presets.CONFIG
    hostile.edit(preset, harm, name)
    if place != "files":
        hostile.mend(preset)
    with pytest.raises(ValueError, match=r"error: all fine") as error:
        kmg.MixGAN.from_preset(preset)
    assert str(error.value).isprintable()
