"""The examples of the theory page: closed forms, and a tiny run of each."""

import csv
import importlib
import itertools
import pathlib
import shlex

import keras
import numpy as np
import pytest
from conftest import image_networks
from conftest import tensorflow_only
from PIL import Image

import keras_mixgan as kmg
from keras_mixgan.cli import race
from keras_mixgan.cli.commands.race import GROUPS

EXAMPLES = pathlib.Path(__file__).parents[1] / "examples"
pytestmark = tensorflow_only


@pytest.fixture
def example(monkeypatch):
    """Imports an example by name, as `python examples/...` does."""
    monkeypatch.syspath_prepend(EXAMPLES)
    return importlib.import_module


def is_figure(path):
    with Image.open(path) as picture:
        return min(picture.size) > 100 and len(picture.getcolors() or "12") > 1


def test_best_responses_never_stand_still(example):
    play = example("equilibrium").best_responses
    rng = np.random.default_rng(0)
    real = 2 * np.pi * np.arange(3) / 3
    for points in (1, 3):
        theta, phi = play(points, 12, rng)
        # Theorem B.2: all are equal, at a real point, and at a new one.
        assert (theta == theta[:, :1]).all()
        nearest = np.abs(theta[:, :1] - real).argmin(axis=1)
        assert np.abs(theta[:, 0] - real[nearest]).max() < 0.1
        assert (np.diff(nearest) != 0).all()
        # Claim 1: discriminators are at the other two points.
        before = real[nearest[:-1]]
        assert (np.abs(phi[1:] - before[:, None]) > 1).all()


def test_the_circles_game_has_value_one(example):
    circle = example("equilibrium")
    angles = circle.grid()
    payoffs = circle.payoffs(angles, angles)
    # By hand: a discriminator at the generator's real point, at another one,
    # and halfway between.
    assert payoffs[0, 0] == pytest.approx(1 / 3)
    assert payoffs[0, 60] == pytest.approx(4 / 3)
    assert payoffs[0, 30] == pytest.approx(
        1 - np.exp(-10 * (np.pi / 3) ** 2) / 3, abs=1e-6
    )
    game = kmg.metrics.matrix_game(payoffs)
    assert game.value == pytest.approx(1, abs=1e-6)
    real = game.generator_weights[[0, 60, 120]]
    np.testing.assert_allclose(real, 1 / 3, atol=1e-5)
    rows = circle.drawn_mixtures(game, np.random.default_rng(0))
    for row in rows:
        assert row["best"] <= row["mean"] < row["bound"]
    # The bound's rate: 1 / sqrt(T).
    drawn = [row["mean"] for row in rows]
    slope = np.polyfit(np.log(circle.DRAWN), np.log(drawn), 1)[0]
    assert -0.65 < slope < -0.45
    _, grown = circle.grown_mixtures(game, 256)
    assert grown[0] > 0.4
    assert grown[-1] < 0.05


def test_the_trained_game_is_that_of_the_closed_form(
    example, monkeypatch, tmp_path, capsys
):
    circle = example("equilibrium")
    trained = []
    monkeypatch.setattr(circle, "COMPONENTS", (2,))
    monkeypatch.setattr(circle, "STEPS", 5)
    monkeypatch.setattr(
        circle, "found_by_training", lambda model: trained.append(model) or 0.0
    )
    shown = circle.main(["--out", str(tmp_path / "a" / "circle.png")])
    (model,) = trained
    points = np.stack([np.cos(circle.REAL), np.sin(circle.REAL)], axis=1)
    angles = [
        np.array([float(x.trainable_variables[0].numpy()) for x in networks])
        for networks in (model.generators, model.discriminators)
    ]
    np.testing.assert_allclose(
        model.payoff_matrix(points.astype("float32"), seed=0),
        circle.payoffs(*angles),
        rtol=1e-4,
        atol=1e-5,
    )
    # The last epsilon, by brute force over a different grid of angles.
    u, v = model.generator_weights, model.discriminator_weights
    every = np.linspace(0.01, 2 * np.pi, 3001)
    highest = (u @ circle.payoffs(angles[0], every)).max()
    lowest = (circle.payoffs(every, angles[1]) @ v).min()
    (row,) = shown["trained"]
    assert row["epsilon"] == pytest.approx((highest - lowest) / 2, abs=1e-3)
    assert is_figure(tmp_path / "a" / "circle.png")
    assert "V = 1.000000" in capsys.readouterr().out


def test_generalization(example, monkeypatch, tmp_path, capsys):
    module = example("generalization")
    sizes = np.array([10, 100, 1000])
    assert module.rate(sizes, 7 * sizes**-0.5) == pytest.approx(-0.5)
    assert module.bounds(5, [100])[0] == pytest.approx(
        np.sqrt(5 * np.log(100) / 100)
    )
    network = module.discriminators(8)((module.DIMENSION,))
    assert network.count_params() == (module.DIMENSION + 2) * 8 + 1
    monkeypatch.setattr(module, "SIZES", (20, 500))
    monkeypatch.setattr(module, "SHIFTS", (0.0,))
    monkeypatch.setattr(module, "STEPS", 60)
    found = module.main(["--out", str(tmp_path / "curve.png")])
    for width in module.WIDTHS:
        errors = found[0.0, width]["errors"]
        assert errors[1] < errors[0] / 2
    assert is_figure(tmp_path / "curve.png")
    assert "rate" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flag", "said"),
    [("--help", "small networks do not see"), ("--ful", "unrecognized")],
)
def test_flags_say_what_they_do_and_are_not_guessed(
    example, capsys, flag, said
):
    with pytest.raises(SystemExit):
        example("support").main([flag])
    assert said in "".join(capsys.readouterr())


def test_small_supports(example, monkeypatch, tmp_path, capsys):
    module = example("support")
    draws = module.generate(30, 500, seed=0)
    assert len(np.unique(draws, axis=0)) == 30
    monkeypatch.setattr(module, "SUPPORTS", (10, 3000))
    monkeypatch.setattr(module, "SEEN", 4000)
    monkeypatch.setattr(module, "STEPS", 80)
    few, many = module.main(["--out", str(tmp_path / "support.png")])
    assert few["birthday"] == pytest.approx(10, rel=0.2)
    assert many["birthday"] == pytest.approx(3000, rel=0.3)
    # The wide class detects the small support; neither detects the large one.
    assert few[module.WIDTHS[1]] > 0.2
    assert max(many[width] for width in module.WIDTHS) < 0.1
    assert is_figure(tmp_path / "support.png")
    assert "at least: lower 95 % bound" in capsys.readouterr().out


@pytest.fixture(scope="module")
def presets(tmp_path_factory):
    """A conditional mixture and its pair, as folders."""
    folder = tmp_path_factory.mktemp("presets")
    for name, count in (("mixture", 3), ("pair", 1)):
        networks = image_networks(num_classes=10)
        model = kmg.MixGAN(*networks, count, count, seed=0)
        model.compile()
        model.save_to_preset(folder / name)
    return folder


def test_folding(example, monkeypatch, presets, tmp_path):
    module = example("folding")
    monkeypatch.setattr(module, "PRESET", presets / "mixture")
    monkeypatch.setattr(module, "IMAGES", 400)
    monkeypatch.setattr(module, "BLENDINGS", (0.3, 0.05))
    rows = module.main(["--out", str(tmp_path / "folding.png")])
    for row in rows:
        assert row["blended"] == pytest.approx(row["blending"], abs=0.01)
        np.testing.assert_allclose(row["shares"], row["expected"], atol=0.01)
        assert row["change"] <= row["blending"]
    assert is_figure(tmp_path / "folding.png")


def test_figure_2(example, monkeypatch, presets, tmp_path):
    module = example("figure2")
    monkeypatch.setattr(module, "MIXTURE", presets / "mixture")
    monkeypatch.setattr(module, "PAIR", presets / "pair")
    blocks = module.main(["--out", str(tmp_path / "samples.png")])
    assert [block.shape for block in blocks] == [(20, 8, 8, 1)] * 5
    assert is_figure(tmp_path / "samples.png")


def test_figure_3s_race_is_a_race():
    lines = (EXAMPLES.parent / "docs" / "theory.md").read_text().splitlines()
    (command,) = (
        shlex.split(line) for line in lines if "keras-mixgan race" in line
    )
    given = {}
    for flag in command[2:]:
        name, _, value = flag.removeprefix("--").partition("=")
        given.setdefault(name, []).append(value)
    flags = itertools.chain(*GROUPS.values())
    assert given.keys() <= {flag.name for flag in flags}
    found = race.contestants(given["contestant"], *given["common"])
    counts = []
    for chosen in found.values():
        pair = kmg.architectures.build(
            "dcgan", (28, 28, 1), num_classes=10, width=chosen["width"]
        )
        parameters = sum(network.count_params() for network in pair)
        counts.append(parameters * chosen["num_generators"])
    pair, mixture, wider = counts
    # The wide pair has about as many parameters as the mixture.
    assert pair < mixture
    assert wider == pytest.approx(mixture, rel=0.15)


def test_figure_4(example, monkeypatch, tmp_path):
    module = example("figure4")
    np.testing.assert_allclose(module.smooth(np.arange(5.0), 3), [1, 2, 3])
    # The same with points, whose networks are small.
    points = {"source": "ring", "architecture": "mlp", "width": 4,
              "payoff": "wasserstein", "weight_clip": 0.01, "batch_size": 8,
              "discriminator_steps": 2, "payoff_estimate": "linear",
              "seed": 0}  # fmt: skip
    monkeypatch.setattr(module, "SMALL", points)
    monkeypatch.setattr(module, "COMPONENTS", 2)
    monkeypatch.setattr(module, "STEPS", 20)
    curves = module.main(["--out", str(tmp_path / "wgan.png")])
    for name, count in (("WGAN", 1), ("MIX+WGAN", 2)):
        np.testing.assert_array_equal(curves[name]["steps"], [10, 20])
        folder = tmp_path / "figure4" / f"{'mix_' * (count > 1)}wgan_mnist"
        model = keras.saving.load_model(folder / "model.keras")
        assert model.num_generators == count
        with open(folder / "history.csv", newline="") as file:
            payoff = [float(row["payoff"]) for row in csv.DictReader(file)]
        np.testing.assert_allclose(
            curves[name]["estimate"], np.array(payoff) - 1
        )
    assert is_figure(tmp_path / "wgan.png")
