"""Weight normalization and minibatch discrimination, against NumPy float64."""

import contextlib

import keras
import numpy as np
import pytest
from conftest import JAX
from keras import layers
from keras import ops

from keras_mixgan import MixGAN
from keras_mixgan.architectures import MinibatchDiscrimination
from keras_mixgan.architectures import WeightNormalization
from keras_mixgan.architectures.layers import initializing
from keras_mixgan.backends import executor
from keras_mixgan.backends import stateless
from keras_mixgan.backends.inference import Forward
from keras_mixgan.game import normalization


def array(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


LINEAR = {
    "dense": (lambda: layers.Dense(3, use_bias=False), (5, 4), 1),
    "conv": (
        lambda: layers.Conv2D(3, 3, 2, "same", use_bias=False),
        (5, 6, 6, 2),
        3,
    ),
    "transposed": (
        lambda: layers.Conv2DTranspose(3, 4, 2, "same", use_bias=False),
        (5, 4, 4, 2),
        2,
    ),
}


@pytest.mark.parametrize("kind", LINEAR)
def test_weights_are_a_direction_and_a_length(kind):
    make, shape, channels = LINEAR[kind]
    inputs = array(*shape)
    layer, plain = WeightNormalization(make()), make()
    layer(inputs), plain(inputs)
    scale, offset = array(3, seed=1), array(3, seed=2)
    layer.scale.assign(scale)
    layer.offset.assign(offset)
    kernel = np.asarray(layer.layer.kernel, "float64")
    axes = tuple(i for i in range(kernel.ndim) if i != channels)
    length = np.sqrt(1e-6 + (kernel**2).sum(axis=axes, keepdims=True))
    place = [1] * kernel.ndim
    place[channels] = 3
    plain.kernel.assign(kernel / length * scale.reshape(place))
    np.testing.assert_allclose(
        layer(inputs), np.asarray(plain(inputs)) + offset, atol=1e-5
    )


@pytest.mark.parametrize("kind", LINEAR)
def test_the_start_from_data_gives_mean_and_deviation(kind):
    make, shape, _ = LINEAR[kind]
    layer = WeightNormalization(make(), start_deviation=0.1)
    inputs = 3 + 2 * array(*shape)
    layer(inputs)
    with initializing():
        started = np.asarray(layer(inputs))
    outputs = np.asarray(layer(inputs))
    np.testing.assert_array_equal(started, outputs)
    axes = tuple(range(outputs.ndim - 1))
    np.testing.assert_allclose(outputs.mean(axis=axes), 0, atol=1e-5)
    np.testing.assert_allclose(outputs.std(axis=axes), 0.1, rtol=1e-3)
    # It starts only once.
    with initializing():
        layer(10 * inputs)
    np.testing.assert_array_equal(layer(inputs), outputs)


@pytest.mark.parametrize("train_scale", [False, True])
def test_the_length_is_trained_where_asked(train_scale):
    layer = WeightNormalization(
        layers.Dense(3, use_bias=False), train_scale=train_scale
    )
    layer(array(2, 4))
    assert len(layer.trainable_variables) == 2 + train_scale
    copy = WeightNormalization.from_config(layer.get_config())
    assert copy.get_config() == layer.get_config()


def minibatch(inputs, kernel, log_scale, offset):
    """Salimans et al., Section 3.2, row by row."""
    norms = np.sqrt(1e-6 + (kernel**2).sum(axis=0))
    kernel = kernel * np.exp(log_scale) / norms
    m = np.einsum("nf,fkd->nkd", inputs, kernel)
    near = np.zeros((len(inputs), m.shape[1]))
    for i in range(len(inputs)):
        for j in range(len(inputs)):
            if i != j:
                near[i] += np.exp(-np.abs(m[i] - m[j]).sum(axis=1))
    return np.concatenate([inputs, near + offset], axis=1)


def made_minibatch():
    layer = MinibatchDiscrimination(3, 2)
    layer.build((None, 4))
    for i, variable in enumerate(layer.trainable_variables):
        variable.assign(array(*variable.shape, seed=i))
    return layer, [np.asarray(v, "float64") for v in layer.trainable_variables]


def test_minibatch_discrimination():
    layer, variables = made_minibatch()
    inputs = array(6, 4, seed=7)
    np.testing.assert_allclose(
        layer(inputs), minibatch(inputs, *variables), atol=1e-5
    )


def test_slopes_of_minibatch_discrimination():
    layer, variables = made_minibatch()
    inputs, factors = array(6, 4, seed=7), array(6, 7, seed=8)

    def value():
        total = ops.sum(layer(inputs) * factors)
        return (total,), ()

    side = layer.trainable_variables
    with (
        stateless.Scope(side, [v.value for v in side])
        if JAX
        else (contextlib.nullcontext())
    ):
        _, _, (gradients,) = executor.of_backend().gradients(value, (side,))
    for gradient, variable in zip(gradients, variables, strict=True):
        slopes = np.empty(variable.shape)
        for index in np.ndindex(variable.shape):
            kept, ends = variable[index], []
            for shift in (1e-5, -1e-5):
                variable[index] = kept + shift
                ends.append((minibatch(inputs, *variables) * factors).sum())
            variable[index] = kept
            slopes[index] = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(gradient, slopes, rtol=1e-3, atol=1e-4)


def test_the_start_of_minibatch_discrimination():
    """The mean distance to the nearest image is 2; the mean output is 0."""
    layer, _ = made_minibatch()
    inputs = array(8, 4, seed=9)
    with initializing():
        layer(inputs)
    outputs = np.asarray(layer(inputs))
    np.testing.assert_allclose(outputs[:, 4:].mean(axis=0), 0, atol=1e-5)
    kernel, log_scale = (
        np.asarray(v, "float64") for v in (layer.kernel, layer.log_scale)
    )
    norms = np.sqrt(1e-6 + (kernel**2).sum(axis=0))
    m = np.einsum("nf,fkd->nkd", inputs, kernel * np.exp(log_scale) / norms)
    apart = np.abs(m[:, None] - m[None]).sum(axis=-1)
    apart[np.arange(8), np.arange(8)] = np.inf
    np.testing.assert_allclose(apart.min(axis=1).mean(axis=0), 2, rtol=1e-4)


@pytest.mark.parametrize("sizes", [[4, 4], [5, 2, 1]])
def test_groups_do_not_see_each_other(sizes):
    network = keras.Sequential([keras.Input((4,)), MinibatchDiscrimination(3)])
    batches = [array(size, 4, seed=i) for i, size in enumerate(sizes)]
    separate = np.concatenate([network(batch) for batch in batches])
    normalization.normalize_by_group(network)
    with normalization.groups(sizes):
        one = np.asarray(network(np.concatenate(batches)))
    np.testing.assert_allclose(one, separate, atol=1e-6)


def test_layers_by_group_may_take_training():
    class Ranked(layers.Layer):
        by_group = True

        def call(self, inputs, training=False):
            return inputs - ops.max(inputs, axis=0) if training else inputs

    network = keras.Sequential([keras.Input((4,)), Ranked()])
    batches = [array(4, 4, seed=i) for i in range(2)]
    separate = [network(batch, training=True) for batch in batches]
    normalization.normalize_by_group(network)
    with normalization.groups([4, 4]):
        one = network(np.concatenate(batches), training=True)
    np.testing.assert_array_equal(one, np.concatenate(separate))


def test_data_start_networks_of_one_hot_labels():
    """They need labels, whose number of classes only the data tell."""

    def network(inputs, units):
        given = [keras.Input((inputs,)), keras.Input((), dtype="int32")]
        x = layers.Concatenate()([given[0], ops.one_hot(given[1], 3)])
        layer = WeightNormalization(layers.Dense(units, use_bias=False))
        return keras.Model(given, layer(x))

    model = MixGAN(network(3, 2), network(2, 1), 2, 1, seed=0)
    model.compile()
    labels = np.arange(8) % 3
    model.fit(array(8, 2), labels, batch_size=4, verbose=0)
    assert model.step == 2


def test_fit_starts_a_fresh_model_from_its_first_batch():
    def network(inputs, units):
        inputs = keras.Input((inputs,))
        layer = WeightNormalization(
            layers.Dense(units, use_bias=False), 0.1, name="last"
        )
        return keras.Model(inputs, layer(inputs))

    points = 0.3 + 0.2 * array(8, 2)
    model = MixGAN(network(3, 2), network(2, 1), 2, 1, seed=0)
    still = keras.optimizers.SGD(1e-30)
    model.compile("wasserstein", still, keras.optimizers.SGD(1e-30))
    model.fit(points, batch_size=8, shuffle=False, verbose=0)
    for discriminator in model.discriminators:
        outputs = np.asarray(discriminator(points))
        assert outputs.std() == pytest.approx(0.1, rel=1e-3)
        assert outputs.mean() == pytest.approx(0, abs=1e-5)
    networks = [*model.generators, *model.discriminators]
    before = [w for network in networks for w in network.get_weights()]
    model.step_variable.assign(0)  # Like a model that other data continue.
    model.fit(10 * points, batch_size=8, shuffle=False, verbose=0)
    after = [w for network in networks for w in network.get_weights()]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-20)


@pytest.mark.parametrize("value", [0, -1, "1"])
def test_a_deviation_is_positive(value):
    with pytest.raises(ValueError, match="`start_deviation` must be a pos"):
        WeightNormalization(layers.Dense(3), value)
    with pytest.raises(ValueError, match="`num_kernels` must be a positive"):
        MinibatchDiscrimination(value)


def test_batches_are_judged_without_padding():
    images = np.random.default_rng(0).normal(size=(5, 4)).astype("float32")
    x = keras.Input((4,))
    network = keras.Model(x, MinibatchDiscrimination(3)(x))
    np.testing.assert_allclose(
        Forward()(network, images),
        keras.ops.convert_to_numpy(network(images, training=False)),
        rtol=1e-5,
        atol=1e-6,
    )
