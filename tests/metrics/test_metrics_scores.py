"""Classifier score, FID, KID, sliced Wasserstein: values and meaning."""

import numpy as np
import pytest
import tensorflow as tf
from metrics_stand_ins import FromArrays
from metrics_stand_ins import collapsed
from metrics_stand_ins import digits
from metrics_stand_ins import noise
from metrics_stand_ins import stub
from scipy import linalg

from keras_mixgan import metrics
from keras_mixgan.metrics import distances
from keras_mixgan.metrics.inception_score import classifier_score


@pytest.fixture(autouse=True)
def _no_disk_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_MIXGAN_CACHE", str(tmp_path))


def plain_score(logits):
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    q = p.mean(0)
    return np.exp(np.mean(np.sum(p * (np.log(p) - np.log(q)), axis=1)))


def plain_fid(x, y):
    root = linalg.sqrtm(np.cov(x.T) @ np.cov(y.T))
    means = np.sum((x.mean(0) - y.mean(0)) ** 2)
    return means + np.trace(np.cov(x.T) + np.cov(y.T) - 2 * np.real(root))


def plain_kid(x, y):
    def kernel(a, b):
        return (a @ b.T / a.shape[1] + 1) ** 3

    def within(a):
        k, n = kernel(a, a), len(a)
        return (k.sum() - np.trace(k)) / (n * (n - 1))

    return within(x) + within(y) - 2 * kernel(x, y).mean()


def test_score_equals_numpy():
    logits = np.random.default_rng(0).normal(0, 3, (200, 7))
    assert classifier_score(logits) == pytest.approx(
        plain_score(logits), rel=1e-4
    )


@pytest.mark.parametrize("sure", [50.0, 1e4])
def test_known_scores(sure):
    # Without the floor, logits of 1e4 make TF-GAN's logarithm NaN.
    identical = np.tile(sure * np.eye(10)[3], (50, 1))
    assert classifier_score(identical) == pytest.approx(1)
    balanced = np.tile(sure * np.eye(10), (5, 1))
    assert classifier_score(balanced) == pytest.approx(10)
    assert classifier_score(np.zeros((20, 10))) == pytest.approx(1)


def test_score_over_splits():
    images = noise(103, (4, 4, 1))
    score = metrics.inception_score(images, stub(), splits=4)
    order = np.random.default_rng(0).permutation(103)
    logits = 10 * images[order].reshape(103, -1)[:, :4]
    parts = [plain_score(part) for part in np.array_split(logits, 4)]
    assert score.mean == pytest.approx(np.mean(parts), rel=1e-4)
    assert score.std == pytest.approx(np.std(parts), rel=1e-4)
    assert score.name == "stub classifier score"
    assert score.details["num_images"] == 103
    assert score.details["splits"] == 4
    assert score.details["classifier_sha256"] == "0" * 64
    assert score.details["conversion"] == "none"


@pytest.mark.parametrize("dimensions", [3, 40])
def test_fid_equals_scipy(dimensions):
    rng = np.random.default_rng(0)
    x = rng.normal(0, 1, (300, dimensions)) @ rng.normal(
        0, 1, (dimensions, dimensions)
    )
    y = rng.normal(0.3, 1, (250, dimensions))
    assert distances.frechet_distance(x, y) == pytest.approx(
        plain_fid(x, y), rel=1e-4
    )


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e4])
def test_fid_of_gaussians_is_the_closed_form(scale):
    # Standardised samples have exactly the population's moments.
    x = np.random.default_rng(0).normal(size=(500, 2))
    x = (x - x.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
    y = x * [3.0, 0.5] + [1.0, -2.0]
    closed = (1 + 4) + (3 - 1) ** 2 + (0.5 - 1) ** 2
    found = distances.frechet_distance(scale * x, scale * y)
    assert found == pytest.approx(closed * scale**2, rel=1e-4)


def test_fid_of_a_set_with_itself_is_zero():
    x = np.random.default_rng(0).normal(size=(20, 50))  # Rank-deficient.
    assert distances.frechet_distance(x, x) == pytest.approx(0, abs=1e-5)
    x[:, 7] = 0  # A dead feature.
    assert distances.frechet_distance(x, x) == pytest.approx(0, abs=1e-5)
    ones = np.ones((5, 3))
    assert distances.frechet_distance(ones, ones) == 0
    assert distances.frechet_distance(ones + 2, ones) == pytest.approx(12)


def test_kid_equals_numpy():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 5)), rng.normal(0.5, 1, (80, 5))
    value, std, blocks = distances.kernel_distance(x, y)
    assert (std, blocks) == (None, 1)
    assert value == pytest.approx(plain_kid(x, y), rel=1e-4)
    value, std, blocks = distances.kernel_distance(x, y, block_size=45)
    parts = [plain_kid(x[:45], y[:40]), plain_kid(x[45:], y[40:])]
    assert blocks == 2
    assert value == pytest.approx(np.mean(parts), rel=1e-4)
    assert std == pytest.approx(np.std(parts, ddof=1) / 2**0.5, rel=1e-4)


@pytest.mark.parametrize("name", ["inception_score", "fid", "kid"])
def test_results_do_not_depend_on_the_batch_size(name):
    model = FromArrays(noise(50, (4, 4, 1)))
    arguments = [] if name == "inception_score" else [noise(60, (4, 4, 1))]
    found = [
        getattr(metrics, name)(
            model, *arguments, classifier=stub(), num_images=70, batch_size=size
        ).mean
        for size in (3, 32, 1000)
    ]
    np.testing.assert_allclose(found, found[0], rtol=1e-9)


def test_names_follow_the_classifier():
    images = noise(20, (4, 4, 1))
    inception = stub()
    object.__setattr__(inception, "name", "inception")
    for network, names in (
        (inception, ("Inception Score", "FID", "KID")),
        (
            stub(),
            (
                "stub classifier score",
                "stub Frechet distance",
                "stub kernel distance",
            ),
        ),
    ):
        found = (
            metrics.inception_score(images, network),
            metrics.fid(images, images, network),
            metrics.kid(images, images, network),
        )
        assert tuple(score.name for score in found) == names


def test_digits_are_ordered_as_a_person_would():
    real, _ = digits(2000)
    blurred = (real + np.roll(real, 3, 1) + np.roll(real, 3, 2)) / 3
    sets = {
        "real": real[:1000],
        "blurred": blurred[:1000],
        "noise": noise(),
        "collapsed": collapsed(),
    }
    score, fid, kid = {}, {}, {}
    for name, images in sets.items():
        score[name] = metrics.inception_score(images, "digits").mean
        fid[name] = metrics.fid(images, real[1000:], "digits").mean
        kid[name] = metrics.kid(images, real[1000:], "digits").mean
    assert score["real"] > 9
    assert score["real"] > score["blurred"] > score["noise"]
    assert score["collapsed"] == pytest.approx(1, abs=1e-3)
    for distance in (fid, kid):
        assert distance["real"] < distance["blurred"] < distance["noise"]
        assert distance["collapsed"] > 10 * distance["real"]


def test_sliced_wasserstein_is_repeatable_and_ordered():
    real, _ = digits(128)
    found = [
        metrics.sliced_wasserstein(images, real[:64], seed=1)
        for images in (real[64:], real[64:], noise(64))
    ]
    assert found[0].mean == found[1].mean
    assert 0 < found[0].mean < found[2].mean
    assert [level["size"] for level in found[0].details["levels"]] == [28]
    levels = metrics.sliced_wasserstein(
        noise(8, (32, 32, 3)), noise(8, (32, 32, 3), 1)
    ).details["levels"]
    assert [level["size"] for level in levels] == [32, 16]
    assert all(np.isfinite(level["distance"]) for level in levels)


def test_sliced_wasserstein_leaves_global_seeds_alone():
    def draw(between):
        np.random.seed(5)
        tf.random.set_seed(5)
        between()
        return np.random.random(), float(tf.random.normal([]))

    images = noise(8, (16, 16, 1))
    plain = draw(lambda: None)
    assert plain == draw(lambda: metrics.sliced_wasserstein(images, images))


def test_fewer_images_than_splits():
    with pytest.raises(
        ValueError, match=r"`num_images` must be at least `splits`.*5 images"
    ):
        metrics.inception_score(noise(5), splits=10)
    with pytest.raises(ValueError, match="`splits` must be a positive"):
        metrics.inception_score(noise(5), splits=0)


def test_bad_distances():
    small, other = noise(5, (4, 4, 1)), noise(5, (8, 8, 1))
    with pytest.raises(ValueError, match="`real` must have images of the"):
        metrics.fid(small, other, stub())
    with pytest.raises(ValueError, match="`num_images` must be at least 2"):
        metrics.fid(small[:1], small, stub())
    with pytest.raises(ValueError, match="`block_size` must leave two"):
        metrics.kid(small, small, stub(), block_size=2)
    with pytest.raises(ValueError, match="`real` must hold at least one"):
        metrics.fid(small, small[:0], stub())
    with pytest.raises(ValueError, match="square images of at least"):
        metrics.sliced_wasserstein(small, small)
    odd = noise(5, (37, 37, 1))
    with pytest.raises(ValueError, match="divisible by 2"):
        metrics.sliced_wasserstein(odd, odd)
