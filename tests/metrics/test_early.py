"""Errors of metrics that `evaluate` finds before it makes any image."""

import numpy as np
import pytest
from metrics_stand_ins import FromArrays
from metrics_stand_ins import digits

from keras_mixgan import metrics
from keras_mixgan.data.sources import Source


@pytest.fixture(autouse=True)
def _no_disk_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_MIXGAN_CACHE", str(tmp_path / "cache"))


class Untouched(FromArrays):
    """A model of which no image may be asked."""

    def generate(self, *arguments, **keywords):
        raise AssertionError("an image was generated")


@pytest.mark.parametrize(
    ("metric", "use", "given", "message"),
    [
        ("inception_score", {"splits": 60}, {}, "50 images, splits=60"),
        ("inception_score", {}, {"splits": 60}, "50 images, splits=60"),
        ("inception_score", {}, {"num_images": 5}, "5 images, splits=10"),
        ("fid", {"num_images": 1}, {}, "at least 2"),
        ("fid", {}, {"seed": 7}, "`options` of 'fid' must be among .*'seed'"),
        ("kid", {}, {"block_size": 1}, "must leave two images"),
        ("kid", {}, {"blocksize": 8}, "must be among .*'blocksize'"),
        ("birthday", {}, 3, "`options` of 'birthday' must be a dictionary"),
        ("class_diversity", {}, {}, "0 of class 9"),
        ("class_diversity", {}, {"num_images": None}, "Received: None"),
        ("modes", {}, {}, "`centers` must be 'ring', 'grid'"),
        ("modes", {}, {"centers": np.zeros((2, 28, 28, 1))}, "`std` must be"),
        ("precision_recall", {}, {"nearest": 50}, "below the number of images"),
        ("neural_net_distance", {}, {"discriminator": "x"}, "must be one of"),
        ("neural_net_distance", {}, {"discriminator": ["x"]}, "must be one of"),
        ("neural_net_distance", {}, {"payoff": "x"}, "`payoff` must be one of"),
        ("neural_net_distance", {}, {"steps": 0}, "'steps'.*must be a pos"),
        ("label_agreement", {"num_images": 5}, {}, "of at least 10"),
        ("fid", {"batch_size": 0}, {}, "`batch_size` must be a positive"),
        ("component_distinctness", {}, {"network": "x"}, "must be one of"),
        ("component_distinctness", {}, {"steps": 0}, "'steps'.*must be a pos"),
        ("fid", {}, {"num_images": "100"}, "'num_images'.*must be a positive"),
        ("kid", {}, {"num_images": 2.5}, "'num_images'.*must be a positive"),
        ("modes", {}, {"within": "1"}, "'within'.*must be a positive number"),
        ("birthday", {}, {"threshold": "1"}, "'threshold'.*must be a number"),
        ("sliced_wasserstein", {}, {"seed": -1}, "'seed'.*must be an integer"),
        ("neural_net_distance", {}, {"seed": 1.5}, "'seed'.*must be an integ"),
    ],
)
def test_errors_come_before_any_image_is_made(metric, use, given, message):
    images, labels = digits(50)
    model = Untouched(images, images, labels=np.arange(50) % 10)
    source = Source("own", np.uint8(127 * images + 127), labels % 9)
    with pytest.raises(ValueError, match=message):
        metrics.evaluate(
            model, source, [metric], "digits",
            options={metric: given}, **{"num_images": 100, **use},
        )  # fmt: skip


def test_images_of_another_kind():
    wide = Untouched(np.zeros((20, 20, 28, 1)))
    with pytest.raises(ValueError, match="square images"):
        metrics.evaluate(wide, wide.arrays[0], ["sliced_wasserstein"])
    model = Untouched(np.zeros((20, 28, 28, 1)), labels=np.arange(20) % 2)
    with pytest.raises(ValueError, match="must be one of component, fresh"):
        metrics.evaluate(
            model, model.arrays[0], ["equilibrium_gap"],
            options={"equilibrium_gap": {"payoff": "log", "start": "x"}},
        )  # fmt: skip


@pytest.mark.parametrize(
    "metric",
    ["classification_error", "component_distinctness", "equilibrium_gap"],
)
def test_what_only_generates_has_no_networks_to_measure(metric):
    model = Untouched(digits(20)[0])
    del model.generators
    source = Source("own", np.uint8(127 * digits(20)[0] + 127), digits(20)[1])
    with pytest.raises(ValueError, match="needs a mixture's networks"):
        metrics.evaluate(model, source, [metric])


def test_the_real_row_needs_enough_images_too():
    images, _ = digits(50)
    model, real = Untouched(images), images[:8]
    with pytest.raises(ValueError, match="8 images, splits=10"):
        metrics.evaluate(model, real, ["inception_score"], "digits", 50)
    # Two images of a class, but one in a half of the data.
    few = Source("few", np.uint8(images[:2]), np.zeros(2, "int32"))
    model = Untouched(images, labels=np.zeros(50, "int32"))
    with pytest.raises(ValueError, match="1 of class 0"):
        metrics.evaluate(model, few, ["class_diversity"], None, 50)
    model = FromArrays(images, labels=np.zeros(50, "int32"))
    metrics.evaluate(
        model, few, ["class_diversity"], None, 50, real=False, verbose=0
    )
