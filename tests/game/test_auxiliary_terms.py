"""Terms of auxiliary losses: their shapes, names, and means of few images."""

import types

import numpy as np
import pytest
from conftest import small_discriminator
from conftest import small_generator
from keras import ops

from keras_mixgan import MixGAN
from keras_mixgan import auxiliary
from keras_mixgan.game import mixtures


def test_feature_matching_punishes_no_strata_for_their_size():
    """One generator, of images like the real ones, in batches of any size."""
    loss, rng = auxiliary.FeatureMatching(), np.random.default_rng(0)

    def expected(estimate, n, batch):
        found = []
        for _ in range(300):
            real, fake = (
                ops.convert_to_tensor(rng.normal(size=(size, 1, 4)), "float32")
                for size in (batch, n)
            )
            turn = types.SimpleNamespace(
                real=types.SimpleNamespace(extras={"features": real}),
                fake=types.SimpleNamespace(extras={"features": fake}),
                sizes=[n],
                pair_means=lambda terms, n=n: mixtures.stratum_means(
                    terms, [n]
                ),
                executor=types.SimpleNamespace(
                    replicas=1, average=lambda value: value
                ),
                objective=types.SimpleNamespace(payoff_estimate=estimate),
            )
            found.append(float(loss.generator_terms(turn)[0, 0]))
        return np.mean(found)

    # Variances 1/32 of both sides in four features. Uncorrected, the second
    # would be 4 (1/32 + 1/4) = 1.1.
    assert expected("full", 32, 32) == pytest.approx(0.25, rel=0.2)
    assert expected("linear", 4, 32) == pytest.approx(0.25, rel=0.4)


class Misshapen(auxiliary.Auxiliary):
    """Terms of a wrong shape, which weights would be broadcast to."""

    shape = ()

    def discriminator_terms(self, turn):
        return ops.ones(self.shape)


@pytest.mark.parametrize("shape", [(3,), (8, 1), (1, 3), (2, 2, 2)])
def test_terms_of_a_wrong_shape_are_named(shape):
    model = MixGAN(small_generator(), small_discriminator(), 3, 1, seed=0)
    loss = Misshapen()
    loss.shape = shape
    model.compile(auxiliary=[loss])
    said = rf"misshapen.*\(1,\), one for each.*shape \({shape[0]}"
    with pytest.raises(ValueError, match=said):
        model.fit(np.zeros((8, 2), "float32"), batch_size=8, verbose=0)


class Idle(auxiliary.Auxiliary):
    """Its method's name is wrong."""

    def discriminator_term(self, turn):
        return ops.ones((1,))


def test_a_loss_without_terms_is_refused():
    model = MixGAN(small_generator(), small_discriminator(), 1, 1, seed=0)
    with pytest.raises(ValueError, match="idle must define `discriminator_te"):
        model.compile(auxiliary=[Idle()])


class Loss(auxiliary.Auxiliary):
    """Its log would be `discriminator_loss`."""

    def discriminator_terms(self, turn):
        return ops.ones((1,))


def test_a_loss_whose_log_is_taken_is_refused():
    model = MixGAN(small_generator(), small_discriminator(), 1, 1, seed=0)
    with pytest.raises(ValueError, match="no class called Loss"):
        model.compile(auxiliary=[Loss()])
