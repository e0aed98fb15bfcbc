"""Schedules: skipped and repeated steps, and WGAN's long turns."""

import keras
import numpy as np
import pytest
from conftest import few_under_jax
from conftest import small_discriminator
from conftest import small_generator
from keras import optimizers

from keras_mixgan import MixGAN
from keras_mixgan.game import schedules


@pytest.mark.parametrize(
    ("loss", "steps", "moves"),
    [
        (0.7, 1, True),
        (0.651, 1, True),
        (0.65, 3, True),
        (0.51, 3, True),
        (0.5, 5, True),
        (0.31, 5, True),
        (0.299, 7, False),
        (0.0, 7, False),
    ],
)
def test_steps_by_thresholds(loss, steps, moves):
    assert int(schedules.generator_steps(np.float32(loss))) == steps
    assert schedules.moves_discriminators(loss) is moves


def fair_coin():
    """Discriminators whose logits are 0."""
    made = MixGAN(small_generator(), small_discriminator(), 2, 2, seed=0)
    for network in made.discriminators:
        *hidden, kernel, bias = network.get_weights()
        network.set_weights([*hidden, 0 * kernel, bias])
    still = optimizers.SGD(1e-3), optimizers.SGD(1e-3)
    made.compile("log", *still, schedule="released")
    return made


def points(count):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (count, 2)).astype("float32")


def discriminators_of(made):
    return np.concatenate(
        [w.ravel() for n in made.discriminators for w in n.get_weights()]
    )


def generators_of(made):
    return np.concatenate(
        [w.ravel() for n in made.generators for w in n.get_weights()]
    )


@pytest.mark.usefixtures("no_graph")
def test_a_fair_coin_takes_turns():
    """With logits of 0, -F / 2 is log 2, above all thresholds."""
    made = fair_coin()
    before = discriminators_of(made), generators_of(made)
    logs = made.train_on_batch(points(4), return_dict=True)
    assert float(logs["payoff"]) == pytest.approx(-2 * np.log(2), rel=1e-5)
    assert not np.array_equal(before[0], discriminators_of(made))
    assert not np.array_equal(before[1], generators_of(made))
    assert int(made.generator_steps_left) == 0


def far_ahead(distance):
    """Real points are right of 0, fakes left of it; logits are +-`distance`."""
    latents, images = keras.Input((3,)), keras.Input((2,))
    generator = keras.Model(
        latents,
        keras.layers.Dense(
            2, kernel_initializer=keras.initializers.RandomNormal(0.0, 1e-3),
            bias_initializer=keras.initializers.Constant(-1.0),
        )(latents),
    )  # fmt: skip
    discriminator = keras.Model(
        images,
        keras.layers.Dense(
            1, kernel_initializer=keras.initializers.Constant(distance / 2)
        )(images),
    )
    made = MixGAN(generator, discriminator, 2, 2, seed=0)
    made.compile(
        "log", optimizers.SGD(1e-6), optimizers.SGD(1e-6), schedule="released"
    )
    return made


@pytest.mark.parametrize(
    ("distance", "steps", "moves"), [(0.5, 5, True), (5.0, 7, False)]
)
def test_turns_against_discriminators_that_are_ahead(distance, steps, moves):
    # -F / 2 is softplus(-distance): 0.474 and 0.0067.
    made = far_ahead(distance)
    half = np.log1p(np.exp(-distance))
    assert int(schedules.generator_steps(np.float32(half))) == steps
    real = np.ones((4, 2), "float32")
    seen = []
    for _ in range(steps + 1):
        before = discriminators_of(made), generators_of(made)
        made.reset_metrics()
        made.train_on_batch(real)
        seen.append(
            (
                not np.array_equal(before[0], discriminators_of(made)),
                not np.array_equal(before[1], generators_of(made)),
                int(made.generator_steps_left),
            )
        )
    left = [*reversed(range(steps)), steps - 1]
    turns = [moves, *[False] * (steps - 1), moves]
    assert seen == [(d, True, n) for d, n in zip(turns, left, strict=True)]


def by_wgans_code(batches, discriminator_steps):
    """Numbers of the batches with a generator step, as that code loops."""
    due, batch, generator_step = [], 0, 0
    while True:
        long = generator_step < 25 or generator_step % 500 == 0
        batch += 100 if long else discriminator_steps
        if batch > batches:
            return due
        due.append(batch)
        generator_step += 1


@pytest.mark.parametrize("discriminator_steps", [1, 5])
def test_wgans_turns(discriminator_steps):
    batches = np.arange(1, 20_001)
    rule = "wgan", batches, discriminator_steps
    due = schedules.generators_are_due(*rule)
    expected = by_wgans_code(20_000, discriminator_steps)
    assert len(expected) > 1500  # Several rounds.
    assert batches[due].tolist() == expected
    some = [100, 2500, 2500 + discriminator_steps, 4999, 20_000]
    for n in some:
        one = schedules.generators_are_due("wgan", n, discriminator_steps)
        assert one is (n in expected)
    for n in (1, 2599, 20_000):
        count = schedules.generator_updates("wgan", n, discriminator_steps)
        assert count == sum(batch <= n for batch in expected)


def test_fixed_turns():
    assert schedules.generators_are_due("fixed", 7, 1) is True
    assert [schedules.generators_are_due("fixed", n, 3) for n in (1, 2, 3)] == [
        False, False, True
    ]  # fmt: skip
    assert schedules.generator_updates("fixed", 7, 1) == 7
    assert schedules.generator_updates("fixed", 7, 3) == 2
    # Of the longest runs too, at once.
    assert schedules.generator_updates("fixed", 10**15, 5) == 2 * 10**14
    assert schedules.generator_updates("wgan", 10**15, 5) < 2 * 10**14


def test_steps_by_wgans_turns():
    """Steps that follow so many steps, on the graph's own integers."""
    made = MixGAN(small_generator(), small_discriminator(), 2, 2, seed=0)
    made.compile(
        "wasserstein", optimizers.SGD(0.1), optimizers.SGD(0.1),
        discriminator_steps=5, schedule="wgan",
    )  # fmt: skip
    for done in few_under_jax(98, 99, 2503, 2504):
        made.step_variable.assign(done)
        before = discriminators_of(made), generators_of(made)
        made.train_on_batch(points(4))
        assert not np.array_equal(before[0], discriminators_of(made))
        moved = not np.array_equal(before[1], generators_of(made))
        assert moved is (done + 1 in by_wgans_code(done + 1, 5)), done


@pytest.mark.usefixtures("no_graph")
def test_a_model_goes_on_in_the_midst_of_its_turns(tmp_path):
    made = far_ahead(5.0)
    real = np.ones((8, 2), "float32")
    made.fit(real, batch_size=4, shuffle=False, verbose=0)
    assert int(made.generator_steps_left) == 5
    made.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert int(loaded.generator_steps_left) == 5
    assert loaded.objective == made.objective
    for one in (made, loaded):
        one.fit(real, batch_size=4, shuffle=False, verbose=0)
    for a, b in zip(made.get_weights(), loaded.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_weights_load_under_another_schedule(tmp_path):
    made = far_ahead(5.0)
    path = tmp_path / "model.weights.h5"
    plain = MixGAN.from_config(made.get_config())
    plain.compile("log", optimizers.SGD(1e-3), optimizers.SGD(1e-3))
    plain.save_weights(path)
    made.load_weights(path)
    np.testing.assert_array_equal(
        made.generate(3, seed=0), plain.generate(3, seed=0)
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"schedule": "sometimes"}, "`schedule` must be one of"),
        (
            {"schedule": "wgan", "update": "simultaneous"},
            "update is 'alternating'.*schedule='wgan'",
        ),
        ({"discriminator_steps": 2}, "discriminator_steps is 1"),
        ({"update": "simultaneous"}, "update is 'alternating'"),
        ({"payoff": "hinge"}, "payoff is 'log'.*payoff='hinge'"),
    ],
)
def test_what_the_schedule_does_not_know(arguments, text):
    made = MixGAN(small_generator(), small_discriminator(), 1, 1)
    with pytest.raises(ValueError, match=text):
        made.compile(**{"schedule": "released", **arguments})
