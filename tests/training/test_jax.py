"""Training under JAX, and without TensorFlow."""

import os
import sys

import keras
import numpy as np
import pytest
from conftest import image_networks
from conftest import jax_only
from conftest import small_discriminator
from conftest import small_generator
from keras import layers

from keras_mixgan import MixGAN
from keras_mixgan import NonFiniteError
from keras_mixgan.data.sources import Source
from keras_mixgan.data.streams import load


def noise(count=14):
    rng = np.random.default_rng(0)
    return Source(
        "noise",
        rng.integers(0, 256, (count, 8, 8, 1), dtype=np.uint8),
        np.arange(count, dtype=np.int32) % 3,
    )


def quick_networks():
    """Conditional networks without convolutions, which XLA compiles quickly."""
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    x = layers.Concatenate()([latents, layers.Embedding(3, 2)(labels)])
    x = layers.Dense(64, activation="tanh")(x)
    generator = keras.Model([latents, labels], layers.Reshape((8, 8, 1))(x))

    images = keras.Input((8, 8, 1))
    y = layers.Flatten()(images)
    y = layers.Concatenate()([y, layers.Embedding(3, 2)(labels)])
    return generator, keras.Model([images, labels], layers.Dense(1)(y))


@jax_only
def test_data_on_the_device_are_the_same_data():
    """Rows gathered in the step, with one or two steps per call; or arrays."""
    source = noise()
    ends = []
    for steps in (1, 2, None):
        model = MixGAN(*quick_networks(), 1, 1, seed=0)
        model.compile(steps_per_execution=steps or 1)
        data = load(source, batch_size=4, drop_remainder=False, start_step=0)
        if steps is None:
            data = data.take(8)
        model.fit(data, epochs=2, steps_per_epoch=4, verbose=0)
        assert model.step == 8
        ends.append(model.get_weights())
    for others in ends[1:]:
        for a, b in zip(ends[0], others, strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)


@jax_only
def test_what_is_not_finite_is_named():
    model = MixGAN(small_generator(), small_discriminator(), 2, 1, seed=0)
    model.compile()
    points = np.zeros((24, 2), "float32")
    model.fit(points, batch_size=8, verbose=0)
    weights = model.generators[1].get_weights()
    model.generators[1].set_weights([w * np.nan for w in weights])
    with pytest.raises(NonFiniteError, match="at step 4, in generator 1"):
        model.fit(points, batch_size=8, verbose=0)


@jax_only
def test_all_state_is_handed_to_the_step():
    """A variable left out would be read as a constant of the program."""
    from keras_mixgan.training import jax_steps

    model = MixGAN(*image_networks(3, dropout=0.1), 2, 2, seed=0, ema_decay=0.9)
    model.compile()
    known = {id(v) for g in jax_steps._variables(model) for v in g}
    networks = (
        *model.generators, *model.discriminators, *model.ema_generators,
    )  # fmt: skip
    found = [v for n in networks for v in n.variables]
    found += [model.seed_generator.state, model.step_variable]
    found += [v for metric in model.metrics for v in metric.variables]
    assert {id(v) for v in found} <= known


@jax_only
def test_two_devices_do_what_one_does():
    import jax

    def train(count):
        model = MixGAN(*quick_networks(), 1, 2, seed=0)
        sgd = keras.optimizers.SGD
        model.compile(
            generator_optimizer=sgd(0.1), discriminator_optimizer=sgd(0.1)
        )
        model.fit(load(noise(), batch_size=4, seed=0), verbose=0)
        for variable in model.variables:
            assert len(variable.value.sharding.device_set) == count
        return [weight.sum() for weight in model.get_weights()]

    one = train(1)
    devices = [f"cpu:{device.id}" for device in jax.devices()[:2]]
    try:
        keras.distribution.set_distribution(
            keras.distribution.DataParallel(devices=devices)
        )
        two = train(2)
    finally:
        keras.distribution.set_distribution(None)
    np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)


def test_a_backend_is_chosen_where_nobody_did(monkeypatch):
    pytest.importorskip("jax")
    import keras_mixgan

    monkeypatch.delitem(sys.modules, "keras")
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    monkeypatch.setitem(sys.modules, "tensorflow", None)  # Hides it.
    keras_mixgan._choose_backend()
    assert os.environ["KERAS_BACKEND"] == "torch"
    monkeypatch.delenv("KERAS_BACKEND")
    keras_mixgan._choose_backend()
    assert os.environ["KERAS_BACKEND"] == "jax"


@jax_only
def test_synchronized_normalization_is_loaded_without(tmp_path):
    """Keras has it under TensorFlow alone, which may have saved the model."""
    model = MixGAN(*image_networks(), 2, 1, seed=0)

    def synchronized(config):
        if isinstance(config, dict):
            return {
                key: True if key == "synchronized" else synchronized(value)
                for key, value in config.items()
            }
        if isinstance(config, list):
            return [synchronized(value) for value in config]
        return config

    config = synchronized(model.get_config())
    assert "'synchronized': True" in str(config)
    assert MixGAN.from_config(config).generate(2, seed=0).shape[0] == 2
