"""One harness over everything registered in `ARCHITECTURES`."""

import copy
import itertools

import keras
import numpy as np
import pytest

from keras_mixgan import architectures
from keras_mixgan.architectures import encoder
from keras_mixgan.game import auxiliary
from keras_mixgan.game.ensembles import takes_codes
from keras_mixgan.mixgan import MixGAN

LATENT_DIM = 6
NUM_CLASSES = 5
BATCH = 4
WIDTH = 8


def variants(shapes):
    """Each shape once; each size and colour both with and without labels."""
    if len(shapes) == 1:
        return [(shapes[0], None), (shapes[0], NUM_CLASSES)]
    # A size in gray, then in colour, then the next size.
    labelled = (None, NUM_CLASSES, NUM_CLASSES, None) * len(shapes)
    return list(zip(shapes, labelled, strict=False))


NAMES = sorted(architectures.ARCHITECTURES)
COMBINATIONS = [
    pytest.param(
        name,
        shape,
        num_classes,
        id=f"{name}-{'x'.join(map(str, shape))}-"
        + ("conditional" if num_classes else "plain"),
    )
    for name in NAMES
    for shape, num_classes in variants(
        architectures.ARCHITECTURES[name].image_shapes
    )
]
TRAINING_KEYS = {
    "payoff",
    "optimizer",
    "learning_rate",
    "beta_1",
    "beta_2",
    "rho",
    "epsilon",
    "discriminator_learning_rate",
    "discriminator_steps",
    "weight_clip",
    "gradient_penalty",
    "generator_loss",
    "schedule",
    "auxiliary",
}


def build(name, shape=None, num_classes=None):
    shape = shape or architectures.get(name).image_shapes[0]
    return architectures.build(name, shape, LATENT_DIM, num_classes, WIDTH)


def latent_inputs(num_classes=None, count=BATCH):
    rng = np.random.default_rng(0)
    latents = rng.normal(size=(count, LATENT_DIM)).astype("float32")
    if num_classes is None:
        return latents
    return [latents, labels(count)]


def labels(count=BATCH):
    return (np.arange(count) % NUM_CLASSES).astype("int32")


def images(shape, num_classes=None, count=BATCH):
    rng = np.random.default_rng(1)
    drawn = rng.uniform(-1, 1, size=(count, *shape)).astype("float32")
    return drawn if num_classes is None else [drawn, labels(count)]


def inputs_of(name, side, num_classes, given, network=None):
    """A network's inputs: labels only if it takes them."""
    takes = side in architectures.get(name).labels_to
    first = given if num_classes is None else given[0]
    if network is not None and takes_codes(network):
        rng = np.random.default_rng(2)
        codes = rng.uniform(0, 1, (len(first), network.inputs[1].shape[1]))
        return [first, codes.astype("float32")]
    return given if num_classes is None or takes else first


def call(model, inputs, training=False):
    made = model(inputs, training=training)
    made = made["logits"] if isinstance(made, dict) else made
    return keras.ops.convert_to_numpy(made)


@pytest.mark.parametrize(("name", "shape", "num_classes"), COMBINATIONS)
def test_shapes_forward_and_config(name, shape, num_classes):
    generator, discriminator = build(name, shape, num_classes)
    labels_to = architectures.get(name).labels_to if num_classes else ()
    for side, model, first in (
        ("generator", generator, "latents"),
        ("discriminator", discriminator, "images"),
    ):
        second = ["labels"] if side in labels_to else []
        if side == "discriminator" and takes_codes(model):
            second = ["codes"]
        assert [x.name for x in model.inputs] == [first, *second]
        for labels_in in model.inputs[1:] if second == ["labels"] else []:
            assert labels_in.dtype == "int32"
            assert labels_in.shape == (None,)
        config = model.get_config()
        # `from_config` empties its argument.
        rebuilt = type(model).from_config(copy.deepcopy(config))
        assert rebuilt.get_config() == config
        assert [tuple(w.shape) for w in rebuilt.weights] == [
            tuple(w.shape) for w in model.weights
        ]

    given = latent_inputs(num_classes)
    made = call(generator, inputs_of(name, "generator", num_classes, given))
    assert made.shape == (BATCH, *shape)
    assert made.dtype == np.float32
    assert np.abs(made).max() <= 1.0
    assert made.std(axis=0).max() > 0  # The latents matter.
    given = images(shape, num_classes)
    given = inputs_of(name, "discriminator", num_classes, given, discriminator)
    outputs = discriminator(given, training=False)
    if not isinstance(outputs, dict):
        outputs = {"logits": outputs}
    names, units = {"logits"}, {"logits": 1, "class_logits": NUM_CLASSES}
    if num_classes and "discriminator" not in labels_to:
        names |= {"class_logits"}
    if takes_codes(discriminator):
        names |= {f"code_{output}" for output in names}
    more = {"features", "latents", "code_latents"}
    assert names <= set(outputs) <= names | more
    counts = [outputs[x].shape[-1] for x in outputs if x.endswith("latents")]
    assert sum(counts) in (0, LATENT_DIM)
    for output, values in outputs.items():
        values = keras.ops.convert_to_numpy(values)
        size = units.get(output.removeprefix("code_"), values.shape[-1])
        assert values.shape == (BATCH, size)
        assert values.dtype == np.float32
        assert np.isfinite(values).all()


@pytest.mark.parametrize(
    "name", [x for x in NAMES if architectures.get(x).labels_to]
)
def test_labels_change_the_outputs_of_whoever_takes_them(name):
    shape = architectures.get(name).image_shapes[0]
    generator, discriminator = build(name, shape, NUM_CLASSES)
    latents, chosen = latent_inputs(NUM_CLASSES)
    pixels, _ = images(shape, NUM_CLASSES)
    others = (chosen + 1) % NUM_CLASSES
    networks = {
        "generator": (generator, latents),
        "discriminator": (discriminator, pixels),
    }
    rng = np.random.default_rng(2)
    for side in architectures.get(name).labels_to:
        model, inputs = networks[side]
        # With small weights a label's effect is below float32's precision in
        # deep networks in inference mode.
        model.set_weights(
            [w + 0.1 * rng.normal(size=w.shape) for w in model.get_weights()]
        )
        assert not np.allclose(
            call(model, [inputs, chosen]), call(model, [inputs, others])
        )


@pytest.mark.parametrize("name", NAMES)
def test_networks_that_take_labels_tell_the_number_of_classes(name):
    sides = zip(
        ("generator", "discriminator"),
        build(name, num_classes=NUM_CLASSES),
        strict=True,
    )
    for side, model in sides:
        embeddings = {
            layer.input_dim
            for layer in model._flatten_layers()
            if isinstance(layer, keras.layers.Embedding)
        }
        takes = side in architectures.get(name).labels_to
        assert embeddings == ({NUM_CLASSES} if takes else set())


@pytest.mark.parametrize("name", NAMES)
def test_clones_have_fresh_weights_and_one_seed_repeats(name):
    def cloned_kernels(times):
        keras.utils.set_random_seed(3)
        pair = build(name, num_classes=NUM_CLASSES)
        return [
            [
                keras.ops.convert_to_numpy(weight)
                for weight in keras.models.clone_model(model).trainable_weights
                if "kernel" in weight.path or "embeddings" in weight.path
                # Offsets of classes start at 0.
                if "offset" not in weight.path
            ]
            for model in pair * times
        ]

    first, second = cloned_kernels(2), cloned_kernels(1)
    for before, again in zip(first[:2], second, strict=True):
        for a, b in zip(before, again, strict=True):
            np.testing.assert_array_equal(a, b)
    for one, other in zip(first[:2], first[2:], strict=True):
        for a, b in zip(one, other, strict=True):
            assert np.abs(a - b).max() > 0


@pytest.mark.parametrize("name", NAMES)
def test_mixed_precision_keeps_float32_at_both_ends(name):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        shape = architectures.get(name).image_shapes[0]
        generator, discriminator = build(name, shape, NUM_CLASSES)
        given = latent_inputs(NUM_CLASSES)
        made = generator(
            inputs_of(name, "generator", NUM_CLASSES, given), training=True
        )
        given = images(shape, NUM_CLASSES)
        given = inputs_of(
            name, "discriminator", NUM_CLASSES, given, discriminator
        )
        logits = discriminator(given, training=True)
        if isinstance(logits, dict):
            logits = logits["logits"]
    finally:
        keras.config.set_dtype_policy(policy)
    computed = {layer.compute_dtype for layer in generator.layers}
    assert "bfloat16" in computed
    assert keras.backend.standardize_dtype(made.dtype) == "float32"
    assert keras.backend.standardize_dtype(logits.dtype) == "float32"
    assert np.abs(keras.ops.convert_to_numpy(made)).max() <= 1.0


def trained_values(network):
    """All that a network trains, as one vector."""
    return np.concatenate(
        [
            keras.ops.convert_to_numpy(v).ravel()
            for v in network.trainable_variables
        ]
    )


def training_arguments(name):
    """Arguments of `MixGAN.compile` for the architecture's training."""
    training = dict(architectures.get(name).training)
    optimizer = {
        "adam": keras.optimizers.Adam,
        "rmsprop": keras.optimizers.RMSprop,
    }[training.pop("optimizer")]
    options = {
        key: training.pop(key)
        for key in ("learning_rate", "beta_1", "beta_2", "rho", "epsilon")
        if key in training
    }
    other = training.pop("discriminator_learning_rate", None)
    rates = {} if other is None else {"learning_rate": other}
    return training | {
        "generator_optimizer": optimizer(**options),
        "discriminator_optimizer": optimizer(**(options | rates)),
    }


@pytest.fixture(scope="module")
def encoder_path(tmp_path_factory):
    """An encoder of those that need one: they make the same images."""
    path = tmp_path_factory.mktemp("encoder") / "encoder.npz"
    shape = architectures.get("sgan").image_shapes[0]
    encoder.save(encoder.encoder(shape, NUM_CLASSES), path)
    return str(path)


# `dcgan_small_labels` is `dcgan` with other initial weights.
@pytest.mark.parametrize("name", sorted({*NAMES} - {"dcgan_small_labels"}))
def test_trains_saves_and_loads_as_a_mixture(name, tmp_path, encoder_path):
    shape = architectures.get(name).image_shapes[0]
    generator, discriminator = build(name, shape, NUM_CLASSES)
    model = MixGAN(
        generator,
        discriminator,
        num_generators=2,
        num_discriminators=1,
        seed=0,
    )
    arguments = training_arguments(name)
    listed = list(map(auxiliary.get, arguments.get("auxiliary", ())))
    arguments["auxiliary"] = listed
    for loss in listed:
        if isinstance(loss, auxiliary.Encoded):
            loss.encoder = encoder_path
    # One step; a graph costs more, but for the networks of most operations.
    eager = name not in ("improved_gan", "sgan", "steingan")
    model.compile(**arguments, run_eagerly=eager)
    networks = [*model.generators, *model.discriminators]
    before = [trained_values(network) for network in networks]
    steps = arguments.get("discriminator_steps", 1)
    pixels, chosen = images(shape, NUM_CLASSES, count=BATCH * steps)
    history = model.fit(
        pixels, chosen, batch_size=BATCH, epochs=1, verbose=0, shuffle=False
    )
    for values in history.history.values():
        assert np.isfinite(values).all()
    for old, network in zip(before, networks, strict=True):
        assert not np.array_equal(old, trained_values(network))

    path = tmp_path / "model.keras"
    model.save(path)
    loaded = keras.saving.load_model(path)
    np.testing.assert_array_equal(
        loaded.generate(5, seed=1), model.generate(5, seed=1)
    )


@pytest.mark.parametrize("name", NAMES)
def test_training_defaults_are_known_and_read_only(name):
    training = architectures.get(name).training
    assert {"payoff", "optimizer", "learning_rate"} <= set(training)
    assert set(training) <= TRAINING_KEYS
    with pytest.raises(TypeError):
        training["learning_rate"] = 1.0


def test_paper_settings():
    dcgan = architectures.get("dcgan").training
    assert dict(dcgan) == {
        "payoff": "log",
        "optimizer": "adam",
        "learning_rate": 1e-4,
        "beta_1": 0.5,
    }
    wgan = architectures.get("wgan").training
    assert (wgan["weight_clip"], wgan["discriminator_steps"]) == (0.01, 5)
    assert architectures.get("wgan_gp").training["gradient_penalty"] == 10


def deviation_of_labels(generator):
    layer = generator.get_layer("label_embedding")
    return keras.ops.convert_to_numpy(layer.embeddings).std()


def test_the_label_scale_is_the_deviation_that_labels_start_with():
    keras.utils.set_random_seed(0)
    shape, many = (28, 28, 1), 2000
    for scale in (0.1, 2.0):
        generator = architectures.dcgan_generator(
            shape, 20, many, width=2, label_scale=scale
        )
        assert deviation_of_labels(generator) == pytest.approx(scale, rel=0.1)
    for name, scale in (("dcgan", 1.0), ("dcgan_small_labels", 0.1)):
        generator, _ = architectures.build(name, shape, 20, many, width=2)
        assert deviation_of_labels(generator) == pytest.approx(scale, rel=0.1)


@pytest.mark.parametrize("value", [0, -1, True, "1", float("inf")])
def test_the_label_scale_must_be_a_positive_number(value):
    with pytest.raises(ValueError, match="`label_scale` must be a positive"):
        architectures.dcgan_generator((28, 28, 1), label_scale=value)


def test_dcgan_stages_at_width_64():
    generator = architectures.dcgan_generator((32, 32, 3))
    discriminator = architectures.dcgan_discriminator((32, 32, 3))

    def convolutions(model, kind):
        return [
            tuple(layer.output.shape[1:])
            for layer in model.layers
            if type(layer) is kind
        ]

    assert convolutions(generator, keras.layers.Conv2DTranspose) == [
        (8, 8, 128),
        (16, 16, 64),
        (32, 32, 3),
    ]
    assert convolutions(discriminator, keras.layers.Conv2D) == [
        (16, 16, 64),
        (8, 8, 128),
        (4, 4, 256),
    ]


def test_batch_normalization_is_where_it_belongs():
    def count(model):
        return sum(
            type(layer) is keras.layers.BatchNormalization
            for layer in model.layers
        )

    shape = (32, 32, 3)
    for name, expected in (("dcgan", 2), ("wgan", 2), ("wgan_gp", 0)):
        generator, discriminator = build(name, shape)
        assert count(generator) == 3
        assert count(discriminator) == expected
        for model in (generator, discriminator):
            for layer in model.layers:
                if type(layer) is keras.layers.BatchNormalization:
                    before = layer.input._keras_history.operation
                    assert not getattr(before, "use_bias", False)


def test_defaults_are_each_architectures_own():
    generator, _ = architectures.build("mlp", (2,))
    assert generator.input_shape == (None, 16)
    generator, discriminator = architectures.build("dcgan", (28, 28, 1))
    assert generator.input_shape == (None, 100)
    assert discriminator.layers[1].filters == 64


@pytest.mark.parametrize("name", [None, "dcgn", 3])
def test_unknown_architecture_lists_the_known(name):
    with pytest.raises(
        ValueError, match=r"`architecture`.*dcgan, .*mlp.*Received"
    ):
        architectures.get(name)


@pytest.mark.parametrize("shape", [(28, 28, 1), (), (0,), 2, None])
def test_mlp_takes_points_only(shape):
    for builder in (
        architectures.mlp_generator,
        architectures.mlp_discriminator,
    ):
        with pytest.raises(
            ValueError, match=r"`image_shape`.*\(2,\).*Received"
        ):
            builder(shape)


@pytest.mark.parametrize("name", NAMES)
def test_sizes_must_be_positive_integers(name):
    architecture = architectures.get(name)
    shape = architecture.image_shapes[0]
    for argument, value in itertools.product(
        ("latent_dim", "width", "num_classes"), (0, -1, 1.5, True, "8")
    ):
        message = f"`{argument}` must be a positive"
        with pytest.raises(ValueError, match=message):
            architecture.generator(shape, **{argument: value})
        if argument != "latent_dim":
            with pytest.raises(ValueError, match=message):
                architecture.discriminator(shape, **{argument: value})
