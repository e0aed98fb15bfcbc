"""Callbacks that draw: grids of samples, animations, curves."""

import conftest
import keras
import numpy as np
import PIL.Image
import PIL.ImageSequence
import pytest
from keras import layers

import keras_mixgan as kmg
from keras_mixgan.training import callbacks

pytestmark = pytest.mark.usefixtures("no_graphs")


def small_model():
    model = kmg.MixGAN(
        conftest.small_generator(), conftest.small_discriminator(), 2, 1, seed=0
    )
    model.compile()
    return model


def test_pictures_come_every_so_many_epochs(tmp_path):
    model = small_model()
    points = np.zeros((8, 2), "float32")
    history = callbacks.MixtureHistory(every=1)
    grid = callbacks.SampleGrid(tmp_path / "{epoch}-{step}.png", every=2)
    curves = callbacks.Curves(tmp_path / "curves.png", history, every=2)
    used = [history, grid, curves]
    model.fit(points, batch_size=4, epochs=4, callbacks=used, verbose=0)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["2-4.png", "4-8.png", "curves.png"]


def test_pictures_come_where_one_call_ends_several_epochs(tmp_path):
    grid = callbacks.SampleGrid(tmp_path / "{epoch}.png", every=2)
    grid.set_model(small_model())
    for epoch in (0, 10, 20):
        grid.on_epoch_end(epoch)
    drawn = sorted(path.name for path in tmp_path.iterdir())
    assert drawn == ["11.png", "21.png"]


def frames_of(path):
    with PIL.Image.open(path) as file:
        assert file.info["loop"] == 0
        return [
            np.asarray(frame.convert("RGB"))
            for frame in PIL.ImageSequence.Iterator(file)
        ]


@conftest.tensorflow_only  # Pictures; under JAX it takes 7 s.
def test_an_animation_goes_on_with_a_training_taken_up_again(tmp_path):
    """Its pictures are those of a training that never stopped."""
    straight, path = tmp_path / "straight.gif", tmp_path / "progress.gif"
    model, checkpoint = image_model(), tmp_path / "model.keras"
    kept = callbacks.SampleGrid(str(tmp_path / "{epoch}.png"), rows=1)
    fit_images(model, 3, callbacks.SampleGrid(straight, rows=1), kept)
    frames = frames_of(straight)
    assert len(frames) == 3
    for epoch, frame in enumerate(frames, 1):
        picture = np.asarray(PIL.Image.open(tmp_path / f"{epoch}.png"))
        # Exact: there are at most 256 gray levels, and 256 colours a picture.
        np.testing.assert_array_equal(frame, picture)
    assert (frames[0] != frames[1]).any()

    model = image_model()
    fit_images(model, 1, callbacks.SampleGrid(path, rows=1))
    model.save(checkpoint)
    # What comes after the checkpoint is lost with the process.
    fit_images(model, 1, callbacks.SampleGrid(path, rows=1))
    assert len(frames_of(path)) == 2
    model = keras.saving.load_model(checkpoint)
    fit_images(model, 2, callbacks.SampleGrid(path, rows=1))
    np.testing.assert_array_equal(frames_of(path), frames)

    fit_images(image_model(), 1, callbacks.SampleGrid(path, rows=1))
    assert len(frames_of(path)) == 1


def image_model():
    model = kmg.MixGAN(*conftest.image_networks(), 1, 1, seed=0)
    adam = [keras.optimizers.Adam(0.01) for _ in range(2)]
    model.compile("log", *adam)
    return model


def fit_images(model, epochs, *used):
    images = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1))
    model.fit(
        images.astype("float32"), batch_size=4, epochs=epochs, verbose=0,
        shuffle=False, callbacks=list(used),
    )  # fmt: skip


def test_what_cannot_be_drawn_is_told_before_training(tmp_path):
    generator = keras.Sequential(
        [
            keras.Input((3,)),
            layers.Dense(8, "tanh"),
            layers.Reshape((2, 2, 2, 1)),
        ]
    )
    discriminator = keras.Sequential(
        [keras.Input((2, 2, 2, 1)), layers.Flatten(), layers.Dense(1)]
    )
    model = kmg.MixGAN(generator, discriminator, 1, 1, seed=0)
    model.compile()
    volumes = np.linspace(-1, 1, 64, dtype="float32")
    volumes = volumes.reshape((8, 2, 2, 2, 1))
    grid = callbacks.SampleGrid(tmp_path / "a.png")
    with pytest.raises(ValueError, match="draws points and images"):
        model.fit(volumes, batch_size=4, callbacks=[grid], verbose=0)
    assert model.step == 0
