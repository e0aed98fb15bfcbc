"""Neural-net distance, generalization, equilibrium gap."""

import importlib.util
import pathlib
import runpy

import keras
import numpy as np
import pytest
from conftest import image_networks
from metrics_stand_ins import digits
from metrics_stand_ins import noise

import keras_mixgan as kmg
from keras_mixgan import metrics
from keras_mixgan.backends import policies
from keras_mixgan.data.sources import Source
from keras_mixgan.data.sources import load_source
from keras_mixgan.game import payoffs
from keras_mixgan.metrics import networks
from keras_mixgan.metrics import response
from keras_mixgan.metrics.neural_net_distance import UNIT
from keras_mixgan.metrics.neural_net_distance import constant_value
from keras_mixgan.metrics.neural_net_distance import distance

LEMMA = pathlib.Path(__file__).parents[2] / "examples" / "lemma1.py"


@pytest.fixture(scope="module")
def ring():
    return load_source("ring").images[:4000]


def ring_model(count=2, **keywords):
    generator, discriminator = kmg.architectures.build("mlp", (2,), width=32)
    model = kmg.MixGAN(generator, discriminator, count, seed=0)
    model.compile(**keywords)
    return model


def test_shifting_a_mode_raises_the_distance(ring):
    angle = np.arctan2(ring[:, 1], ring[:, 0])
    first = np.abs(angle) < 0.2
    found = []
    for shift in (0.0, 0.4, 0.9):
        moved = ring.copy()
        moved[first] += [0, shift]
        found.append(metrics.neural_net_distance(moved, ring, steps=150))
    means = [score.mean for score in found]
    assert means[0] < 0.06
    # One mode of eight is moved: no discriminator exceeds 1/8.
    assert means[0] + 0.03 < means[1] < means[2] + 0.02 < 1 / 8 + 0.06
    assert 0 < found[0].std < 0.05
    assert found[0].name == "neural-net distance"


def test_distance_is_within_its_bounds(ring):
    far = metrics.neural_net_distance(ring + 5, ring, steps=100)
    assert 0.95 < far.mean <= 1
    # Disjoint supports: with the payoff log, the divergence is 2 log 2.
    far = metrics.neural_net_distance(ring + 5, ring, payoff="log", steps=200)
    assert far.mean == pytest.approx(2 * np.log(2), abs=0.05)
    assert far.name == "neural-net divergence (log)"


def test_digits_are_nearer_to_digits_than_noise_is():
    real, _ = digits(400)
    near = metrics.neural_net_distance(real[:200], real[200:], steps=20)
    far = metrics.neural_net_distance(noise(200), real[200:], steps=20)
    assert near.details["discriminator"] == "conv"
    assert near.mean + 0.5 < far.mean


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("log", -2 * np.log(2)),
        ("wasserstein", 1),
        ("hinge", -2),
        ("least_squares", -0.25),
        ("energy", 0),
    ],
)
def test_a_constant_discriminator_earns_nothing(name, value):
    found = constant_value(payoffs.get(name))
    assert found == pytest.approx(value, abs=1e-6)


def test_distance_of_a_known_discriminator():
    step = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, kernel_initializer="ones")]
    )
    real, fake = np.full((6, 1), 2.0), np.full((4, 1), -1.0)
    value, error = distance(step, real, fake, UNIT)
    sigmoid = 1 / (1 + np.exp([-2.0, 1.0]))
    assert value == pytest.approx(sigmoid[0] - sigmoid[1], rel=1e-5)
    assert error == pytest.approx(0, abs=1e-7)


def test_generalization_gap_closes_with_m(ring):
    gap = metrics.generalization_gap(
        ring[:2000], ring, ring[2000:], sizes=(20, 2000), steps=200
    )
    assert gap.train[0] > 0.3  # Twenty points are memorized.
    assert abs(gap.gap[1]) < abs(gap.gap[0])
    assert gap.gap == tuple(gap.held_out - train for train in gap.train)
    figure = metrics.figures.generalization_curve(gap)
    assert figure.axes[0].get_xlabel() == "training images m"
    with pytest.raises(ValueError, match="`sizes` must lie between 2"):
        metrics.generalization_gap(ring, ring[:50], ring, sizes=(100,))


@pytest.mark.parametrize("name", ["improved_gan", "sgan", "steingan"])
def test_discriminators_of_several_outputs_measure_by_their_logits(name):
    network = networks.build(name, (32, 32, 3))
    assert network.output_shape == (None, 1)
    assert network(np.zeros((2, 32, 32, 3))).shape == (2, 1)


def test_bad_distances(ring):
    with pytest.raises(ValueError, match="`discriminator` must be one of"):
        metrics.neural_net_distance(ring, ring, "deep")
    with pytest.raises(ValueError, match="must be 'mlp' for data"):
        metrics.neural_net_distance(ring, ring, "conv")
    with pytest.raises(ValueError, match="`payoff` must be one of"):
        metrics.neural_net_distance(ring, ring, payoff="square")
    with pytest.raises(ValueError, match="`num_images` must be at least 4"):
        metrics.neural_net_distance(ring[:3], ring)
    with pytest.raises(ValueError, match="`real` must have images of the"):
        metrics.neural_net_distance(noise(9), ring)
    with pytest.raises(ValueError, match="`batch_size` must be a positive"):
        metrics.neural_net_distance(ring, ring, batch_size=0)
    with pytest.raises(ValueError, match="`steps` must be a positive"):
        metrics.generalization_gap(ring, ring, ring, steps=0)
    with pytest.raises(ValueError, match="`discriminator` must give 3 logits"):
        networks.build("dcgan", (28, 28, 1), outputs=3)


def test_equilibrium_of_an_untrained_mixture(ring):
    model = ring_model()
    before = [w.copy() for w in model.get_weights()]
    gap = metrics.equilibrium_gap(
        model, ring, num_images=4000, steps=200, learning_rate=5e-3
    )
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    # Untrained discriminators give F = 2 log(1/2); one that is trained against
    # the generators gains much.
    assert gap.value == pytest.approx(-2 * np.log(2), abs=0.1)
    assert gap.discriminator_gain > 0.25
    assert gap.generator_gain >= 0
    gains = gap.generator_gain + gap.discriminator_gain
    assert gap.epsilon == pytest.approx(gains / 2)
    assert np.shape(gap.payoffs) == (2, 3)
    mixed = model.generator_weights @ gap.payoffs @ model.discriminator_weights
    assert gap.value == pytest.approx(mixed)
    theirs = model.payoff_matrix(ring, seed=0)
    np.testing.assert_allclose(gap.payoffs, theirs, atol=0.02)
    assert all(layer.trainable for layer in model.discriminators)


def test_a_perfect_generator_leaves_the_discriminator_little():
    # Both sides are standard normal, which cannot be told apart.
    generator = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(2, use_bias=False)]
    )
    critic = kmg.architectures.mlp_discriminator((2,), width=32)
    model = kmg.MixGAN(generator, critic, 1, seed=0)
    model.generators[0].set_weights([np.eye(2)])
    model.compile()
    real = np.random.default_rng(5).standard_normal((4000, 2), "float32")
    gap = metrics.equilibrium_gap(
        model, real, num_images=4000, steps=200, learning_rate=5e-3
    )
    assert gap.discriminator_gain < 0.05


@pytest.mark.usefixtures("no_graph")
def test_equal_generators_gain_nothing_without_training(ring):
    model = ring_model(3)
    for generator in model.generators[1:]:
        generator.set_weights(model.generators[0].get_weights())
    gap = metrics.equilibrium_gap(
        model, ring, num_images=400, steps=1, learning_rate=1e-9
    )
    assert gap.generator_gain < 1e-6


@pytest.mark.parametrize("start", ["component", "fresh"])
def test_a_response_to_averages_is_trained(ring, start):
    networks = kmg.architectures.build("mlp", (2,), width=32)
    gains = []
    for decay in (None, 0.9):
        model = kmg.MixGAN(*networks, 1, seed=0, ema_decay=decay)
        model.compile()
        gap = metrics.equilibrium_gap(
            model, ring, num_images=400, steps=50, learning_rate=5e-3,
            start=start,
        )  # fmt: skip
        gains.append(gap.generator_gain)
    assert gains[0] == pytest.approx(gains[1], rel=1e-3)
    assert gains[1] > 0.01


def test_a_response_starts_from_the_averages_that_play(ring, monkeypatch):
    networks = kmg.architectures.build("mlp", (2,), width=32)
    model = kmg.MixGAN(*networks, 1, seed=0, ema_decay=0.9)
    model.compile()
    for variable in model.generators[0].trainable_variables:
        variable.assign(variable + 1)
    started = []
    monkeypatch.setattr(
        response, "train_generator", lambda *given, **_: started.append(given)
    )
    gap = metrics.equilibrium_gap(model, ring, num_images=400, steps=1)
    ((answer, *_),) = started
    for one, other in zip(
        answer.get_weights(), model.ema_generators[0].get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    assert gap.generator_gain < 1e-6  # It was not trained.


@pytest.mark.parametrize("start", ["component", "fresh"])
def test_weight_clipped_responses_stay_in_their_class(ring, start):
    model = ring_model(1, payoff="wasserstein", weight_clip=0.01)
    gap = metrics.equilibrium_gap(
        model, ring, num_images=200, steps=30, start=start
    )
    assert gap.epsilon < 0.1  # Without clipping it is unbounded.


@pytest.mark.usefixtures("no_graph")
def test_equilibrium_of_a_conditional_model():
    generator, discriminator = image_networks(num_classes=3)
    model = kmg.MixGAN(generator, discriminator, 2, seed=0)
    images = noise(40, (8, 8, 1)).astype("float32")
    labels = np.arange(40, dtype="int32") % 3
    points = Source("own", np.uint8(127.5 * (images + 1)), labels)
    gap = metrics.equilibrium_gap(model, points, payoff="hinge", steps=2)
    assert np.isfinite(gap.epsilon)
    with pytest.raises(ValueError, match="`real` must have labels"):
        metrics.equilibrium_gap(model, images, payoff="hinge")
    with pytest.raises(ValueError, match="`payoff` must be given"):
        metrics.equilibrium_gap(model, points)
    for wrong in (labels + 1, labels - 1):
        others = Source("own", points.images, wrong)
        with pytest.raises(ValueError, match="`real` must have labels from 0"):
            metrics.equilibrium_gap(model, others, payoff="hinge")


@pytest.mark.usefixtures("no_graph")
def test_equilibrium_where_generators_alone_take_labels():
    networks = kmg.architectures.build("acgan", (8, 8, 1), 4, 3, width=2)
    model = kmg.MixGAN(*networks, 2, 1, seed=0)
    images = noise(40, (8, 8, 1)).astype("float32")
    labels = np.arange(40, dtype="int32") % 3
    points = Source("own", np.uint8(127.5 * (images + 1)), labels)
    gap = metrics.equilibrium_gap(model, points, payoff="hinge", steps=2)
    assert np.isfinite(gap.epsilon)


def test_bad_equilibria(ring):
    model = ring_model()
    with pytest.raises(ValueError, match="`start` must be one of"):
        metrics.equilibrium_gap(model, ring, start="cold")
    with pytest.raises(ValueError, match="`real` must hold at least 4"):
        metrics.equilibrium_gap(model, ring[:3])


def test_lemma_1(monkeypatch, capsys):
    # The example script, with fewer samples in fewer dimensions.
    monkeypatch.syspath_prepend(LEMMA.parent)
    spec = importlib.util.spec_from_file_location("lemma1", LEMMA)
    lemma = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(lemma)
    monkeypatch.setattr(lemma, "SAMPLES", 600)
    monkeypatch.setattr(lemma, "DIMENSION", 100)
    same, shifted = lemma.main()
    assert same["JS"] == pytest.approx(np.log(2))
    assert same["Wasserstein"] > 1.1
    assert same["neural-net"] < 0.06
    assert shifted["neural-net"] > 3 * same["neural-net"]
    assert "log 2" in capsys.readouterr().out


def test_jensen_shannon_of_sets_that_share_points(monkeypatch):
    monkeypatch.syspath_prepend(LEMMA.parent)
    lemma = runpy.run_path(str(LEMMA))
    points = np.arange(4.0)[:, None]
    assert lemma["jensen_shannon"](points, points) == pytest.approx(0)
    half = lemma["jensen_shannon"](points[:2], points[1:3])
    assert half == pytest.approx(0.5 * np.log(2))
    assert lemma["wasserstein"](points, points + 3) == pytest.approx(3)


@pytest.mark.usefixtures("no_graph")
def test_neural_net_distance_of_few_real_images():
    rng = np.random.default_rng(0)
    many = rng.uniform(-1, 1, (300, 2)).astype("float32")
    found = metrics.neural_net_distance(many, many[:101], steps=3)
    assert np.isfinite(found.mean)


@pytest.mark.usefixtures("no_graph")
def test_training_sets_of_two_points_in_an_array():
    points = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    gap = metrics.generalization_gap(
        points, points, points, sizes=np.array([2, 4]), steps=2
    )
    assert gap.sizes == (2, 4)


def test_as_many_generated_points_as_the_largest_size():
    points = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    with pytest.raises(ValueError, match="Received: 10, sizes"):
        metrics.generalization_gap(points[:10], points, points, (5, 20))


@pytest.mark.usefixtures("no_graph")
def test_gaps_of_networks_whose_number_of_classes_is_not_known():
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")

    class Codes(keras.layers.Layer):
        def call(self, x):
            return keras.ops.one_hot(x, 4)

    joined = keras.layers.Concatenate()([latents, Codes()(labels)])
    generator = keras.Model([latents, labels], keras.layers.Dense(2)(joined))
    x = keras.Input((2,))
    seen = keras.layers.Concatenate()([x, Codes()(labels)])
    critic = keras.Model([x, labels], keras.layers.Dense(1)(seen))
    model = kmg.MixGAN([generator], [critic], seed=0)
    model.compile()
    assert model.num_classes is None
    points = np.random.default_rng(0).normal(size=(40, 2)).astype("float32")
    real = Source("points", points, np.arange(40, dtype="int32") % 4)
    gap = metrics.equilibrium_gap(model, real, steps=2)
    assert np.isfinite(gap.epsilon)


def test_the_policy_of_other_networks_changes_no_network_of_a_metric():
    with policies.policy("mixed_bfloat16"):
        network = networks.build("conv", (8, 8, 1))
    assert {layer.compute_dtype for layer in network.layers} == {"float32"}
