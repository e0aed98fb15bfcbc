import json

import numpy as np
import pytest

import keras_mixgan as kmg
from keras_mixgan import presets
from keras_mixgan.cli import settings
from keras_mixgan.presets import recipes

ZOO = sorted(recipes.ZOO)


def test_the_zoo_has_a_preset_for_every_recipe_of_its_own():
    assert sorted(kmg.list_presets()) == ZOO


@pytest.mark.parametrize("name", ZOO)
def test_a_preset_of_the_zoo_is_whole(name):
    preset = kmg.list_presets()[name]
    metadata = preset.metadata
    model = kmg.MixGAN.from_preset(name)
    assert model.compiled
    assert np.isfinite(model.generate(2 * model.num_generators, seed=0)).all()
    given = recipes.complete({"source": metadata["settings"]["source"]}, name)
    # Through JSON, which turns tuples into lists.
    resolved = json.loads(json.dumps(vars(settings.resolve(given))))
    # The file lacks settings that are newer than version 0.1.
    known = {name: resolved[name] for name in metadata["settings"]}
    assert metadata["settings"] == known | {
        "conditional": metadata["settings"]["conditional"]
    }
    assert model.step == metadata["training"]["steps"]
    assert model.num_generators == preset.num_generators
    np.testing.assert_allclose(
        model.generator_weights, metadata["generator_weights"], atol=1e-3
    )
    assert {"seconds", "machine", "date"} <= set(metadata["training"])
    assert "inception_score" in preset.scores
    assert "keras-mixgan evaluate" in metadata["evaluation"]["command"]
    for key in ("name", "license"):
        assert metadata["data"][key]


@pytest.mark.parametrize("name", ZOO)
def test_a_card_shows_what_its_metadata_say(name):
    preset = kmg.list_presets()[name]
    card = (preset.path / presets.CARD).read_text()
    for scores in preset.metadata["evaluation"]["scores"].values():
        assert f"{scores['fid']['mean']:.3f}" in card
    for words in ("Intended use", "Limits", "licence", "samples.png", name):
        assert words in card


def test_sizes():
    sizes = {
        name: sum(f.stat().st_size for f in preset.path.iterdir())
        for name, preset in kmg.list_presets().items()
    }
    assert max(sizes.values()) <= 20e6
    assert sum(sizes.values()) <= 60e6


def test_a_pair_differs_in_what_makes_a_mixture_alone():
    mixing = {
        *("num_generators", "num_discriminators", "share", "payoff_estimate"),
        *("auxiliary", "steps"),
    }
    for name, recipe in recipes.RECIPES.items():
        if not name.startswith("mix_"):
            continue
        twin = recipes.RECIPES[recipes.pair_of(name)]
        assert twin["num_generators"] == twin["num_discriminators"] == 1
        apart = {
            key
            for key in recipe.keys() | twin.keys()
            if recipe.get(key) != twin.get(key)
        }
        assert apart <= mixing


def test_presets_print_as_a_table():
    lines = repr(kmg.list_presets()).splitlines()
    assert lines[0].split()[:4] == ["name", "data", "T", "parameters"]
    assert len(lines) == 1 + len(ZOO)
    assert max(map(len, lines)) <= 79
