"""`evaluate`, its report, the callback and the figures."""

import io
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
from metrics_stand_ins import stub

import keras_mixgan as kmg
from keras_mixgan import metrics
from keras_mixgan.data.sources import Source
from keras_mixgan.data.sources import load_source
from keras_mixgan.metrics import figures


@pytest.fixture(autouse=True)
def _no_disk_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_MIXGAN_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def ring():
    return load_source("ring").images[:1000]


def ring_model(count=2, **keywords):
    generator, discriminator = kmg.architectures.build("mlp", (2,), width=8)
    model = kmg.MixGAN(generator, discriminator, count, seed=0)
    model.compile()
    return model


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


def test_bad_arguments(ring):
    model = FromArrays(ring)
    run = metrics.evaluate
    with pytest.raises(ValueError, match=r"`metrics` must be among .*'is'"):
        run(model, ring, ["is"])
    with pytest.raises(ValueError, match="`metrics` must be a list"):
        run(model, ring, "fid")
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
    assert sum(seen) == 100


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
    del older.settings["split"], older.settings["crop_size"]
    two = metrics.Comparison({"a": report, "b": other})
    assert two.differences() == ["split differs: a: test, b: train"]
    # What an older report does not say is no difference.
    assert not metrics.Comparison({"a": report, "b": older}).differences()


def test_scores_of_another_classifier_are_not_continued(tmp_path):
    images, _ = digits(60)

    def score(classifier):
        callback = metrics.Evaluate(
            ["fid"], every=1, source=images, classifier=classifier,
            num_images=20, path=tmp_path / "scores.csv",
        )  # fmt: skip
        callback.set_model(FromArrays(images))
        callback.on_train_begin()
        callback.on_epoch_end(len(callback.records))

    score(stub())
    score(stub())
    records = metrics.read_scores(tmp_path / "scores.csv")
    assert [record["classifier"] for record in records] == ["stub", "stub"]
    assert figures.score_names(records) == ["fid"]
    with pytest.raises(ValueError, match=r"'stub'.*Received: .*'digits'"):
        score("digits")
    assert metrics.read_scores(tmp_path / "scores.csv") == records


def test_callback_records_and_resumes(ring, tmp_path):
    model, path = ring_model(), tmp_path / "logs" / "scores.csv"

    def callback():
        return metrics.Evaluate(
            ["modes"], every=2, source="ring", num_images=50, path=path
        )

    history = model.fit(
        ring[:64], epochs=4, callbacks=[callback()], verbose=0
    ).history
    assert len(history["modes"]) == 2
    records = metrics.read_scores(path)
    assert [r["epoch"] for r in records] == [1, 2, 3, 4]
    assert ["modes" in r for r in records] == [False, True, False, True]
    weights = [records[-1][f"generator_weight_{i}"] for i in range(2)]
    np.testing.assert_allclose(weights, model.generator_weights, rtol=1e-6)
    model.fit(
        ring[:64],
        initial_epoch=3,
        epochs=6,
        callbacks=[callback()],
        verbose=0,
    )
    again = metrics.read_scores(path)
    assert [r["epoch"] for r in again] == [1, 2, 3, 4, 5, 6]
    assert again[:3] == records[:3]


def test_no_score_is_missed_where_one_call_ends_several_epochs(monkeypatch):
    callback = metrics.Evaluate(["modes"], every=2, source="ring")
    callback.set_model(ring_model())
    monkeypatch.setattr(callback, "_scores", lambda: {"modes": 1.0})
    for epoch in (0, 3, 6, 7):
        callback.on_epoch_end(epoch)
    scored = [r["epoch"] for r in callback.records if "modes" in r]
    assert scored == [4, 7, 8]


def test_callback_scores_components_and_stds():
    real = noise(40, (4, 4, 1))
    callback = metrics.Evaluate(
        ["inception_score"],
        every=1,
        source=real,
        classifier=stub(),
        num_images=20,
        splits=2,
        components=True,
    )
    callback.set_model(FromArrays(real, real))
    callback.on_train_begin()
    logs = {}
    callback.on_epoch_end(0, logs)
    assert set(logs) == {
        f"{prefix}inception_score{suffix}"
        for prefix in ("", "generator_0_", "generator_1_")
        for suffix in ("", "_std")
    }


def test_bad_callbacks(ring, tmp_path):
    with pytest.raises(ValueError, match="`every` must be a positive"):
        metrics.Evaluate(every=0)
    with pytest.raises(ValueError, match=r"`metrics` must be among"):
        metrics.Evaluate(["is"])
    with pytest.raises(ValueError, match="`source` must have images of the"):
        ring_model().fit(
            ring, callbacks=[metrics.Evaluate(source="digits")], verbose=0
        )
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="'epoch'"):
        metrics.read_scores(path)
    path.write_text("epoch,b\n1,x\n")
    with pytest.raises(ValueError, match="CSV file of scores"):
        metrics.read_scores(path)


def test_figures(tmp_path):
    def run(shift):
        return [
            {
                "epoch": epoch,
                "fid": 9.0 - epoch + shift,
                "generator_weight_0": 0.25,
                "generator_weight_1": 0.75,
            }
            for epoch in range(1, 5)
        ]

    path = tmp_path / "scores.csv"
    metrics.write_scores(path, run(0))
    figure = figures.score_curves(
        {"one": path, "three": [run(-1), run(0), run(1)]}, "fid", "FID"
    )
    (axes,) = figure.axes
    one, three = axes.lines
    np.testing.assert_allclose(one.get_xdata(), [1, 2, 3, 4])
    np.testing.assert_allclose(three.get_ydata(), [8, 7, 6, 5])
    (band,) = axes.collections
    heights = band.get_paths()[0].get_extents()
    assert heights.ymax == pytest.approx(8 + np.std([-1, 0, 1]))
    assert [text.get_text() for text in axes.get_legend().texts] == [
        "one",
        "three",
    ]
    target = io.BytesIO()
    figure.savefig(target, format="png")
    assert target.getvalue().startswith(b"\x89PNG")
    figure = figures.weight_curves(path)
    assert figure.axes[0].lines[1].get_ydata()[0] == 0.75
    with pytest.raises(ValueError, match="`metric` must be a column"):
        figures.score_curves({"one": path}, "kid")
    with pytest.raises(ValueError, match="`side` must be a side"):
        figures.weight_curves(path, "discriminator")


def test_score_in_print():
    assert str(metrics.Score(1234.5, name="a")) == "a: 1234.5"
    assert metrics.Score(0.00012, 0.00002).format() == "1.20e-04 +- 2.00e-05"
    assert float(metrics.Score(2.5)) == 2.5
    assert metrics.Score(float("inf")).format() == "inf"


def points(count=16):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (count, 2)).astype("float32")


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        ({"metrics": ["label_agreement"]}, "conditional"),
        ({"metrics": ["birthday"], "options": {"fid": {}}}, "options"),
        ({"metrics": ["component_distinctness"]}, "at least 2 generators"),
        ({"metrics": ["classification_error"]}, "labels"),
    ],
)
def test_a_callback_that_cannot_score_stops_before_training(arguments, match):
    model = kmg.MixGAN(small_generator(), small_discriminator(), 1, 1, seed=0)
    model.compile()
    evaluate = metrics.Evaluate(source="ring", every=1, **arguments)
    with pytest.raises(ValueError, match=match):
        model.fit(points(), batch_size=8, callbacks=[evaluate], verbose=0)
    assert model.step == 0


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


def test_scores_that_began_later_are_drawn():
    first = {"epoch": 5, "fid": 9.0}
    figure = figures.scores_in_time([first, {"epoch": 10, "fid": 4, "kid": 1}])
    drawn = [axes.lines[0].get_xdata().tolist() for axes in figure.axes]
    assert drawn == [[5, 10], [10]]
