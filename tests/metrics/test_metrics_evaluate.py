"""`evaluate` and its report."""

import json
import types

import keras
import numpy as np
import pytest
from conftest import small_discriminator
from conftest import small_generator
from metrics_stand_ins import FromArrays
from metrics_stand_ins import collapsed
from metrics_stand_ins import digits
from metrics_stand_ins import noise
from metrics_stand_ins import ring_model
from metrics_stand_ins import stub

import keras_mixgan as kmg
from keras_mixgan import metrics
from keras_mixgan.data.sources import Source
from keras_mixgan.data.sources import load_source


@pytest.fixture(autouse=True)
def _no_disk_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_MIXGAN_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def ring():
    return load_source("ring").images[:1000]


def test_a_dead_component_shows(tmp_path, capsys):
    real, _ = digits(600)
    model = FromArrays(real[:300], collapsed(300), weights=[0.75, 0.25])
    report = metrics.evaluate(
        model,
        real,
        metrics=["inception_score", "fid", "kid", "precision_recall"],
        classifier="digits",
        num_images=300,
        splits=3,
    )
    assert "image" in capsys.readouterr().out  # The progress bar.
    rows = report.scores
    assert list(rows) == ["mixture", "generator 0", "generator 1", "real"]
    score = {name: row["inception_score"].mean for name, row in rows.items()}
    fid = {name: row["fid"].mean for name, row in rows.items()}
    assert score["generator 1"] == pytest.approx(1, abs=1e-3)
    assert score["real"] > 9
    assert score["generator 0"] > score["mixture"] > score["generator 1"]
    assert fid["generator 0"] < fid["mixture"] < fid["generator 1"]
    # Its only image is among the real ones.
    assert rows["generator 1"]["recall"].mean <= 1 / 300
    # A distance between halves, not the 0 of a set to itself.
    assert 0 < fid["real"] < fid["mixture"]
    assert rows["real"]["fid"].details["num_real"] == 300
    assert rows["real"]["fid"].details["num_images"] == 300
    assert rows["real"]["inception_score"].details["num_images"] == 600

    lines = report.table().splitlines()
    assert len(lines) == 5
    assert "digits Frechet distance" in lines[0]
    assert "0.750" in lines[2]
    path = tmp_path / "new" / "scores.json"
    report.save(path)
    saved = json.loads(path.read_text())
    assert saved["scores"]["mixture"]["fid"]["mean"] == fid["mixture"]
    assert saved["scores"]["mixture"]["inception_score"]["std"] > 0
    assert saved["weights"] == {"generator 0": 0.75, "generator 1": 0.25}
    settings = saved["settings"]
    assert settings["num_images"] == 300
    assert settings["classifier"] == "digits"
    assert len(settings["classifier_sha256"]) == 64
    assert settings["conversion"] == "none"
    assert saved["versions"]["keras"] == keras.__version__
    assert saved["seconds"] > 0
    assert [p.name for p in path.parent.iterdir()] == ["scores.json"]


def test_each_score_is_the_one_taken_alone():
    model = FromArrays(noise(50, (4, 4, 1)), noise(50, (4, 4, 1), 1))
    real = noise(40, (4, 4, 1), 2)
    report = metrics.evaluate(
        model,
        real,
        ["inception_score", "fid", "kid"],
        stub(),
        num_images=60,
        splits=2,
        verbose=0,
    )
    for row, component in (("mixture", None), ("generator 1", 1)):
        arguments = {"classifier": stub(), "component": component}
        alone = metrics.inception_score(
            model, num_images=60, splits=2, **arguments
        )
        assert report.scores[row]["inception_score"].mean == alone.mean
        for name in ("fid", "kid"):
            score = getattr(metrics, name)(
                model, real, num_images=60, **arguments
            )
            assert report.scores[row][name].mean == pytest.approx(score.mean)


def test_a_report_says_the_seed_of_each_score():
    model = FromArrays(noise(50, (4, 4, 1)))
    report = metrics.evaluate(
        model, noise(40, (4, 4, 1), 2), ["fid", "kid", "precision_recall"],
        stub(), num_images=40, seed=5, verbose=0,
    )  # fmt: skip
    scores = report.scores["mixture"].values()
    assert {score.details["seed"] for score in scores} == {5}
    report = metrics.evaluate(
        ring_model(), "ring", ["modes"], num_images=40, seed=5, verbose=0
    )
    assert report.scores["mixture"]["modes"].details["seed"] == 5


def test_the_classifier_sees_each_image_once():
    network = stub()
    seen = []
    function = network.function
    object.__setattr__(
        network, "function", lambda x: seen.append(len(x)) or function(x)
    )
    metrics.evaluate(
        FromArrays(noise(50, (4, 4, 1))),
        noise(40, (4, 4, 1)),
        ["inception_score", "fid", "kid", "precision_recall"],
        network,
        num_images=60,
        splits=2,
        batch_size=16,
        verbose=0,
    )
    assert sum(seen) == 40 + 2 * 60
    assert max(seen) == 16


@pytest.mark.usefixtures("no_graph")
def test_every_registered_metric_runs(ring):
    images, labels = digits(300)
    conditional = FromArrays(images, images[::-1], labels=labels)
    source = types.SimpleNamespace(images=images, labels=labels, name="some")
    quick = {
        "neural_net_distance": {"steps": 2},
        "component_distinctness": {"steps": 2},
    }
    names = set(metrics.METRICS) - {"modes", "equilibrium_gap"}
    names -= {"classification_error"}  # Needs networks; it has its own tests.
    report = metrics.evaluate(
        conditional,
        source,
        sorted(names),
        classifier="digits",
        num_images=40,
        splits=2,
        options=quick,
        verbose=0,
    )
    assert {"label_agreement", "label_balance"} <= set(
        report.scores["generator 1"]
    )
    assert "component_distinctness" not in report.scores["generator 1"]
    assert "label_agreement" not in report.scores["real"]
    assert report.scores["real"]["class_diversity"].mean > 0.8
    report = metrics.evaluate(
        ring_model(),
        "ring",
        ["modes", "equilibrium_gap", "birthday"],
        num_images=40,
        options={"equilibrium_gap": {"steps": 2}},
        verbose=0,
    )
    assert report.scores["real"]["modes"].mean > 6
    assert report.scores["mixture"]["equilibrium_gap"].mean >= 0
    json.dumps(report.to_dict(), allow_nan=False)  # Even with infinite support.


def test_one_metric_may_be_given_by_its_name():
    report = metrics.evaluate(
        ring_model(), "ring", "modes", num_images=40, verbose=0
    )
    assert list(report.scores["mixture"]) == ["modes", "good"]
    callback = metrics.Evaluate("modes", every=1, source="ring", num_images=40)
    callback.set_model(ring_model())
    callback.on_train_begin()
    callback.on_epoch_end(0)
    assert callback.records[0]["modes"] >= 0


def test_bad_arguments(ring):
    model = FromArrays(ring)
    run = metrics.evaluate
    with pytest.raises(ValueError, match=r"`metrics` must be among .*'is'"):
        run(model, ring, ["is"])
    with pytest.raises(ValueError, match=r"must be among .*\['fid'\]"):
        run(model, ring, [["fid"]])
    with pytest.raises(ValueError, match="`metrics` must be a list"):
        run(model, ring, [])
    with pytest.raises(ValueError, match="needs a conditional model"):
        run(model, ring, ["label_agreement"])
    images, labels = digits(20)
    with pytest.raises(ValueError, match="needs real data with labels"):
        run(FromArrays(images, labels=labels), images, ["class_diversity"])
    with pytest.raises(ValueError, match="`options` must be for metrics among"):
        run(model, ring, ["modes"], options={"fid": {}})
    with pytest.raises(ValueError, match="`source` must have images of the"):
        run(model, noise(5), ["fid"])
    with pytest.raises(ValueError, match="'digits' takes images"):
        run(model, ring, ["fid"], classifier="digits")
    with pytest.raises(ValueError, match="`num_images` must be at least `spl"):
        run(FromArrays(noise(5)), noise(5), num_images=5)


def test_label_agreement_alone_classifies_only_its_own_images():
    seen = []

    def function(images):
        seen.append(len(images))
        return stub(10).function(images)

    counting = metrics.Classifier("c", "1" * 64, function, channels=1)
    images, labels = digits(300)
    metrics.evaluate(
        FromArrays(images, labels=labels), images, ["label_agreement"],
        counting, 100, components=False, verbose=0,
    )  # fmt: skip
    # Besides a blank image, which tells the number of classes.
    assert sum(count for count in seen if count > 1) == 100


def test_a_report_says_which_real_images_it_saw():
    model = ring_model()
    report = metrics.evaluate(
        model, load_source("ring", split="test"), ["modes"], num_images=50,
        verbose=0,
    )  # fmt: skip
    assert report.settings["split"] == "test"
    assert report.settings["crop_size"] is None
    other = metrics.evaluate(model, "ring", ["modes"], num_images=50, verbose=0)
    older = metrics.Report(other.scores, {}, {**other.settings}, 1.0)
    for name in ("split", "crop_size", "image_shape", "real_sha256"):
        del older.settings[name]
    two = metrics.Comparison({"a": report, "b": other})
    assert two.differences() == ["split differs: a: test, b: train"]
    del report.settings["split"], other.settings["split"]
    assert two.differences() == ["real images differ, under one name"]
    report.settings["splits"] = 5
    assert two.differences()[1:] == ["real images differ, under one name"]
    report.settings["splits"] = other.settings["splits"]
    report.settings["split"], other.settings["split"] = "test", "train"
    # The order of the same images is none.
    later = metrics.evaluate(
        model, "ring", ["modes"], num_images=50, seed=1, verbose=0
    )
    assert not metrics.Comparison({"b": other, "c": later}).differences()
    # What an older report does not say is no difference.
    assert not metrics.Comparison({"a": report, "b": older}).differences()


def test_score_in_print():
    assert str(metrics.Score(1234.5, name="a")) == "a: 1234.5"
    assert metrics.Score(0.00012, 0.00002).format() == "1.20e-04 +- 2.00e-05"
    assert float(metrics.Score(2.5)) == 2.5
    assert metrics.Score(float("inf")).format() == "inf"


def points(count=16):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (count, 2)).astype("float32")


def test_a_metric_that_must_fail_does_so_before_any_image(monkeypatch):
    model = kmg.MixGAN(small_generator(), small_discriminator(), 2, 1, seed=0)
    monkeypatch.setattr(kmg.MixGAN, "generate", pytest.fail)
    with pytest.raises(ValueError, match="not compiled"):
        metrics.evaluate(model, "ring", ["modes", "equilibrium_gap"], verbose=0)
    labelled = Source("points", points(), np.zeros(16, "int32"))
    with pytest.raises(ValueError, match="class_logits"):
        metrics.evaluate(model, labelled, ["classification_error"], verbose=0)


def test_reports_of_other_options_differ():
    reports = {
        name: metrics.evaluate(
            points(40), points(60), ["birthday"], real=False, verbose=0,
            options={"birthday": {"threshold": threshold}},
        )
        for name, threshold in (("a", 0.1), ("b", 0.2))
    }  # fmt: skip
    (line,) = metrics.Comparison(reports).differences()
    assert "options differs" in line


def test_options_of_numpy_and_infinite_scores():
    def report(threshold):
        return metrics.evaluate(
            points(40), points(60), ["birthday"], real=False, verbose=0,
            options={"birthday": {"threshold": np.float64(threshold)}},
        )  # fmt: skip

    reports = {"far": report(0.5), "near": report(0.0)}
    assert reports["far"].settings["options"] == {
        "birthday": {"threshold": 0.5}
    }
    assert np.isinf(reports["near"].scores["images"]["birthday"].mean)
    comparison = metrics.Comparison(reports)
    assert "options differs" in comparison.differences()[0]
    (axes,) = comparison.figure().axes
    assert [text.get_text() for text in axes.texts] == ["inf"]
    assert len(axes.patches) == 1
    assert axes.get_xlim() == (-0.5, 1.5)


def test_more_images_than_the_protocols_are_scored():
    images = np.random.default_rng(0).uniform(-1, 1, (50_010, 4, 4, 1))
    report = metrics.evaluate(
        images.astype("float32"),
        images[:100].astype("float32"),
        ["inception_score", "fid", "kid"],
        stub(),
        num_images=60_000,
        real=False,
        verbose=0,
    )
    for score in report.scores["images"].values():
        assert score.details["num_images"] == 50_010


def test_numbers_of_numpy_can_be_saved(tmp_path):
    report = metrics.evaluate(
        ring_model(), "ring", ["modes"], num_images=np.int64(200),
        seed=np.int64(1), verbose=0,
    )  # fmt: skip
    report.save(tmp_path / "scores.json")
    saved = json.loads((tmp_path / "scores.json").read_text())
    assert saved["settings"]["num_images"] == 200
