"""The mixture as one ONNX file, run by ONNX Runtime."""

import importlib.util
import json

import exported
import keras
import numpy as np
import pytest

from keras_mixgan.exporting import onnx_file

needs_onnx = pytest.mark.skipif(
    any(
        importlib.util.find_spec(name) is None
        for name in (*onnx_file.PACKAGES, "onnxruntime")
    ),
    reason="pip install 'keras-mixgan[onnx]'",
)


def session(path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options)


@needs_onnx
@pytest.mark.parametrize(("num_classes", "uint8"), [(3, False), (None, True)])
def test_onnx_gives_the_images_of_generate(tmp_path, num_classes, uint8):
    model = exported.moved_mixture(num_classes, ema_decay=0.5)
    path = tmp_path / "deep" / "sampler.onnx"
    model.export_sampler(path, uint8=uint8, format="onnx")
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    sampler = session(path)
    names = ["latents", "component_uniform"] + ["labels"] * bool(num_classes)
    assert [x.name for x in sampler.get_inputs()] == names
    assert [x.name for x in sampler.get_outputs()] == ["images"]
    for size in (0, 1, 7, 300):
        arguments, images = exported.batch(model, size, seed=size)
        (got,) = sampler.run(["images"], arguments)
        assert got.shape == images.shape
        if uint8:
            assert got.dtype == "uint8"
            levels = np.clip(np.rint((images + 1) * 127.5), 0, 255)
            assert abs(got - levels).max(initial=0) <= 1
        else:
            np.testing.assert_allclose(got, images, atol=1e-4)
    if num_classes:
        for wrong in (-1, num_classes):
            arguments["labels"][-1] = wrong
            with pytest.raises(Exception, match="out of data bounds"):
                sampler.run(["images"], arguments)
    told = sampler.get_modelmeta().custom_metadata_map["sampler"]
    assert json.loads(told)["uint8"] is uint8
    np.testing.assert_allclose(
        json.loads(told)["generator_weights"], model.generator_weights
    )


@needs_onnx
def test_an_onnx_file_holds_the_generators_alone(tmp_path):
    import onnx

    model = exported.telling_mixture([0.0, 0.0])
    path = tmp_path / "sampler.onnx"
    model.export_sampler(path, format="onnx")
    held = onnx.load(path)
    onnx.checker.check_model(held)
    tables = [x for x in held.graph.initializer if list(x.dims) == [4, 2]]
    assert len(tables) == 2
    assert sum(np.prod(x.dims) for x in held.graph.initializer) < 100
    with pytest.raises(FileExistsError, match="`path` must be new"):
        model.export_sampler(path, format="onnx")


@needs_onnx
def test_what_onnx_cannot_hold_is_refused(tmp_path):
    model = exported.telling_mixture([0.0])
    with pytest.raises(ValueError, match=r"must end in \.onnx"):
        model.export_sampler(tmp_path / "1", format="onnx")
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = exported.moved_mixture()
    finally:
        keras.mixed_precision.set_global_policy("float32")
    with pytest.raises(ValueError, match="compute in bfloat16"):
        model.export_sampler(tmp_path / "a.onnx", format="onnx")
    assert list(tmp_path.iterdir()) == []


def test_without_its_packages_onnx_says_what_to_install(tmp_path, monkeypatch):
    model = exported.telling_mixture([0.0])
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=r"keras-mixgan\[onnx\]"):
        model.export_sampler(tmp_path / "a.onnx", format="onnx")
