"""Training under JAX, and without TensorFlow."""

import os
import signal
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
from keras_mixgan.backends.inference import Forward
from keras_mixgan.data.sources import Source
from keras_mixgan.data.streams import load
from keras_mixgan.training import jax_steps
from keras_mixgan.training.history import MixtureHistory
from keras_mixgan.utils import pixels


def noise(count=14):
    rng = np.random.default_rng(0)
    return Source(
        "noise",
        rng.integers(0, 256, (count, 8, 8, 1), dtype=np.uint8),
        np.arange(count, dtype=np.int32) % 3,
    )


class ThreeAtOnce(keras.utils.PyDataset):
    """Data of which only the first batch can be looked at."""

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return arrays(3)


def arrays(count):
    source = noise(count)
    return pixels.to_floats(source.images), source.labels


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


def points(count=16):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (count, 2)).astype("float32")


def trained():
    model = MixGAN(small_generator(), small_discriminator(), 2, 1, seed=0)
    model.compile()
    model.fit(points(), batch_size=8, verbose=0)
    return model


@jax_only
def test_a_fit_that_fails_leaves_the_model_as_it_was():
    model = trained()
    before = model.generate(3, seed=1)

    def odd():
        yield (np.zeros((8, 3), "float32"),)

    for _ in range(2):
        with pytest.raises((TypeError, ValueError)):
            model.fit(odd(), steps_per_epoch=1, verbose=0)
        assert model.step == 2
        np.testing.assert_array_equal(model.generate(3, seed=1), before)
    model.fit(points(), batch_size=8, verbose=0)
    assert model.step == 4


@jax_only
def test_ctrl_c_comes_between_steps(monkeypatch):
    model = trained()
    jit = jax_steps._jit

    def interrupted(*arguments):
        compiled = jit(*arguments)

        def call(*state):
            answer = compiled(*state)
            # As it comes while the answer is on its way.
            os.kill(os.getpid(), signal.SIGINT)
            return answer

        return call

    monkeypatch.setattr(jax_steps, "_jit", interrupted)
    model.compile()
    # A process in the background begins with it ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            model.fit(points(), batch_size=8, verbose=0)
    finally:
        signal.signal(signal.SIGINT, before)
    assert model.step == 3
    assert np.isfinite(model.generate(3, seed=1)).all()


@jax_only
def test_a_step_that_a_callback_sets_counts():
    model = trained()

    class SetBack(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            self.model.step_variable.assign(7)

    history = MixtureHistory(every=1)
    model.fit(points(), batch_size=8, verbose=0, callbacks=[SetBack(), history])
    assert model.step == 9
    assert [row["step"] for row in history.rows] == [8, 9]


# Keras warns of the layer that is never built.
@pytest.mark.filterwarnings("ignore:.build... was called on layer")
def test_a_layer_that_no_call_uses_is_no_error():
    @keras.saving.register_keras_serializable("test_jax")
    class Optional(keras.Model):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.used, self.unused = layers.Dense(1), layers.Dense(3)

        def call(self, x):
            return self.used(x)

        def get_config(self):
            return {}

    model = MixGAN(
        small_generator(), Optional(), 1, 1, seed=0, image_shape=(2,)
    )
    model.compile()
    model.fit(points(), batch_size=8, verbose=0)


@keras.saving.register_keras_serializable("test_jax")
class Spread(layers.Layer):
    """Adds the spread of a batch, times a weight that starts from zero."""

    def build(self, _):
        self.scale = self.add_weight(shape=(), initializer="zeros")

    def call(self, x):
        return x + self.scale * keras.ops.std(x, axis=0)


def spread(x):
    return x + keras.ops.std(x, axis=0)


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (spread, lambda x: x + x.std(0)),
        (layers.Lambda(spread), lambda x: x + x.std(0)),
        (layers.Activation(spread), lambda x: x + x.std(0)),
        (layers.Softmax(axis=0), lambda x: np.exp(x) / np.exp(x).sum(0)),
    ],
)
def test_what_looks_at_the_batch_sees_no_padding(layer, expected):
    points_in = keras.Input((2,))
    network = keras.Model(points_in, layer(points_in))
    x = points(5)
    np.testing.assert_allclose(Forward()(network, x), expected(x), rtol=1e-5)


def test_what_comes_to_look_at_the_batch_sees_no_padding():
    points_in = keras.Input((2,))
    layer = Spread()
    network = keras.Model(points_in, layer(points_in))
    forward, x = Forward(), points(5)
    np.testing.assert_allclose(forward(network, x), x, rtol=1e-5)
    layer.scale.assign(1.0)
    np.testing.assert_allclose(forward(network, x), x + x.std(0), rtol=1e-5)


@jax_only
def test_operations_on_each_image_alone_are_padded():
    """To compile for few sizes."""
    sizes = set()

    @keras.saving.register_keras_serializable("test_jax")
    class Seen(layers.Layer):
        def call(self, x):
            sizes.add(str(x.shape[0]))
            return x

    points_in = keras.Input((2,))
    network = keras.Model(points_in, keras.ops.erf(Seen()(points_in)))
    forward = Forward()
    for count in (5, 6, 7, 8):
        assert forward(network, points(count)).shape == (count, 2)
    assert "8" in sizes
    assert not {"5", "6", "7"} & sizes


@jax_only
def test_weights_set_after_a_refused_batch_stay():
    model = MixGAN(small_generator(), small_discriminator(), 1, 1, seed=0)
    model.compile()
    model.train_on_batch(points(8))
    with pytest.raises(TypeError, match="shapes"):
        model.train_on_batch(points(8)[:, :1])
    set_to = [w + 1 for w in model.generators[0].get_weights()]
    model.generators[0].set_weights(set_to)
    seen = []

    class Looks(keras.callbacks.Callback):
        def on_train_begin(self, logs=None):
            seen.extend(self.model.generators[0].get_weights())

    model.fit(points(8), batch_size=4, verbose=0, callbacks=[Looks()])
    for one, other in zip(seen, set_to, strict=True):
        np.testing.assert_array_equal(one, other)


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
        model = MixGAN(*quick_networks(), 1, 1, seed=0)
        model.compile()
        with pytest.raises(ValueError, match="7 rows in the last batch, 2"):
            model.fit(*arrays(15), batch_size=8, verbose=0)
        odd = load(noise(7), batch_size=4, drop_remainder=False)
        with pytest.raises(ValueError, match="3 rows in the last batch, 2"):
            model.fit(odd, verbose=0)
        with pytest.raises(ValueError, match="batch_size=3, 2 replicas"):
            model.fit(ThreeAtOnce(), verbose=0)
        assert model.step == 0
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
