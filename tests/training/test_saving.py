"""Saved models load completely, and training goes on bit by bit the same."""

import forked
import keras
import numpy as np
import pytest
from conftest import JAX
from conftest import image_networks
from conftest import small_discriminator
from conftest import small_generator
from test_mixgan import images
from test_mixgan import points

from keras_mixgan import MixGAN
from keras_mixgan import Payoff
from keras_mixgan.data.sources import Source
from keras_mixgan.data.streams import load
from keras_mixgan.game import payoffs


def data():
    if JAX:
        pixels, labels = images(12)
        pixels = np.rint((pixels + 1) * 127.5).astype("uint8")
        source = Source("noise", pixels, labels)
        return load(source, batch_size=4, shuffle=False)
    import tensorflow as tf

    return tf.data.Dataset.from_tensor_slices(images(12)).batch(4)


def compiled():
    model = MixGAN(
        *image_networks(10, dropout=0.3), 2, 1, ema_decay=0.9, seed=0
    )
    model.compile(
        "hinge",
        keras.optimizers.Adam(
            keras.optimizers.schedules.CosineDecay(1e-3, 100), beta_1=0.5
        ),
        keras.optimizers.RMSprop(1e-3),
        discriminator_steps=2,
        mixture_regularizer=0.2,
    )
    return model


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """Where `straight` is saved after two epochs."""
    return tmp_path_factory.mktemp("half") / "half.keras"


@pytest.fixture(scope="module")
def straight(half):
    """A model trained for four epochs at once, which tests do not change."""

    def save(epoch, logs):
        if epoch == 1:
            model.save(half)

    model = compiled()
    saving = keras.callbacks.LambdaCallback(on_epoch_end=save)
    model.fit(data(), epochs=4, callbacks=[saving], verbose=0)
    return model


def state(model):
    """Values of all variables that training depends on."""
    named = [*model.weights, *model.optimizer.variables]
    return [np.asarray(v) for v in named]


def assert_same_state(a, b):
    for x, y in zip(state(a), state(b), strict=True):
        np.testing.assert_array_equal(x, y)


def test_round_trip(straight, tmp_path):
    model = straight
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, MixGAN)
    assert_same_state(model, loaded)
    assert loaded.objective == model.objective
    assert loaded.step == model.step == 12
    np.testing.assert_array_equal(
        model.generate(9, seed=1), loaded.generate(9, seed=1)
    )


def go_on(paths):
    """Trains the first file's model to the end, into the second."""
    model = keras.saving.load_model(paths[0])
    model.fit(data(), epochs=4, initial_epoch=2, verbose=0)
    model.save(paths[1])


def test_going_on_in_a_new_process_equals_going_straight_on(
    half, straight, tmp_path
):
    resumed = tmp_path / "resumed.keras"
    process = forked.start(go_on, (half, resumed), tmp_path / "process")
    status, _, err = forked.ended(process, tmp_path / "process")
    assert status == 0, err
    assert_same_state(straight, keras.saving.load_model(resumed))


def test_backup_and_restore_goes_on(straight, tmp_path):
    class Interruption(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    def backup():
        return keras.callbacks.BackupAndRestore(tmp_path / "backup")

    first = compiled()
    with pytest.raises(KeyboardInterrupt):
        first.fit(
            data(), epochs=4, verbose=0, callbacks=[backup(), Interruption()]
        )
    second = compiled()
    second.fit(data(), epochs=4, verbose=0, callbacks=[backup()])
    assert_same_state(straight, second)


def test_weights_alone(straight, tmp_path):
    straight.save_weights(tmp_path / "model.weights.h5")
    other = compiled()
    other.load_weights(tmp_path / "model.weights.h5")
    assert_same_state(straight, other)


def test_lists_of_different_networks_round_trip(tmp_path):
    wide = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(9), keras.layers.Dense(2)]
    )
    model = MixGAN([small_generator(), wide], small_discriminator(), seed=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert not loaded.compiled
    np.testing.assert_array_equal(
        model.generate(8, seed=0), loaded.generate(8, seed=0)
    )


def test_config_round_trip_gives_the_seeds_weights():
    model = compiled()
    rebuilt = MixGAN.from_config(model.get_config())
    again = MixGAN.from_config(model.get_config())
    assert rebuilt.num_classes == 10
    for a, b in zip(rebuilt.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    kernels = [tuple(g.get_weights()[0].ravel()) for g in rebuilt.generators]
    assert len(set(kernels)) == 2


def test_a_file_with_a_negative_seed_loads(tmp_path):
    model = MixGAN(small_generator(), small_discriminator(), 2, 1, seed=1)
    config = model.get_config() | {"seed": -1}
    assert MixGAN.from_config(config).seed == 1


def test_a_payoff_of_ones_own_is_found_by_name(
    tmp_path, monkeypatch, generator, discriminator
):
    monkeypatch.setattr(payoffs, "PAYOFFS", dict(payoffs.PAYOFFS))
    mine = Payoff("mine", real=keras.ops.tanh, fake=keras.ops.negative)
    model = MixGAN(generator, discriminator, 1, 1)
    model.compile(mine)
    with pytest.raises(ValueError, match=r"payoffs\.register.*payoff='mine'"):
        model.save(tmp_path / "model.keras")
    assert not list(tmp_path.iterdir())
    payoffs.register(mine)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.objective.payoff is mine


def test_callbacks_of_keras_work(tmp_path, generator, discriminator):
    model = MixGAN(generator, discriminator, 2, 2, seed=0)
    model.compile()
    callbacks = [
        keras.callbacks.ModelCheckpoint(tmp_path / "at{epoch}.keras"),
        keras.callbacks.CSVLogger(tmp_path / "log.csv"),
        keras.callbacks.TensorBoard(tmp_path / "board"),
        keras.callbacks.EarlyStopping("payoff", mode="min", patience=1),
        keras.callbacks.LearningRateScheduler(lambda epoch: 1e-3 / (1 + epoch)),
        keras.callbacks.TerminateOnNaN(),
    ]
    history = model.fit(points(64), epochs=3, verbose=0, callbacks=callbacks)
    assert (tmp_path / "at1.keras").exists()
    header = (tmp_path / "log.csv").read_text().splitlines()[0]
    assert "generator_loss" in header
    assert any((tmp_path / "board").rglob("events*"))
    last = len(history.epoch)
    for side in ("generator_optimizer", "discriminator_optimizer"):
        rate = float(getattr(model.optimizer, side).learning_rate)
        assert rate == pytest.approx(1e-3 / last)


def test_a_component_can_be_saved_alone(straight, tmp_path):
    straight.discriminators[0].save(tmp_path / "d.keras")
    loaded = keras.saving.load_model(tmp_path / "d.keras")
    x, y = images()
    np.testing.assert_allclose(
        loaded([x, y], training=False),
        straight.discriminators[0]([x, y], training=False),
        atol=1e-6,
    )


def test_how_it_is_run_is_saved(tmp_path, generator, discriminator):
    model = MixGAN(generator, discriminator, 1, 1, seed=0)
    for asked in ({"jit_compile": False}, {"run_eagerly": True}, {}):
        model.compile(**asked)
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        assert loaded.run_eagerly is model.run_eagerly
        # Without XLA for other reasons `jit_compile` itself would say little.
        for one in (model, loaded):
            saved = one.get_compile_config()["jit_compile"]
            assert saved == asked.get("jit_compile", "auto")
