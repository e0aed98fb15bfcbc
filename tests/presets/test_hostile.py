"""Tampered presets and `.keras` files end in one line, and do nothing else.

Each is a copy of what version 0.1 wrote, with one thing changed and its hashes
mended.
"""

import contextlib
import importlib
import json
import os
import pathlib
import shutil
import zipfile

import h5py
import numpy as np
import pytest

import keras_mixgan as kmg
from keras_mixgan import presets
from keras_mixgan.cli.models import load_model
from keras_mixgan.presets import allowed
from keras_mixgan.presets import hashes
from keras_mixgan.presets import hdf5

FOLDER = pathlib.Path(__file__).parents[1] / "version_0_1"


@pytest.fixture
def preset(tmp_path):
    return shutil.copytree(FOLDER / "preset", tmp_path / "preset")


@pytest.fixture
def members():
    """What a `.keras` file holds, by name."""
    with zipfile.ZipFile(FOLDER / "run" / "checkpoint.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def mend(preset):
    content = json.loads((preset / presets.METADATA).read_text())
    for name in (presets.CONFIG, presets.WEIGHTS):
        content["files"][name] = hashes.sha256(preset / name)
    (preset / presets.METADATA).write_text(json.dumps(content))


def edited(preset, change, name=presets.CONFIG):
    content = json.loads((preset / name).read_text())
    change(content)
    (preset / name).write_text(json.dumps(content))
    if name != presets.METADATA:
        mend(preset)


def refused(preset, match):
    """Refused in one line, by an error of this package's own."""
    with pytest.raises(ValueError, match=match) as caught:
        load_model(preset)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 1500
    raised_in = caught.traceback[-1].frame.f_globals["__name__"]
    assert raised_in.startswith("keras_mixgan.")


def layers(content):
    return content["config"]["generator"][0]["config"]["layers"]


def dense(content):
    """The configuration of a generator's first dense layer."""
    return next(
        layer for layer in layers(content) if layer["class_name"] == "Dense"
    )


# Configurations.

CODE = {
    "a lambda layer": {"class_name": "Lambda"},
    "a TensorFlow graph": {"class_name": "TFSMLayer"},
    "a PyTorch module": {"class_name": "TorchModuleWrapper"},
    "a JAX layer": {"class_name": "JaxLayer"},
    "a vocabulary file": {"class_name": "StringLookup"},
    "a type specification": {"class_name": "__typespec__"},
    "a module of Keras": {
        "module": "keras.src.utils.file_utils",
        "class_name": "File",
        "registered_name": "File",
    },
    "a function of Keras": {
        "module": "keras.utils",
        "class_name": "function",
        "config": "get_file",
        "registered_name": "get_file",
    },
    "another module": {"module": "os", "class_name": "system"},
    "a class that nobody registered": {
        "module": "mine",
        "class_name": "Mine",
        "registered_name": "mine>Mine",
    },
    "no text": {"class_name": ["Dense"]},
    "nothing": {"class_name": None},
}


@pytest.mark.parametrize("layer", CODE.values(), ids=CODE)
@pytest.mark.parametrize("place", ["layer", "initializer", "optimizer"])
def test_code_is_refused_wherever_it_stands(preset, layer, place):
    def harm(content):
        if place == "layer":
            dense(content).update(layer)
        elif place == "initializer":
            dense(content)["config"]["kernel_initializer"].update(layer)
        else:
            content["compile_config"]["generator_optimizer"].update(layer)

    edited(preset, harm)
    refused(preset, r"code inside a preset is never run.* at \w+")


def test_keras_format_of_before_2023_is_refused(preset):
    edited(preset, lambda content: dense(content).pop("module"))
    refused(preset, "code inside a preset is never run")


def test_lambdas_are_refused_as_values(preset):
    def harm(content):
        code = {"class_name": "__lambda__", "config": {"value": "4wEA"}}
        dense(content)["config"]["activation"] = code

    edited(preset, harm)
    refused(preset, "__lambda__")


def test_what_is_allowed_is_there():
    for module, names in allowed._CLASSES.items():
        assert names <= set(vars(importlib.import_module(module))), module


def test_operations_and_activations_are_allowed():
    import keras

    x = keras.Input((3,))
    y = keras.layers.Activation(keras.activations.mish)(2 * keras.ops.sin(x))
    config = keras.saving.serialize_keras_object(keras.Model(x, y))
    assert not allowed.check(json.loads(json.dumps(config)), "x")


WRONG = {
    "config that is a list": lambda c: c.update(config=[]),
    "config that is null": lambda c: c.update(config=None),
    "no generators": lambda c: c["config"].update(generator=[]),
    "generators that are numbers": lambda c: c["config"].update(generator=[1]),
    "a network without config": lambda c: c["config"]["generator"][0].pop(
        "config"
    ),
    "layers that are null": lambda c: c["config"]["generator"][0][
        "config"
    ].update(layers=None),
    "a negative width": lambda c: dense(c)["config"].update(units=-3),
    "a width that is text": lambda c: dense(c)["config"].update(units="x"),
    "another number of components": lambda c: c["config"].update(
        num_generators=10**9
    ),
    "a decay of two": lambda c: c["config"].update(ema_decay=2.0),
    "an unknown key": lambda c: c["config"].update(colour="red"),
    "a label in place of a layer": lambda c: layers(c).insert(0, 7),
}


@pytest.mark.parametrize("change", WRONG.values(), ids=WRONG)
def test_networks_that_cannot_be_built_are_said(preset, change):
    edited(preset, change)
    refused(preset, r"config\.json describes networks that could not be built")


COMPILED = {
    "a list": lambda c: c.update(compile_config=[1]),
    "a number": lambda c: c.update(compile_config=3),
    "no optimizer": lambda c: c["compile_config"].pop("generator_optimizer"),
    "an optimizer that is null": lambda c: c["compile_config"].update(
        generator_optimizer=3
    ),
    "an unknown argument": lambda c: c["compile_config"].update(colour="red"),
    "a payoff that is a number": lambda c: c["compile_config"].update(payoff=3),
    "a rate that is text": lambda c: c["compile_config"]["generator_optimizer"][
        "config"
    ].update(learning_rate="fast"),
}


@pytest.mark.parametrize("change", COMPILED.values(), ids=COMPILED)
def test_a_wrong_compile_config_is_said(preset, change):
    edited(preset, change)
    refused(preset, r"config\.json holds a compile_config that")


@pytest.mark.parametrize("name", [presets.CONFIG, presets.METADATA])
@pytest.mark.parametrize("depth", [150, 100_000])
def test_deep_json_is_said(preset, name, depth):
    deep = "[" * depth + "]" * depth
    text = (preset / name).read_text().replace("{", f'{{"deep": {deep}, ', 1)
    (preset / name).write_text(text)
    if name == presets.CONFIG:
        mend(preset)
        refused(preset, "nested")
    elif depth == 100_000:
        refused(preset, "nested")


@pytest.mark.parametrize("text", ["", "[]", "null", "\0", '{"format": "1"}'])
@pytest.mark.parametrize("name", [presets.CONFIG, presets.METADATA])
def test_other_json_is_said(preset, name, text):
    (preset / name).write_text(text)
    if name == presets.CONFIG:
        mend(preset)
    refused(preset, f"{name} is damaged")


@pytest.mark.parametrize("files", [None, [], "x"])
def test_hashes_that_are_none_are_said(preset, files):
    edited(preset, lambda c: c.update(files=files), presets.METADATA)
    refused(preset, r"metadata\.json is damaged: 'files' must be")


def test_metadata_of_other_shapes_are_left_out(preset):
    def harm(content):
        content.update(evaluation={"scores": [1]}, data=None)

    edited(preset, harm, presets.METADATA)
    found = presets.read(preset)
    assert (found.scores, found.data) == ({}, "")


# Sizes.

HUGE = {
    "weights": lambda c: dense(c)["config"].update(units=10**13),
    "an example": lambda c: next(
        layer for layer in layers(c) if layer["class_name"] == "Conv2DTranspose"
    )["config"].update(strides=[10**7, 10**7]),
}


@pytest.mark.parametrize("what", HUGE)
@pytest.mark.parametrize("load_weights", [True, False])
def test_more_than_the_machine_holds_is_refused(preset, what, load_weights):
    edited(preset, HUGE[what])
    with pytest.raises(ValueError, match=f"numbers of {what}|not be built"):
        kmg.MixGAN.from_preset(preset, load_weights)


def test_more_weights_than_the_file_holds_are_refused(preset):
    def harm(content):
        for side in ("generator", "discriminator"):
            for network in content["config"][side]:
                for layer in network["config"]["layers"]:
                    if layer["class_name"] == "Embedding":
                        layer["config"]["input_dim"] = 10**7

    edited(preset, harm)
    refused(preset, "whose weights lie beside it")


# Weights.


def first(file):
    """The name of the first array that is not a single number."""
    names = []
    file.visititems(
        lambda name, item: (
            names.append(name)
            if isinstance(item, h5py.Dataset) and item.size > 1
            else None
        )
    )
    return names[0]


def soft_link(file, name):
    del file[name]
    file[name] = h5py.SoftLink("/elsewhere")


def external_link(file, name):
    del file[name]
    file[name] = h5py.ExternalLink("/etc/passwd", "x")


def linked_group(file, name):
    file["linked"] = h5py.ExternalLink("/etc/passwd", "x")


def circle(file, name):
    file["circle"] = file["/"]


def external_data(file, name):
    shape = file[name].shape
    del file[name]
    file.create_dataset(name, shape, "f4", external="/etc/passwd")


def virtual_data(file, name):
    shape = file[name].shape
    del file[name]
    layout = h5py.VirtualLayout(shape, "f4")
    layout[...] = h5py.VirtualSource("other.h5", "x", shape)
    file.create_virtual_dataset(name, layout)


def compressed(file, name):
    del file[name]
    file.create_dataset(
        name, (2**20, 2**10), "f4", chunks=(64, 64), compression="gzip"
    )


def unstored(file, name):
    del file[name]
    file.create_dataset(name, (2**20, 2**20), "f4", chunks=(64, 64))


def texts(file, name):
    del file[name]
    file[name] = ["text", "texts"]


def references(file, name):
    del file[name]
    file.create_dataset(name, data=file["/"].ref, dtype=h5py.ref_dtype)


def records(file, name):
    del file[name]
    file[name] = np.zeros(3, [("a", "f4"), ("b", "i4")])


def a_type(file, name):
    file["type"] = np.dtype("f8")


def no_shape(file, name):
    del file[name]
    file[name] = h5py.Empty("f4")


def too_deep(file, name):
    file.create_group("/".join("d" * 200))


HARM = [
    (soft_link, "no links.*SoftLink"),
    (external_link, "no links.*ExternalLink"),
    (linked_group, "no links.*ExternalLink"),
    (circle, "a tree of groups"),
    (external_data, "external storage"),
    (virtual_data, "a virtual dataset"),
    (compressed, "uncompressed arrays"),
    (unstored, "declares .* bytes and stores 0"),
    (texts, "numbers alone"),
    (references, "numbers alone"),
    (records, "numbers alone"),
    (a_type, "groups and arrays alone"),
    (no_shape, "arrays alone"),
    (too_deep, "a tree of groups"),
]


@pytest.mark.parametrize(("harm", "match"), HARM)
def test_weights_that_are_not_plain_are_refused(
    preset, members, tmp_path, harm, match
):
    with h5py.File(preset / presets.WEIGHTS, "r+") as file:
        harm(file, first(file))
    mend(preset)
    refused(preset, match)
    # The same in a `.keras` file.
    members[presets.WEIGHTS] = (preset / presets.WEIGHTS).read_bytes()
    refused(packed(tmp_path, members.items()), match)


def test_weights_of_half_precision_are_plain(preset):
    path = preset / "half.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros((2, 3), "f2")
        file["b"] = np.zeros((), "i8")
        file["c"] = np.zeros(0, "f4")
    assert hdf5.check(path, "weights") == 7


@pytest.mark.parametrize("shape", [(1,), (3, 5, 7), (0,)])
def test_weights_of_other_shapes_are_said(preset, shape):
    with h5py.File(preset / presets.WEIGHTS, "r+") as file:
        name = first(file)
        del file[name]
        file[name] = np.zeros(shape, "f4")
    mend(preset)
    refused(preset, r"must hold the weights of the networks in config\.json")


def test_missing_weights_are_said(preset):
    with h5py.File(preset / presets.WEIGHTS, "r+") as file:
        del file[first(file)]
    mend(preset)
    refused(preset, r"must hold the weights of the networks in config\.json")


@pytest.mark.parametrize("content", [b"", b"\x89HDF\r\n\x1a\n", b"x" * 5000])
def test_weights_that_are_no_hdf5_are_said(preset, content):
    (preset / presets.WEIGHTS).write_bytes(content)
    mend(preset)
    refused(preset, r"must be a weights file \(HDF5\)")


@pytest.mark.parametrize("seed", range(20))
def test_damaged_weights_load_or_are_said(preset, seed):
    """Bits turned in the structures of HDF5, not in values."""
    path, rng = preset / presets.WEIGHTS, np.random.default_rng(seed)
    content = bytearray(path.read_bytes())
    for place in rng.integers(0, 4000, 20):
        content[place] ^= 1 << rng.integers(8)
    path.write_bytes(bytes(content))
    mend(preset)
    with contextlib.suppress(ValueError):
        load_model(preset)


# Archives.


def packed(folder, members, name="model.keras", **how):
    path = folder / name
    with zipfile.ZipFile(path, "w", **how) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return path


def test_a_file_packed_again_is_welcome(members, tmp_path):
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        path = packed(tmp_path, members.items(), compression=compression)
        assert load_model(path).step == 20


def test_an_archive_without_its_members_is_said(members, tmp_path):
    for name in members:
        rest = [item for item in members.items() if item[0] != name]
        refused(packed(tmp_path, rest), "must hold config.json")
        empty = members | {name: b""}
        refused(packed(tmp_path, empty.items()), f"{name} in it is empty")
    refused(packed(tmp_path, []), "Received: nothing")


@pytest.mark.parametrize("name", ["assets/x", "../x", "model.weights.npz"])
def test_more_members_are_refused(members, tmp_path, name):
    more = packed(tmp_path, [*members.items(), (name, b"x")])
    refused(more, "once each")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_given_twice_are_refused(members, tmp_path):
    twice = [*members.items(), (presets.CONFIG, members[presets.CONFIG])]
    refused(packed(tmp_path, twice), "once each")


def test_encrypted_members_are_refused(members, tmp_path):
    path = packed(tmp_path, members.items())
    content = bytearray(path.read_bytes())
    # The flags of each member, in its header and in the directory.
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = content.find(signature)
        while start >= 0:
            content[start + offset] |= 1
            start = content.find(signature, start + 1)
    path.write_bytes(bytes(content))
    refused(path, "must not be encrypted")


def test_what_unfolds_without_measure_is_refused(members, tmp_path):
    members[presets.WEIGHTS] = bytes(2**25)
    path = packed(tmp_path, members.items(), compression=zipfile.ZIP_DEFLATED)
    refused(path, "must not unfold to more")


@pytest.mark.parametrize("text", ["", "[", "[]", "null", "7", "[" * 100_000])
def test_a_configuration_that_is_none_is_said(members, tmp_path, text):
    members[presets.CONFIG] = text.encode() or b" "
    refused(packed(tmp_path, members.items()), r"damaged|could not be loaded")


@pytest.mark.parametrize("layer", CODE.values(), ids=CODE)
def test_code_in_an_archive_is_refused(members, tmp_path, layer):
    content = json.loads(members[presets.CONFIG])
    dense(content).update(layer)
    members[presets.CONFIG] = json.dumps(content).encode()
    refused(packed(tmp_path, members.items()), "code inside a preset is never")


def test_networks_larger_than_their_weights_are_refused(members, tmp_path):
    content = json.loads(members[presets.CONFIG])
    dense(content)["config"]["units"] = 10**13
    members[presets.CONFIG] = json.dumps(content).encode()
    refused(
        packed(tmp_path, members.items()), "numbers of weights|not be built"
    )


def test_what_is_no_file_is_refused(tmp_path):
    os.mkfifo(tmp_path / "model.keras")
    refused(tmp_path / "model.keras", "regular file")


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
        shutil.copytree(FOLDER / "preset", zoo / name)
    monkeypatch.setattr(folders, "zoo", lambda: zoo)
    # Whole by its own hashes, and not the one of that name.
    assert kmg.MixGAN.from_preset(zoo / "wgan_mnist").step == 20
    refused("wgan_mnist", r"SHA-256 .* that in zoo_hashes\.json")
    shutil.copytree(zoo / "wgan_mnist", zoo / "unknown")
    refused("unknown", r"zoo_hashes\.json")
