"""Exported SavedModels: what they refuse, and what the export refuses."""

import exported
import keras
import numpy as np
import pytest
import tensorflow as tf

from keras_mixgan.utils import json_files


@pytest.fixture(scope="module")
def model():
    return exported.moved_mixture()


@pytest.fixture(scope="module")
def sampler(model, tmp_path_factory):
    return exported.saved(model, tmp_path_factory.mktemp("exported"))


ROW = {"latents": np.zeros((2, 5)), "component_uniform": [0, 0.5]}
DRAW = {"num_images": 3, "seed": 0, "labels": [1]}


@pytest.mark.parametrize(
    ("signature", "arguments", "message"),
    [
        (
            "sample",
            DRAW | {"num_images": -1},
            "`num_images` must be at least 0",
        ),
        ("sample", DRAW | {"labels": [0, 3]}, r"`labels` must lie in \[0, 3\)"),
        ("sample", DRAW | {"labels": [-1]}, r"`labels` must lie in \[0, 3\)"),
        ("sample", DRAW | {"labels": [1] * 4}, "`labels` must hold at most"),
        (
            "sample_component",
            DRAW | {"component": 3},
            r"`component` must lie in \[0, 3\)",
        ),
        (
            "sample_component",
            DRAW | {"component": -1},
            r"`component` must lie in \[0, 3\)",
        ),
        (
            "sample_png",
            DRAW | {"component": -2},
            r"`component` must lie in \[-1, 3\)",
        ),
        (
            "sample_png",
            DRAW | {"component": 3},
            r"`component` must lie in \[-1, 3\)",
        ),
        (
            "serving_default",
            ROW | {"labels": [0, 9]},
            r"`labels` must lie in \[0, 3\)",
        ),
        (
            "serving_default",
            ROW | {"labels": [0]},
            "`labels` must have as many",
        ),
        (
            "serving_default",
            ROW | {"labels": [0, 0], "latents": np.full((2, 5), np.nan)},
            "`latents` must be finite",
        ),
        (
            "serving_default",
            ROW | {"labels": [0, 0], "component_uniform": [0, 1.1]},
            "`component_uniform` must lie in",
        ),
        (
            "serving_default",
            ROW | {"labels": [0, 0], "component_uniform": [0, np.nan]},
            "`component_uniform` must lie in",
        ),
        (
            "serving_default",
            ROW | {"labels": [0, 0], "component_uniform": [0, 0, 0]},
            "`component_uniform` must have as many",
        ),
    ],
)
def test_bad_arguments_are_named(sampler, signature, arguments, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        exported.call(sampler, signature, **arguments)
    # The sampler still works.
    assert exported.call(sampler, "sample", **DRAW)["images"].shape[0] == 3


def test_an_unknown_number_of_classes_needs_labels(tmp_path):
    model = exported.telling_mixture([0.0])
    model.num_classes = None
    sampler = exported.saved(model, tmp_path)
    arguments = {"num_images": 3, "seed": 0}
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="`labels` must be"
    ):
        exported.call(sampler, "sample", labels=[], **arguments)
    out = exported.call(sampler, "sample", labels=[3], **arguments)
    assert exported.tell(out["images"])[1].tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"format": "tflite"}, ValueError, "`format` must be one of"),
        ({"uint8": 1}, ValueError, "`uint8` must be True or False"),
    ],
)
def test_bad_arguments_of_the_export(
    model, tmp_path, arguments, error, message
):
    with pytest.raises(error, match=message):
        model.export_sampler(tmp_path / "1", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_another_backend_says_how_to_export(model, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ValueError, match="KERAS_BACKEND=tensorflow"):
        model.export_sampler(tmp_path / "1")


def test_nothing_is_overwritten_and_nothing_is_left_half(
    model, tmp_path, monkeypatch
):
    (tmp_path / "kept").write_text("mine")
    with pytest.raises(
        FileExistsError, match="`path` must be a new or an empty"
    ):
        model.export_sampler(tmp_path)
    with pytest.raises(FileExistsError, match="`path` must be new"):
        model.export_sampler(tmp_path / "kept")

    def full(*_, **__):
        raise OSError("No space left")

    # By then TensorFlow has written all its files.
    monkeypatch.setattr(json_files, "write", full)
    with pytest.raises(OSError, match="No space left"):
        model.export_sampler(tmp_path / "1")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]
    assert (tmp_path / "kept").read_text() == "mine"


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (tf.errors.ResourceExhaustedError, "No space left on device.*1'"),
        (tf.errors.PermissionDeniedError, "Permission denied.*1'"),
    ],
)
def test_tensorflows_errors_of_files_are_told_as_such(
    model, tmp_path, monkeypatch, error, message
):
    def write(self, path, **_):
        raise error(None, None, f"{path}/saved_model.pb; of many\nlines")

    # ExportArchive makes an object of a class of the backend.
    kind = type(keras.export.ExportArchive())
    monkeypatch.setattr(kind, "write_out", write)
    with pytest.raises(OSError, match=message) as caught:
        model.export_sampler(tmp_path / "1")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
