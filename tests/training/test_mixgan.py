"""MixGAN as its users meet it: building, training, generating."""

import random

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import image_networks
from conftest import small_discriminator
from conftest import small_generator
from keras import layers

import keras_mixgan as kmg
from keras_mixgan import MixGAN
from keras_mixgan import Payoff
from keras_mixgan import UsageWarning
from keras_mixgan.game import payoffs

pytestmark = pytest.mark.usefixtures("no_graphs")


def points(count=32, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, 2)).astype("f")


def images(count=12, seed=0, shape=(8, 8, 1)):
    rng = np.random.default_rng(seed)
    return (
        rng.uniform(-1, 1, (count, *shape)).astype("float32"),
        rng.integers(10, size=count).astype("int32"),
    )


def conditional(**arguments):
    model = MixGAN(*image_networks(10), 3, 2, seed=0, **arguments)
    model.compile()
    return model


def assert_equal_weights(a, b, equal=True):
    same = [
        np.array_equal(x, y)
        for x, y in zip(a.get_weights(), b.get_weights(), strict=True)
    ]
    assert all(same) if equal else not all(same)


class TestComponents:
    def test_clones_have_initial_weights_of_their_own(self):
        model = MixGAN(small_generator(), small_discriminator(), 3, 2, seed=0)
        kernels = [
            n.get_weights()[0].ravel()
            for n in (*model.generators, *model.discriminators)
        ]
        assert len({tuple(k) for k in kernels}) == 5

    def test_clones_of_seeded_initializers_differ_too(self):
        generator = keras.Sequential(
            [
                keras.Input((3,)),
                layers.Dense(
                    2,
                    kernel_initializer=keras.initializers.RandomNormal(seed=7),
                ),
            ]
        )
        model = MixGAN(generator, small_discriminator(), 2, 1, seed=0)
        one, other = (g.get_weights()[0] for g in model.generators)
        assert not np.array_equal(one, other)

    def test_seed_fixes_initial_weights(self):
        def build(seed):
            return MixGAN(small_generator(), small_discriminator(), seed=seed)

        assert_equal_weights(build(1), build(1))
        assert_equal_weights(build(1), build(2), equal=False)

    def test_functions_build_components(self):
        model = MixGAN(small_generator, small_discriminator, 2, 3, seed=0)
        again = MixGAN(small_generator, small_discriminator, 2, 3, seed=0)
        assert (model.num_generators, model.num_discriminators) == (2, 3)
        assert_equal_weights(model, again)

    def test_lists_are_used_as_they_are(self):
        generators = [small_generator(), small_generator()]
        model = MixGAN(generators, [small_discriminator()])
        assert list(model.generators) == generators
        assert model.num_discriminators == 1

    def test_components_may_differ_inside(self):
        wide = keras.Sequential(
            [keras.Input((3,)), layers.Dense(9), layers.Dense(2)]
        )
        model = MixGAN([small_generator(), wide], small_discriminator, 2, 2)
        model.compile()
        model.fit(points(), verbose=0)
        assert model.generate(9, seed=0).shape == (9, 2)

    @pytest.mark.parametrize("number", [0, -1, 2.0, True, "2"])
    def test_numbers_must_be_positive(self, number):
        with pytest.raises(ValueError, match="`num_generators` must be a pos"):
            MixGAN(small_generator(), small_discriminator(), number, 1)

    def test_lists_must_have_the_number_asked_for(self):
        with pytest.raises(
            ValueError, match="num_generators=3, and networks with 2 compon"
        ):
            MixGAN([small_generator()] * 2, small_discriminator(), 3)

    def test_a_network_listed_twice(self):
        with pytest.raises(ValueError, match="same model more than once"):
            MixGAN([small_generator()] * 2, small_discriminator())

    def test_networks_must_fit(self):
        with pytest.raises(ValueError, match=r"output \(2,\).*input \(3,\)"):
            MixGAN(small_generator(), small_discriminator(3))
        with pytest.raises(ValueError, match="2 inputs of the generator, 1"):
            MixGAN(image_networks(10)[0], image_networks()[1])
        wide = keras.Sequential([keras.Input((2,)), layers.Reshape((2, 1))])
        with pytest.raises(ValueError, match=r"logits of shape \(batch, 1\)"):
            MixGAN(small_generator(), wide)
        with pytest.raises(ValueError, match="`generator` must take latents"):
            MixGAN(image_networks()[1], small_discriminator())

    def test_float16_is_refused(self):
        half = keras.Sequential(
            [keras.Input((2,)), layers.Dense(1, dtype="mixed_float16")]
        )
        with pytest.raises(ValueError, match="use the policy `mixed_bfloat16`"):
            MixGAN(small_generator(), half)

    def test_bfloat16_weights_are_refused(self):
        half = keras.Sequential(
            [keras.Input((2,)), layers.Dense(1, dtype="bfloat16")]
        )
        with pytest.raises(ValueError, match="use the policy `mixed_bfloat16`"):
            MixGAN(small_generator(), half)

    def test_networks_must_be_networks(self):
        with pytest.raises(TypeError, match="`generator` must be a Keras mod"):
            MixGAN(3, small_discriminator())
        with pytest.raises(
            ValueError, match=r"Sequential without `keras\.Input`"
        ):
            MixGAN(keras.Sequential([layers.Dense(2)]), small_discriminator())

    def test_bad_decay_and_classes(self):
        for decay in (1.5, "0.9"):
            with pytest.raises(ValueError, match=f"`ema_decay`.*{decay}"):
                MixGAN(
                    small_generator(), small_discriminator(), ema_decay=decay
                )
        for seed in (-1, 1.5, "abc"):
            with pytest.raises(ValueError, match="`seed` must be an integer"):
                MixGAN(small_generator(), small_discriminator(), seed=seed)
        with pytest.raises(ValueError, match="`num_classes` must be None"):
            MixGAN(small_generator(), small_discriminator(), num_classes=3)
        with pytest.raises(ValueError, match="at most 10"):
            MixGAN(*image_networks(10), num_classes=11)

    def test_averages_leave_the_random_state_alone(self):
        networks = small_generator(), small_discriminator()
        state = random.getstate()
        MixGAN(*networks, 2, 1, seed=0, ema_decay=0.9)
        assert random.getstate() == state

    def test_numbers_of_numpy_are_kept_as_pythons(self, tmp_path):
        model = MixGAN(
            *image_networks(10), np.int64(2), np.int64(1), np.int64(10),
            seed=np.int64(3), ema_decay=np.float32(0.5),
        )  # fmt: skip
        model.compile(
            mixture_regularizer=np.float32(0.5), weight_clip=np.float64(0.5),
            discriminator_steps=np.int64(2), steps_per_execution=np.int64(2),
            gradient_penalty=np.float32(0.5),
        )  # fmt: skip
        model.save_to_preset(tmp_path / "preset")
        again = MixGAN.from_preset(tmp_path / "preset")
        assert (again.seed, again.ema_decay, again.num_classes) == (3, 0.5, 10)
        assert again.get_compile_config() == model.get_compile_config()

    def test_an_only_output_in_a_list(self):
        latents, images = keras.Input((3,)), keras.Input((2,))
        generator = keras.Model(latents, [layers.Dense(2, "tanh")(latents)])
        critic = keras.Model(images, [layers.Dense(1)(images)])
        model = MixGAN(generator, critic, 2, 1, seed=0)
        model.compile()
        model.fit(points(), verbose=0)
        assert model.fold().output_shape == (None, 2)


class TestCompile:
    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"payoff": "lag"}, "`payoff` must be one of"),
            ({"generator_loss": "x"}, "`generator_loss` must be one of"),
            ({"payoff_estimate": "x"}, "`payoff_estimate` must be one of"),
            ({"discriminator_steps": 0}, "`discriminator_steps` must be a"),
            (
                {"mixture_regularizer": -1},
                "`mixture_regularizer` must be a num",
            ),
            ({"weight_clip": 0}, "`weight_clip` must be a positive"),
            ({"gradient_penalty": "x"}, "`gradient_penalty` must be a pos"),
            ({"optimizer": "adam"}, "`generator_optimizer=` and `discrimin"),
            ({"loss": "bce", "metrics": []}, "`payoff=`.*: loss, metrics$"),
        ],
    )
    def test_bad_arguments(self, generator, discriminator, arguments, message):
        model = MixGAN(generator, discriminator, 1, 1)
        with pytest.raises(ValueError, match=message):
            model.compile(**arguments)

    def test_one_optimizer_cannot_serve_both(self, generator, discriminator):
        adam = keras.optimizers.Adam()
        model = MixGAN(generator, discriminator, 1, 1)
        with pytest.raises(ValueError, match="must be two objects"):
            model.compile("log", adam, adam)

    def test_a_refused_optimizer_leaves_the_model_as_it_was(
        self, generator, discriminator
    ):
        other = MixGAN(generator, discriminator, 1, 1, seed=0)
        other.compile()
        model = MixGAN(generator, discriminator, 1, 1, seed=0)
        with pytest.raises(ValueError, match="state of other var"):
            model.compile(
                generator_optimizer=other.optimizer.generator_optimizer
            )
        assert not model.compiled
        model.compile("least_squares")
        with pytest.raises(ValueError, match="state of other var"):
            model.compile(
                generator_optimizer=other.optimizer.generator_optimizer
            )
        model.fit(points(), verbose=0)
        assert model.objective.payoff.name == "least_squares"

    @pytest.mark.parametrize(
        "given", ["feature_matching", ["feature_matching"], None]
    )
    def test_one_auxiliary_loss_or_none(self, given):
        heads = kmg.architectures.add_heads(
            kmg.architectures.mlp_discriminator((2,), width=4), features=True
        )
        model = MixGAN(small_generator(), heads, 1, 1, seed=0)
        model.compile(auxiliary=given)
        names = [loss.name for loss in model.objective.losses]
        assert names == ([] if given is None else ["feature_matching"])

    def test_fit_needs_compile(self, generator, discriminator):
        with pytest.raises(ValueError, match="`compile` must be called"):
            MixGAN(generator, discriminator).fit(points())

    def test_default_optimizers_are_those_of_the_paper(
        self, generator, discriminator
    ):
        model = MixGAN(generator, discriminator)
        model.compile()
        for side in ("generator_optimizer", "discriminator_optimizer"):
            config = getattr(model.optimizer, side).get_config()
            assert config["learning_rate"] == pytest.approx(1e-4)
            assert config["beta_1"] == 0.5

    def test_compiling_again_changes_the_game(self, generator, discriminator):
        model = MixGAN(generator, discriminator, 2, 2, seed=0)
        model.compile("log")
        model.fit(points(), verbose=0)
        model.compile("wasserstein", weight_clip=1e-3)
        model.fit(points(), verbose=0)
        assert abs(model.discriminators[0].get_weights()[0]).max() <= 1.01e-3

    def test_a_payoff_of_ones_own(self, generator, discriminator):
        mine = Payoff("mine", real=keras.ops.tanh, fake=keras.ops.negative)
        model = MixGAN(generator, discriminator, 2, 2, seed=0)
        model.compile(mine)
        with pytest.warns(UsageWarning, match="must be registered"):
            history = model.fit(points(), verbose=0).history
        assert np.isfinite(history["payoff"]).all()
        assert "mine" not in payoffs.PAYOFFS


class TestFit:
    def test_logs(self):
        x, y = images(16)
        history = conditional().fit(x, y, batch_size=4, verbose=0).history
        assert set(history) == {
            "loss", "generator_loss", "discriminator_loss", "payoff",
            "generator_weight_min", "generator_weight_max",
            "discriminator_weight_min", "discriminator_weight_max",
        }  # fmt: skip
        assert history["loss"][0] == pytest.approx(
            history["generator_loss"][0] + history["discriminator_loss"][0]
        )
        assert 0 < history["generator_weight_min"][0] <= 1 / 3

    @pytest.mark.parametrize("estimate", ["full", "linear"])
    def test_datasets_with_an_uneven_last_batch(self, estimate):
        model = MixGAN(*image_networks(10), 3, 2, seed=0)
        model.compile(payoff_estimate=estimate)
        data = tf.data.Dataset.from_tensor_slices(images(10)).batch(4)
        model.fit(data, epochs=2, verbose=0)
        assert model.step == 6

    def test_a_callback_list(self, generator, discriminator):
        model = MixGAN(generator, discriminator, 2, 1, seed=0)
        model.compile()
        epochs = []
        each = keras.callbacks.LambdaCallback(
            on_epoch_end=lambda epoch, logs: epochs.append(epoch)
        )
        callbacks = keras.callbacks.CallbackList([each], model=model)
        points = np.zeros((64, 2), "float32")
        model.fit(points, epochs=2, callbacks=callbacks, verbose=0)
        assert epochs == [0, 1]

    def test_fewer_images_than_generators(self):
        model = MixGAN(*image_networks(10), 5, 1, seed=0)
        model.compile(payoff_estimate="linear")
        model.fit(*images(6), batch_size=3, verbose=0)
        assert model.step == 2

    def test_one_seed_one_result(self):
        def train(seed):
            model = MixGAN(*image_networks(10), 2, 2, seed=seed)
            model.compile()
            data = tf.data.Dataset.from_tensor_slices(images(12)).batch(4)
            model.fit(data, epochs=2, verbose=0)
            return model

        assert_equal_weights(train(1), train(1))

    def test_another_seed_draws_other_latents(self):
        models = [
            MixGAN(small_generator(), small_discriminator(), 1, 1, seed=seed)
            for seed in (1, 2)
        ]
        sides = ("generators", "discriminators")
        for side in sides:
            one, other = (getattr(model, side)[0] for model in models)
            other.set_weights(one.get_weights())
        for model in models:
            model.compile()
            model.fit(points(), verbose=0)
        for side in sides:
            one, other = (getattr(model, side)[0] for model in models)
            assert_equal_weights(one, other, equal=False)

    def test_mixed_bfloat16(self):
        keras.config.set_dtype_policy("mixed_bfloat16")
        try:
            model = MixGAN(*image_networks(10), 2, 2, seed=1)
        finally:
            keras.config.set_dtype_policy("float32")
        model.compile()
        kinds = {str(w.dtype) for w in model.get_weights()}
        assert kinds <= {"float32", "int32", "uint32"}
        networks = [*model.generators, *model.discriminators]
        before = [network.get_weights()[0] for network in networks]
        history = model.fit(*images(16), batch_size=8, verbose=0).history
        assert np.isfinite(history["loss"]).all()
        for old, network in zip(before, networks, strict=True):
            assert not np.array_equal(old, network.get_weights()[0])
        assert model.generate(3).dtype == "float32"

    def test_regularisers_of_the_networks_count(self):
        def build(factor):
            discriminator = keras.Sequential(
                [
                    keras.Input((2,)),
                    layers.Dense(
                        1, kernel_regularizer=keras.regularizers.L2(factor)
                    ),
                ]
            )
            model = MixGAN(small_generator(), discriminator, 1, 1, seed=0)
            model.compile()
            return model.train_on_batch(points(), return_dict=True)

        gap = (
            build(10.0)["discriminator_loss"] - build(0.0)["discriminator_loss"]
        )
        assert gap > 1


class TestAverages:
    def test_the_first_update_copies_then_the_decay_rises_to_its_value(self):
        model = MixGAN(*image_networks(), 1, 1, ema_decay=0.06, seed=0)
        model.compile(generator_optimizer=keras.optimizers.SGD(1.0))
        weights = []
        for _ in range(4):
            model.train_on_batch(images()[0])
            weights.append(model.generators[0].get_weights())
        expected = weights[0]
        for new, decay in zip(weights[1:], (1 / 22, 0.06, 0.06), strict=True):
            expected = [
                decay * a + (1 - decay) * b if variable.trainable else b
                for a, b, variable in zip(
                    expected, new, model.generators[0].weights, strict=True
                )
            ]
        averages = model.ema_generators[0].get_weights()
        assert len(averages) > 4  # With moving statistics, which are copied.
        for average, value in zip(averages, expected, strict=True):
            np.testing.assert_allclose(average, value, rtol=1e-5, atol=1e-7)

    def test_generate_uses_them(self):
        model = MixGAN(
            small_generator(), small_discriminator(), 2, 1, ema_decay=0.9,
            seed=0,
        )  # fmt: skip
        latents = np.ones((1, 3), "float32")
        for average in model.ema_generators:
            average.set_weights([w * 0 for w in average.get_weights()])
        np.testing.assert_array_equal(model.generate(1, latents=latents), 0)
