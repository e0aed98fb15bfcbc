"""Data that cannot be right are refused before any training."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import image_networks
from conftest import small_discriminator
from conftest import small_generator
from conftest import tensorflow_only
from test_mixgan import images
from test_mixgan import points

from keras_mixgan import MixGAN
from keras_mixgan import NonFiniteError
from keras_mixgan import UsageWarning
from keras_mixgan import auxiliary
from keras_mixgan import sources


def conditional(classes=3):
    """A generator that takes labels, and a discriminator that does, too."""
    networks = []
    for size, units in ((3, 2), (2, 1)):
        inputs = keras.Input((size,)), keras.Input((), dtype="int32")
        label = keras.layers.Embedding(classes, 2)(inputs[1])
        x = keras.layers.Concatenate()([inputs[0], label])
        networks.append(keras.Model(inputs, keras.layers.Dense(units)(x)))
    return networks


def compiled():
    model = MixGAN(*image_networks(10), 2, 2, seed=0)
    model.compile()
    return model


@pytest.fixture
def model():
    return compiled()


@pytest.fixture(scope="module")
def untrained():
    """For data that it refuses, which leave it as it is."""
    return compiled()


def refused(model, message, *data, **arguments):
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.fit(*data, verbose=0, **{"batch_size": 4} | arguments)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert model.step == 0


def test_pixels_from_0_to_255(untrained):
    x, y = images()
    refused(untrained, r"\[-1, 1\].*Divide by 127.5", (x + 1) * 127.5, y)


def test_pixels_a_little_out_of_range(untrained):
    x, y = images()
    refused(
        untrained, r"must lie in \[-1, 1\]. Received.*1.4985\.$", x * 1.5, y
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_pixels_that_are_not_finite(untrained, bad):
    x, y = images()
    x[7, 1, 1] = bad
    refused(untrained, "NaN or infinity in image 7", x, y)


@pytest.mark.parametrize("shape", [(8, 8), (8, 8, 3), (9, 8, 1)])
def test_wrong_rank_or_size(untrained, shape):
    x = np.zeros((12, *shape), "float32")
    refused(untrained, r"\(batch, 8, 8, 1\).*Received: shape", x, images()[1])


@tensorflow_only
def test_data_of_another_kind(untrained):
    x, y = images()
    for data, told in (
        ((), "Received: NoneType"),
        (((x, y),), r"tuple.*`fit\(images, labels\)`"),
        ((x.tolist(),), "list.*np.asarray"),
        (({"images": x},), "dict"),
        ((sources.Source("own", np.uint8(127 * x + 127), y),), "Source"),
    ):
        refused(untrained, f"`x` must be an array of images.*{told}", *data)
    rows = tf.data.Dataset.from_tensor_slices({"image": x, "label": y})
    refused(untrained, "a dictionary; `dataset.map", rows.batch(4))
    for size in (0, -1, 2.5, "8"):
        refused(
            untrained, "`batch_size` must be a positive", x, y, batch_size=size
        )


def test_labels_missing_superfluous_or_wrong(untrained):
    x, y = images()
    refused(untrained, "`labels` must be given", x)
    refused(untrained, r"\[0, 10\).*to 10", x, np.r_[y[:-1], 10])
    refused(untrained, r"\[0, 10\).*-1", x, np.r_[y[:-1], -1])
    refused(untrained, "vector of integers.*float", x, y + 0.5)
    refused(untrained, "vector of integers", x, y[:, None, None])
    refused(untrained, "12 images and 11 labels", x, y[:-1])
    plain = MixGAN(*image_networks(), 1, 1, seed=0)
    plain.compile()
    refused(plain, "`labels` must not be given", x, y)


def test_fewer_images_than_a_batch(untrained):
    x, y = images(3)
    refused(untrained, "at least one batch.*3 images, batch_size=4", x, y)
    data = tf.data.Dataset.from_tensor_slices((x, y))
    data = data.batch(4, drop_remainder=True)
    refused(
        untrained, "at least one batch.*empty data set", data, batch_size=None
    )


def test_no_image_at_all(model):
    x, y = images(0)
    with pytest.raises(ValueError, match="`images` must hold at least"):
        model.payoff_matrix(x, y)


def test_data_sets_are_looked_at_too(untrained):
    x, y = images()
    data = tf.data.Dataset.from_tensor_slices(((x + 1) * 127.5, y)).batch(4)
    refused(untrained, "Divide by 127.5", data, batch_size=None)
    data = tf.data.Dataset.from_tensor_slices((x, y, y)).batch(4)
    refused(untrained, "Received: 3 parts", data, batch_size=None)


@tensorflow_only
def test_batches_of_an_unknown_rank():
    model = MixGAN(small_generator(), small_discriminator(), 2, 1, seed=0)
    model.compile()

    def read(i):
        return tf.py_function(lambda i: tf.zeros((4, 2)), [i], "float32")

    data = tf.data.Dataset.range(3).map(read)
    with pytest.raises(ValueError, match="a known number of axes"):
        model.fit(data, verbose=0)
    known = data.map(lambda x: tf.ensure_shape(x, (None, 2)))
    model.fit(known, verbose=0)


class Parts(keras.utils.PyDataset):
    """Two batches of a user's own."""

    def __init__(self, *parts):
        super().__init__()
        self.parts = parts

    def __len__(self):
        return 2

    def __getitem__(self, index):
        return self.parts


@pytest.mark.usefixtures("no_graph")
def test_a_py_dataset_is_trained_on_and_looked_at(model):
    images = np.zeros((4, 8, 8, 1), "float32")
    model.fit(Parts(images, np.arange(4)), verbose=0)
    assert model.step == 2
    with pytest.raises(ValueError, match="3 parts; sample weights"):
        model.fit(Parts(images, np.arange(4), np.ones(4)), verbose=0)
    with pytest.raises(ValueError, match="`labels` must have one label per"):
        model.fit(Parts(images, np.arange(3)), verbose=0)
    assert model.step == 2


@pytest.mark.usefixtures("no_graph")
def test_points_may_lie_anywhere():
    """Where images would be warned of, or refused; so may generated ones."""
    generator = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    model = MixGAN(generator, small_discriminator(), 1, 1, seed=0)
    model.compile()
    for value in (0.5, 5.0):
        model.fit(np.full((32, 2), value, "float32"), verbose=0)
    assert model.step == 2


@pytest.mark.parametrize(
    ("side", "named"),
    [("generators", "generator 1"), ("discriminators", "discriminator 1")],
)
def test_a_broken_component_is_named(side, named):
    model = MixGAN(small_generator(), small_discriminator(), 2, 3, seed=0)
    model.compile()
    x = np.zeros((32, 2), "float32")
    model.fit(x, verbose=0)
    network = getattr(model, side)[1]
    network.set_weights([w * np.nan for w in network.get_weights()])
    with pytest.raises(NonFiniteError, match=rf"at step 2, in {named}\."):
        model.fit(x, epochs=3, verbose=0)
    assert model.step == 2


@pytest.mark.parametrize(
    ("arguments", "steps", "bad"),
    [
        ({"steps_per_execution": 4}, 8, 6),
        # The critics' own steps, before the generators' first.
        ({"discriminator_steps": 5}, 4, 3),
    ],
)
def test_the_first_bad_step_is_told(arguments, steps, bad):
    model = MixGAN(small_generator(), small_discriminator(), 2, 2, seed=0)
    model.compile(**arguments)
    x = np.zeros((steps, 4, 2), "float32")
    x[bad - 1] = np.nan
    data = tf.data.Dataset.from_tensor_slices(x)
    with pytest.raises(NonFiniteError, match=f"data of step {bad} hold NaN"):
        model.fit(data, verbose=0)


def test_nan_in_a_later_batch_is_blamed_on_the_data():
    model = MixGAN(small_generator(), small_discriminator(), 2, 2, seed=0)
    model.compile()
    x = np.zeros((3, 16, 2), "float32")
    x[2, 3] = np.inf
    data = tf.data.Dataset.from_tensor_slices(x)
    with pytest.raises(
        NonFiniteError, match=r"of step 3 .* Repair the data"
    ) as e:
        model.fit(data, verbose=0)
    assert "learning rate" not in str(e.value)
    # The model goes on with repaired data.
    assert np.isfinite(model.generate(4, seed=0)).all()
    model.fit(np.nan_to_num(x[2], posinf=0.0), batch_size=16, verbose=0)
    assert model.step == 4


@pytest.mark.parametrize("bad", [-1, 3])
def test_a_label_of_no_class_in_a_later_batch_is_told(bad):
    model = MixGAN(*conditional(), 2, 1, seed=0)
    model.compile()
    labels = np.zeros((3, 16), "int32")
    labels[1, 5] = bad
    x = np.zeros((3, 16, 2), "float32")
    data = tf.data.Dataset.from_tensor_slices((x, labels))
    with pytest.raises(NonFiniteError, match=r"data of step 2 .* of no class"):
        model.fit(data, verbose=0)
    assert np.isfinite(model.generate(4, [0, 1, 2, 0], seed=0)).all()


@pytest.mark.usefixtures("no_graph")
def test_a_generator_is_named_whose_nan_no_loss_shows():
    # As some kernels of ReLU do.
    x = keras.Input((2,))
    hidden = keras.ops.nan_to_num(keras.layers.Dense(4, "relu")(x))
    discriminator = keras.Model(x, keras.layers.Dense(1)(hidden))
    for estimate in ("full", "linear"):
        model = MixGAN(small_generator(), discriminator, 3, 1, seed=0)
        model.compile(payoff_estimate=estimate)
        network = model.generators[1]
        network.set_weights([w * np.nan for w in network.get_weights()])
        with pytest.raises(NonFiniteError, match=r", in generator 1\."):
            model.fit(np.zeros((32, 2), "float32"), verbose=0)


def test_a_loss_beyond_all_reason_is_told_once():
    model = MixGAN(small_generator(), small_discriminator(), 1, 1, seed=0)
    model.compile("wasserstein")
    for network in model.discriminators:
        network.set_weights([w + 1e6 for w in network.get_weights()])
    with pytest.warns(UsageWarning, match="loss` is .* learning rate") as found:
        model.fit(points(256), batch_size=32, verbose=0)
    assert [w.category for w in found].count(UsageWarning) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sample_weight": np.ones(12)}, "`sample_weight`.*Draw rare ones"),
        ({"class_weight": {0: 2.0}}, "`class_weight`.*Draw rare ones"),
        ({"validation_data": images()}, "`validation_data`.*Evaluate"),
        ({"validation_split": 0.5}, "`validation_split`.*payoff_matrix"),
    ],
)
def test_arguments_without_a_meaning_are_refused(untrained, arguments, message):
    refused(untrained, message, *images(), **arguments)


def test_a_backend_without_steps_is_refused(untrained, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    refused(
        untrained,
        "must be tensorflow or jax to train. Received: torch",
        images(),
    )


@tensorflow_only
def test_float64_is_refused():
    keras.config.set_dtype_policy("float64")
    try:
        with pytest.raises(ValueError, match=r"float64.*generator 0"):
            MixGAN(small_generator(), small_discriminator(), 2, 2)
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.usefixtures("no_graph")
def test_terminate_on_nan_goes_first():
    model = MixGAN(small_generator(), small_discriminator(), 1, 1, seed=0)
    model.compile()
    network = model.generators[0]
    network.set_weights([w * np.nan for w in network.get_weights()])
    history = model.fit(
        np.zeros((64, 2), "float32"),
        epochs=5,
        verbose=0,
        callbacks=[keras.callbacks.TerminateOnNaN()],
    )
    assert len(history.epoch) == 1
    assert model.step == 1


class Labelled(auxiliary.Auxiliary):
    needs_real_labels = True

    def discriminator_terms(self, turn):
        labels = keras.ops.cast(turn.labels("real"), "float32")
        return [keras.ops.mean(labels, axis=0)]


@pytest.mark.usefixtures("no_graph")
def test_labels_for_a_loss_that_reads_no_class_logits():
    model = MixGAN(small_generator(), small_discriminator(), 2, 1, seed=0)
    model.compile(auxiliary=[Labelled(coefficient=1.0)])
    labels = np.arange(16) % 3
    model.fit(points(16), labels, batch_size=8, verbose=0)
    assert model.step == 2
