"""Layers and initializers of a user's own in the networks of a mixture."""

import keras
import numpy as np
import pytest
from conftest import small_discriminator
from conftest import small_generator
from keras import layers
from keras import ops
from test_own_networks import compiled
from test_own_networks import points

import keras_mixgan as kmg
from keras_mixgan import MixGAN

pytestmark = pytest.mark.usefixtures("no_graphs")


@keras.saving.register_keras_serializable("own_layers")
class Projection(layers.Layer):
    """A fixed random projection: its `seed` is no seed of Keras's draws."""

    def __init__(self, units, seed, **arguments):
        super().__init__(**arguments)
        self.units, self.seed = units, seed

    def build(self, shape):
        rng = np.random.default_rng(self.seed)
        self.matrix = rng.normal(size=(shape[-1], self.units)).astype("float32")

    def call(self, inputs):
        return ops.tanh(ops.matmul(inputs, self.matrix))

    def get_config(self):
        return {**super().get_config(), "units": self.units, "seed": self.seed}


def test_a_seed_of_ones_own_layer_is_kept_and_those_of_keras_are_not(tmp_path):
    draw = keras.initializers.GlorotUniform(seed=1)
    generator = keras.Sequential(
        [
            keras.Input((3,)),
            Projection(4, seed=7),
            layers.Dense(2, "tanh", kernel_initializer=draw),
        ]
    )
    model = MixGAN(generator, small_discriminator(), 2, 1, seed=0)
    assert [x.layers[0].seed for x in model.generators] == [7, 7]
    one, other = (x.layers[1].get_weights()[0] for x in model.generators)
    assert not np.array_equal(one, other)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.generate(4, seed=1), model.generate(4, seed=1)
    )


@keras.saving.register_keras_serializable("own_layers")
class Normal(keras.initializers.RandomNormal):
    """An initializer of one's own, with a seed like Keras's."""


@keras.saving.register_keras_serializable("own_layers")
class Dropped(layers.Dropout):
    """A dropout of one's own."""


def test_draws_of_ones_own_subclasses_of_keras_differ():
    critic = keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(4, kernel_initializer=Normal(stddev=1.0, seed=3)),
            Dropped(0.5, seed=1),
            layers.Dense(1),
        ]
    )
    model = MixGAN(small_generator(), critic, 1, 2, seed=0)
    one, other = (x.layers[0].get_weights()[0] for x in model.discriminators)
    assert not np.array_equal(one, other)
    seeds = {x.layers[1].seed for x in model.discriminators}
    assert len(seeds) == 2 or seeds == {None}


def test_sides_that_share_a_layer_are_refused():
    common = layers.Dense(2, name="common")
    generator = keras.Sequential([keras.Input((2,)), common])
    critic = keras.Sequential([keras.Input((2,)), common, layers.Dense(1)])
    with pytest.raises(
        ValueError, match=r"generator 0 and discriminator 0.*comm"
    ):
        MixGAN([generator], [critic], seed=0)


@keras.saving.register_keras_serializable("own_layers")
class Plain(layers.BatchNormalization):
    """A batch normalization whose `call` takes no mask."""

    def call(self, inputs, training=None):
        return super().call(inputs, training=training)


def test_a_batch_normalization_without_a_mask():
    ends = []
    for kind in (Plain, layers.BatchNormalization):
        critic = keras.Sequential(
            [keras.Input((2,)), layers.Dense(4), kind(), layers.Dense(1)]
        )
        model = MixGAN(small_generator(), critic, 2, 1, seed=0)
        compiled(model).fit(points()[0], batch_size=6, shuffle=False, verbose=0)
        ends.append(model.payoff_matrix(points()[0], seed=0))
    np.testing.assert_allclose(*ends, rtol=1e-4, atol=1e-5)


def waiting():
    """A mixture whose discriminator is initialized from data."""
    dense = layers.Dense(4, use_bias=False)
    critic = keras.Sequential(
        [
            keras.Input((2,)),
            kmg.architectures.WeightNormalization(dense),
            layers.Dense(1),
        ]
    )
    return compiled(MixGAN(small_generator(), critic, 1, 1, seed=0), 1e-12)


def test_trained_weights_are_not_initialized_from_data():
    model, x = waiting(), points()[0]
    before = model.discriminators[0].get_weights()
    batches = ((x[i : i + 6],) for i in (0, 6))
    with pytest.warns(kmg.UsageWarning, match="start without"):
        model.fit(batches, steps_per_epoch=2, verbose=0)
    model.fit(x, batch_size=6, verbose=0)
    for one, other in zip(
        before, model.discriminators[0].get_weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)
