"""One whole alternating step against plain NumPy in float64."""

import collections
import itertools

import keras
import numpy as np
import pytest
from conftest import few_under_jax
from conftest import image_networks
from conftest import tensorflow_only
from keras import Variable
from keras import ops
from keras import optimizers
from reference import Mixture

from keras_mixgan import MixGAN
from keras_mixgan.backends import executor
from keras_mixgan.game import mixtures
from keras_mixgan.game import objectives

RATE = 0.5
# XLA rounds differently from NumPy; a step is T times a gradient, T <= 3.
ATOL = 6e-6 if keras.backend.backend() == "jax" else 2e-6


def games(*others):
    """Every payoff, loss and estimate with two against three networks.

    `others` are more numbers of networks. Each is combined with both estimates
    but with only one payoff and loss, which do not depend on the numbers.
    """
    losses = list(
        itertools.product(
            ("log", "wasserstein", "hinge", "least_squares"),
            ("non_saturating", "minimax"),
        )
    )
    estimates = ("full", "linear")
    cases = [
        (*loss, (2, 3), estimate) for loss in losses for estimate in estimates
    ]
    sizes = itertools.product(others, estimates)
    cases += [
        (*loss, *size)
        for loss, size in zip(itertools.cycle(losses), sizes, strict=False)
    ]
    if keras.backend.backend() == "jax":  # It compiles every case.
        # Every loss, and every payoff with either estimate.
        cases = [cases[2 * i + (i + i // 2) % 2] for i in range(len(losses))]
    return pytest.mark.parametrize(
        ("payoff", "kind", "numbers", "estimate"), cases
    )


def build(generator, discriminator, numbers, **compile_arguments):
    model = MixGAN(generator, discriminator, *numbers, seed=3)
    rng = np.random.default_rng(0)
    # Not uniform, so that the weights matter.
    model.generator_mixture_logits.assign(rng.normal(size=numbers[0]))
    model.discriminator_mixture_logits.assign(rng.normal(size=numbers[1]))
    model.compile(
        generator_optimizer=optimizers.SGD(RATE),
        discriminator_optimizer=optimizers.SGD(RATE),
        # JAX takes the fixed draws when it traces its one step.
        run_eagerly=keras.backend.backend() == "tensorflow",
        **compile_arguments,
    )
    return model


def fixed_draws(model, sizes, monkeypatch):
    """Fixes the latents of the step's two draws; returns them by generator."""
    rng = np.random.default_rng(1)
    draws = [rng.normal(size=(sum(sizes), 3)) for _ in range(2)]
    pending = iter(draws)
    monkeypatch.setattr(
        model,
        "draw_latents",
        lambda count: ops.convert_to_tensor(next(pending), "float32"),
    )
    edges = np.cumsum(sizes)[:-1]
    return [np.split(draw, edges) for draw in draws]


def assert_same(model, mixture):
    for networks, expected in (
        (model.discriminators, mixture.discriminators),
        (model.generators, mixture.generators),
    ):
        for network, weights in zip(networks, expected, strict=True):
            for w, e in zip(network.get_weights(), weights, strict=True):
                np.testing.assert_allclose(w, e, atol=ATOL)
    np.testing.assert_allclose(
        model.discriminator_mixture_logits, mixture.alpha_v, atol=ATOL
    )
    np.testing.assert_allclose(
        model.generator_mixture_logits, mixture.alpha_u, atol=ATOL
    )


def assert_logged(logs, payoff, discriminator_loss, generator_loss):
    expected = {
        "payoff": payoff,
        "discriminator_loss": discriminator_loss,
        "generator_loss": generator_loss,
        "loss": discriminator_loss + generator_loss,
    }
    assert {name: logs[name] for name in expected} == pytest.approx(
        expected, rel=1e-5, abs=2e-6
    )


@games((1, 1), (2, 2), (3, 3), (3, 1))
def test_alternating_step(
    generator, discriminator, monkeypatch, payoff, kind, numbers, estimate
):
    model = build(
        generator, discriminator, numbers,
        payoff=payoff, generator_loss=kind, payoff_estimate=estimate,
    )  # fmt: skip
    batch = 7
    sizes = [batch] * numbers[0]
    if estimate == "linear":
        sizes = mixtures.stratum_sizes(batch, numbers[0])
    first, second = fixed_draws(model, sizes, monkeypatch)
    images = np.random.default_rng(2).uniform(-1, 1, (batch, 2))
    mixture = Mixture(model, payoff, kind, regularizer=0.1)

    value = (
        softmax_of(mixture.alpha_u)
        @ mixture.payoffs(images, mixture.fakes(first))
        @ softmax_of(mixture.alpha_v)
    )
    losses = [mixture.discriminator_loss(images, mixture.fakes(first))]
    mixture.discriminator_step(RATE, images, mixture.fakes(first))
    losses.append(mixture.generator_loss(second))
    mixture.generator_step(RATE, second)

    logs = model.train_on_batch(images.astype("float32"), return_dict=True)
    assert_same(model, mixture)
    assert_logged(logs, value, *losses)


def softmax_of(alphas):
    return np.exp(alphas) / np.exp(alphas).sum()


@pytest.mark.parametrize("numbers", [(1, 1), (2, 3)])
@pytest.mark.parametrize("estimate", ["full", "linear"])
def test_gradient_penalty(
    generator, discriminator, monkeypatch, numbers, estimate
):
    model = build(
        generator, discriminator, numbers,
        payoff="wasserstein", gradient_penalty=10.0, payoff_estimate=estimate,
    )  # fmt: skip
    batch = 6
    sizes = [batch] * numbers[0]
    if estimate == "linear":
        sizes = mixtures.stratum_sizes(batch, numbers[0])
    first, second = fixed_draws(model, sizes, monkeypatch)
    mixing = np.random.default_rng(4).uniform(size=sum(sizes))
    monkeypatch.setattr(
        model,
        "draw_uniform",
        lambda count: ops.convert_to_tensor(mixing, "float32"),
    )
    images = np.random.default_rng(2).uniform(-1, 1, (batch, 2))
    mixture = Mixture(model, "wasserstein", "minimax", 0.1, penalty=10.0)
    fakes = mixture.fakes(first)
    reals = np.resize(images, (sum(sizes), 2))
    share = mixing[:, None]
    points = np.split(
        share * reals + (1 - share) * np.concatenate(fakes),
        np.cumsum(sizes)[:-1],
    )
    mixture.discriminator_step(RATE, images, fakes, points)
    mixture.generator_step(RATE, second)
    model.train_on_batch(images.astype("float32"))
    assert_same(model, mixture)


def test_weight_clipping_spares_the_log_probabilities(generator, discriminator):
    model = build(
        generator, discriminator, (2, 2), payoff="wasserstein", weight_clip=0.01
    )
    alphas = np.asarray(model.discriminator_mixture_logits)
    model.train_on_batch(np.zeros((4, 2), "float32"))
    largest = max(
        abs(w).max() for d in model.discriminators for w in d.get_weights()
    )
    assert largest == pytest.approx(0.01)
    assert abs(np.asarray(model.discriminator_mixture_logits)).max() > 0.02
    assert not np.array_equal(alphas, model.discriminator_mixture_logits)
    assert abs(model.generators[0].get_weights()[0]).max() > 0.02


@pytest.mark.parametrize("run_eagerly", few_under_jax(True, False))
def test_generators_follow_every_nth_critic_step(
    generator, discriminator, run_eagerly
):
    model = MixGAN(generator, discriminator, 2, 2, seed=0)
    model.compile(
        payoff="wasserstein", discriminator_steps=3, run_eagerly=run_eagerly
    )
    moved = []
    for i in range(7):
        before = [w.copy() for w in model.get_weights()]
        points = np.random.default_rng(i).uniform(-1, 1, (4, 2))
        model.train_on_batch(points.astype("float32"))
        after = model.get_weights()
        names = [w.path for w in model.weights]
        changed = {
            name
            for name, b, a in zip(names, before, after, strict=True)
            if not np.array_equal(b, a)
        }
        generators = {w.path for g in model.generators for w in g.weights}
        moved.append(bool(changed & generators))
    assert moved == [False, False, True, False, False, True, False]
    assert model.step == 7
    assert int(model.optimizer.discriminator_optimizer.iterations) == 7
    assert int(model.optimizer.generator_optimizer.iterations) == 2


@tensorflow_only
def test_linear_estimate_is_unbiased(generator, discriminator):
    """Its mean over draws is the exact payoff of these networks."""
    model = build(generator, discriminator, (3, 2), payoff_estimate="linear")
    # Generators differ, and discriminators tell them apart.
    for shift, network in zip((-2.0, 0.0, 2.0), model.generators, strict=True):
        network.layers[-1].bias.assign([shift, shift])
    for network in model.discriminators:
        network.set_weights([3 * w for w in network.get_weights()])
    images = np.random.default_rng(5).uniform(-1, 1, (5, 2)).astype("float32")
    mixture = Mixture(model, "log", "minimax", 0.0)
    latents = [np.random.default_rng(6).normal(size=(400_000, 3))] * 3
    exact = (
        softmax_of(mixture.alpha_u)
        @ mixture.payoffs(images, mixture.fakes(latents))
        @ softmax_of(mixture.alpha_v)
    )
    draws = payoff_draws(model, images, 1500)
    error = draws.std() / np.sqrt(len(draws))
    assert error < 0.02
    assert abs(draws.mean() - exact) < 3.5 * error
    # Without re-weighted strata the mean would be another.
    uniform = np.full(3, 1 / 3) @ (
        mixture.payoffs(images, mixture.fakes(latents))
        @ softmax_of(mixture.alpha_v)
    )
    assert abs(uniform - exact) > 7 * error


def payoff_draws(model, images, count):
    import tensorflow as tf

    @tf.function(autograph=False)
    def draw():
        pairs = objectives.discriminator_objective(model, images, None).pairs
        return mixtures.value(
            pairs,
            mixtures.weights(model.generator_mixture_logits),
            mixtures.weights(model.discriminator_mixture_logits),
        )

    images = ops.convert_to_tensor(images)
    return np.array([float(draw()) for _ in range(count)])


def partial_apply():
    """The executor's update, with all units 1."""
    apply = executor.of_backend().apply
    return lambda o, g, v: apply(o, g, v, [1.0] * len(v))


@tensorflow_only
@pytest.mark.parametrize(
    "options", [{}, {"clipnorm": 0.1}, {"amsgrad": True}, {"use_ema": True}]
)
def test_adam_is_that_of_keras(options):
    """Also where TensorFlow's kernel computes it, and with a schedule."""
    from keras_mixgan.backends.on_tensorflow import is_plain_adam

    schedule = optimizers.schedules.ExponentialDecay(0.1, 2, 0.5)
    ends = []
    executed = partial_apply()
    for apply in (executed, lambda o, s, v: o.apply(s, v)):
        rng = np.random.default_rng(0)
        variables = [
            Variable(rng.normal(size=shape), dtype="float32")
            for shape in ((3, 2), ())
        ]
        optimizer = optimizers.Adam(schedule, 0.5, 0.9, 1e-3, **options)
        optimizer.build(variables)
        for _ in range(5):
            slopes = [
                ops.convert_to_tensor(rng.normal(size=v.shape), "float32")
                for v in variables
            ]
            if apply is executed:
                fused = is_plain_adam(optimizer, slopes, variables)
                assert fused == (not options)
            apply(optimizer, slopes, variables)
        ends.append([np.asarray(v) for v in variables + optimizer.variables])
    for a, b in zip(*ends, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


@tensorflow_only
def test_slopes_that_are_missing_or_sparse():
    import tensorflow as tf

    from keras_mixgan.backends.on_tensorflow import is_plain_adam

    table = Variable(np.ones((4, 2)), dtype="float32")
    with tf.GradientTape() as tape:
        rows = tf.gather(table.value, [1, 1, 3])
        total = tf.reduce_sum(rows * [[1.0], [2.0], [3.0]])
    (slope,) = tape.gradient(total, [table.value])
    assert isinstance(slope, tf.IndexedSlices)
    optimizer = optimizers.Adam(0.1)
    optimizer.build([table])
    executor.of_backend().apply(
        optimizer, [tf.convert_to_tensor(slope)], [table], [1.0]
    )
    np.testing.assert_allclose(table[:, 0], [1, 0.9, 1, 0.9], atol=1e-5)
    assert not is_plain_adam(optimizer, [None], [table])


def operations_of_a_step(**compile_arguments):
    """How often the graph of a step runs each operation, with T=2."""
    import tensorflow as tf

    model = MixGAN(*image_networks(), 2, 2, seed=0)
    model.compile(**compile_arguments)
    step = tf.function(model.train_step, autograph=False)
    graph = step.get_concrete_function(tf.zeros((4, 8, 8, 1))).graph
    # The graph also holds operations that nothing needs; they are not run.
    pending = [tensor.op for tensor in graph.outputs] + graph.control_outputs
    needed = set()
    while pending:
        op = pending.pop()
        if op not in needed:
            needed.add(op)
            pending += [tensor.op for tensor in op.inputs] + op.control_inputs
    return collections.Counter(op.type for op in needed)


@tensorflow_only
@pytest.mark.parametrize("kind", ["non_saturating", "minimax"])
@pytest.mark.parametrize("update", ["alternating", "simultaneous"])
def test_nothing_is_computed_in_vain_or_by_python(update, kind):
    """Counts costly operations: each network has one convolution.

    That of a generator is transposed; its gradient by its input is a plain
    convolution.
    """
    found = operations_of_a_step(update=update, generator_loss=kind)
    forward = 2 if update == "alternating" else 1
    assert found["Conv2D"] == 2 * forward + 2
    # Gradients by filters: each network's, once. The generators' loss needs
    # none of the discriminators'.
    assert found["Conv2DBackpropFilter"] == 2 + 2
    # The generators' forward passes, and the gradients by fakes, which only
    # the generators' loss needs.
    assert found["Conv2DBackpropInput"] == 2 * forward + 2
    if update == "simultaneous":
        # Three groups of images per discriminator, one per generator; and one
        # backward pass where both sides share a value.
        passes = 1 if kind == "minimax" else 2
        assert found["FusedBatchNormV3"] == 2 * 3 + 2
        assert found["FusedBatchNormGradV3"] == 2 * 3 * passes + 2
    assert not any("PyFunc" in kind for kind in found)
