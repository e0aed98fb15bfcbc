"""One concatenated call equals separate calls, source by source."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import image_networks
from keras import layers
from keras import ops

from keras_mixgan.game import normalization


def networks():
    """A convolutional network, and one with nested layers."""
    conv = image_networks()[1]
    nested = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            keras.Sequential(
                [layers.Conv2D(3, 3), layers.BatchNormalization(scale=False)]
            ),
            layers.Flatten(),
            layers.Dense(4),
            layers.BatchNormalization(momentum=0.5),
            layers.Dense(1),
        ]
    )
    return [conv, nested]


@pytest.mark.parametrize("which", [0, 1])
# Equal sizes are split by their number, others by a list of sizes.
@pytest.mark.parametrize("sizes", [[4, 4, 4], [5, 2, 3]])
def test_one_call_equals_separate_calls(which, sizes):
    together = networks()[which]
    apart = keras.models.clone_model(together)
    apart.set_weights(together.get_weights())
    normalization.normalize_by_group(together)
    rng = np.random.default_rng(0)
    batches = [
        rng.normal(i, 1 + i, (size, 8, 8, 1)).astype("float32")
        for i, size in enumerate(sizes)
    ]
    with normalization.groups(sizes):
        one = together(np.concatenate(batches), training=True)
    separate = [apart(batch, training=True) for batch in batches]
    np.testing.assert_allclose(one, np.concatenate(separate), atol=1e-5)
    for a, b in zip(together.get_weights(), apart.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("sizes", [[4, 4, 4], [5, 2, 3], [6]])
@pytest.mark.parametrize("shape", [(8, 8, 3), (5, 3), (3,)])
def test_slopes_and_their_slopes(sizes, shape):
    """Derivatives to second order, which a gradient penalty takes.

    Compared with the formula: `tf.nn.moments`, which Keras calls, stops the
    gradient of the mean, so it is right to first order only.
    """
    layer = layers.BatchNormalization()
    network = keras.Sequential([keras.Input(shape), layer])
    normalization.normalize_by_group(network)
    rng = np.random.default_rng(0)
    layer.gamma.assign(rng.normal(size=3))
    images, weights, direction = (
        tf.constant(rng.normal(size=(sum(sizes), *shape)), "float32")
        for _ in range(3)
    )

    def formula(part):
        axes = list(range(len(shape)))
        centred = part - tf.reduce_mean(part, axes)
        variance = tf.reduce_mean(centred**2, axes)
        scale = layer.gamma.value * tf.math.rsqrt(variance + layer.epsilon)
        return centred * scale + layer.beta.value

    def apart(images):
        return tf.concat([formula(p) for p in tf.split(images, sizes)], 0)

    def together(images):
        with normalization.groups(sizes):
            return network(images, training=True)

    results = []
    for call in (together, apart):
        with tf.GradientTape() as outer:
            outer.watch(images)
            with tf.GradientTape() as inner:
                inner.watch(images)
                total = tf.reduce_sum(weights * tf.tanh(call(images)))
            slopes = inner.gradient(total, images)
            along = tf.reduce_sum(direction * slopes)
        wanted = [images, layer.gamma.value, layer.beta.value]
        results.append([slopes, *outer.gradient(along, wanted)])
    for mine, theirs in zip(*results, strict=True):
        scale = np.abs(theirs).max()
        np.testing.assert_allclose(mine, theirs, atol=2e-5 * scale)


@pytest.mark.parametrize("sizes", [[4, 4], [5, 3], [8]])
def test_sizes_known_only_in_the_graph(sizes):
    network = networks()[1]
    normalization.normalize_by_group(network)
    images = np.random.default_rng(0).normal(size=(8, 8, 8, 1))
    weights = network.get_weights()

    @tf.function(
        input_signature=[tf.TensorSpec((None, None, None, 1))]
        + [tf.TensorSpec((), tf.int32)] * len(sizes)
    )
    def call(images, *sizes):
        with normalization.groups(list(sizes)):
            return network(images, training=True)

    dynamic = call(tf.constant(images, "float32"), *map(tf.constant, sizes))
    after = network.get_weights()
    network.set_weights(weights)
    with normalization.groups(sizes):
        static = network(images, training=True)
    np.testing.assert_allclose(dynamic, static, atol=1e-5)
    for a, b in zip(after, network.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


@pytest.mark.parametrize("sizes", [[4, 4, 4], [5, 2, 3]])
def test_what_the_kernel_cannot_do(sizes, monkeypatch):
    """As on other backends: equal groups at once, others by Keras's layer."""
    monkeypatch.setattr(
        normalization.kernels, "has_fused_normalization", lambda *_: False
    )
    for which in (0, 1):
        test_one_call_equals_separate_calls(which, sizes)


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"epsilon": 1e-6, "axis": 3},
        {"axis": 1},
        {"center": False, "scale": False},
        {"renorm": True},
    ],
)
def test_equal_groups_at_once(settings, monkeypatch):
    """Values, slopes and statistics, whatever the layer's arguments."""
    monkeypatch.setattr(
        normalization.kernels, "has_fused_normalization", lambda *_: False
    )
    apart = keras.Sequential(
        [keras.Input((4, 4, 4)), layers.BatchNormalization(**settings)]
    )
    together = keras.models.clone_model(apart)
    normalization.normalize_by_group(together)
    rng = np.random.default_rng(0)
    images, weights = (
        tf.constant(rng.normal(1, 3, (12, 4, 4, 4)), "float32")
        for _ in range(2)
    )

    def separate(images):
        return tf.concat(
            [apart(part, training=True) for part in tf.split(images, 3)], 0
        )

    def at_once(images):
        with normalization.groups([4, 4, 4]):
            return together(images, training=True)

    results = []
    for call, network in ((separate, apart), (at_once, together)):
        with tf.GradientTape() as tape:
            tape.watch(images)
            outputs = call(images)
            total = tf.reduce_sum(weights * tf.tanh(outputs))
        slopes = tape.gradient(total, [images, *network.trainable_weights])
        results.append([outputs, *slopes, *network.get_weights()])
    for theirs, mine in zip(*results, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=2e-4)


def test_half_precision_keeps_its_statistics_in_full():
    layer = layers.BatchNormalization(dtype="mixed_bfloat16", momentum=0.0)
    network = keras.Sequential([keras.Input((4, 4, 3)), layer])
    normalization.normalize_by_group(network)
    images = np.random.default_rng(0).normal(3, 2, (16, 4, 4, 3))
    with normalization.groups([8, 8]):
        outputs = network(images, training=True)
    assert keras.backend.standardize_dtype(outputs.dtype) == "bfloat16"
    last = np.asarray(ops.cast(images, "bfloat16"), "float32")[8:]
    np.testing.assert_allclose(
        layer.moving_variance, last.var(axis=(0, 1, 2)), rtol=1e-5
    )


def test_outside_of_sources_nothing_changes():
    changed = networks()[0]
    plain = keras.models.clone_model(changed)
    plain.set_weights(changed.get_weights())
    normalization.normalize_by_group(changed)
    images = np.random.default_rng(0).normal(size=(6, 8, 8, 1))
    for training in (False, True):
        np.testing.assert_array_equal(
            changed(images, training=training), plain(images, training=training)
        )
    with normalization.groups([3, 3]):
        np.testing.assert_array_equal(
            changed(images, training=False), plain(images, training=False)
        )


def test_configuration_stays_that_of_keras():
    network = networks()[0]
    before = network.to_json()
    normalization.normalize_by_group(network)
    assert network.to_json() == before
    kinds = [type(layer) for layer in network.layers]
    assert layers.BatchNormalization in kinds


def test_sources_nest_and_are_put_back():
    with normalization.groups([1, 2]):
        with pytest.raises(RuntimeError), normalization.groups([3]):
            raise RuntimeError
        assert normalization._context.sizes == [1, 2]
    assert normalization._context.sizes is None
