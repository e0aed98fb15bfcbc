"""What version 0.1 wrote still loads: `tests/version_0_1` is its output.

A run of 20 steps on the digits (T = 2, width 2), its preset, and the images
that version 0.1 generated from them.
"""

import pathlib
import shutil

import keras
import numpy as np
import pytest
from conftest import tensorflow_only

from keras_mixgan import MixGAN
from keras_mixgan import runs
from keras_mixgan.cli import configs

FOLDER = pathlib.Path(__file__).parents[1] / "version_0_1"


@pytest.mark.parametrize("kind", ["checkpoint", "preset"])
def test_its_models_make_the_images_they_made(kind):
    if kind == "preset":
        model = MixGAN.from_preset(FOLDER / "preset")
    else:
        model = keras.saving.load_model(FOLDER / "run" / "checkpoint.keras")
    with np.load(FOLDER / "images.npz") as before:
        np.testing.assert_allclose(
            model.generate(4, labels=[3, 7], seed=1),
            before["images"],
            atol=1e-5,
        )
        np.testing.assert_allclose(
            model.generator_weights, before["weights"], rtol=1e-6
        )
    assert model.step == 20


@tensorflow_only
@pytest.mark.usefixtures("no_graph", "no_picture")
def test_its_run_goes_on(tmp_path):
    shutil.copytree(FOLDER / "run", tmp_path / "run")
    given = configs.completed({}, tmp_path / "run" / "settings.json")
    model = runs.train(given | {"steps": 22}, tmp_path / "run", verbose=0)
    assert model.step == 22
