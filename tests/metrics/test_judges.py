"""The data set decides which classifier is used."""

import numpy as np
import pytest
from metrics_stand_ins import FromArrays
from metrics_stand_ins import digits
from metrics_stand_ins import noise

import keras_mixgan as kmg
from keras_mixgan import metrics
from keras_mixgan.cli import settings
from keras_mixgan.data import class_names
from keras_mixgan.metrics import judges


@pytest.fixture(autouse=True)
def _no_disk_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_MIXGAN_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def source():
    """Digits under the name of Fashion-MNIST."""
    images = kmg.sources.load_source("digits").images[:40]
    return kmg.sources.Source("fashion_mnist", images)


def recorded(model, **settings):
    model.run_settings = settings
    return model


@pytest.mark.parametrize(
    ("name", "judge"),
    [
        ("digits", "digits"),
        ("mnist", "digits"),
        ("mnist:3.0.1", "digits"),
        ("fashion_mnist", "fashion_mnist"),
        ("my_photos/", None),
        ("kmnist", None),
        (None, None),
    ],
)
def test_the_name_decides(name, judge):
    assert judges.judge_of(name) == judge


def test_a_folder_has_no_judge(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits" / "letters").mkdir(parents=True)
    letters = recorded(FromArrays(digits(2)[0]), source="digits/letters")
    for source in ("digits/letters", str(tmp_path / "digits/letters"), None):
        with pytest.raises(ValueError, match="`classifier` must be given"):
            judges.choose(source, letters)
    # The metrics that its error names do need none.
    with pytest.raises(ValueError, match=r"_net_.* or birth.*sliced_"):
        judges.choose(None)
    for name in ("sliced_wasserstein", "neural_net_distance", "birthday"):
        assert not metrics.METRICS[name].needs_classifier
    assert judges.judge_of("digits") == "digits"
    # `load_source` takes a folder before a data set of TFDS.
    (tmp_path / "mnist").mkdir()
    assert judges.judge_of("mnist") is None
    model = recorded(FromArrays(digits(2)[0]), source="mnist")
    with pytest.raises(ValueError, match="`classifier` must be given"):
        judges.choose("mnist", model)
    # But a record does not mean what lies here: of a folder it says "./mnist".
    assert judges.choose(None, model) == "digits"
    assert class_names.of_settings(model.run_settings, 10)[1] == "1"
    run = settings.resolve({"source": "mnist"})
    assert run.source == "./mnist"
    model = recorded(model, source=run.source)
    with pytest.raises(ValueError, match="`classifier` must be given"):
        judges.choose(str(tmp_path / "mnist"), model)
    assert class_names.of_settings(model.run_settings, 10) is None


def test_a_models_name_is_not_that_of_its_data():
    model = recorded(FromArrays(digits(20)[0]), source="fashion_mnist")
    model.name = "mnist"
    score = metrics.inception_score(model, num_images=20)
    assert score.details["classifier"] == "fashion_mnist"


def test_evaluate_takes_the_sources_judge(source):
    real, _ = digits(40)
    report = metrics.evaluate(
        FromArrays(real), source, ["fid"], num_images=40, verbose=0
    )
    assert report.settings["classifier"] == "fashion_mnist"
    score = metrics.fid(FromArrays(real), source, num_images=40)
    assert score.name == "fashion_mnist Frechet distance"
    assert metrics.inception_score(source).details["classifier"] == (
        "fashion_mnist"
    )


def test_data_of_ones_own_are_judged_as_the_run_records():
    real, _ = digits(40)
    model = recorded(FromArrays(real), source="mnist")
    report = metrics.evaluate(model, real, ["fid"], num_images=40, verbose=0)
    assert report.settings["classifier"] == "digits"


@pytest.mark.parametrize("settings", [{}, {"source": "my_photos/"}])
def test_unknown_data_are_an_error_that_lists_the_classifiers(settings):
    real, _ = digits(40)
    model = recorded(FromArrays(real), **settings)
    with pytest.raises(
        ValueError, match=r"'digits', 'fashion_mnist', 'cifar10', 'incep"
    ):
        metrics.evaluate(model, real, ["fid"], num_images=40, verbose=0)
    for score in (metrics.fid, metrics.kid, metrics.precision_recall):
        with pytest.raises(ValueError, match="`classifier` must be given"):
            score(model, real, num_images=40)
    with pytest.raises(ValueError, match="`classifier` must be given"):
        metrics.inception_score(noise(20))


def test_presets_know_what_they_were_trained_on():
    model = kmg.MixGAN.from_preset("mix_dcgan_fashion_mnist")
    assert model.run_settings["source"] == "fashion_mnist"
    score = metrics.label_agreement(model, num_images=200)["label_agreement"]
    assert score.details["classifier"] == "fashion_mnist"
    # With the digits' classifier it would be about a tenth.
    assert score.mean > 0.6


def test_the_callback_asks_or_takes_what_is_recorded(monkeypatch):
    real, _ = digits(40)
    callback = kmg.callbacks.Evaluate(["fid"], every=1, num_images=20)
    callback.set_model(FromArrays(real))
    with pytest.raises(ValueError, match="`source` must be given"):
        callback.on_train_begin()
    callback.source = real
    with pytest.raises(ValueError, match="`classifier` must be given"):
        callback.on_train_begin()
    callback = kmg.callbacks.Evaluate(["fid"], every=1, num_images=20)
    callback.set_model(recorded(FromArrays(real), source="digits"))
    whole = kmg.sources.load_source("digits")
    few = kmg.sources.Source("digits", whole.images[:40], whole.labels[:40])
    loaded = []
    monkeypatch.setattr(
        "keras_mixgan.data.sources.load_source",
        lambda name, **_: (loaded.append(name), few)[1],
    )
    callback.on_train_begin()
    callback.on_epoch_end(0, logs := {})
    assert loaded == ["digits"]
    assert np.isfinite(logs["fid"])
    assert callback.report.settings["classifier"] == "digits"
