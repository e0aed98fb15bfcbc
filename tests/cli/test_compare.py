"""`keras-mixgan evaluate --images`, and `compare`."""

import json
import pathlib

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from keras_mixgan import cli
from keras_mixgan import metrics
from keras_mixgan.metrics import Comparison
from keras_mixgan.metrics import Report
from keras_mixgan.metrics import Score
from keras_mixgan.utils.errors import UserError


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two folders of images, one of noise, and a classifier."""
    folder = tmp_path_factory.mktemp("images")
    rng = np.random.default_rng(0)
    for name, low, high in (("a", 0, 120), ("b", 0, 120), ("noise", 90, 256)):
        (folder / name).mkdir()
        for i in range(24):
            pixels = rng.integers(low, high, size=(8, 8), dtype="uint8")
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    judge = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            layers.AveragePooling2D(4),
            layers.Flatten(),
            layers.Dense(3),
        ]
    )
    judge.save(folder / "judge.keras")
    return folder


@pytest.fixture(scope="module")
def reports(folders):
    """Scores of the folders b and noise against a."""
    for name in ("b", "noise"):
        command = [
            "evaluate",
            f"--images={folders / name}",
            f"--source={folders / 'a'}",
            f"--classifier={folders / 'judge.keras'}",
            "--metrics=inception_score,fid",
            "--splits=2",
            f"--out={folders / name}.json",
        ]
        assert cli.main(command) == 0
    return folders


def test_a_folder_is_scored_against_a_folder(reports):
    found = json.loads((reports / "b.json").read_text())
    assert list(found["scores"]) == ["images", "real"]
    settings = found["settings"]
    assert settings["images"] == str(reports / "b")
    assert settings["source"] == str(reports / "a")
    assert (settings["num_images"], settings["num_real"]) == (24, 24)
    fid = {
        name: Report.load(reports / f"{name}.json").scores["images"]["fid"].mean
        for name in ("b", "noise")
    }
    assert fid["b"] < fid["noise"]


def test_its_distance_is_that_of_the_features(reports):
    """Frechet distance in float64, from the classifier's features."""
    from scipy import linalg

    def features(name):
        # `load_folder` reads files in the order of their names.
        images = [
            np.asarray(Image.open(path), "float64") / 127.5 - 1
            for path in sorted((reports / name).iterdir())
        ]
        blocks = np.reshape(images, (-1, 2, 4, 2, 4)).mean((2, 4))
        return blocks.reshape(len(blocks), -1)

    one, other = features("noise"), features("a")
    covariances = [np.cov(x, rowvar=False) for x in (one, other)]
    root = linalg.sqrtm(covariances[0] @ covariances[1])
    expected = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(
        covariances[0] + covariances[1] - 2 * np.real(root)
    )
    found = Report.load(reports / "noise.json").scores["images"]["fid"]
    assert found.mean == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--images={}/b"], "`source` must be given with `images`"),
        (["--images={}/b", "--model=a.keras"], "exclude each other"),
        (["--images={}/none", "--source={}/a"], "none"),
        (["--images={}/b", "--source={}/a"], "`classifier` must be given"),
        (["--images={}/b", "--source=digits"], "--image_size=32, for ex"),
        (
            ["--images={}/b", "--source=digits", "--image_size=8",
             "--metrics=label_agreement"],
            "which needs a model",
        ),
        (
            ["--images={}/b", "--source=digits", "--image_size=8",
             "--metrics=equilibrium_gap"],
            "which needs a model",
        ),
        (["--images={}/judge.keras", "--source={}/a"], "judge.keras"),
        (["--model=wgan_mnist", "--image_size=8"], "with --model"),
    ],
)  # fmt: skip
def test_bad_flags_of_images(
    folders, capsys, tmp_path, monkeypatch, flags, message
):
    monkeypatch.chdir(tmp_path)
    flags = [flag.format(folders) for flag in flags]
    status = cli.main(["evaluate", *flags])
    err = capsys.readouterr().err
    assert status == 2
    assert message in err
    assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_any_source_is_scored_by_the_bundled_judge_of_the_data(tmp_path):
    rng = np.random.default_rng(0)
    images = rng.integers(256, size=(30, 28, 28, 1), dtype="uint8")
    source = metrics.Samples(images)
    source.name = "mnist"
    report = metrics.evaluate(
        images, source, ["inception_score"], splits=2, verbose=0
    )
    assert report.settings["classifier"] == "digits"
    assert list(report.scores) == ["images", "real"]


def test_two_reports_are_printed_side_by_side_and_drawn(
    reports, capsys, tmp_path
):
    out = tmp_path / "ab.png"
    paths = [str(reports / f"{name}.json") for name in ("b", "noise")]
    status = cli.main(["compare", *paths, f"--out={out}"])
    text, err = capsys.readouterr()
    assert (status, err) == (0, "")
    header, *lines = text.splitlines()
    assert header.split() == ["b", "noise"]
    found = Report.load(paths[1]).scores["images"]["fid"]
    (line,) = (
        each for each in lines if "Frechet" in each and found.format() in each
    )
    assert line.split()[-1] == found.format()
    assert "differs" not in text
    with Image.open(out) as picture:
        assert min(picture.size) > 200


def report(name="FID", mean=1.0, std=None, **settings):
    scores = {
        "mixture": {"fid": Score(mean, std, {}, name)},
        "generator 0": {"fid": Score(2 * mean, std, {}, name)},
        "real": {"fid": Score(0.1, None, {}, name)},
    }
    return Report(scores, {"generator 0": 1.0}, settings, 1.0)


def test_a_comparison_says_what_differs():
    found = Comparison(
        {
            "one": report(mean=3.0, num_images=100, source="digits"),
            "two": report(mean=4.0, num_images=50, source="digits"),
        }
    )
    assert found.differences() == ["num_images differs: one: 100, two: 50"]
    lines = str(found).splitlines()
    assert lines[1].split() == ["mixture", "FID", "3.000", "4.000"]
    assert lines[2].split() == ["generator", "0", "FID", "6.000", "8.000"]
    figure = found.figure()
    (axes,) = figure.axes
    assert [bar.get_height() for bar in axes.patches] == [3.0, 4.0]
    assert axes.get_title(loc="left") == "FID\n(lower is better)"
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.texts] == [
        "each generator alone",
        "real data",
    ]


def test_scores_of_other_classifiers_are_not_put_side_by_side():
    reports = {"one": report("digits distance"), "two": report("FID")}
    with pytest.raises(UserError, match="must have a score in common"):
        Comparison(reports)
    with pytest.raises(UserError, match="at least two"):
        Comparison({"one": report()})


def test_infinite_scores_survive_their_file(tmp_path):
    report(mean=float("inf"), std=float("nan")).save(tmp_path / "a.json")
    score = Report.load(tmp_path / "a.json").scores["mixture"]["fid"]
    assert score.mean == float("inf")
    assert score.std != score.std


@pytest.mark.parametrize("key", ["seconds", "mean"])
@pytest.mark.parametrize("number", [None, 10**400])
def test_damaged_numbers_of_a_report_are_refused(tmp_path, key, number):
    path = tmp_path / "a.json"
    report().save(path)
    content = json.loads(path.read_text())
    (content if key == "seconds" else content["scores"]["mixture"]["fid"])[
        key
    ] = number
    path.write_text(json.dumps(content))
    with pytest.raises(UserError, match="a file that `evaluate` wrote"):
        Report.load(path)


def test_folders_with_scores_and_names_of_ones_own(tmp_path, capsys):
    for name in ("x", "y"):
        (tmp_path / name).mkdir()
        report().save(tmp_path / name / "scores.json")
    out = f"--out={tmp_path / 'a.png'}"
    flags = [str(tmp_path / "x"), f"mine={tmp_path / 'y' / 'scores.json'}", out]
    assert cli.main(["compare", *flags]) == 0
    assert capsys.readouterr().out.split()[:2] == ["x", "mine"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "takes two reports or more"),
        (["good"], "takes two reports or more"),
        (["good", "none"], "which does not exist"),
        (["good", "good"], "each report once"),
        (["good", "empty"], "which does not exist"),
        (["good", "bad.json"], "is damaged"),
        (["good", "list.json"], "that `evaluate` wrote"),
        (["good", "other.json"], "that `evaluate` wrote"),
        (["good", "newer.json"], "Upgrade"),
        (["good", "b=good", "--out=a.txt"], "ending of a picture format"),
        (["good", "b=good", "--out=a.bmp"], "ending of a picture format"),
        (["good", "b=good", "--out=no/a.png"], "in an existing folder"),
        (["good", "b=good", "--out=folder.png"], "must be a file to write"),
        (["good", "b=good", "--outt=a.png"], "Did you mean: out"),
    ],
)
def test_bad_reports_are_refused_in_a_line(
    tmp_path, monkeypatch, capsys, words, message
):
    monkeypatch.chdir(tmp_path)
    for name in ("good", "empty", "folder.png"):
        (tmp_path / name).mkdir()
    report().save(tmp_path / "good" / "scores.json")
    for name, text in (
        ("bad", "{"), ("list", "[1]"), ("other", '{"scores": 1}'),
        ("newer", '{"format": 99}'),
    ):  # fmt: skip
        (tmp_path / f"{name}.json").write_text(text)
    before = sorted(tmp_path.rglob("*"))
    status = cli.main(["compare", *words])
    err = capsys.readouterr().err
    assert status == 2
    assert message in err, err
    assert len(err.splitlines()) == 1
    assert sorted(pathlib.Path(tmp_path).rglob("*")) == before
