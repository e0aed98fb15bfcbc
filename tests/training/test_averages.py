"""Averages of generators: when they move, and when they start anew."""

import keras
import numpy as np
import pytest
from conftest import small_discriminator
from conftest import small_generator

from keras_mixgan import MixGAN
from keras_mixgan.training.restart import restart


def points(count=16):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (count, 2)).astype("float32")


def averaged(**arguments):
    model = MixGAN(
        small_generator(), small_discriminator(), 2, 1, ema_decay=0.9, seed=0
    )
    model.compile(**arguments)
    return model


def distances(before, model):
    after = model.ema_generators[0].get_weights()
    raw = model.generators[0].get_weights()
    return [
        np.abs(a - b).max() / max(np.abs(b - r).max(), 1e-9)
        for a, b, r in zip(after, before, raw, strict=True)
    ]


@pytest.mark.parametrize("through_a_file", [False, True])
def test_compiling_anew_does_not_start_the_average_anew(
    tmp_path, through_a_file
):
    model = averaged()
    model.fit(points(), batch_size=1, epochs=10, verbose=0)
    if through_a_file:
        model.save(tmp_path / "model.keras")
        model = keras.saving.load_model(tmp_path / "model.keras")
    model.compile(generator_optimizer=keras.optimizers.SGD(0.01))
    before = model.ema_generators[0].get_weights()
    model.fit(points(2), batch_size=2, verbose=0)
    # Update 161 keeps min(0.9, 160 / 181).
    assert int(model.ema_updates) == 161
    for moved in distances(before, model):
        assert moved == pytest.approx(21 / 181, abs=1e-3)


def test_accumulated_gradients_move_the_average_once():
    kept = {}
    for count in (1, 4):
        model = averaged(
            generator_optimizer=keras.optimizers.SGD(
                0.1, gradient_accumulation_steps=None if count == 1 else count
            )
        )
        weights = model.ema_generators[0].get_weights
        moves = []
        for x in points(8):
            before = np.concatenate([w.ravel() for w in weights()])
            model.train_on_batch(x[None])
            after = np.concatenate([w.ravel() for w in weights()])
            moves.append((before != after).any())
        kept[count] = int(model.ema_updates), np.flatnonzero(moves).tolist()
    assert kept == {1: (8, list(range(8))), 4: (2, [3, 7])}


def test_a_restart_has_no_turns_left_and_a_new_average():
    model = averaged(schedule="released")
    model.fit(points(), batch_size=4, verbose=0)
    model.generator_steps_left.assign(5)
    restart(model, seed=1)
    assert int(model.generator_steps_left) == int(model.ema_updates) == 0
