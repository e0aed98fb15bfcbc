"""Makers of tampered presets and `.keras` files.

Each changes one thing in the files of version 0.1, and updates their hashes.
The tests and `benchmarks/hostile.py` use them.
"""

import json
import os
import pathlib
import re
import shutil
import zipfile

import h5py
import numpy as np

from keras_mixgan import presets
from keras_mixgan.cli.models import load_model
from keras_mixgan.presets import hashes

FOLDER = pathlib.Path(__file__).parent / "version_0_1"


def copy(folder):
    """A copy of the preset of version 0.1 in a folder, to be tampered with."""
    return pathlib.Path(
        shutil.copytree(FOLDER / "preset", pathlib.Path(folder) / "preset")
    )


def members():
    """The members of the `.keras` file of version 0.1, by name."""
    with zipfile.ZipFile(FOLDER / "run" / "checkpoint.keras") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def mend(preset):
    content = json.loads((preset / presets.METADATA).read_text())
    for name in (presets.CONFIG, presets.WEIGHTS):
        content["files"][name] = hashes.sha256(preset / name)
    (preset / presets.METADATA).write_text(json.dumps(content))


def edit(preset, change, name=presets.CONFIG):
    content = json.loads((preset / name).read_text())
    change(content)
    (preset / name).write_text(json.dumps(content))
    if name != presets.METADATA:
        mend(preset)


def refused(path, match):
    """Asserts that the file is refused by an error of ours, in one line."""
    try:
        load_model(path)
    except ValueError as error:
        assert_is_ours(error, match)
    else:
        raise AssertionError(f"{path} was loaded")


def assert_is_ours(error, match):
    """Asserts that an error is one of this package, of one line."""
    message, trace = str(error), error.__traceback__
    assert re.search(match, message), message
    assert "\n" not in message
    assert len(message) < 1500
    while trace.tb_next:
        trace = trace.tb_next
    raised_in = trace.tb_frame.f_globals["__name__"]
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
    "a lambda that names a class of ours": {
        "module": "builtins",
        "class_name": "__lambda__",
        "registered_name": "keras_mixgan>MixGAN",
        "config": {"value": "4wAAAAA="},
    },
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


PLACES = ("layer", "initializer", "optimizer")


def put_code(content, layer, place):
    """Puts code into a configuration."""
    if place == "layer":
        dense(content).update(layer)
    elif place == "initializer":
        dense(content)["config"]["kernel_initializer"].update(layer)
    else:
        content["compile_config"]["generator_optimizer"].update(layer)


def put_lambda(content):
    """Puts code where a value is expected."""
    code = {"class_name": "__lambda__", "config": {"value": "4wEA"}}
    dense(content)["config"]["activation"] = code


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


DEPTHS = (150, 100_000)


def nest(preset, name, depth):
    """Puts a list in lists into a JSON file of a preset."""
    deep = "[" * depth + "]" * depth
    text = (preset / name).read_text().replace("{", f'{{"deep": {deep}, ', 1)
    (preset / name).write_text(text)
    if name == presets.CONFIG:
        mend(preset)


OTHER_JSON = ("", "[]", "null", "\0", '{"format": "1"}')

HUGE = {
    "weights": lambda c: dense(c)["config"].update(units=10**13),
    "an example": lambda c: next(
        layer for layer in layers(c) if layer["class_name"] == "Conv2DTranspose"
    )["config"].update(strides=[10**7, 10**7]),
}


def embed(content, classes):
    """Gives every embedding `classes` classes."""
    for side in ("generator", "discriminator"):
        for network in content["config"][side]:
            for layer in network["config"]["layers"]:
                if layer["class_name"] == "Embedding":
                    layer["config"]["input_dim"] = classes


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
    (too_deep, "at most 100 groups"),
]


def reshape_first(file, shape):
    name = first(file)
    del file[name]
    file[name] = np.zeros(shape, "f4")


def damage(path, seed):
    """Flips bits in the structures of HDF5, not in values."""
    rng = np.random.default_rng(seed)
    content = bytearray(path.read_bytes())
    for place in rng.integers(0, 4000, 20):
        content[place] ^= 1 << rng.integers(8)
    path.write_bytes(bytes(content))


NO_HDF5 = (b"", b"\x89HDF\r\n\x1a\n", b"x" * 5000)

# Archives.


def packed(folder, members, name="model.keras", **how):
    """A zip file of (name, content)."""
    path = folder / name
    with zipfile.ZipFile(path, "w", **how) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return path


def encrypt(path):
    """Marks each member as encrypted."""
    content = bytearray(path.read_bytes())
    # The flags of each member, in its header and in the directory.
    for signature, offset in ((b"PK\3\4", 6), (b"PK\1\2", 8)):
        start = content.find(signature)
        while start >= 0:
            content[start + offset] |= 1
            start = content.find(signature, start + 1)
    path.write_bytes(bytes(content))


MORE_MEMBERS = ("assets/x", "../x", "model.weights.npz")
NO_CONFIGURATIONS = ("", "[", "[]", "null", "7", "[" * 100_000)


def with_config(members, change):
    """The members with a changed configuration."""
    content = json.loads(members[presets.CONFIG])
    change(content)
    return members | {presets.CONFIG: json.dumps(content).encode()}


def pipe(folder, name="model.keras"):
    """A pipe without a writer: opening it would wait for ever."""
    os.mkfifo(folder / name)
    return folder / name


def with_lambda(folder, trace):
    """A `.keras` file of images whose layer would write a file."""
    import keras

    name = str(trace)
    model = keras.Sequential(
        [
            keras.Input((4, 4, 1)),
            # A named function would be in the file only by its name.
            keras.layers.Lambda(lambda x: (open(name, "w").close(), x)[1]),
            keras.layers.Flatten(),
            keras.layers.Dense(3),
        ]
    )
    pathlib.Path(trace).unlink(missing_ok=True)
    model.save(folder / "lambda.keras")
    return folder / "lambda.keras"
