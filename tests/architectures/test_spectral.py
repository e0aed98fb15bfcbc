"""Spectral normalization, against NumPy's singular values in float64."""

import contextlib

import keras
import numpy as np
import pytest
from conftest import JAX
from keras import layers
from keras import ops

from keras_mixgan import MixGAN
from keras_mixgan import architectures
from keras_mixgan.architectures import SpectralNormalization
from keras_mixgan.backends import executor
from keras_mixgan.backends import stateless


def array(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


LAYERS = {
    "dense": (lambda: layers.Dense(3, use_bias=False), array(5, 4)),
    "conv": (
        lambda: layers.Conv2D(3, 3, 2, "same", use_bias=False),
        array(5, 6, 6, 2),
    ),
    "embedding": (lambda: layers.Embedding(4, 3), np.array([0, 3, 1])),
}


def matrix_of(layer):
    return np.asarray(layer._kernel, "float64").reshape(-1, 3)


def converged(make, inputs, calls=60, **options):
    layer = SpectralNormalization(make(), **options)
    layer(inputs)
    # Power iterations converge: the second singular value of these kernels is
    # less than two thirds of the largest.
    layer._kernel.assign(array(*layer._kernel.shape))
    for _ in range(calls):
        layer(inputs, training=True)
    return layer


@pytest.mark.parametrize("kind", LAYERS)
def test_the_largest_singular_value_becomes_1(kind):
    make, inputs = LAYERS[kind]
    layer = converged(make, inputs)
    layer.offset.assign([1.0, 2.0, 3.0])
    sigma = np.linalg.svd(matrix_of(layer), compute_uv=False)[0]
    np.testing.assert_allclose(
        layer(inputs),
        np.asarray(layer.layer(inputs)) / sigma + [1, 2, 3],
        rtol=1e-5,
        atol=1e-6,
    )


def test_a_training_call_is_one_power_iteration():
    make, inputs = LAYERS["dense"]
    layer = SpectralNormalization(make(), offset=False)
    layer(inputs)
    before = np.asarray(layer.vector, "float64")
    layer(inputs, training=False)
    np.testing.assert_array_equal(layer.vector, before.astype("float32"))
    left = matrix_of(layer) @ before
    left /= np.linalg.norm(left)
    right = left @ matrix_of(layer)
    sigma = np.linalg.norm(right)
    made = layer(inputs, training=True)
    np.testing.assert_allclose(
        layer.vector, right / sigma, rtol=1e-5, atol=1e-6
    )
    np.testing.assert_allclose(
        made, inputs @ (matrix_of(layer) / sigma), rtol=1e-4, atol=1e-6
    )


def test_the_gradient_is_that_of_the_normalized_matrix():
    make, inputs = LAYERS["dense"]
    layer = converged(make, inputs, offset=False)
    probe = array(5, 3, seed=1)

    def value():
        return (ops.sum(probe * layer(inputs)),), ()

    side = [layer.layer.kernel]
    with (
        stateless.Scope(side, [v.value for v in side])
        if JAX
        else contextlib.nullcontext()
    ):
        _, _, ((found,),) = executor.of_backend().gradients(value, [side])
    matrix = matrix_of(layer)

    def exact(m):
        sigma = np.linalg.svd(m, compute_uv=False)[0]
        return np.sum(probe * (inputs.astype("float64") @ m) / sigma)

    step = 1e-6
    for place in np.ndindex(matrix.shape):
        moved = np.zeros_like(matrix)
        moved[place] = step
        slope = (exact(matrix + moved) - exact(matrix - moved)) / (2 * step)
        np.testing.assert_allclose(
            np.asarray(found)[place], slope, rtol=1e-3, atol=1e-4
        )


@pytest.mark.parametrize(
    "layer", [layers.Dense(3), layers.ReLU(), layers.Conv2DTranspose(3, 4)]
)
def test_other_layers_are_refused(layer):
    with pytest.raises(ValueError, match=r"`layer` must be a Dense .*Received"):
        SpectralNormalization(layer)


def test_it_comes_back_from_its_config():
    layer = SpectralNormalization(
        layers.Dense(3, use_bias=False), offset=False, name="spectral"
    )
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert again.get_config() == layer.get_config()
    assert not again.has_offset


def test_a_mixture_of_sngans_trains_and_keeps_its_vectors(tmp_path):
    networks = architectures.build("sngan", (12, 12, 1), 4, 3, width=2)
    model = MixGAN(*networks, 2, 1, share_generators="start", seed=0)
    model.compile(payoff="hinge", payoff_estimate="linear")
    images = np.tanh(array(8, 12, 12, 1))
    labels = np.arange(8) % 3
    (spectral,) = [
        layer
        for layer in model.discriminators[0].layers
        if layer.name == "normalized_logits"
    ]
    start = np.array(spectral.vector)
    model.fit(images, labels, batch_size=4, epochs=1, verbose=0)
    convolution = model.discriminators[0].layers[1]
    assert isinstance(convolution, SpectralNormalization)
    assert np.isclose(np.linalg.norm(convolution.vector), 1, atol=1e-5)
    assert not np.array_equal(start, spectral.vector)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        again.discriminators[0].layers[1].vector, convolution.vector
    )
    np.testing.assert_array_equal(
        again.generate(3, labels=[0, 1, 2], seed=0),
        model.generate(3, labels=[0, 1, 2], seed=0),
    )
