"""Networks as users write them: subclassed, with patches or other labels."""

import keras
import numpy as np
import pytest
from conftest import small_discriminator
from conftest import small_generator
from conftest import tensorflow_only
from keras import layers
from keras import ops

import keras_mixgan as kmg
from keras_mixgan import MixGAN

pytestmark = pytest.mark.usefixtures("no_graphs")


@keras.saving.register_keras_serializable("own_networks")
class Generator(keras.Model):
    """A subclassed generator, which takes labels if `num_classes` is given."""

    def __init__(self, units=3, num_classes=None, **kwargs):
        super().__init__(**kwargs)
        self.units, self.num_classes = units, num_classes
        self.embedding = num_classes and layers.Embedding(num_classes, 2)
        self.hidden = layers.Dense(units, use_bias=False)
        self.normalization = layers.BatchNormalization()
        self.points = layers.Dense(2, activation="tanh")

    def call(self, inputs, training=None):
        x = inputs
        if self.embedding:
            latents, labels = inputs
            x = ops.concatenate([latents, self.embedding(labels)], axis=1)
        x = self.normalization(self.hidden(x), training=training)
        return self.points(ops.tanh(x))

    def get_config(self):
        own = {"units": self.units, "num_classes": self.num_classes}
        return super().get_config() | own


@keras.saving.register_keras_serializable("own_networks")
class Discriminator(keras.Model):
    """A subclassed one, whose logits are a column, flat, or in a dict."""

    def __init__(self, num_classes=None, form="column", **kwargs):
        super().__init__(**kwargs)
        self.num_classes, self.form = num_classes, form
        self.embedding = num_classes and layers.Embedding(num_classes, 2)
        self.hidden = layers.Dense(4, use_bias=False)
        self.normalization = layers.BatchNormalization()
        self.logit = layers.Dense(1)

    def call(self, inputs, training=None):
        x = inputs
        if self.embedding:
            images, labels = inputs
            x = ops.concatenate([images, self.embedding(labels)], axis=1)
        x = self.normalization(self.hidden(x), training=training)
        logits = self.logit(ops.tanh(x))
        if self.form == "flat":
            return ops.squeeze(logits, axis=1)
        if self.form == "dict":
            return {"logits": ops.squeeze(logits, axis=1), "features": x}
        return logits

    def get_config(self):
        own = {"num_classes": self.num_classes, "form": self.form}
        return super().get_config() | own


class NoConfig(keras.Model):
    """A model without `get_config`, as most people write it."""

    def __init__(self, units=3):
        super().__init__()
        self.hidden = layers.Dense(units, activation="tanh")
        self.last = layers.Dense(2, activation="tanh")

    def call(self, x):
        return self.last(self.hidden(x))


def points(count=12, classes=3):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (count, 2)).astype("float32")
    return x, (np.arange(count) % classes).astype("int32")


def compiled(model, rate=0.1, **arguments):
    """Compiled to run eagerly: few steps need no graph."""
    model.compile(
        generator_optimizer=keras.optimizers.SGD(rate),
        discriminator_optimizer=keras.optimizers.SGD(rate),
        run_eagerly=keras.backend.backend() == "tensorflow",
        **arguments,
    )
    return model


def numpy_of(tensor):
    return ops.convert_to_numpy(tensor)


@pytest.fixture(scope="module")
def subclassed():
    """Trained from subclassed templates that were never called."""
    model = MixGAN(
        Generator(5, num_classes=3), Discriminator(3, "dict"), 2, 2,
        num_classes=3, latent_dim=4, ema_decay=0.9, seed=0,
    )  # fmt: skip
    model.compile(auxiliary=["feature_matching"])  # With a graph, once.
    x, y = points()
    history = model.fit(x, y, batch_size=6, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    return model


def test_subclassed_models_are_cloned_with_their_arguments(subclassed):
    model = subclassed
    assert (model.latent_dim, model.image_shape) == (4, (2,))
    assert model.conditional
    assert model.num_classes == 3
    kernels = [g.trainable_weights[1] for g in model.generators]
    assert [tuple(k.shape) for k in kernels] == [(6, 5)] * 2  # Five units.
    assert np.abs(numpy_of(kernels[0]) - numpy_of(kernels[1])).max() > 0.01
    again = MixGAN(
        Generator(5, num_classes=3), Discriminator(3, "dict"), 2, 2,
        num_classes=3, latent_dim=4, seed=0,
    )  # fmt: skip
    fresh = MixGAN.from_config(model.get_config())
    for one, other in zip(again.generators, fresh.generators, strict=True):
        for a, b in zip(one.get_weights(), other.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    assert model.generate(5, labels=[0, 1, 2], seed=0).shape == (5, 2)


def test_they_come_back_from_files(subclassed, tmp_path):
    subclassed.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.generate(5, seed=1), subclassed.generate(5, seed=1)
    )
    for a, b in zip(
        loaded.get_weights(), subclassed.get_weights(), strict=True
    ):
        np.testing.assert_array_equal(a, b)


def test_a_pair_of_them_becomes_a_mixture():
    pair = MixGAN(Generator(3), Discriminator(), 1, 1, latent_dim=4, seed=0)
    pair.compile(run_eagerly=keras.backend.backend() == "tensorflow")
    pair.fit(points()[0], batch_size=6, verbose=0)
    mixture = MixGAN.from_pair(pair, 2, 1, noise=0.0, seed=0)
    made = [mixture.generate(4, component=i, seed=0) for i in range(2)]
    for images in made:
        np.testing.assert_array_equal(images, pair.generate(4, seed=0))
    slots = [
        [numpy_of(v) for v in m.optimizer.generator_optimizer.variables]
        for m in (pair, mixture)
    ]
    # Only the moments of the networks, which both copies have, are matrices.
    moments = [s for s in slots[0] if s.ndim == 2]
    assert moments
    for moment in moments:
        assert sum(np.array_equal(moment, s) for s in slots[1]) == 2


def test_a_model_that_was_called_says_what_it_takes():
    generator, discriminator = Generator(3, num_classes=3), Discriminator(3)
    generator([np.zeros((2, 7)), np.zeros(2, "int32")])
    discriminator([np.zeros((2, 2)), np.zeros(2, "int32")])
    model = MixGAN(generator, discriminator, 1, 1)
    assert model.latent_dim == 7
    assert model.num_classes == 3
    sequential = keras.Sequential([layers.Dense(2, activation="tanh")])
    model = MixGAN(sequential, small_discriminator(), 1, 1, latent_dim=6)
    assert model.generate(3).shape == (3, 2)


def test_classes_builders_and_lists_of_what_cannot_be_cloned():
    """Keras's own configuration of `NoConfig(5)` has 3 units."""
    with pytest.raises(ValueError, match=r"defined by NoConfig.*lambda: NoC"):
        MixGAN(NoConfig(5), small_discriminator(), latent_dim=3)
    inside = keras.Input((3,))
    wrapped = keras.Model(inside, NoConfig(5)(inside))
    with pytest.raises(ValueError, match="defined by NoConfig"):
        MixGAN(wrapped, small_discriminator())
    for networks in (NoConfig, lambda: NoConfig(5), [NoConfig(5), NoConfig(4)]):
        model = MixGAN(networks, small_discriminator(), 2, 1, latent_dim=3)
        assert model.generate(4, seed=0).shape == (4, 2)
        with pytest.raises(ValueError, match="defined by NoConfig"):
            model.get_config()
    with pytest.raises(ValueError, match="defined by NoConfig"):
        MixGAN(NoConfig, small_discriminator(), latent_dim=3, ema_decay=0.5)


def test_a_subclass_with_a_graph_is_cloned_by_it():
    class Graph(keras.Model):
        def __init__(self, units):
            latents = keras.Input((3,))
            x = layers.Dense(units, activation="tanh")(latents)
            super().__init__(latents, layers.Dense(2, activation="tanh")(x))

    model = MixGAN(Graph(5), small_discriminator(), 2, 1, seed=0)
    assert [g.weights[0].shape for g in model.generators] == [(3, 5)] * 2


def test_batch_normalization_within_them_is_kept_apart():
    """A step equals that of a Functional model of the same layers."""
    images = keras.Input((2,))
    x = layers.Dense(4, use_bias=False)(images)
    x = ops.tanh(layers.BatchNormalization()(x))
    functional = keras.Model(images, layers.Dense(1)(x))
    models = [
        MixGAN(small_generator(), network, 2, 1, seed=0)
        for network in (functional, Discriminator())
    ]
    weights = models[0].discriminators[0].get_weights()
    own = models[1].discriminators[0]
    assert [w.shape for w in own.weights] == [w.shape for w in weights]
    own.set_weights(weights)
    logs = []
    for model in models:
        compiled(model, payoff="wasserstein")
        logs.append(model.train_on_batch(points(6)[0], return_dict=True))
    for name, value in logs[0].items():
        assert float(logs[1][name]) == pytest.approx(
            float(value), rel=1e-5, abs=2e-6
        )
    for a, b in zip(
        own.get_weights(),
        models[0].discriminators[0].get_weights(),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def patch_discriminator(form="patches"):
    images = keras.Input((8, 8, 1))
    x = layers.Conv2D(3, 4, 2, "same", activation="tanh")(images)
    x = layers.Conv2D(1, 3)(x)  # (2, 2, 1)
    if form == "flat":
        x = ops.mean(x, axis=(1, 2, 3))
    return keras.Model(images, {"logits": x} if form == "dict" else x)


@pytest.mark.parametrize("shape", [(), (2, 2, 1)])
def test_its_logits_keep_their_dtype_whatever_its_layers_are_called(shape):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        images = keras.Input((8, 8, 1))
        name = "mean_logit" if shape else "logit"
        x = layers.Conv2D(1, 5, 3, dtype="float32", name=name)(images)
        x = x if shape else ops.mean(x, axis=(1, 2, 3))
        model = MixGAN(image_generator(), keras.Model(images, x), 2, 1, seed=0)
    finally:
        keras.config.set_dtype_policy(policy)
    output = model.discriminators[0].output
    assert (output.dtype, output.shape) == ("float32", (None, 1))


def test_both_sides_know_the_same_classes():
    generator, discriminator = Generator(3, num_classes=3), Discriminator(2)
    with pytest.raises(ValueError, match=r"the 3 classes.*embedding has 2"):
        MixGAN(generator, discriminator, 2, 2, latent_dim=4, num_classes=3)


def image_generator():
    latents = keras.Input((3,))
    x = layers.Dense(64, activation="tanh")(latents)
    return keras.Model(latents, layers.Reshape((8, 8, 1))(x))


@pytest.mark.parametrize("form", ["patches", "dict", "flat"])
def test_logits_of_patches_are_averaged_and_flat_ones_taken(form):
    template = patch_discriminator(form)
    model = MixGAN(image_generator(), [template], 2, 1, seed=0)
    compiled(model, payoff="least_squares")
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (6, 8, 8, 1)).astype("float32")
    said = template(images)
    said = numpy_of(said["logits"] if form == "dict" else said)
    assert said.shape == ((6,) if form == "flat" else (6, 2, 2, 1))
    expected = said.reshape(6, -1).mean(axis=1)
    fake = numpy_of(
        template(model.generate(6, component=1, seed=5))
        if form != "dict"
        else template(model.generate(6, component=1, seed=5))["logits"]
    )
    fake = fake.reshape(6, -1).mean(axis=1)
    payoff = -0.5 * (((expected - 1) ** 2).mean() + (fake**2).mean())
    matrix = model.payoff_matrix(images, seed=4)
    assert matrix[1, 0] == pytest.approx(payoff, rel=1e-5)
    before = template.get_weights()[0].copy()
    logs = model.train_on_batch(images, return_dict=True)
    assert np.isfinite(logs["loss"])
    # A listed network is trained itself, not cloned.
    assert not np.array_equal(before, template.get_weights()[0])


@tensorflow_only
def test_images_of_a_shape_that_the_network_does_not_tell():
    class Dynamic(keras.Model):
        def __init__(self):
            super().__init__()
            self.pixels = layers.Dense(64, activation="tanh")

        def call(self, latents):
            import tensorflow as tf

            side = tf.cast(tf.math.sqrt(64.0), tf.int32) + 0 * tf.shape(latents)
            return tf.reshape(self.pixels(latents), [-1, side[1], side[1], 1])

    with pytest.raises(ValueError, match="leaves it open, pass `image_shape"):
        MixGAN(Dynamic, patch_discriminator(), 2, 1, latent_dim=3)
    model = MixGAN(
        Dynamic, patch_discriminator(), 2, 1, latent_dim=3,
        image_shape=(8, 8, 1),
    )  # fmt: skip
    assert model.generate(2, seed=0).shape == (2, 8, 8, 1)


def labelled(form):
    """A pair that takes labels (B, 1), or one-hot (B, 3)."""
    networks = []
    for size in (3, 2):
        first = keras.Input((size,))
        if form == "column":
            labels = keras.Input((1,), dtype="int32")
            read = layers.Flatten()(layers.Embedding(3, 2)(labels))
        else:
            labels = keras.Input((3,))
            read = layers.Dense(2, use_bias=False)(labels)
        x = layers.Concatenate()([first, read])
        last = {3: layers.Dense(2, activation="tanh"), 2: layers.Dense(1)}[size]
        networks.append(keras.Model([first, labels], last(x)))
    return networks


@pytest.mark.parametrize("form", ["column", "one_hot"])
def test_networks_of_labels_in_another_form(form, tmp_path):
    template, discriminator = labelled(form)
    model = MixGAN([template], discriminator, 1, 2, seed=0)
    assert model.num_classes == 3
    latents = np.random.default_rng(1).normal(size=(6, 3)).astype("float32")
    numbers = np.array([2, 0, 1, 1, 0, 2], "int32")
    given = numbers[:, None] if form == "column" else np.eye(3)[numbers]
    np.testing.assert_allclose(
        model.generate(latents=latents, labels=numbers),
        numpy_of(template([latents, given.astype("float32")])),
        rtol=1e-5,
        atol=1e-6,
    )
    compiled(model)
    x, y = points()
    model.fit(x, y, batch_size=12, verbose=0)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        loaded.generate(4, seed=0), model.generate(4, seed=0)
    )


def test_labels_of_data_in_a_column_and_one_hot():
    """All forms of the same labels give the same weights."""
    x, y = points(6)
    one_hot = np.eye(3)[y]
    ends = []
    for labels in (y, y[:, None], one_hot):
        model = MixGAN(*labelled("column"), 1, 1, seed=0)
        compiled(model)
        model.fit(x, labels, batch_size=6, shuffle=False, verbose=0)
        ends.append(
            [*model.get_weights(), model.payoff_matrix(x, labels, seed=0)]
        )
        made = model.generate(6, labels=labels, seed=0)
        np.testing.assert_array_equal(made, model.generate(6, y, seed=0))
    for end in ends[1:]:
        for a, b in zip(ends[0], end, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.eye(4)[[0, 1, 2] * 4], "one-hot: 3 numbers per image"),
        (np.full((12, 3), 1 / 3), "one-hot: 3 numbers per image"),
        (np.ones((12, 3)), "one-hot: 3 numbers per image"),
        (np.full((12, 1), 3), "from 3 to 3"),
        (np.full((12, 1), 0.5), "a vector of integers"),
        (np.zeros((12, 3, 1), int), "a vector of integers"),
    ],
)
def test_labels_that_are_neither_are_named(subclassed, labels, message):
    with pytest.raises(ValueError, match=message):
        subclassed.fit(points()[0], labels, batch_size=6, verbose=0)


def test_one_hot_labels_need_the_number_of_classes():
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    number = ops.expand_dims(ops.cast(labels, "float32"), 1)
    x = layers.Dense(2, activation="tanh")(
        layers.Concatenate()([latents, number])
    )
    generator = keras.Model([latents, labels], x)
    images = keras.Input((2,))
    y = layers.Dense(1)(layers.Concatenate()([images, number]))
    model = MixGAN(generator, keras.Model([images, labels], y), 1, 1)
    model.compile()
    x, y = points()
    with pytest.raises(ValueError, match="pass `num_classes` to MixGAN"):
        model.fit(x, np.eye(3)[y], batch_size=6, verbose=0)


def test_what_cannot_be_known_or_called_is_named():
    with pytest.raises(ValueError, match="`latent_dim` must be given for a ge"):
        MixGAN(Generator(3), small_discriminator())
    with pytest.raises(ValueError, match=r"`latent_dim` must match.*\(3,\)"):
        MixGAN(small_generator(), small_discriminator(), latent_dim=4)
    with pytest.raises(ValueError, match=r"`image_shape` must match.*\(2,\)"):
        MixGAN(small_generator(), small_discriminator(), image_shape=(3,))
    with pytest.raises(ValueError, match="`image_shape` must be positive int"):
        MixGAN(small_generator(), Discriminator(), image_shape=2)
    with pytest.raises(ValueError, match=r"in one argument.*Generator"):
        # It takes labels, but `num_classes` is not given.
        MixGAN(Generator(3, num_classes=3), small_discriminator(), latent_dim=4)
    wide = keras.Sequential([keras.Input((8, 8, 1)), layers.Conv2D(2, 3)])
    with pytest.raises(ValueError, match=r"logits of shape \(batch, 1\)"):
        MixGAN(image_generator(), wide)


def test_a_sigmoid_before_the_mean_of_patches_is_seen():
    images = keras.Input((8, 8, 1))
    x = layers.Conv2D(1, 3, activation="sigmoid")(images)
    model = MixGAN(image_generator(), keras.Model(images, x), 1, 1, seed=0)
    compiled(model)
    data = np.random.default_rng(0).uniform(-1, 1, (4, 8, 8, 1))
    with pytest.warns(kmg.UsageWarning, match="ends in a sigmoid"):
        model.fit(data.astype("float32"), batch_size=4, verbose=0)


def test_labels_in_a_list():
    x, y = points()
    model = MixGAN(*labelled("column"), 1, 1, seed=0)
    compiled(model).fit(x, y.tolist(), batch_size=6, verbose=0)
    assert model.step == 2
