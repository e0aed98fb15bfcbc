"""S-GAN's networks: sizes of the authors' code, and the split of latents."""

import keras
import numpy as np
import pytest
from conftest import tensorflow_only
from keras import layers

from keras_mixgan import architectures


def units(network, kind=layers.Dense):
    return [x.units for x in network.layers if type(x) is kind]


def test_sizes_of_the_authors():
    generator, discriminator = architectures.build(
        "sgan", (32, 32, 3), num_classes=10
    )
    assert generator.input_shape[0] == (None, 66)
    assert generator.get_layer("label_embedding").output_dim == 512
    assert generator.get_layer("codes").output.shape == (None, 256)
    # Top: latents, two on latents and labels, codes. Bottom: latents, image.
    assert units(generator) == [256, 512, 512, 256, 128, 128, 6400]
    sizes = {k: v.shape[1] for k, v in discriminator.output.items()}
    assert sizes == {
        "logits": 1, "class_logits": 10, "latents": 16,
        "code_logits": 1, "code_class_logits": 10, "code_latents": 50,
    }  # fmt: skip
    noises = [
        round(x.stddev, 2)
        for x in discriminator.layers
        if isinstance(x, layers.GaussianNoise)
    ]
    assert sorted(noises) == [0.05, 0.2, 0.2, 0.2]


@pytest.fixture(scope="module")
def stack():
    return architectures.sgan_generator((32, 32, 1), 8, 3, 4, code_dim=6)


def test_a_fourth_of_the_latents_is_the_bottoms(stack):
    network = keras.Model(
        stack.input, [stack.output, stack.get_layer("codes").output]
    )
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(4, 8)).astype("float32")
    labels = np.zeros(4, "int32")

    def made(latents):
        # Training mode, since moving statistics are not trained yet.
        return map(np.asarray, network([latents, labels], training=True))

    images, codes = made(latents)
    for number, moved in ((5, True), (6, False), (7, False)):
        other = latents.copy()
        other[0, number] += 1
        others, other_codes = made(other)
        assert (not np.array_equal(other_codes, codes)) == moved
        assert np.abs(others - images).max() > 1e-4


@tensorflow_only
def test_the_top_feels_a_hundredth_of_the_bottom(stack):
    """Compared with the same networks without scaled gradients."""
    import tensorflow as tf

    layer = next(
        x for x in stack.layers if type(x) is architectures.ScaledGradient
    )
    latents = np.random.default_rng(1).normal(size=(4, 8)).astype("float32")
    labels = np.arange(4).astype("int32") % 3

    def gradients(scale):
        layer.scale = scale
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(
                tf.square(stack([latents, labels], training=True))
            )
        below = stack.layers.index(stack.get_layer("stack"))
        top = {id(v) for x in stack.layers[:below] for v in x.weights}
        found = tape.gradient(total, [v.value for v in stack.trainable_weights])
        named = zip(stack.trainable_weights, found, strict=True)
        both = ([], [])
        for variable, gradient in named:
            gradient = tf.convert_to_tensor(gradient)  # Some are sparse.
            both[id(variable) in top].append(gradient)
        return both

    (bottom, top), (same, whole) = gradients(0.01), gradients(1.0)
    layer.scale = 0.01
    assert len(top) == 14
    moved = False
    for a, b in zip(top, whole, strict=True):
        size = np.abs(b).max()
        np.testing.assert_allclose(a, 0.01 * b, atol=1e-5 * size)
        moved |= size > 1e-3
    assert moved
    for a, b in zip(bottom, same, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4 * np.abs(b).max())


def test_one_number_is_no_stack():
    for make in (
        architectures.sgan_generator,
        architectures.sgan_discriminator,
    ):
        with pytest.raises(ValueError, match="`latent_dim` must be at least 2"):
            make((32, 32, 1), latent_dim=1)
