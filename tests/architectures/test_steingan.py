"""SteinGAN's energy and its reversible layers, against NumPy."""

import keras
import numpy as np
import pytest
from keras import layers

from keras_mixgan import architectures
from keras_mixgan.architectures import ReversibleConv2D

CLASSES = 3


def array(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("kernel_size", "strides", "padding"),
    [(3, 1, "same"), (2, 2, "valid"), (4, 4, "valid"), (3, 2, "same")],
)
def test_reverse_is_the_transpose(kernel_size, strides, padding):
    images = array(2, 8, 8, 3)
    layer = ReversibleConv2D(5, kernel_size, strides, padding)
    plain = layers.Conv2D(5, kernel_size, strides, padding, use_bias=False)
    made, expected = layer(images), plain(images)
    plain.set_weights(layer.get_weights())
    np.testing.assert_allclose(made, plain(images), atol=1e-5)
    # <Ax, y> = <x, A'y> for all x and y holds only for the transpose A'.
    other = array(*expected.shape, seed=1)
    back = layer(other, reverse=True)
    assert back.shape == images.shape
    forward = np.sum(np.asarray(made, "float64") * other)
    backward = np.sum(np.asarray(back, "float64") * images)
    assert forward == pytest.approx(backward, rel=1e-4, abs=1e-4)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ((0, 3), "`filters` must be a positive"),
        ((4, 1.5), "`kernel_size` must be a positive"),
        ((4, 3, -1), "`strides` must be a positive"),
        ((4, 3, 1, "full"), "`padding`.*same, valid"),
    ],
)
def test_wrong_arguments_are_named(arguments, text):
    with pytest.raises(ValueError, match=text):
        ReversibleConv2D(*arguments)


def windows(count, kernel):
    """Windows of a convolution: 3x3 with stride 1, others with their size."""
    size = kernel.shape[0]
    step = 1 if size == 3 else size
    for i, j in np.ndindex(count, count):
        rows = slice(i * step, i * step + size)
        yield i, j, rows, slice(j * step, j * step + size)


def convolve(x, kernel):
    size = kernel.shape[0]
    count = x.shape[1] if size == 3 else x.shape[1] // size
    x = np.pad(x, [(0, 0), *[(size == 3, size == 3)] * 2, (0, 0)])
    made = np.zeros((len(x), count, count, kernel.shape[-1]))
    for i, j, rows, columns in windows(count, kernel):
        made[:, i, j] = np.tensordot(x[:, rows, columns], kernel, 3)
    return made


def spread(y, kernel):
    """The transpose of `convolve`."""
    size, count = kernel.shape[0], y.shape[1]
    whole = count + 2 if size == 3 else count * size
    made = np.zeros((len(y), whole, whole, kernel.shape[2]))
    for i, j, rows, columns in windows(count, kernel):
        made[:, rows, columns] += np.einsum("nf,hwcf->nhwc", y[:, i, j], kernel)
    return made[:, 1:-1, 1:-1] if size == 3 else made


def normalize(x, layer):
    gamma, beta, mean, variance = (
        np.asarray(w, "float64") for w in layer.get_weights()
    )
    return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta


def energies(network, images, labels=None):
    """By hand: the distance, the cost of the class, and the code."""
    kernels = [
        np.asarray(layer.kernel, "float64")
        for layer in network.layers
        if isinstance(layer, ReversibleConv2D)
    ]
    norms = [x for x in network.layers if type(x) is layers.BatchNormalization]
    norms = iter(norms)
    x = images.astype("float64")
    for i, kernel in enumerate(kernels):
        x = convolve(x, kernel)
        x = np.maximum(normalize(x, next(norms)) if i else x, 0)
    code = x.reshape(len(x), -1)
    for i, kernel in reversed(list(enumerate(kernels))):
        x = spread(x, kernel)
        x = np.maximum(normalize(x, next(norms)), 0) if i else np.tanh(x)
    distances = np.sqrt(((images - x) ** 2).sum(axis=(1, 2, 3)))
    if labels is None:
        return distances, 0, code
    logits = code @ network.get_layer("classes").get_weights()[0].T
    peak = logits.max(axis=1)
    total = np.log(np.exp(logits - peak[:, None]).sum(axis=1)) + peak
    return distances, total - logits[np.arange(len(x)), labels], code


@pytest.fixture(scope="module")
def network():
    """8 pixels to 4 to a code, with weights other than the initial ones."""
    made = architectures.steingan_discriminator((8, 8, 1), CLASSES, width=2)
    rng = np.random.default_rng(0)
    for variable in made.weights:
        start = float(variable.name in ("gamma", "moving_variance"))
        variable.assign(start + 0.3 * rng.normal(size=variable.shape))
    classes = made.get_layer("classes")
    classes.set_weights([3 * rng.normal(size=(CLASSES, 4))])
    return made


def examples(count=24):
    rng = np.random.default_rng(1)
    images = rng.uniform(-1, 1, (count, 8, 8, 1)).astype("float32")
    return images, (np.arange(count) % CLASSES).astype("int32")


def test_the_energy(network):
    images, labels = examples()
    distances, costs, code = energies(network, images, labels)
    # Below the margin a cost counts as the margin.
    assert (costs < 1).any()
    assert (costs > 1).any()
    outputs = network([images, labels])
    np.testing.assert_allclose(outputs["features"], code, atol=1e-5)
    np.testing.assert_allclose(
        np.asarray(outputs["logits"])[:, 0],
        -(distances + np.maximum(costs, 1)),
        rtol=1e-5,
        atol=1e-5,
    )


def test_without_classes_the_energy_is_the_distance():
    network = architectures.steingan_discriminator((8, 8, 1), width=2)
    images, _ = examples()
    outputs = network(images)
    np.testing.assert_allclose(
        np.asarray(outputs["logits"])[:, 0],
        -energies(network, images)[0],
        rtol=1e-5,
    )


def test_pixels_are_dropped_and_compared_whole():
    network = architectures.steingan_discriminator((8, 8, 1), width=2)
    dropout = network.layers[1]
    assert (type(dropout), dropout.rate) == (layers.Dropout, 0.2)
    # The decoder gives 0: the energy is the norm of the image before dropout.
    network.set_weights([0 * w for w in network.get_weights()])
    images, _ = examples()
    outputs = network(images, training=True)
    np.testing.assert_allclose(
        np.asarray(outputs["logits"])[:, 0],
        -np.sqrt((images**2).sum(axis=(1, 2, 3))),
        rtol=1e-5,
    )


def test_copies_have_tied_weights(network, tmp_path):
    images, labels = examples(4)
    network.save(tmp_path / "energy.keras")
    clone = keras.models.clone_model(network)
    clone.set_weights(network.get_weights())
    loaded = keras.saving.load_model(tmp_path / "energy.keras")
    for copy in (clone, loaded):
        kernels = [w for w in copy.trainable_weights if w.name == "kernel"]
        assert len(kernels) == 4
        assert copy.count_params() == network.count_params()
        np.testing.assert_array_equal(
            copy([images, labels])["logits"],
            network([images, labels])["logits"],
        )


def test_stages_of_the_authors_code():
    generator, discriminator = architectures.build(
        "steingan", (32, 32, 3), num_classes=10
    )
    made = [
        layer.output.shape[1:]
        for layer in generator.layers
        if isinstance(layer, layers.Conv2DTranspose)
    ]
    assert made == [
        (8, 8, 512), (8, 8, 256), (16, 16, 256), (16, 16, 128), (32, 32, 128),
        (32, 32, 3),
    ]  # fmt: skip
    kernels = [
        (*layer.kernel.shape, layer.strides)
        for layer in discriminator.layers
        if isinstance(layer, ReversibleConv2D)
    ]
    assert kernels == [
        (3, 3, 3, 128, 1), (2, 2, 128, 128, 2), (3, 3, 128, 256, 1),
        (4, 4, 256, 256, 4), (3, 3, 256, 512, 1), (4, 4, 512, 512, 4),
    ]  # fmt: skip
    assert discriminator.output["features"].shape == (None, 512)


@pytest.mark.parametrize("size", [6, 14, 28, 40, 48, 64, 128])
def test_images_of_any_size_come_back(size):
    network = architectures.steingan_discriminator((size, size, 3), width=1)
    again = next(x for x in network.layers if type(x) is layers.Activation)
    assert again.output.shape == (None, size, size, 3)
