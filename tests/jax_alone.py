"""A process with JAX and with nothing but the packages that README names.

`python jax_alone.py FOLDER` takes the steps of `backend_cases.py`, then trains
a model of its own from `points.npz` there, and scores images.
"""
# ruff: noqa: E402

import pathlib
import sys

MISSING = (
    "tensorflow", "tensorflow_datasets", "tensorflow_gan", "sklearn",
    "tensorflow_probability", "tf_keras", "tensorflow_hub",
)  # fmt: skip
if __name__ == "__main__":  # pytest imports this file as well.
    sys.modules.update(dict.fromkeys(MISSING))  # Not to be imported.

import keras_mixgan as kmg  # Before Keras: it chooses the backend.

# isort: split
import backend_cases
import keras
import numpy as np
import pytest

from keras_mixgan.cli import runs


def take_steps(folder):
    for name in backend_cases.CASES:
        model = keras.saving.load_model(folder / f"{name}.keras")
        np.savez(folder / f"{name}.npz", **backend_cases.step(model))
        model.save(folder / f"{name}_after.keras")


def train(folder):
    settings = {
        "source": str(folder / "points.npz"), "steps": 2, "batch_size": 4,
        "width": 2, "num_generators": 1, "num_discriminators": 1,
        "architecture": "mlp",
    }  # fmt: skip
    model = runs.train(settings, folder / "run", verbose=0)
    assert model.conditional
    assert model.step == 2


def score():
    images = np.random.default_rng(0).uniform(-1, 1, (40, 28, 28, 1))
    found = kmg.metrics.inception_score(images, "digits", splits=2)
    assert 1 <= found.mean <= 10
    assert kmg.metrics.kid(images, images[:20], "digits").mean < 1
    for asked, wanted in (
        (lambda: kmg.data.load("mnist"), "TensorFlow Datasets"),
        (
            lambda: kmg.metrics.sliced_wasserstein(images, real=images),
            "needs TF-GAN and TensorFlow",
        ),
    ):
        with pytest.raises(ImportError, match=wanted):
            asked()


if __name__ == "__main__":
    assert keras.backend.backend() == "jax"
    given = pathlib.Path(sys.argv[1])
    take_steps(given)
    train(given)
    score()
    print("trained and scored")
