"""TensorFlow and JAX: the same weights, latents and batch give one step."""

import os
import pathlib
import subprocess
import sys

import backend_cases
import keras
import numpy as np
import pytest
from conftest import tensorflow_only

pytestmark = tensorflow_only


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Models of every case, and data for `jax_alone.py`."""
    folder = tmp_path_factory.mktemp("backends")
    for name in backend_cases.CASES:
        backend_cases.build(name).save(folder / f"{name}.keras")
    points = np.random.default_rng(0).uniform(-1, 1, (14, 2))
    np.savez(folder / "points.npz", images=points, labels=np.arange(14) % 3)
    return folder


@pytest.fixture(scope="module")
def said(folder):
    """What the process with JAX and without TensorFlow has said."""
    pytest.importorskip("jax")
    here = pathlib.Path(__file__).parents[1]
    environment = {
        **os.environ,
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "KERAS_HOME": str(folder / "keras"),
        "KERAS_MIXGAN_CACHE": str(folder / "cache"),
        "PYTHONPATH": os.pathsep.join([str(here), str(here.parent), *sys.path]),
    }
    environment.pop("KERAS_BACKEND", None)  # It takes what there is.
    # XLA's older compiler of loops takes two thirds of the time, where it
    # still has it.
    for flags in ("--xla_cpu_use_fusion_emitters=false", ""):
        done = subprocess.run(
            [sys.executable, str(here / "jax_alone.py"), str(folder)],
            env={**environment, "XLA_FLAGS": flags},
            capture_output=True,
            text=True,
        )
        if "Unknown flag" not in done.stderr:
            break
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_trains_and_scores_where_there_is_no_tensorflow(folder, said):
    """Nor scikit-learn, nor TF-GAN: only the packages that README names."""
    assert said.endswith("trained and scored\n")
    assert (folder / "run" / "model.keras").exists()


@pytest.mark.parametrize("name", backend_cases.CASES)
def test_one_step_is_the_same(folder, said, name):
    model = backend_cases.build(name)
    ours = backend_cases.step(model)
    with np.load(folder / f"{name}.npz") as theirs:
        assert set(theirs) == set(ours)
        for key, value in ours.items():
            # A weight moves by RATE times T times its gradient.
            np.testing.assert_allclose(
                theirs[key], value, rtol=1e-5, atol=6e-6, err_msg=key
            )
    # TensorFlow loads what JAX saved after its step, optimizers included.
    loaded = keras.saving.load_model(folder / f"{name}_after.keras")
    assert loaded.step == model.step
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=6e-6)
    sides = zip(
        loaded.optimizer.variables, model.optimizer.variables, strict=True
    )
    for a, b in sides:
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-5)
