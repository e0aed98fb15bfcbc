"""Keras's own schedules keep the ratio of both sides' learning rates."""

import keras
import numpy as np
import pytest
from conftest import small_discriminator
from conftest import small_generator
from test_mixgan import points

from keras_mixgan import MixGAN

pytestmark = pytest.mark.usefixtures("no_graphs")


@pytest.fixture
def model():
    model = MixGAN(small_generator(), small_discriminator(), 1, 1, seed=0)
    model.compile(
        generator_optimizer=keras.optimizers.Adam(1e-3),
        discriminator_optimizer=keras.optimizers.Adam(4e-3),
    )
    return model


def rates(model):
    return [
        float(getattr(model.optimizer, f"{side}_optimizer").learning_rate)
        for side in ("generator", "discriminator")
    ]


def test_learning_rate_scheduler(model):
    schedule = keras.callbacks.LearningRateScheduler(
        lambda epoch, rate: rate if epoch < 1 else rate / 2
    )
    model.fit(points(), epochs=3, callbacks=[schedule], verbose=0)
    assert rates(model) == pytest.approx([2.5e-4, 1e-3])


def test_a_warm_up_from_zero(model):
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: epoch * 1e-3)
    model.fit(points(), epochs=3, callbacks=[schedule], verbose=0)
    assert rates(model) == pytest.approx([2e-3, 8e-3])


def test_a_warm_up_from_zero_goes_on_after_a_save(model, tmp_path):
    schedule = keras.callbacks.LearningRateScheduler(lambda epoch: epoch * 1e-3)
    model.fit(points(), epochs=1, callbacks=[schedule], verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    loaded.fit(
        points(), epochs=3, initial_epoch=1, callbacks=[schedule], verbose=0
    )
    assert rates(loaded) == pytest.approx([2e-3, 8e-3])


def test_reduce_on_plateau(model):
    plateau = keras.callbacks.ReduceLROnPlateau(
        monitor="loss", factor=0.1, patience=1, min_delta=1e9
    )
    history = model.fit(points(), epochs=3, callbacks=[plateau], verbose=0)
    assert rates(model) == pytest.approx([1e-5, 4e-5])
    assert history.history["learning_rate"][0] == pytest.approx(1e-3)


def test_the_same_rate_changes_nothing(model):
    before = rates(model)
    model.optimizer.learning_rate = 1e-3
    assert rates(model) == before


def test_nothing_to_scale_from():
    model = MixGAN(small_generator(), small_discriminator(), 1, 1, seed=0)
    model.compile(generator_optimizer=keras.optimizers.SGD(0.0))
    with pytest.raises(ValueError, match=r"`learning_rate`.*must be positive"):
        model.optimizer.learning_rate = 1.0


def test_one_of_another_model_is_refused(model):
    other = MixGAN(small_generator(), small_discriminator(), 2, 1, seed=0)
    used = model.optimizer.generator_optimizer
    with pytest.raises(ValueError, match=r"`generator_optimizer` and .*Adam"):
        other.compile(generator_optimizer=used)
    model.compile("hinge", *model.optimizer.sides)  # Its own will do.
    model.fit(points(), verbose=0)


def test_frozen_layers_need_new_optimizers(model):
    old = model.optimizer.sides
    model.generators[0].trainable = False
    with pytest.raises(ValueError, match="new where the trainable variables"):
        model.compile("hinge", *old)


@pytest.mark.parametrize("side", [0, 1])
def test_a_schedule_refuses_a_rate_before_either_side_has_it(side):
    model = MixGAN(small_generator(), small_discriminator(), 1, 1, seed=0)
    decay = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)
    used = [keras.optimizers.SGD(0.1), keras.optimizers.SGD(decay)]
    model.compile("log", *(used if side else used[::-1]))
    with pytest.raises(TypeError):
        model.optimizer.learning_rate = 0.5
    assert rates(model) == pytest.approx([0.1, 0.1])


def test_betas_may_be_integers():
    ends = []
    for zero in (0, 0.0):
        model = MixGAN(small_generator(), small_discriminator(), 1, 1, seed=0)
        model.compile(
            generator_optimizer=keras.optimizers.Adam(1e-2, beta_1=zero),
            discriminator_optimizer=keras.optimizers.Adam(1e-2, beta_1=zero),
            run_eagerly=keras.backend.backend() == "tensorflow",
        )
        model.fit(points(), shuffle=False, verbose=0)
        ends.append(model.generate(4, seed=0))
    np.testing.assert_array_equal(*ends)


@pytest.mark.parametrize(
    "make",
    [
        lambda: keras.optimizers.SGD(0.1, loss_scale_factor=1024.0),
        lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(0.1)),
    ],
)
def test_a_scaled_loss_is_refused(model, make):
    with pytest.raises(ValueError, match="must not scale the loss"):
        model.compile(discriminator_optimizer=make())
