"""The Python examples of README and of the guide, with little training.

A page is read from top to bottom, so its examples run in one namespace, in
their order.
"""

import pathlib
import re

import keras
import numpy as np
import pytest

import keras_mixgan as kmg
from keras_mixgan.game import payoffs

# Examples take a few steps each: a graph would cost more.
pytestmark = pytest.mark.usefixtures("no_graphs")

ROOT = pathlib.Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "guide"


def examples(path):
    """A page's Python examples: (heading, code)."""
    heading = ""
    text = path.read_text(encoding="utf-8")
    for title, code in re.findall(
        r"^#+ ([^\n]+)$|^```python\n(.*?)^```", text, re.M | re.S
    ):
        heading = title or heading
        if code:
            yield heading, code


def run(path, names, shorter=()):
    """Runs a page's examples; yields the heading of each.

    Args:
        path: The page.
        names: What the page has from earlier pages; takes what it defines.
        shorter: Words of the page, and words that need less training.
    """
    unused = [long for long, _ in shorter]
    for heading, code in examples(path):
        for long, short in shorter:
            if long in code:
                code = code.replace(long, short)
                unused = [words for words in unused if words != long]
        exec(compile(code, f"{path.name}: {heading}", "exec"), names)
        yield heading
    assert not unused, f"not on the page: {unused}"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    """What examples write, and payoffs that they register, are of one test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(payoffs, "PAYOFFS", dict(payoffs.PAYOFFS))


@pytest.fixture
def names():
    """What the first page of the guide leaves for the others."""
    generator, discriminator = kmg.architectures.build(
        "dcgan", (28, 28, 1), latent_dim=4, num_classes=10, width=2
    )
    model = kmg.MixGAN(generator, discriminator, 3, 1, seed=0)
    model.compile(payoff_estimate="linear")
    return {
        "keras": keras,
        "kmg": kmg,
        "generator": generator,
        "discriminator": discriminator,
        "model": model,
        "dataset": kmg.data.load("digits", batch_size=8).take(1),
    }


def trains_and_is_saved(model):
    """One batch of digits, and a file that has the same game."""
    images = np.random.default_rng(0).uniform(-1, 1, (8, 28, 28, 1))
    loss = model.fit(
        images.astype("float32"), np.arange(8), batch_size=8, verbose=0
    ).history["loss"]
    assert np.isfinite(loss).all()
    model.save("again.keras")
    loaded = keras.saving.load_model("again.keras")
    assert loaded.objective == model.objective


def test_readme():
    names, seen = {}, []
    # Two steps instead of thirty epochs, two generators instead of five.
    shorter = [
        ("epochs=30", "epochs=1, steps_per_epoch=2, verbose=0"),
        ("num_generators=5", "num_generators=2"),
    ]
    for heading in run(ROOT / "README.md", names, shorter):
        seen.append(heading)
        if heading == "In Python":
            assert names["images"].shape == (10, 28, 28, 1)
            assert keras.saving.load_model("model.keras").step == 2
    assert names["images"].shape == (64, 28, 28, 1)
    assert seen == ["In Python", "The zoo"]


def test_models():
    names, checked = {}, set()
    shorter = [
        ('"digits", batch_size=32)', '"digits", batch_size=32).take(1)'),
        ("width=16", "width=2"),
        ("epochs=1", "epochs=1, verbose=0"),
        ("num_discriminators=3", "num_discriminators=1"),
        ("5, 1, share", "2, 1, share"),
    ]
    for heading in run(GUIDE / "models.md", names, shorter):
        model = names["model"]
        if heading == "Models and games":
            assert model.step > 0
            assert pathlib.Path("model.keras").exists()
        elif heading == "Your own payoffs":
            points = np.random.default_rng(0).uniform(-1, 1, (8, 2))
            model.fit(points.astype("float32"), batch_size=8, verbose=0)
            assert model.generate(3).shape == (3, 2)
            assert model.get_compile_config()["payoff"] == "relativistic_hinge"
        elif heading in (
            "A mixture at the price of one pair",
            "Auxiliary losses",
        ):
            trains_and_is_saved(model)
        elif heading == "The systems of the paper's Table 1":
            assert model.takes_labels
        checked.add(heading)
    assert pathlib.Path("progress.gif").exists()
    assert len(checked) == 6


def test_training(names):
    shorter = [("5, 5,", "2, 1,")]
    assert list(run(GUIDE / "training.md", names, shorter)) == ["Many devices"]
    assert names["model"].step == 1


def test_scores(names):
    shorter = [
        ("every=5,", "every=1, num_images=20,"),
        ("epochs=50", "epochs=2, verbose=0"),
        ('source="digits"', "source=few"),
    ]
    digits = kmg.sources.load_source("digits").images
    names["few"] = kmg.sources.Source("digits", digits[:100])
    list(run(GUIDE / "scores.md", names, shorter))
    assert len(names["records"]) == 2
    for picture in ("scores.png", "fid.png", "weights.png"):
        assert pathlib.Path(picture).stat().st_size > 1000


def test_serving(names):
    pytest.importorskip(
        "onnxruntime", reason="pip install 'keras-mixgan[onnx]'"
    )
    names["model"].export_sampler("exported/1")
    names["model"].export_sampler("sampler.onnx", format="onnx")
    list(run(GUIDE / "serving.md", names, [("(10, 64)", "(10, 4)")]))
    assert names["images"]["images"].shape == (64, 28, 28, 1)
    assert names["digits"].shape == (10, 28, 28, 1)
