"""Augmentation: what a discriminator sees of an image in training."""

import itertools

import keras
import numpy as np
import pytest

import keras_mixgan as kmg
from keras_mixgan import architectures
from keras_mixgan import cli

SIZE = 8


def changed(image, down, right, top, left):
    """An image moved, then covered by a square that begins at (top, left)."""
    out = np.zeros_like(image)
    for i, j in itertools.product(range(SIZE), repeat=2):
        if 0 <= i - down < SIZE and 0 <= j - right < SIZE:
            out[i, j] = image[i - down, j - right]
    half = SIZE // 2
    rows = slice(max(0, top), max(0, top + half))
    out[rows, max(0, left) : max(0, left + half)] = 0
    return out


def test_each_image_is_moved_and_covered_in_its_own_way():
    # The sizes of the authors' code: an eighth of 8 pixels, half of 8 pixels.
    moves, starts = range(-1, 2), range(-2, 7)
    ways = list(itertools.product(moves, moves, starts, starts))
    image = np.random.default_rng(0).uniform(0.1, 1, (SIZE, SIZE, 3))
    image = image.astype("float32")
    possible = np.stack([changed(image, *way) for way in ways])
    batch = np.repeat(image[None], 400, axis=0)
    layer = architectures.Augmentation(seed=0)
    seen = np.array(layer(batch, training=True))
    found = [np.flatnonzero((possible == x).all((1, 2, 3))) for x in seen]
    assert all(len(which) == 1 for which in found)
    # Each draw is uniform and independent: 400 of 729 ways give some 308.
    assert 280 < len({int(which[0]) for which in found}) < 340
    drawn = np.array([ways[which[0]] for which in found])
    for axis, values in enumerate((moves, moves, starts, starts)):
        counts = [np.sum(drawn[:, axis] == value) for value in values]
        expected = 400 / len(values)
        assert min(counts) > 0.6 * expected
        assert max(counts) < 1.5 * expected
    again = layer(batch, training=True)
    assert np.any(np.array(again) != seen)


def test_it_is_linear_so_gradients_pass_where_pixels_do():
    rng = np.random.default_rng(1)
    one, two = rng.normal(size=(2, 5, SIZE, SIZE, 1)).astype("float32")

    def seen(images):
        layer = architectures.Augmentation(seed=3)
        return np.array(layer(images, training=True))

    np.testing.assert_allclose(
        seen(2 * one - two), 2 * seen(one) - seen(two), atol=1e-6
    )


@pytest.mark.parametrize("name", ["dcgan", "sngan", "sgan", "steingan"])
def test_only_training_sees_it(name):
    shape = (32, 32, 3)
    _, network = architectures.build(
        name, shape, num_classes=3, width=2, augment=True
    )
    plain = architectures.build(name, shape, num_classes=3, width=2)[1]
    names = [layer.name for layer in network.layers]
    assert names.count("augmentation") == 1
    # Cuts and heads are found by the names of layers.
    ours = {x.name for x in plain.layers if "_" not in x.name}
    assert ours <= {*names}
    plain.set_weights(network.get_weights())
    rng = np.random.default_rng(0)
    inputs = [
        rng.integers(3, size=2)
        if "int" in x.dtype
        else rng.uniform(-1, 1, (2, *x.shape[1:])).astype("float32")
        for x in network.inputs
    ]
    inputs = inputs if len(inputs) > 1 else inputs[0]
    keras.tree.map_structure(
        np.testing.assert_allclose,
        keras.tree.map_structure(np.array, network(inputs)),
        keras.tree.map_structure(np.array, plain(inputs)),
    )


@pytest.mark.usefixtures("no_graph")
def test_a_mixture_with_it_trains_and_comes_back(tmp_path):
    networks = architectures.build(
        "dcgan", (28, 28, 1), 4, 10, width=2, augment=True
    )
    model = kmg.MixGAN(
        *networks, 2, 2, seed=0,
        share_generators="start", share_discriminators="stage_0",
    )  # fmt: skip
    model.compile(payoff_estimate="linear")
    images = np.ones((8, 28, 28, 1), "float32")
    labels = np.zeros(8, int)  # Any order is the same.
    model.fit(images, labels, batch_size=4, verbose=0)
    path = tmp_path / "model.keras"
    model.save(path)
    again = keras.saving.load_model(path)
    for mixture in (model, again):
        assert ">Augmentation" in mixture.discriminators[1].to_json()
        mixture.fit(images, labels, batch_size=4, verbose=0)
    # The draws go on where they were: both take the same step.
    np.testing.assert_array_equal(
        model.generate(3, labels=[0, 1, 2], seed=1),
        again.generate(3, labels=[0, 1, 2], seed=1),
    )


def test_points_have_no_pixels(tmp_path, capsys):
    flags = ["--source=ring", "--augment", f"--workdir={tmp_path / 'run'}"]
    assert cli.main(["train", *flags]) == 2
    assert "`augment` must be False for points" in capsys.readouterr().err
    network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    with pytest.raises(ValueError, match="one input of images"):
        architectures.augmented(network)
    with pytest.raises(ValueError, match=r"`image_shape`.*Received.*32"):
        architectures.build("dcgan", 32, augment=True)


def test_a_sequential_discriminator_is_taken():
    network = keras.Sequential(
        [
            keras.Input((SIZE, SIZE, 1)),
            keras.layers.Flatten(name="features"),
            keras.layers.Dense(1),
        ]
    )
    seen = architectures.augmented(network)
    names = [layer.name for layer in seen.layers]
    assert "augmentation" in names
    with pytest.raises(ValueError, match="must not be augmented already"):
        architectures.augmented(seen)
    headed = architectures.add_heads(network, num_components=3)
    assert headed.output["component_logits"].shape == (None, 3)
    unknown = keras.Sequential([keras.layers.Dense(1)])
    for function in (architectures.augmented, architectures.add_heads):
        with pytest.raises(ValueError, match=r"`discriminator` must be a Func"):
            function(unknown)


def test_images_that_a_layer_takes_by_name_are_augmented_too():
    images = keras.Input((SIZE, SIZE, 1))
    logits = keras.layers.Dense(1)(keras.layers.Flatten()(inputs=images))
    seen = architectures.augmented(keras.Model(images, logits))
    assert "augmentation" in [layer.name for layer in seen.layers]


def test_images_stay_exact_in_half_precision():
    images = np.random.default_rng(0).uniform(-1, 1, (2, SIZE, SIZE, 1))
    images = images.astype("float32")
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        layer = architectures.Augmentation()
    finally:
        keras.config.set_dtype_policy(policy)
    np.testing.assert_array_equal(layer(images), images)
