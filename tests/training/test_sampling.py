"""Images and payoffs from a mixture, in inference mode."""

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

import keras_mixgan as kmg
from keras_mixgan import MixGAN


@pytest.fixture(scope="module")
def mixture():
    """Drawing from it, and its payoffs, leave it as it is."""
    return conditional()


class TestGenerate:
    def test_shape_range_and_dtype(self, mixture):
        x = mixture.generate(7)
        assert x.shape == (7, 8, 8, 1)
        assert x.dtype == "float32"
        assert abs(x).max() <= 1

    @pytest.mark.parametrize("number", [0, 1, 2, 300])
    def test_any_number(self, mixture, number):
        assert len(mixture.generate(number, batch_size=128)) == number

    def test_seeds(self, mixture):
        np.testing.assert_array_equal(
            mixture.generate(20, seed=1), mixture.generate(20, seed=1)
        )
        assert not np.array_equal(
            mixture.generate(20, seed=1), mixture.generate(20, seed=2)
        )
        assert not np.array_equal(mixture.generate(20), mixture.generate(20))

    def test_batch_size_does_not_matter(self, mixture):
        np.testing.assert_allclose(
            mixture.generate(50, seed=1, batch_size=7),
            mixture.generate(50, seed=1),
            atol=1e-6,
        )

    def test_each_image_comes_from_its_own_generator(self):
        """Each generator paints one gray; they are drawn by the weights."""
        model = MixGAN(small_generator(), small_discriminator(), 3, 1, seed=0)
        for i, network in enumerate(model.generators):
            weights = [w * 0 for w in network.get_weights()]
            weights[-1] = np.full(2, np.arctanh(i / 4))
            network.set_weights(weights)
        w = np.array([0.2, 0.5, 0.3])
        model.generator_mixture_logits.assign(np.log(w))
        x = model.generate(30_000, seed=0)[:, 0]
        drawn = np.rint(4 * x).astype(int)
        counts = np.bincount(drawn, minlength=3)
        expected = w * len(x)
        assert ((counts - expected) ** 2 / expected).sum() < 13.8
        # Neighbours are independent.
        repeats = (drawn[1:] == drawn[:-1]).mean()
        assert repeats == pytest.approx((w**2).sum(), abs=0.02)
        for i in range(3):
            assert set(np.rint(4 * model.generate(9, component=i)[:, 0])) == {i}

    def test_rows_keep_their_latents_and_labels(self, mixture):
        latents = np.random.default_rng(0).normal(size=(30, 5)).astype("f")
        labels = np.arange(30) % 10
        mixed = mixture.generate(30, labels=labels, latents=latents, seed=3)
        alone = np.stack(
            [
                mixture.generate(
                    30, labels=labels, latents=latents, component=i
                )
                for i in range(3)
            ]
        )
        matches = np.isclose(alone, mixed[None], atol=1e-6).all(axis=(2, 3, 4))
        assert (matches.sum(axis=0) == 1).all()
        assert (matches.sum(axis=1) > 0).all()

    def test_labels_are_repeated_and_drawn(self, mixture):
        latents = np.zeros((20, 5), "float32")
        x = mixture.generate(20, labels=range(10), latents=latents, component=0)
        np.testing.assert_allclose(x[:10], x[10:], atol=1e-6)
        assert abs(x[0] - x[1]).max() > 1e-4
        y = mixture.generate(20, labels=4, latents=latents, component=0)
        np.testing.assert_allclose(y[0], x[4], atol=1e-6)
        np.testing.assert_allclose(y[0], y[19], atol=1e-6)

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"num_images": -1}, "`num_images`.*-1"),
            ({"num_images": 2.5}, "`num_images`.*2.5"),
            ({"component": 3}, r"`component`.*\[0, 3\).*3"),
            ({"labels": [10]}, r"`labels` must lie in \[0, 10\).*10 to 10"),
            ({"labels": [-1]}, "`labels` must lie in"),
            ({"labels": [0.5]}, "`labels` must be a vector of integers"),
            ({"labels": range(9)}, "1 to num_images=4"),
            ({"latents": np.zeros((4, 6))}, r"`latents`.*\(4, 5\).*\(4, 6\)"),
            ({"latents": np.full((4, 5), np.nan)}, "`latents` must be finite"),
            ({"batch_size": 0}, "`batch_size`.*0"),
            ({"seed": -1}, "`seed` must be.*-1"),
            ({"seed": 0.5}, "`seed` must be.*0.5"),
            ({"component": [0, 3]}, "`component`.*list"),
            ({"component": [0] * 5}, "`component`.*num_images=4"),
            ({"component": []}, "`component`"),
            ({"truncation": 0}, "`truncation` must be a number in"),
            (
                {"truncation": 1, "latents": np.zeros((4, 5))},
                "`truncation` must be None",
            ),
            ({"weights": [1, 2]}, "`weights` must be 3 finite numbers"),
            ({"weights": [0, 0, 0]}, "`weights` must be 3 finite numbers"),
            ({"weights": [2, -1, 0]}, "`weights` must be 3 finite numbers"),
            ({"weights": [1, 1, 1], "component": 0}, "`weights` must be None"),
            ({"num_images": None, "latents": 0.5}, "`latents` must have shape"),
            ({"num_images": None, "latents": "x"}, "must be an array of num"),
        ],
    )
    def test_bad_arguments(self, mixture, arguments, message):
        arguments = {"num_images": 4} | arguments
        with pytest.raises(ValueError, match=message):
            mixture.generate(**arguments)

    def test_components_are_returned_and_taken(self, mixture):
        x, components = mixture.generate(30, seed=1, return_components=True)
        assert components.shape == (30,)
        assert components.dtype == "int32"
        assert set(components) == {0, 1, 2}
        np.testing.assert_array_equal(x, mixture.generate(30, seed=1))
        again = mixture.generate(30, component=list(components), seed=1)
        np.testing.assert_array_equal(x, again)
        _, components = mixture.generate(
            5, component=[2, 0], return_components=True
        )
        assert components.tolist() == [2, 0, 2, 0, 2]

    def test_as_many_images_as_latents(self, mixture):
        assert mixture.generate(latents=np.zeros((6, 5))).shape == (6, 8, 8, 1)
        with pytest.raises(ValueError, match="`num_images` must be given"):
            mixture.generate()

    def test_weights_for_one_call(self, mixture):
        before = mixture.generator_weights
        _, components = mixture.generate(
            4000, labels=0, seed=0, weights=[1, 0, 3], return_components=True
        )
        shares = np.bincount(components, minlength=3) / 4000
        np.testing.assert_allclose(shares, [0.25, 0, 0.75], atol=0.03)
        np.testing.assert_array_equal(before, mixture.generator_weights)

    def test_truncation_draws_again_what_is_beyond(self):
        """Its generator returns its latents."""
        generator = keras.Sequential([keras.Input((2,)), layers.Identity()])
        model = MixGAN(generator, small_discriminator(), 1, 1, seed=0)
        free = model.generate(5000, seed=1)
        bounded = model.generate(5000, seed=1, truncation=0.5)
        assert abs(free).max() > 3
        inside = abs(free) <= 0.5
        np.testing.assert_array_equal(free[inside], bounded[inside])
        assert abs(bounded).max() <= 0.5
        # The variance of a normal distribution cut at 0.5.
        assert bounded.var() == pytest.approx(0.0805, abs=0.003)
        np.testing.assert_array_equal(
            bounded, model.generate(5000, seed=1, truncation=0.5)
        )

    def test_truncation_leaves_labels_alone(self):
        model = conditional()
        latents = []
        model.forward = lambda network, z, labels: (
            latents.append(labels) or np.zeros((len(z), 8, 8, 1))
        )
        model.generate(20, seed=1, component=0)
        model.generate(20, seed=1, component=0, truncation=0.1)
        np.testing.assert_array_equal(*latents)

    def test_labels_for_a_model_without(self, generator, discriminator):
        model = MixGAN(generator, discriminator)
        with pytest.raises(ValueError, match="`labels` must be None"):
            model.generate(3, labels=1)


class TestPayoffMatrix:
    def test_matches_plain_numpy(self, generator, discriminator):
        from reference import Mixture

        model = MixGAN(generator, discriminator, 3, 2, seed=0)
        model.compile("log")
        real = points(50)
        payoffs = model.payoff_matrix(real, seed=1, batch_size=16)
        mixture = Mixture(model, "log", "minimax", 0)
        fakes = [model.generate(50, component=i, seed=1 + i) for i in range(3)]
        assert payoffs.shape == (3, 2)
        np.testing.assert_allclose(
            payoffs, mixture.payoffs(real, fakes), atol=1e-6
        )
        np.testing.assert_array_equal(
            payoffs, model.payoff_matrix(real, seed=1, batch_size=16)
        )

    def test_leaves_the_model_alone(self, mixture):
        before = mixture.get_weights()
        x, y = images()
        assert mixture.payoff_matrix(x, y).shape == (3, 2)
        for a, b in zip(before, mixture.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)

    def test_needs_compile_and_labels(self, mixture, generator, discriminator):
        with pytest.raises(ValueError, match="`compile` must be called"):
            MixGAN(generator, discriminator).payoff_matrix(points())
        with pytest.raises(ValueError, match="`labels` must be given"):
            mixture.payoff_matrix(images()[0])

    def test_a_data_set_is_no_array(self, mixture):
        with pytest.raises(ValueError, match=r"array.*concatenate\(\[batch\[0"):
            mixture.payoff_matrix(kmg.data.load("digits"))


def test_one_label_for_no_images():
    model = MixGAN(*image_networks(3), 2, 1, seed=0)
    assert model.generate(0, labels=[2]).shape == (0, 8, 8, 1)
