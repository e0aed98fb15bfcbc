"""Exported SavedModels: what each signature answers."""

import json

import exported
import keras
import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import keras_mixgan as kmg
from keras_mixgan._version import __version__
from keras_mixgan.cli import settings
from keras_mixgan.exporting import metadata
from keras_mixgan.exporting import routing
from keras_mixgan.game import mixtures

SIGNATURES = {
    "serving_default",
    "sample",
    "sample_component",
    "sample_png",
    "mixture_weights",
}


@pytest.fixture(scope="module")
def model():
    return exported.moved_mixture()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("exported") / "deep" / "1"


@pytest.fixture(scope="module")
def sampler(model, folder):
    return exported.saved(model, folder)


@pytest.fixture(scope="module")
def telling(tmp_path_factory):
    model = exported.telling_mixture([0.0, 1.0, -1.0, 0.5, -2.0])
    return model, exported.saved(model, tmp_path_factory.mktemp("telling"))


@pytest.fixture(scope="module")
def levels(tmp_path_factory):
    """Unconditional, averaged generators, images as uint8."""
    model = exported.moved_mixture(num_classes=None, ema_decay=0.5)
    folder = tmp_path_factory.mktemp("levels")
    return model, exported.saved(model, folder, uint8=True)


@pytest.mark.parametrize("size", [0, 1, 7, 1000])
def test_serving_default_gives_the_images_of_generate(model, sampler, size):
    arguments, images = exported.batch(model, size, seed=size)
    got = exported.call(sampler, "serving_default", **arguments)["images"]
    assert got.shape == (size, 8, 8, 1)
    assert got.dtype == "float32"
    np.testing.assert_allclose(got, images, atol=1e-5)
    if size > 100:
        assert images.std() > 0.1  # The images are worth comparing.


def test_components_are_chosen_as_by_component_of():
    weights = np.float32([0.3, 0.1, 0.4, 0.2])
    edges = mixtures.inner_edges(weights)
    uniform = np.concatenate(
        [
            np.random.default_rng(0).random(1000, dtype="float32"),
            np.float32(edges),
            np.nextafter(np.float32(edges), np.float32(0)),
            np.float32([0, 1]),
        ]
    )
    got = routing.components_of(tf.constant(uniform), edges)
    assert got.dtype == tf.int32
    assert (got == mixtures.component_of(uniform, weights)).numpy().all()
    assert (routing.components_of(uniform, np.empty(0)).numpy() == 0).all()


def test_drawn_components_follow_the_mixture_weights(telling):
    model, sampler = telling
    out = exported.call(
        sampler, "sample", num_images=100_000, seed=1, labels=[0]
    )
    told, _ = exported.tell(out["images"])
    assert (told == out["components"]).all()
    counts = np.bincount(told, minlength=5)
    expected = model.generator_weights.astype("float64")
    expected *= 100_000 / expected.sum()
    assert scipy.stats.chisquare(counts, expected).pvalue > 1e-3
    uniform = np.random.default_rng(2).random(100_000)
    images = exported.call(
        sampler,
        "serving_default",
        latents=np.zeros((100_000, 2)),
        component_uniform=uniform,
        labels=np.zeros(100_000),
    )["images"]
    counts = np.bincount(exported.tell(images)[0], minlength=5)
    assert scipy.stats.chisquare(counts, expected).pvalue > 1e-3


def test_rows_get_their_own_labels(telling):
    _, sampler = telling
    rng = np.random.default_rng(0)
    labels = rng.integers(4, size=50)
    latents = rng.standard_normal((50, 2))
    images = exported.call(
        sampler,
        "serving_default",
        latents=latents,
        component_uniform=rng.random(50),
        labels=labels,
    )["images"]
    assert (exported.tell(images)[1] == labels).all()
    np.testing.assert_allclose(images[:, 2:], latents / 10, atol=1e-6)


@pytest.mark.parametrize("signature", ["sample", "sample_component"])
def test_labels_are_repeated_in_order(telling, signature):
    _, sampler = telling
    more = {"component": 2} if signature == "sample_component" else {}

    def labels_of(number, labels):
        images = exported.call(
            sampler, signature, num_images=number, seed=3, labels=labels, **more
        )["images"]
        return exported.tell(images)[1].tolist()

    assert labels_of(7, [3, 0, 1]) == [3, 0, 1, 3, 0, 1, 3]
    assert labels_of(2, [3, 0]) == [3, 0]
    assert labels_of(0, []) == []


def test_without_labels_they_are_drawn_uniformly(telling):
    _, sampler = telling
    out = exported.call(sampler, "sample", num_images=20_000, seed=5, labels=[])
    components, labels = exported.tell(out["images"])
    counts = np.bincount(labels, minlength=4)
    assert scipy.stats.chisquare(counts).pvalue > 1e-3
    # The draws are independent of each other.
    table = np.histogram2d(components, labels, (5, 4))[0]
    assert scipy.stats.chi2_contingency(table).pvalue > 1e-3
    latents = out["images"][:, 2:].T * 10
    assert (
        abs(np.corrcoef([*latents, components, labels]) - np.eye(4)).max()
        < 0.03
    )
    assert scipy.stats.kstest(latents.ravel(), "norm").pvalue > 1e-3


def test_in_python_labels_may_be_left_out(telling, levels):
    _, sampler = telling
    for name, more in (("sample", {}), ("sample_component", {"component": 2})):
        drawn = exported.call(
            sampler, name, num_images=9, seed=5, labels=[], **more
        )
        left_out = getattr(sampler, name)(num_images=9, seed=5, **more)
        assert (left_out["images"].numpy() == drawn["images"]).all()
    with pytest.raises(
        tf.errors.InvalidArgumentError, match="`labels` must have as many rows"
    ):
        sampler.serving_default(tf.zeros((3, 2)), tf.zeros(3))
    assert levels[1].sample(2, 5)["images"].shape == (2, 8, 8, 1)


def test_a_seed_means_the_same_images(sampler):
    def draw(seed):
        return exported.call(
            sampler, "sample", num_images=20, seed=seed, labels=[0, 1]
        )

    one, again, other = draw(7), draw(7), draw(2**40 + 7)
    assert (one["images"] == again["images"]).all()
    assert (one["components"] == again["components"]).all()
    assert (one["images"] != other["images"]).any(axis=(1, 2, 3)).all()
    assert (one["components"] != other["components"]).any()


def test_the_draws_of_a_seed_never_change(telling):
    # The numbers of Philox: another machine or version must draw the same.
    _, sampler = telling
    out = exported.call(sampler, "sample", num_images=4, seed=42, labels=[])
    components, labels = exported.tell(out["images"])
    assert components.tolist() == [1, 1, 3, 0]
    assert labels.tolist() == [0, 3, 2, 2]
    latents = [1.129203, 0.959445, -0.566761, -0.265084]
    np.testing.assert_allclose(out["images"][:, 2] * 10, latents, atol=1e-5)


def test_components_are_compared_on_the_same_latents(model, sampler):
    mixed = exported.call(
        sampler, "sample", num_images=40, seed=3, labels=[2, 0, 1]
    )
    assert set(mixed["components"]) == {0, 1, 2}
    for component in range(3):
        alone = exported.call(
            sampler,
            "sample_component",
            component=component,
            num_images=40,
            seed=3,
            labels=[2, 0, 1],
        )["images"]
        own = mixed["components"] == component
        np.testing.assert_allclose(alone[own], mixed["images"][own], atol=1e-6)
        assert abs(alone[~own] - mixed["images"][~own]).max() > 0.1


def test_png_files_hold_the_images_of_sample(sampler):
    arguments = {"num_images": 12, "seed": 9, "labels": [1]}
    images = exported.call(sampler, "sample", **arguments)
    png = exported.call(sampler, "sample_png", component=-1, **arguments)
    assert (png["components"] == images["components"]).all()
    wanted = np.clip(np.rint((images["images"] + 1) * 127.5), 0, 255)
    for file, image in zip(png["png_bytes"], wanted, strict=True):
        assert file[:8] == b"\x89PNG\r\n\x1a\n"
        assert (tf.io.decode_png(file).numpy() == image).all()
    alone = exported.call(sampler, "sample_png", component=1, **arguments)
    assert (alone["components"] == 1).all()
    own = images["components"] == 1
    assert own.any()
    assert (alone["png_bytes"][own] == png["png_bytes"][own]).all()
    none = {"component": -1, "num_images": 0, "seed": 9, "labels": []}
    assert exported.call(sampler, "sample_png", **none)["png_bytes"].shape == (
        0,
    )


def test_levels_and_averaged_generators(levels):
    model, sampler = levels
    arguments, images = exported.batch(model, 50)
    got = exported.call(sampler, "serving_default", **arguments)["images"]
    assert got.dtype == "uint8"
    wanted = np.clip(np.rint((images + 1) * 127.5), 0, 255)
    assert abs(got - wanted).max() <= 1  # Values near a half round either way.
    assert (got == wanted).mean() > 0.999
    drawn = exported.call(sampler, "sample", num_images=3, seed=0)
    assert drawn["images"].dtype == "uint8"
    alone = {"component": 0, "num_images": 3, "seed": 0}
    alone = exported.call(sampler, "sample_component", **alone)["images"]
    assert alone.dtype == "uint8"


def test_classes_of_known_data_have_names(tmp_path, monkeypatch):
    def names(model, source):
        model.run_settings = {"source": source}
        return metadata.describe(model, uint8=False)["class_names"]

    ten = exported.moved_mixture(num_classes=10)
    assert names(ten, "cifar10")[9] == names(ten, "cifar10:3.0.2")[9] == "Truck"
    eleven = exported.moved_mixture(num_classes=11)
    assert names(eleven, "cifar10") is None
    # A folder is the user's own, whatever its name; a run records "./cifar10".
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cifar10").mkdir()
    assert names(ten, settings.resolve({"source": "cifar10"}).source) is None
    assert names(ten, "cifar10")[9] == "Truck"


def test_mixture_weights_and_description(model, sampler, folder):
    weights = exported.call(sampler, "mixture_weights")["weights"]
    assert weights.dtype == "float32"
    np.testing.assert_array_equal(weights, model.generator_weights)
    described = json.loads((folder / "assets.extra/sampler.json").read_text())
    signatures = described.pop("signatures")
    np.testing.assert_allclose(described.pop("generator_weights"), weights)
    assert described == {
        "format": 1,
        "keras_mixgan": __version__,
        "name": "mixgan",
        "num_generators": 3,
        "latent_dim": 5,
        "image_shape": [8, 8, 1],
        "conditional": True,
        "num_classes": 3,
        "class_names": None,
        "uint8": False,
    }
    assert set(signatures) == set(sampler.signatures) == SIGNATURES
    for name, signature in signatures.items():
        function = sampler.signatures[name]
        inputs = function.structured_input_signature[1]
        for ours, theirs in (
            (signature["inputs"], inputs),
            (signature["outputs"], function.structured_outputs),
        ):
            assert ours == {
                key: {"dtype": t.dtype.name, "shape": t.shape.as_list()}
                for key, t in theirs.items()
            }


def graph_operations(folder):
    from tensorflow.core.protobuf import saved_model_pb2

    proto = saved_model_pb2.SavedModel()
    proto.ParseFromString((folder / "saved_model.pb").read_bytes())
    graph = proto.meta_graphs[0].graph_def
    nodes = [
        *graph.node,
        *(n for f in graph.library.function for n in f.node_def),
    ]
    return {node.op for node in nodes}, proto


def test_the_graph_holds_no_python_and_no_more_than_the_generators(
    model, sampler, folder
):
    operations, proto = graph_operations(folder)
    assert "DynamicPartition" in operations  # Those in functions are listed.
    assert not {op for op in operations if "Py" in op or "Numpy" in op}
    objects = proto.meta_graphs[0].object_graph_def.nodes
    kinds = {
        n.user_object.identifier for n in objects if n.user_object.identifier
    }
    assert not {kind for kind in kinds if "keras" in kind.lower()}
    variables = [n.variable for n in objects if n.HasField("variable")]
    elements = sum(
        np.prod([d.size for d in v.shape.dim], dtype=int) for v in variables
    )
    generators = sum(g.count_params() for g in model.sampling_generators)
    assert elements == generators


class Watched(keras.layers.Layer):
    """Returns how many rows it gets; that of the second generator fails."""

    def __init__(self, number):
        super().__init__()
        self.number = number

    def call(self, x):
        runs = tf.raw_ops.Assert(
            condition=tf.constant(self.number != 1), data=["it ran"]
        )
        with tf.control_dependencies([runs]):
            rows = tf.shape(x)[0]
        count = tf.fill([rows, 1], tf.cast(rows, x.dtype))
        return tf.concat([count, x[:, 1:]], axis=1)


def test_each_generator_runs_on_its_own_rows_alone(tmp_path):
    model = exported.telling_mixture([0.0, 0.0, 0.0], layer=Watched)
    sampler = exported.saved(model, tmp_path)
    uniform = np.random.default_rng(0).choice([0.1, 0.9], 90)
    arguments = {
        "latents": np.zeros((90, 2)),
        "component_uniform": uniform,
        "labels": np.zeros(90),
    }
    images = exported.call(sampler, "serving_default", **arguments)["images"]
    seen = np.rint(images[:, 0] * 10)
    first = uniform < 0.5
    assert (seen == np.where(first, first.sum(), 90 - first.sum())).all()
    # Chunks bound the memory of a large batch.
    alone = {"component": 2, "num_images": 600, "seed": 0, "labels": []}
    images = exported.call(sampler, "sample_component", **alone)["images"]
    seen = np.rint(images[:, 0] * 10)
    assert seen.tolist() == [256] * 512 + [88] * 88
    with pytest.raises(tf.errors.InvalidArgumentError, match="it ran"):
        exported.call(sampler, "sample_component", **alone | {"component": 1})


def test_points_have_no_png_and_no_levels(tmp_path):
    model = kmg.MixGAN(*kmg.architectures.build("mlp", (2,), width=4), 1, 1)
    with pytest.raises(ValueError, match="`uint8`"):
        model.export_sampler(tmp_path, uint8=True)
    sampler = exported.saved(model, tmp_path)
    assert set(sampler.signatures) == SIGNATURES - {"sample_png"}
    out = exported.call(sampler, "sample", num_images=3, seed=0)
    assert out["images"].shape == (3, 2)
    assert out["components"].tolist() == [0, 0, 0]


def test_mixed_bfloat16_is_exported(tmp_path):
    keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        model = exported.moved_mixture(num_classes=None)
    finally:
        keras.mixed_precision.set_global_policy("float32")
    sampler = exported.saved(model, tmp_path)
    arguments, images = exported.batch(model, 40)
    got = exported.call(sampler, "serving_default", **arguments)["images"]
    assert got.dtype == "float32"
    np.testing.assert_allclose(got, images, atol=1e-5)


def test_the_model_trains_on_and_the_export_stays(telling):
    model, sampler = telling
    generator = model.generators[0]
    before = generator.get_weights()
    generator.set_weights([np.full((4, 2), 9.0)])
    alone = {"component": 0, "num_images": 2, "seed": 0, "labels": [1]}
    images = exported.call(sampler, "sample_component", **alone)["images"]
    generator.set_weights(before)  # Other tests have the same model.
    assert exported.tell(images)[1].tolist() == [1, 1]
