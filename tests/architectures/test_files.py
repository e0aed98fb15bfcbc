"""Users' architectures, by the path of a Python file."""

import pathlib

import numpy as np
import pytest

import keras_mixgan
from keras_mixgan import architectures
from keras_mixgan import cli
from keras_mixgan.cli import settings
from keras_mixgan.utils.errors import UserError

pytestmark = pytest.mark.usefixtures("no_pictures", "no_graphs")

OWN = """
from keras_mixgan import architectures as a

ARCHITECTURE = a.Architecture(
    "own",
    a.dcgan_generator,
    a.dcgan_discriminator,
    ((28, 28, 1),),
    {"payoff": "hinge", "optimizer": "adam", "learning_rate": 0.5},
)
"""
CODED = (
    pathlib.Path(keras_mixgan.__file__).parents[1]
    / "benchmarks/networks/coded_dcgan.py"
)


def test_a_run_takes_networks_and_training_from_a_file(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    chosen = settings.resolve({"architecture": str(tmp_path / "own.py")})
    assert chosen.payoff == "hinge"
    assert chosen.generator_learning_rate == 0.5
    flags = ["--steps=2", "--batch_size=4", "--width=2", "--latent_dim=4"]
    flags += [f"--architecture={tmp_path / 'own.py'}"]
    flags += [f"--workdir={tmp_path / 'run'}"]
    assert cli.main(["train", *flags]) == 0
    assert (tmp_path / "run" / "model.keras").exists()


def test_a_file_may_define_dataclasses(tmp_path):
    text = "from __future__ import annotations\nimport dataclasses\n\n"
    text += "@dataclasses.dataclass\nclass A:\n    x: int\n\n\n"
    (tmp_path / "own.py").write_text(text + OWN)
    assert architectures.get(str(tmp_path / "own.py")).name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "an existing Python file"),
        ("x = 1", "sets ARCHITECTURE"),
        ("1 / 0", "ZeroDivisionError"),
        ("def", "SyntaxError"),
    ],
)
def test_what_is_no_architecture_is_one_line(text, message, tmp_path):
    path = tmp_path / "own.py"
    if text is not None:
        path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        architectures.get(str(path))
    assert "\n" not in str(caught.value)
    assert "`architecture`" in str(caught.value)


@pytest.mark.skipif(not CODED.exists(), reason="benchmarks/ is not here")
@pytest.mark.parametrize("num_classes", [None, 3])
def test_the_coded_pair_of_the_race(num_classes):
    generator, _ = architectures.build(
        str(CODED), (28, 28, 1), 4, num_classes, 2
    )
    assert generator.inputs[0].shape == (None, 9)
    # Only the place of the code's largest number matters.
    latents = [[1.0, 2.0, 3.0, 4.0, 0.1, 0.2, 0.9, 0.3, 0.4]]
    other = [[1.0, 2.0, 3.0, 4.0, -5.0, 0.0, 0.1, 0.0, 0.0]]
    third = [[1.0, 2.0, 3.0, 4.0, -5.0, 0.2, 0.1, 0.0, 0.0]]
    images = []
    for x in (latents, other, third):
        x = np.array(x, "float32")
        labels = np.zeros(1, "int32")
        inputs = [x, labels] if num_classes else x
        images.append(generator.predict_on_batch(inputs))
    assert (images[0] == images[1]).all()
    assert (images[0] != images[2]).any()
