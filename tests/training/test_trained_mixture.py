"""What users do with a trained mixture: interpolate, re-weight, prune, save."""

import keras
import numpy as np
import pytest
from conftest import image_networks
from conftest import small_discriminator
from conftest import small_generator
from keras import layers
from test_mixgan import conditional
from test_mixgan import images
from test_mixgan import points

from keras_mixgan import MixGAN
from keras_mixgan.training import serialization

pytestmark = pytest.mark.usefixtures("no_graphs")


def identity_model():
    """One generator, which returns its latents."""
    generator = keras.Sequential([keras.Input((2,)), layers.Identity()])
    return MixGAN(generator, small_discriminator(), 1, 1, seed=0)


class TestInterpolate:
    def test_runs_on_a_great_circle_between_its_ends(self):
        path = identity_model().interpolate(5, start=[3, 0], end=[0, 3])
        np.testing.assert_allclose(path[[0, -1]], [[3, 0], [0, 3]], atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(path, axis=1), 3, rtol=1e-6)
        angles = np.degrees(np.arctan2(path[:, 1], path[:, 0]))
        np.testing.assert_allclose(angles, [0, 22.5, 45, 67.5, 90], atol=1e-4)

    @pytest.mark.parametrize("end", [[2, 2], [-1, -1], [0, 0]])
    def test_ends_on_one_line(self, end):
        path = identity_model().interpolate(3, start=[1, 1], end=end)
        np.testing.assert_allclose(path[-1], end, atol=1e-6)
        assert np.isfinite(path).all()

    def test_one_generator_and_one_class(self):
        model = conditional()
        x = model.interpolate(6, labels=3, component=1, seed=0)
        assert x.shape == (6, 8, 8, 1)
        np.testing.assert_array_equal(
            x, model.interpolate(6, labels=3, component=1, seed=0)
        )
        assert not np.array_equal(x, model.interpolate(6, labels=3, seed=1))
        steps = np.abs(np.diff(x, axis=0)).max(axis=(1, 2, 3))
        assert (steps > 0).all()

    def test_bad_arguments(self):
        with pytest.raises(ValueError, match=r"`num_images`.*at least 2"):
            identity_model().interpolate(1)
        with pytest.raises(ValueError, match=r"`start` must have shape"):
            identity_model().interpolate(4, start=[1, 2, 3])
        with pytest.raises(ValueError, match=r"`end` must be an array of num"):
            identity_model().interpolate(4, end="there")
        with pytest.raises(ValueError, match=r"`component` must be an integer"):
            conditional().interpolate(4, component=[0, 1])
        with pytest.raises(ValueError, match=r"`labels` must be one class"):
            conditional().interpolate(4, labels=[0, 1])


class TestGeneratorWeights:
    def test_are_set_and_saved(self, tmp_path):
        model = conditional()
        model.set_generator_weights([1, 2, 5])
        expected = [0.125, 0.25, 0.625]
        np.testing.assert_allclose(model.generator_weights, expected, rtol=1e-6)
        model.save(tmp_path / "m.keras")
        again = keras.saving.load_model(tmp_path / "m.keras")
        np.testing.assert_allclose(again.generator_weights, expected, rtol=1e-6)

    def test_may_have_an_infinite_sum(self):
        model = conditional()
        model.set_generator_weights([1e308, 1e308, 1e308])
        np.testing.assert_allclose(model.generator_weights, 1 / 3, rtol=1e-6)

    @pytest.mark.parametrize("bad", [[1, 1], [1, 0, 1], [1, np.nan, 1]])
    def test_bad_weights(self, bad):
        with pytest.raises(ValueError, match="`weights` must be 3 finite"):
            conditional().set_generator_weights(bad)


class TestPrune:
    def test_leaves_small_generators_out(self):
        networks = image_networks(10, dropout=0.5)
        model = MixGAN(*networks, 3, 2, seed=0, ema_decay=0.5)
        model.compile()
        model.fit(*images(), batch_size=6, verbose=0)
        model.set_generator_weights([0.6, 0.01, 0.39])
        pruned = model.prune(below=0.05)
        assert (pruned.num_generators, model.num_generators) == (2, 3)
        np.testing.assert_allclose(
            pruned.generator_weights, np.array([0.6, 0.39]) / 0.99, rtol=1e-6
        )
        np.testing.assert_array_equal(
            pruned.discriminator_weights, model.discriminator_weights
        )
        for mine, theirs in ((0, 0), (1, 2)):
            np.testing.assert_allclose(
                pruned.generate(9, component=mine, seed=1),
                model.generate(9, component=theirs, seed=1),
                atol=1e-6,
            )
        assert pruned.step == model.step == 2
        np.testing.assert_array_equal(
            pruned.seed_generator.state, model.seed_generator.state
        )
        # Of dropout.
        for mine, theirs in zip(
            pruned.discriminators, model.discriminators, strict=True
        ):
            states = map(serialization.random_states, (mine, theirs))
            for one, other in zip(*states, strict=True):
                np.testing.assert_array_equal(one, other)
        with pytest.raises(ValueError, match="`compile` must be called"):
            pruned.fit(*images(), verbose=0)
        pruned.compile()
        pruned.fit(*images(), batch_size=6, verbose=0)
        assert pruned.step == 4
        assert model.step == 2

    def test_bad_bounds(self):
        with pytest.raises(ValueError, match=r"`below`.*\(0, 1\)"):
            conditional().prune(below=1.5)
        with pytest.raises(ValueError, match=r"must leave a generator.*0.3333"):
            conditional().prune(below=0.5)


class TestKerasMethods:
    def test_predict_gives_images_of_the_mixture(self):
        model = conditional()
        latents = np.random.default_rng(0).normal(size=(30, 5)).astype("f")
        labels = np.arange(30) % 10
        x = model.predict([latents, labels], verbose=0)
        np.testing.assert_array_equal(x, model.predict([latents, labels]))
        each = [
            model.generate(latents=latents, labels=labels, component=i)
            for i in range(3)
        ]
        matches = np.isclose(each, x[None], atol=1e-6).all(axis=(2, 3, 4))
        assert (matches.sum(axis=0) == 1).all()
        assert (matches.sum(axis=1) > 0).all()
        plain = MixGAN(small_generator(), small_discriminator(), 2, 1, seed=0)
        assert plain.predict(np.zeros((4, 3))).shape == (4, 2)
        with pytest.raises(ValueError, match="`latents` must have shape"):
            plain.predict(points())
        with pytest.raises(ValueError, match=r"`predict`.*steps"):
            plain.predict(np.zeros((4, 3)), steps=2)

    def test_evaluate_says_what_to_use(self):
        with pytest.raises(
            ValueError, match=r"metrics\.evaluate.*payoff_matrix"
        ):
            conditional().evaluate(*images())

    def test_a_call_and_keras_export_say_what_to_use(self, tmp_path):
        model = conditional()
        for call in (model, model.test_on_batch, model.predict_on_batch):
            with pytest.raises(ValueError, match=r"generate\(.*predict\("):
                call(images()[0])
        with pytest.raises(ValueError, match=r"export_sampler\(path\)"):
            model.export(tmp_path / "sampler")
        assert not list(tmp_path.iterdir())

    @pytest.mark.parametrize("name", ["x.h5", "x.hdf5"])
    def test_old_formats_are_refused(self, name, tmp_path):
        with pytest.raises(ValueError, match=r"must end in \.keras.*x\.h"):
            conditional().save(tmp_path / name)
        assert not list(tmp_path.iterdir())
