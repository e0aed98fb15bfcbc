"""Precision and recall, birthday paradox, modes, labels, components."""

import types

import numpy as np
import pytest
from metrics_stand_ins import FromArrays
from metrics_stand_ins import collapsed
from metrics_stand_ins import digits
from metrics_stand_ins import noise
from metrics_stand_ins import stub

from keras_mixgan import metrics
from keras_mixgan.data.sources import Source
from keras_mixgan.data.sources import load_source
from keras_mixgan.data.sources import ring_centers
from keras_mixgan.metrics.precision_recall import prdc


@pytest.fixture(autouse=True)
def _no_disk_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_MIXGAN_CACHE", str(tmp_path))


def plain_prdc(real, fake, k):
    """The papers' definitions, on whole distance matrices."""

    def distance(a, b):
        return np.linalg.norm(a[:, None] - b[None], axis=-1)

    real_radius = np.sort(distance(real, real), axis=1)[:, k]
    radius = np.sort(distance(fake, fake), axis=1)[:, k]
    between = distance(real, fake)
    inside = between <= real_radius[:, None]
    return {
        "precision": inside.any(0).mean(),
        "recall": (between <= radius[None]).any(1).mean(),
        "density": inside.sum(0).mean() / k,
        "coverage": inside.any(1).mean(),
    }


@pytest.mark.parametrize("k", [1, 3, 5])
def test_prdc_equals_numpy(k):
    rng = np.random.default_rng(0)
    real = rng.normal(size=(150, 4))
    fake = rng.normal(0.7, 0.6, (120, 4))
    assert prdc(real, fake, k) == pytest.approx(plain_prdc(real, fake, k))


def test_which_is_precision_and_which_is_recall():
    # Generated data cover one of two real clusters.
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(200, 2)), rng.normal(9, 1, (200, 2))
    found = prdc(np.concatenate([one[:100], other[:100]]), one[100:])
    assert found["precision"] > 0.9
    assert 0.4 < found["recall"] < 0.6
    assert 0.4 < found["coverage"] < 0.6
    assert prdc(one, one) == pytest.approx(
        {"precision": 1, "recall": 1, "density": 1.2, "coverage": 1}, abs=0.2
    )


def test_a_collapsed_generator_has_no_recall():
    real, _ = digits(600)
    fine = metrics.precision_recall(real[:300], real[300:], "digits")
    gone = metrics.precision_recall(collapsed(300), real[300:], "digits")
    assert fine["recall"].mean > 0.8
    assert gone["recall"].mean == 0
    assert gone["coverage"].mean < 0.1
    assert gone["recall"].name == "recall (digits features)"
    wild = metrics.precision_recall(noise(300), real[300:], "digits")
    assert wild["precision"].mean < 0.1


def test_bad_nearest():
    with pytest.raises(ValueError, match="`nearest` must be below the number"):
        prdc(np.zeros((3, 2)), np.zeros((9, 2)), 3)
    with pytest.raises(ValueError, match="`nearest` must be a positive"):
        prdc(np.zeros((3, 2)), np.zeros((9, 2)), 0)


@pytest.mark.parametrize("support", [20, 400])
def test_birthday_finds_a_known_support(support):
    images = noise(support, (4, 4, 1))
    score = metrics.birthday(FromArrays(images), images, num_images=2000)
    assert score.mean == pytest.approx(support, rel=0.15)
    details = score.details
    assert details["at_least"] < support
    assert details["batch_with_duplicates_half_of_the_time"] == pytest.approx(
        np.sqrt(2 * np.log(2) * support), rel=0.1
    )


def test_birthday_of_different_images_is_infinite():
    real, _ = digits(800)
    score = metrics.birthday(real[:400], real[400:], threshold=0)
    assert score.mean == np.inf
    # No pair coincides: the 95 % bound on their expected number is 3.
    assert score.details["at_least"] == pytest.approx(400 * 399 / 2 / 3, 0.01)
    assert metrics.birthday(collapsed(50), real).mean == 1


def test_birthday_threshold_is_between_the_two_nearest_real_images():
    real = np.array([[0.0], [0.5], [0.6], [0.6]])
    score = metrics.birthday(np.array([[0.0], [0.09], [0.5]]), real)
    assert score.details["threshold"] == pytest.approx(0.1)
    assert score.details["coinciding_pairs"] == 1
    assert score.mean == 3


def test_bad_birthdays():
    with pytest.raises(ValueError, match="`threshold` or `real` must be"):
        metrics.birthday(noise(5))
    with pytest.raises(ValueError, match=r"`num_images` must be .*at least 2"):
        metrics.birthday(noise(1), noise(5))
    with pytest.raises(ValueError, match="two different images"):
        metrics.birthday(noise(5), collapsed(5))
    for threshold in (-0.05, np.nan, True):
        with pytest.raises(ValueError, match=r"`threshold` must be a number"):
            metrics.birthday(noise(5), threshold=threshold)


def test_modes_of_ring_and_grid():
    assert metrics.modes("ring")["modes"].mean == 8
    assert metrics.modes("grid", "grid")["modes"].mean == 25
    # Within three standard deviations in the plane: 1 - exp(-9 / 2).
    good = metrics.modes("grid", "grid", num_images=20_000)["good"].mean
    assert good == pytest.approx(1 - np.exp(-4.5), abs=0.003)


def test_modes_of_a_poor_model():
    centers = ring_centers()
    points = np.concatenate([centers[[0, 0, 3]], [[0.0, 0.0]]])
    found = metrics.modes(points, "ring")
    assert found["modes"].mean == 2
    assert found["good"].mean == 0.75
    counts = found["modes"].details["good_samples_per_mode"]
    assert counts == [2, 0, 0, 1, 0, 0, 0, 0]


def test_bad_modes():
    with pytest.raises(ValueError, match=r"'ring', 'grid' or an array.*star"):
        metrics.modes("ring", "star")
    with pytest.raises(ValueError, match="`std` must be a positive"):
        metrics.modes("ring", np.zeros((3, 2)))
    for name, bad in (("std", np.nan), ("within", -1)):
        with pytest.raises(ValueError, match=f"`{name}` must be a positive"):
            metrics.modes("ring", "ring", **{name: bad})
    with pytest.raises(ValueError, match="`model_or_points` must have points"):
        metrics.modes(noise(5), "ring")


def test_label_agreement_of_digits():
    images, labels = digits(1000)
    faithful = metrics.label_agreement(
        FromArrays(images, labels=labels), "digits", num_images=500
    )
    assert faithful["label_agreement"].mean > 0.98
    assert faithful["label_balance"].mean > 0.99
    deaf = metrics.label_agreement(
        FromArrays(collapsed(1000), labels=labels), "digits", num_images=500
    )
    assert deaf["label_agreement"].mean == pytest.approx(0.1)
    assert deaf["label_balance"].mean == 0
    assert sum(deaf["label_balance"].details["per_class"]) == 1


def test_bad_label_agreement():
    images, labels = digits(100)
    with pytest.raises(ValueError, match="`model` must be conditional"):
        metrics.label_agreement(FromArrays(images))
    with pytest.raises(ValueError, match=r"model's 10 classes\. Received: 4"):
        metrics.label_agreement(
            FromArrays(images, labels=labels), stub(), num_images=20
        )


def labelled(images, labels):
    return types.SimpleNamespace(images=images, labels=labels, name="some")


def test_class_diversity_is_the_share_of_each_pixels_deviation():
    # Two classes of two pixels, with deviations 1 and 3, and 2 and 0.
    points = np.array([[0, 0], [2, 6], [5, 1], [1, 1]]) / 10
    labels = np.array([0, 0, 1, 1])
    real = labelled(points, labels)
    assert metrics.class_diversity(real, real).mean == pytest.approx(1)
    half = labelled(points / 2 + 0.3, labels)
    found = metrics.class_diversity(half, real)
    assert found.mean == pytest.approx(0.5)
    assert found.details["real_spread"] == pytest.approx(0.15)
    other = labelled(points * [[1], [1], [0], [0]], labels)
    found = metrics.class_diversity(other, real)
    assert found.details["per_class"] == pytest.approx([1, 0])
    assert found.mean == pytest.approx(2 / 3)


def test_class_diversity_compares_as_many_images_of_either_side():
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(20), 50)
    many = labelled(rng.normal(0, 0.1, (1000, 2)), labels)
    few = labelled(rng.normal(0, 0.1, (40, 2)), np.repeat(np.arange(20), 2))
    assert metrics.class_diversity(many, few).mean == pytest.approx(1, abs=0.25)
    assert metrics.class_diversity(few, many).mean == pytest.approx(1, abs=0.25)


def test_class_diversity_of_a_generator_that_draws_one_image_a_class():
    images, labels = digits(1000)
    real = labelled(images, labels)
    same = images[[np.flatnonzero(labels == c)[0] for c in labels]]
    model = FromArrays(images, same, labels=labels)
    shares = [
        metrics.class_diversity(model, real, component=i).mean for i in (0, 1)
    ]
    assert shares == pytest.approx([1, 0], abs=0.08)
    assert 0.3 < metrics.class_diversity(model, real).mean < 0.95


def test_class_diversity_leaves_unknown_labels_out():
    points = np.array([[0, 0], [2, 6], [9, 9], [5, 1], [1, 1]]) / 10
    real = labelled(points, np.array([0, 0, -1, 1, 1]))
    known = labelled(np.delete(points, 2, 0), np.array([0, 0, 1, 1]))
    found = metrics.class_diversity(known, real)
    assert found.details == metrics.class_diversity(known, known).details
    none = labelled(points, np.full(5, -1))
    with pytest.raises(ValueError, match="must have labels"):
        metrics.class_diversity(known, none)


def test_bad_class_diversity():
    images, labels = digits(100)
    real = labelled(images, labels)
    run = metrics.class_diversity
    with pytest.raises(ValueError, match="`model_or_data` must be conditional"):
        run(FromArrays(images), real)
    with pytest.raises(ValueError, match="`real` must have labels"):
        run(real, images)
    with pytest.raises(ValueError, match="`model_or_data` must have labels"):
        run(images, real)
    with pytest.raises(ValueError, match=r"`num_images` must be .*at least 2"):
        run(real, real, num_images=1)
    with pytest.raises(ValueError, match="at least 2 images of each class"):
        run(real, labelled(images[:9], labels[:9]))


def test_component_distinctness():
    ring = load_source("ring").images[:500]
    same = metrics.component_distinctness(
        FromArrays(ring, ring), num_images=400, steps=60
    )
    assert same.mean == pytest.approx(0.5, abs=0.08)
    apart = metrics.component_distinctness(
        FromArrays(ring - 1, ring + 1), num_images=400, steps=60
    )
    assert apart.mean > 0.95
    assert apart.details["chance"] == 0.5
    np.testing.assert_allclose(np.sum(apart.details["confusion"], axis=1), 1)
    with pytest.raises(ValueError, match="at least 2 generators"):
        metrics.component_distinctness(FromArrays(ring))


def test_a_thousand_equal_points_are_one():
    same = np.full((2000, 16), 0.3, "float32")
    assert float(metrics.birthday(same, threshold=0.0)) == 1.0


def test_images_of_other_shapes_and_broken_models_are_refused():
    real, labels = digits(40)
    small = real[:, ::2, ::2]
    with pytest.raises(ValueError, match="`real` must have images of the shap"):
        metrics.precision_recall(small, real, "digits")
    with pytest.raises(ValueError, match="`real` must have images of the shap"):
        metrics.birthday(small, real)
    broken = np.full_like(real, np.nan)
    with pytest.raises(ValueError, match="must generate finite images"):
        metrics.component_distinctness(FromArrays(real, broken), num_images=20)
    with pytest.raises(ValueError, match="must generate finite images"):
        metrics.label_agreement(
            FromArrays(broken, labels=labels), "digits", num_images=20
        )
    with pytest.raises(ValueError, match=r"`num_images` must be .* 10"):
        metrics.label_agreement(
            FromArrays(real, labels=labels), "digits", num_images=5
        )


def test_labelled_images_have_a_class_diversity():
    images, labels = digits(400)
    levels = np.uint8(127 * images + 127)
    same = Source("same", levels[[*range(200)] * 2], labels[[*range(200)] * 2])
    real = Source("real", levels, labels)
    report = metrics.evaluate(
        same, real, ["class_diversity"], num_images=400, verbose=0
    )
    assert 0.9 < report.scores["images"]["class_diversity"].mean < 1.1
    with pytest.raises(ValueError, match="or images with labels"):
        metrics.evaluate(levels, real, ["class_diversity"], verbose=0)
    lower = Source("lower", levels[labels < 9], labels[labels < 9])
    with pytest.raises(ValueError, match="0 of class 9"):
        metrics.class_diversity(lower, real)
    model = FromArrays(images[labels < 9], labels=labels[labels < 9])
    with pytest.raises(ValueError, match="the 9 classes of the model"):
        metrics.class_diversity(model, real)
