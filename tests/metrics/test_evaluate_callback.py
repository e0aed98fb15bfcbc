"""`Evaluate`, the callback, and figures of what it recorded."""

import dataclasses
import io
import os

import numpy as np
import pytest
from conftest import small_discriminator
from conftest import small_generator
from metrics_stand_ins import FromArrays
from metrics_stand_ins import digits
from metrics_stand_ins import noise
from metrics_stand_ins import ring_model
from metrics_stand_ins import stub

import keras_mixgan as kmg
from keras_mixgan import metrics
from keras_mixgan.data.sources import load_source
from keras_mixgan.metrics import figures
from keras_mixgan.utils.errors import UserError


@pytest.fixture(scope="module")
def ring():
    return load_source("ring").images[:1000]


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


def test_classifiers_of_one_name_are_told_apart(tmp_path):
    images, _ = digits(60)
    callback = metrics.Evaluate(
        ["fid"], every=1, source=images, classifier=stub(), num_images=20,
        path=tmp_path / "scores.csv",
    )  # fmt: skip
    callback.set_model(FromArrays(images))
    callback.on_train_begin()
    callback.on_epoch_end(0)
    other = dataclasses.replace(stub(), sha256="1" * 64)
    later = metrics.Evaluate(
        ["fid"], every=1, source=images, classifier=other, num_images=20,
        path=tmp_path / "scores.csv",
    )  # fmt: skip
    later.set_model(FromArrays(images))
    with pytest.raises(ValueError, match=r"SHA-256 0000.*Received: .*1111"):
        later.on_train_begin()


def test_each_fit_chooses_its_own_classifier():
    images, _ = digits(60)
    callback = metrics.Evaluate(["fid"], source=images, num_images=20)
    model = FromArrays(images)
    for source, judge in (("mnist", "digits"), ("fashion_mnist",) * 2):
        model.run_settings = {"source": source}
        callback.set_model(model)
        callback.on_train_begin()
        callback.on_epoch_end(4)
        assert callback.report.settings["classifier"] == judge
        callback.records = []


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


def test_a_second_fit_is_recorded_after_the_first(ring, tmp_path):
    model, path = ring_model(), tmp_path / "scores.csv"

    def fit(model, epochs, callback=None):
        callback = callback or metrics.Evaluate(
            ["modes"], every=2, source="ring", num_images=50, path=path
        )
        model.fit(ring[:64], epochs=epochs, callbacks=[callback], verbose=0)
        return callback

    # By the same callback, and by another one that finds the file.
    callback = fit(model, 3)
    fit(model, 1, callback)
    fit(model, 2)
    records = metrics.read_scores(path)
    assert [r["epoch"] for r in records] == [1, 2, 3, 4, 5, 6]
    assert ["modes" in r for r in records] == [False, True] * 3
    assert [r["step"] for r in records] == [2, 4, 6, 8, 10, 12]
    # An earlier state of the model repeats what came after it.
    model.step_variable.assign(6)
    model.host_step = None
    fit(model, 1)
    records = metrics.read_scores(path)
    assert [r["epoch"] for r in records] == [1, 2, 3, 4]
    # A new model's epochs are not theirs.
    fit(ring_model(), 1)
    assert [r["epoch"] for r in metrics.read_scores(path)] == [1]


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
    for name in ("num_images", "splits", "batch_size"):
        with pytest.raises(ValueError, match=f"`{name}` must be a positive"):
            metrics.Evaluate(**{name: 0})
    with pytest.raises(ValueError, match="`source` must have images of the"):
        ring_model().fit(
            ring, callbacks=[metrics.Evaluate(source="digits")], verbose=0
        )
    path = tmp_path / "other.csv"
    path.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="'epoch'"):
        metrics.read_scores(path)
    too_long = 'epoch\n"' + 200_000 * "1"
    for text in ("epoch,b\n1,x\n", "epoch,b\ninf,1\n", too_long):
        path.write_text(text)
        with pytest.raises(UserError, match="CSV file of scores"):
            metrics.read_scores(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(UserError, match="must be a regular file"):
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
    with pytest.raises(ValueError, match="`runs` must have a record"):
        figures.score_curves({"empty": []}, "fid")
    with pytest.raises(ValueError, match="`side` must be a side"):
        figures.weight_curves([])


def test_dollar_signs_are_no_formula():
    curve = [{"epoch": 5, "fid": 9.0}]
    figure = figures.score_curves({"$5 _$": curve}, "fid", "$5 _$")
    figure.savefig(io.BytesIO(), format="png")
    scores = {"images": {"fid": metrics.Score(1.0, name="$5 _$ distance")}}
    report = metrics.Report(scores, {}, {}, 1.0)
    compared = metrics.Comparison({"$5 _$": report, "b": report})
    compared.figure().savefig(io.BytesIO(), format="png")


def test_weights_of_a_mixture_that_was_pruned_are_drawn():
    first = {f"generator_weight_{i}": w for i, w in enumerate((0.8, 0.2))}
    records = [{"epoch": 1, **first}, {"epoch": 2, "generator_weight_0": 1.0}]
    drawn = figures.weight_curves(records).axes[0].lines
    assert [line.get_xdata().tolist() for line in drawn[:2]] == [[1, 2], [1]]


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


def test_figures_name_the_classifier_and_say_which_way_is_better():
    weights = {f"generator_weight_{i}": 0.2 for i in range(5)}
    records = [
        {"epoch": epoch, "fid": 9.0, "good": 0.5, "generator_0_fid": 9.5,
         "classifier": "digits", **weights}
        for epoch in (1, 2)
    ]  # fmt: skip
    distance = "digits Frechet distance\n(lower is better)"
    panels = figures.scores_in_time(records).axes
    assert [axes.get_title(loc="left") for axes in panels] == [
        distance,
        "share of good samples\n(higher is better)",
    ]
    for metric, label in (
        ("fid", distance),
        ("generator_0_fid", f"generator 0 {distance}"),
        ("epoch", "epoch"),
    ):
        (axes,) = figures.score_curves({"mixture": records}, metric).axes
        assert axes.get_ylabel() == label
        assert all(tick % 1 == 0 for tick in axes.get_xticks())
    assert all(tick % 1 == 0 for tick in panels[0].get_xticks())
    (axes,) = figures.weight_curves(records).axes
    # Room above, so that equal weights are not at the edge.
    assert axes.get_ylim() == (0, pytest.approx(0.26))


def test_a_figure_of_two_classifiers_names_both():
    runs = {
        name: [{"epoch": 1, "kid": 0.1, "classifier": name}]
        for name in ("digits", "inception")
    }
    (axes,) = figures.score_curves(runs, "kid").axes
    assert axes.get_ylabel().startswith("digits, inception kernel distance")


def test_scores_that_began_later_are_drawn():
    first = {"epoch": 5, "fid": 9.0}
    figure = figures.scores_in_time([first, {"epoch": 10, "fid": 4, "kid": 1}])
    drawn = [axes.lines[0].get_xdata().tolist() for axes in figure.axes]
    assert drawn == [[5, 10], [10]]
