"""Components sharded over a mesh axis do what they do on one device (JAX)."""

import contextlib

import keras
import numpy as np
import pytest
from backend_cases import CASES
from conftest import JAX
from conftest import jax_only
from conftest import small_discriminator
from conftest import small_generator
from keras import layers
from keras import optimizers

import keras_mixgan as kmg
from keras_mixgan import MixGAN
from keras_mixgan import runs
from keras_mixgan.data import load
from keras_mixgan.distribution import ComponentSharding
from keras_mixgan.sources import Source


def mesh(shape=(2,), axes=("components",)):
    devices = keras.distribution.list_devices()[: np.prod(shape)]
    return keras.distribution.DeviceMesh(shape, list(axes), devices)


def networks():
    """Conditional, with all kinds of state; quick to compile."""
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    x = layers.Concatenate()([latents, layers.Embedding(3, 2)(labels)])
    x = layers.Dense(8, kernel_regularizer="l2")(x)
    x = layers.BatchNormalization(momentum=0.5)(x)
    x = layers.Dropout(0.2)(layers.LeakyReLU()(x))
    x = layers.Dense(16, activation="tanh")(x)
    generator = keras.Model([latents, labels], layers.Reshape((4, 4, 1))(x))

    images = keras.Input((4, 4, 1))
    y = layers.Dense(6, kernel_regularizer="l2")(layers.Flatten()(images))
    y = layers.LeakyReLU()(layers.BatchNormalization()(y))
    y = layers.Concatenate()(
        [layers.Dropout(0.2)(y), layers.Embedding(3, 2)(labels)]
    )
    return generator, keras.Model([images, labels], layers.Dense(1)(y))


def data(count=7):
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (count, 4, 4, 1)).astype("float32")
    return images, (np.arange(count) % 3).astype("int32")


def momentum():
    return optimizers.SGD(0.05, momentum=0.9)


def make(game, sharding, *numbers):
    with sharding.scope() if sharding else contextlib.nullcontext():
        model = MixGAN(*networks(), *numbers, seed=0, ema_decay=0.5)
        rng = np.random.default_rng(1)
        for alpha in (
            model.generator_log_probabilities,
            model.discriminator_log_probabilities,
        ):
            alpha.assign(rng.normal(size=alpha.shape))
        model.compile(
            generator_optimizer=momentum(),
            discriminator_optimizer=momentum(),
            **game,
        )
    return model


def train(model, images, labels=None):
    """One step, not by `train_on_batch`, which Keras 3.12 has not on meshes."""
    history = model.fit(
        images, labels, batch_size=len(images), shuffle=False, verbose=0
    ).history
    return {name: values[-1] for name, values in history.items()}


def all_state(model):
    return model.get_weights() + [
        np.asarray(v) for v in (*model.optimizer.variables, model.last_pairs)
    ]


def assert_equal(model, other):
    for a, b in zip(all_state(model), all_state(other), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@jax_only
@pytest.mark.parametrize(
    "name",
    [
        "log_minimax_simultaneous",
        "wasserstein_penalty_linear",
        "wasserstein_clipped_every_second",
        "hinge_full_simultaneous",
    ],
)
def test_a_step_is_that_of_one_device(name):
    """Three a side on two devices: slots and strata come out uneven."""
    one = make(CASES[name], None, 3, 3)
    sharding = ComponentSharding(mesh())
    two = make(CASES[name], sharding, 3, 3)
    for _ in range(CASES[name].get("discriminator_steps", 1)):
        wanted = train(one, *data())
        with sharding.scope():
            found = train(two, *data())
        assert found == pytest.approx(wanted, rel=1e-5, abs=1e-5)
    assert_equal(two, one)


@jax_only
def test_images_and_payoffs_need_no_mesh():
    one = make({}, None, 2, 1)
    two = make({}, ComponentSharding(mesh()), 2, 1)
    np.testing.assert_allclose(
        two.generate(7, seed=0), one.generate(7, seed=0), atol=1e-5
    )
    np.testing.assert_allclose(
        two.payoff_matrix(*data(), seed=0),
        one.payoff_matrix(*data(), seed=0),
        atol=1e-5,
    )


@jax_only
def test_a_second_axis_divides_batches():
    jax = pytest.importorskip("jax", "0.7", reason="older XLA aborts here")
    assert jax.device_count() >= 4
    game = CASES["log_full_ema"]
    sharding = ComponentSharding(mesh((2, 2), ("batch", "components")))
    one, four = make(game, None, 2, 1), make(game, sharding, 2, 1)
    images, labels = data(8)
    wanted = train(one, images, labels)
    with sharding.scope():
        found = train(four, images, labels)
    assert found == pytest.approx(wanted, rel=1e-5, abs=1e-5)
    assert_equal(four, one)


@jax_only
def test_a_component_is_on_its_device_alone():
    import jax

    sharding = ComponentSharding(mesh())
    model = make({}, sharding, 3, 1)
    with sharding.scope():
        train(model, *data())
    devices = jax.devices()
    sides = (
        (model.generators, model.optimizer.generator_optimizer),
        (model.discriminators, model.optimizer.discriminator_optimizer),
        (model.ema_generators, None),
    )
    for networks_of_side, optimizer in sides:
        for i, network in enumerate(networks_of_side):
            trained = {id(v) for v in network.trainable_variables}
            held = list(network.variables)
            if optimizer is not None:
                held += [
                    slot
                    for weight, slot in zip(
                        optimizer._trainable_variables,
                        optimizer.momentums,
                        strict=True,
                    )
                    if id(weight) in trained
                ]
            for variable in held:
                assert variable.value.devices() == {devices[i % 2]}


@jax_only
def test_devices_share_the_arithmetic(monkeypatch):
    """Four of each on two devices: about half of the work on each."""
    import jax

    flops = []
    compiled = jax.jit

    def counting(function, **options):
        run = compiled(function, **options)

        def call(*inputs):
            flops.append(run.lower(*inputs).compile().cost_analysis()["flops"])
            return run(*inputs)

        return call

    monkeypatch.setattr(jax, "jit", counting)
    for devices in (1, 2):
        sharding = ComponentSharding(mesh((devices,)))
        with sharding.scope():
            model = MixGAN(small_generator(), small_discriminator(), 4, 4)
            model.compile()
            train(model, np.zeros((64, 2), "float32"))
    assert flops[1] < 0.65 * flops[0]


def noise(count=14):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (count, 4, 4, 1), dtype=np.uint8)
    return Source("noise", images, np.arange(count, dtype=np.int32) % 3)


@jax_only
def test_fit_saves_and_goes_on_elsewhere(tmp_path):
    """Two epochs are one on two devices and one on any."""

    def stream(start):
        return load(noise(), batch_size=4, seed=0, start_step=start)

    sharding = ComponentSharding(mesh())
    alone = make({}, None, 2, 1)
    alone.fit(stream(0), epochs=2, steps_per_epoch=4, verbose=0)

    with sharding.scope():
        model = make({"steps_per_execution": 2}, None, 2, 1)
        model.fit(stream(0), steps_per_epoch=4, verbose=0)
        assert model.step == 4
        model.save(tmp_path / "model.keras")
    model = keras.saving.load_model(tmp_path / "model.keras")
    model.fit(stream(4), steps_per_epoch=4, verbose=0)
    assert_equal(model, alone)

    with sharding.scope():
        model = keras.saving.load_model(tmp_path / "model.keras")
        model.fit(stream(4), steps_per_epoch=4, verbose=0)
    assert_equal(model, alone)


@jax_only
def test_callbacks_see_the_weights_in_the_middle():
    seen = []

    class Look(keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.jax_state_sync()
            seen.append(self.model.generators[1].get_weights()[0])

    sharding = ComponentSharding(mesh())
    model = make({}, sharding, 2, 1)
    with sharding.scope():
        model.fit(*data(8), batch_size=4, verbose=0, callbacks=[Look()])
    assert len(seen) == 2
    assert not np.array_equal(*seen)
    assert np.array_equal(seen[1], model.generators[1].get_weights()[0])


@jax_only
def test_what_cannot_be_sharded_is_said():
    def points(generator, **optimizer):
        model = MixGAN(generator, small_discriminator(), 2, 1)
        adam = optimizers.Adam(1e-3, **optimizer)
        model.compile(generator_optimizer=adam)
        train(model, np.zeros((4, 2), "float32"))

    with ComponentSharding(mesh()).scope():
        unlike = [
            keras.Sequential(
                [keras.Input((3,)), layers.Dense(2, activation=activation)]
            )
            for activation in ("tanh", "sigmoid")
        ]
        with pytest.raises(ValueError, match="generator 0 and generator 1"):
            points(unlike)
        for option in (
            {"use_ema": True},
            {"global_clipnorm": 1.0},
            {"gradient_accumulation_steps": 2},
        ):
            with pytest.raises(ValueError, match=next(iter(option))):
                points(small_generator(), **option)
        model = MixGAN(small_generator(), small_discriminator(), 2, 1)
        model.compile(run_eagerly=True)
        with pytest.raises(ValueError, match="run_eagerly"):
            train(model, np.zeros((4, 2), "float32"))
    with pytest.raises(ValueError, match="in the scope of a ComponentSharding"):
        train(make({}, ComponentSharding(mesh()), 2, 1), *data())
    for shape, axes in (((2,), ["model"]), ((2, 2), ["data", "components"])):
        with pytest.raises(ValueError, match='an axis "components"'):
            ComponentSharding(mesh(shape, axes))


@jax_only
def test_a_run_may_change_its_devices(tmp_path):
    """From one device to two by components, to two by rows: the same run."""
    given = {
        "source": "ring",
        "num_generators": 2,
        "num_discriminators": 1,
        "batch_size": 8,
    }
    alone = runs.train(given | {"steps": 6}, tmp_path / "alone", verbose=0)
    for steps, strategy in (
        (2, None),
        (4, "component_parallel"),
        (6, "mirrored"),
    ):
        model = runs.train(
            given | {"steps": steps},
            tmp_path / "run",
            verbose=0,
            strategy=strategy,
            devices=["cpu:0", "cpu:1"] if strategy else None,
        )
    assert model.step == 6
    for a, b in zip(model.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


@jax_only
def test_a_jax_that_is_too_old_is_named(monkeypatch):
    import jax

    monkeypatch.setattr(jax, "__version_info__", (0, 6, 2))
    assert ComponentSharding(mesh()).num_component_devices == 2
    with pytest.raises(ImportError, match=r"jax>=0\.7'"):
        ComponentSharding(mesh((2, 2), ("batch", "components")))


@jax_only
def test_strategies_by_name():
    cpus = "cpu:0,cpu:1"
    by_rows = kmg.distribution.strategy("mirrored", cpus)
    assert isinstance(by_rows, keras.distribution.DataParallel)
    by_components = kmg.distribution.strategy("component_parallel", cpus)
    assert by_components.num_component_devices == 2
    with pytest.raises(ValueError, match="mirrored, component_parallel under"):
        kmg.distribution.strategy("multi_worker")
    with pytest.raises(ValueError, match="Received: gpu:0"):
        kmg.distribution.strategy("mirrored", "gpu:0")
    with pytest.raises(
        ValueError, match="a multiple of the number of replicas"
    ):
        runs.train(
            {"source": "ring", "batch_size": 3},
            strategy="mirrored",
            devices=["cpu:0", "cpu:1"],
        )


@pytest.mark.skipif(JAX, reason="of other backends")
def test_other_backends_are_told():
    with pytest.raises(RuntimeError, match="KERAS_BACKEND=tensorflow"):
        ComponentSharding()
