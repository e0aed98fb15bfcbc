"""Tampered weights and `.keras` files end in one line, and do nothing else."""

import struct
import zipfile

import h5py
import hostile_presets as hostile
import numpy as np
import pytest
from hostile_presets import packed
from hostile_presets import refused

from keras_mixgan import presets
from keras_mixgan.cli.models import load_model
from keras_mixgan.presets import hdf5


@pytest.fixture
def preset(tmp_path):
    return hostile.copy(tmp_path)


@pytest.fixture
def members():
    return hostile.members()


# Weights.


@pytest.mark.parametrize(("harm", "match"), hostile.HARM)
def test_weights_that_are_not_plain_are_refused(
    preset, members, tmp_path, harm, match
):
    with h5py.File(preset / presets.WEIGHTS, "r+") as file:
        harm(file, hostile.first(file))
    hostile.mend(preset)
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


def test_an_array_has_two_names_at_most(tmp_path):
    path = tmp_path / "names.h5"
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros((2, 3), "f2")
        file["b"] = file["a"]
    assert hdf5.check(path, "weights") == 6
    with h5py.File(path, "r+") as file:
        file["c"] = file["a"]
    with pytest.raises(ValueError, match=r"a tree of groups.*once more"):
        hdf5.check(path, "weights")


def test_arrays_that_share_their_bytes_are_refused(tmp_path):
    path = tmp_path / "shared.h5"
    sizes = {"large": 100_003, "a": 1237, "b": 1237}
    with h5py.File(path, "w") as file:
        places = {}
        for name, size in sizes.items():
            file[name] = np.zeros(size, "f4")
            file.flush()
            places[name] = file[name].id.get_offset()
    content = path.read_bytes()
    whole = struct.pack("<QQ", places["large"], 4 * sizes["large"])
    for name in ("a", "b"):
        own = struct.pack("<QQ", places[name], 4 * sizes[name])
        assert content.count(own) == 1
        content = content.replace(own, whole)
    content = content.replace(
        struct.pack("<Q", 1237), struct.pack("<Q", sizes["large"])
    )
    path.write_bytes(content)
    with h5py.File(path) as file:
        assert file["a"].shape == (100_003,)
    with pytest.raises(ValueError, match=r"each of its arrays.* declare 1,200"):
        hdf5.check(path, "weights")


def test_terminal_codes_in_names_are_not_printed(tmp_path):
    path = tmp_path / "soft.h5"
    with h5py.File(path, "w") as file:
        file["x\n\x1b[2Jerror: fine"] = h5py.SoftLink("/")
    with pytest.raises(ValueError, match="no links") as caught:
        hdf5.check(path, "weights")
    assert str(caught.value).isprintable()


@pytest.mark.parametrize("shape", [(1,), (3, 5, 7), (0,)])
def test_weights_of_other_shapes_are_said(preset, shape):
    with h5py.File(preset / presets.WEIGHTS, "r+") as file:
        hostile.reshape_first(file, shape)
    hostile.mend(preset)
    refused(preset, r"must hold the weights of the networks in config\.json")


def test_missing_weights_are_said(preset):
    with h5py.File(preset / presets.WEIGHTS, "r+") as file:
        del file[hostile.first(file)]
    hostile.mend(preset)
    refused(preset, r"must hold the weights of the networks in config\.json")


@pytest.mark.parametrize("content", hostile.NO_HDF5)
def test_weights_that_are_no_hdf5_are_said(preset, content):
    (preset / presets.WEIGHTS).write_bytes(content)
    hostile.mend(preset)
    refused(preset, r"must be a weights file \(HDF5\)")


@pytest.mark.parametrize("seed", range(20))
def test_damaged_weights_load_or_are_said(preset, seed):
    hostile.damage(preset / presets.WEIGHTS, seed)
    hostile.mend(preset)
    try:
        model = load_model(preset)
    except ValueError as error:
        hostile.assert_is_ours(error, r"weights")
    else:
        images = model.generate(2, labels=[0, 1], seed=0)
        assert images.shape == (2, 28, 28, 1)


# Archives.


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


def test_a_damaged_member_is_said(members, tmp_path):
    path = packed(tmp_path, members.items(), compression=zipfile.ZIP_LZMA)
    whole = bytearray(path.read_bytes())
    middle = len(whole) // 2
    whole[middle : middle + 64] = bytes(64)
    path.write_bytes(whole)
    refused(path, "is damaged or truncated")


@pytest.mark.parametrize("name", hostile.MORE_MEMBERS)
def test_more_members_are_refused(members, tmp_path, name):
    more = packed(tmp_path, [*members.items(), (name, b"x")])
    refused(more, "once each")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_given_twice_are_refused(members, tmp_path):
    twice = [*members.items(), (presets.CONFIG, members[presets.CONFIG])]
    refused(packed(tmp_path, twice), "once each")


def test_encrypted_members_are_refused(members, tmp_path):
    path = packed(tmp_path, members.items())
    hostile.encrypt(path)
    refused(path, "must not be encrypted")


def test_what_unfolds_without_measure_is_refused(members, tmp_path):
    members[presets.WEIGHTS] = bytes(2**25)
    path = packed(tmp_path, members.items(), compression=zipfile.ZIP_DEFLATED)
    refused(path, "must not unpack to more")


@pytest.mark.parametrize("text", hostile.NO_CONFIGURATIONS)
def test_a_configuration_that_is_none_is_said(members, tmp_path, text):
    members[presets.CONFIG] = text.encode() or b" "
    refused(packed(tmp_path, members.items()), r"damaged|could not be loaded")


@pytest.mark.parametrize("layer", hostile.CODE.values(), ids=hostile.CODE)
def test_code_in_an_archive_is_refused(members, tmp_path, layer):
    members = hostile.with_config(
        members, lambda c: hostile.dense(c).update(layer)
    )
    refused(packed(tmp_path, members.items()), "code inside a preset is never")


def test_networks_larger_than_their_weights_are_refused(members, tmp_path):
    members = hostile.with_config(members, hostile.HUGE["weights"])
    refused(
        packed(tmp_path, members.items()), "numbers of weights|not be built"
    )


def test_what_is_no_file_is_refused(tmp_path):
    refused(hostile.pipe(tmp_path), "regular file")
