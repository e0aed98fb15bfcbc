"""The examples of README and of the guide, with little training."""

import pathlib
import re

import keras
import numpy as np
import pytest

import keras_mixgan as kmg
from keras_mixgan.game import payoffs

ROOT = pathlib.Path(__file__).parents[1]
README = ROOT / "README.md"
MODELS = ROOT / "docs" / "guide" / "models.md"


def blocks(path=MODELS):
    """A page's Python examples by heading."""
    examples, heading = {}, ""
    text = path.read_text(encoding="utf-8")
    for title, code in re.findall(
        r"^#+ ([^\n]+)$|^```python\n(.*?)^```", text, re.M | re.S
    ):
        heading = title or heading
        if code:
            examples[heading] = code
    return examples


def test_readme(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names, code = {}, blocks(README)["In Python"]
    # Two steps instead of thirty epochs.
    code = code.replace("epochs=30", "epochs=1, steps_per_epoch=2, verbose=0")
    assert "steps_per_epoch" in code
    exec(compile(code, str(README), "exec"), names)
    assert names["images"].shape == (10, 28, 28, 1)
    assert keras.saving.load_model("model.keras").step == 2


@pytest.mark.parametrize(
    "heading", ["A mixture at the price of one pair", "Auxiliary losses"]
)
def test_example(heading, tmp_path):
    generator, discriminator = kmg.architectures.build(
        "dcgan", (28, 28, 1), latent_dim=4, num_classes=10, width=2
    )
    names = {
        "keras": keras,
        "kmg": kmg,
        "generator": generator,
        "discriminator": discriminator,
    }
    exec(compile(blocks()[heading], str(MODELS), "exec"), names)
    model = names["model"]
    images = np.random.default_rng(0).uniform(-1, 1, (8, 28, 28, 1))
    loss = model.fit(
        images.astype("float32"), np.arange(8), batch_size=8, verbose=0
    ).history["loss"]
    assert np.isfinite(loss).all()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    assert loaded.objective == model.objective


def test_systems_of_table_1():
    names = {"kmg": kmg}
    code = blocks()["The systems of the paper's Table 1"]
    exec(compile(code, str(MODELS), "exec"), names)
    assert names["model"].takes_labels


def test_own_networks_and_payoffs(monkeypatch):
    monkeypatch.setattr(payoffs, "PAYOFFS", dict(payoffs.PAYOFFS))
    names, examples = {"keras": keras, "kmg": kmg}, blocks()
    for heading in ("Your own networks", "Your own payoffs"):
        exec(compile(examples[heading], str(MODELS), "exec"), names)
    model = names["model"]
    points = np.random.default_rng(0).uniform(-1, 1, (8, 2)).astype("float32")
    model.fit(points, batch_size=8, verbose=0)
    assert model.generate(3).shape == (3, 2)
    assert model.get_compile_config()["payoff"] == "relativistic_hinge"
