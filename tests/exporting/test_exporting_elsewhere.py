"""Exported samplers without keras and keras_mixgan, in Python and C."""

import pathlib
import shutil
import subprocess
import sys

import exported
import numpy as np
import pytest
import tensorflow as tf

HERE = pathlib.Path(__file__).parents[1]


@pytest.fixture(scope="module")
def model():
    return exported.moved_mixture()


@pytest.fixture(scope="module")
def folder(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exported") / "1"
    model.export_sampler(folder)
    return folder


def test_a_process_without_keras_gets_the_images_of_generate(
    model, folder, tmp_path
):
    arguments, images = exported.batch(model, 60)
    np.savez(tmp_path / "arguments.npz", **arguments)
    subprocess.run(
        [
            sys.executable,
            HERE / "standalone_sampler.py",
            folder,
            tmp_path / "arguments.npz",
            tmp_path / "out.npz",
        ],
        check=True,
        cwd=tmp_path,
        capture_output=True,
    )
    sampler = tf.saved_model.load(str(folder))
    here = sampler.sample(num_images=5, seed=3, labels=[0, 1])
    with np.load(tmp_path / "out.npz") as out:
        np.testing.assert_allclose(out["served"], images, atol=1e-5)
        assert images.std() > 0.1
        np.testing.assert_allclose(out["drawn"], here["images"], atol=1e-5)
        assert (out["components"] == here["components"].numpy()).all()
        levels = np.clip((here["images"].numpy() + 1) * 127.5, 0, 255)
        assert abs(out["png"] - levels).max() < 0.51


def compiled(folder):
    """The C program, linked against the libraries of TensorFlow's wheel."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler")
    libraries = pathlib.Path(tf.sysconfig.get_lib())
    linked = [
        *libraries.glob("libtensorflow_cc.so*"),
        *libraries.glob("libtensorflow_framework.so*"),
    ]
    if len(linked) < 2:
        pytest.skip("TensorFlow's wheel has no libraries to link against here")
    program = folder / "sampler_client"
    subprocess.run(
        [
            compiler,
            "-std=c11",
            "-Wall",
            "-Werror",
            # The default linker takes seconds for libraries of this size.
            *(["-fuse-ld=gold"] if shutil.which("ld.gold") else []),
            HERE / "sampler_client.c",
            f"-I{tf.sysconfig.get_include()}",
            *linked,
            f"-Wl,-rpath,{libraries}",
            "-o",
            program,
        ],
        check=True,
    )
    return program


def test_a_c_program_gets_the_images_of_generate(model, folder, tmp_path):
    from tensorflow.core.protobuf import saved_model_pb2

    program = compiled(tmp_path)
    proto = saved_model_pb2.SavedModel()
    proto.ParseFromString((folder / "saved_model.pb").read_bytes())
    signature = proto.meta_graphs[0].signature_def["serving_default"]
    names = ("latents", "component_uniform", "labels")
    inputs = [signature.inputs[name].name.partition(":")[0] for name in names]
    output, _, index = signature.outputs["images"].name.partition(":")
    arguments, images = exported.batch(model, 9)

    def run(labels):
        rows = b"".join(arguments[name].tobytes() for name in names[:2])
        return subprocess.run(
            [program, folder, "9", "5", *inputs, output, index],
            input=rows + labels.tobytes(),
            capture_output=True,
            check=False,
        )

    done = run(arguments["labels"])
    assert done.returncode == 0, done.stderr
    got = np.frombuffer(done.stdout, "float32").reshape(images.shape)
    np.testing.assert_allclose(got, images, atol=1e-5)
    done = run(arguments["labels"] + 3)
    assert done.returncode == 1
    assert b"`labels` must lie in [0, 3)" in done.stderr
