"""Batch normalization by class, against NumPy float64."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_mixgan import architectures
from keras_mixgan.game import normalization

CLASSES = 4


def first_normalization(generator):
    """A model of its input, and of its output after scale and offset."""
    norm = next(
        layer
        for layer in generator.layers
        if isinstance(layer, layers.BatchNormalization)
    )
    last = next(
        layer for layer in generator.layers if isinstance(layer, layers.Add)
    )
    return keras.Model(generator.inputs, [norm.input, last.output])


@pytest.mark.parametrize("sizes", [[6], [4, 4], [5, 2, 3]])
def test_each_class_has_a_scale_and_an_offset(sizes):
    generator = architectures.acgan_generator(
        (28, 28, 1), 5, CLASSES, width=3, conditional_norm=True
    )
    rng = np.random.default_rng(0)
    network = first_normalization(generator)
    (scale,), (offset,) = (
        generator.get_layer(f"{part}_3").get_weights()
        for part in ("scale", "offset")
    )
    scale, offset = rng.normal(size=(2, CLASSES, 3))
    generator.get_layer("scale_3").set_weights([scale])
    generator.get_layer("offset_3").set_weights([offset])
    normalization.normalize_by_group(network)
    count = sum(sizes)
    latents = rng.normal(size=(count, 5)).astype("float32")
    labels = rng.integers(CLASSES, size=count).astype("int32")
    with normalization.groups(sizes):
        before, after = map(
            np.asarray, network([latents, labels], training=True)
        )
    before = before.astype("float64")
    start = 0
    for size in sizes:
        rows = slice(start, start + size)
        part, start = before[rows], start + size
        mean = part.mean(axis=(0, 1, 2))
        deviation = np.sqrt(part.var(axis=(0, 1, 2)) + 1e-5)
        own = labels[rows]
        expected = (part - mean) / deviation * scale[own][:, None, None]
        expected += offset[own][:, None, None]
        np.testing.assert_allclose(after[rows], expected, atol=1e-4)


def test_without_classes_there_is_nothing_to_condition_on():
    generator = architectures.acgan_generator(
        (28, 28, 1), 5, width=3, conditional_norm=True
    )
    assert not any(isinstance(x, layers.Embedding) for x in generator.layers)
    discriminator = architectures.acgan_discriminator((28, 28, 1), width=6)
    assert discriminator.output_shape == (None, 1)


def test_widths_that_repeat_have_names_of_their_own():
    generator = architectures.acgan_generator(
        (384, 384, 3), 4, num_classes=2, width=1, conditional_norm=True
    )
    names = [x.name for x in generator.layers if "scale" in x.name]
    assert len(names) == len(set(names)) > 4


def test_channels_of_the_paper():
    generator, discriminator = architectures.build(
        "acgan", (32, 32, 3), num_classes=10
    )
    made = [
        layer.output.shape[1:]
        for layer in generator.layers
        if isinstance(layer, layers.Conv2DTranspose)
    ]
    assert made == [(8, 8, 192), (16, 16, 96), (32, 32, 3)]
    seen = [
        (*layer.output.shape[1:3], layer.filters)
        for layer in discriminator.layers
        if type(layer) is layers.Conv2D
    ]
    assert seen == [
        (16, 16, 16), (16, 16, 32), (8, 8, 64), (8, 8, 128), (4, 4, 256),
        (4, 4, 512),
    ]  # fmt: skip
