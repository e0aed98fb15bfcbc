"""`keras-mixgan train --from=PAIR --num_generators=N`: copies of a pair."""

import json
import shutil

import keras
import numpy as np
import pytest
from test_from import RING
from test_from import train

from keras_mixgan.cli import runs
from keras_mixgan.cli import settings
from keras_mixgan.cli import starting
from keras_mixgan.data import sources

pytestmark = pytest.mark.usefixtures("no_pictures", "no_graphs")


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A run of one generator and one discriminator; its model alone, too."""
    folder = tmp_path_factory.mktemp("pair")
    given = RING | {"num_generators": 1, "payoff_estimate": "full"}
    runs.train(given, folder / "run", verbose=0, history_steps=2)
    (folder / "alone").mkdir()
    shutil.copy(folder / "run" / "model.keras", folder / "alone" / "a.keras")
    return folder


@pytest.mark.parametrize("name", ["run", "alone/a.keras"])
def test_a_pair_becomes_a_mixture_of_its_copies(pair, name):
    given = {"from_model": str(pair / name), "source": "ring", "steps": 2}
    chosen = settings.resolve(given | {"num_generators": 3})
    # Three whole batches a step would cost three pairs.
    assert (chosen.num_discriminators, chosen.share) == (1, "none")
    assert chosen.payoff_estimate == "linear"
    source = sources.load_source("ring", seed=0)
    chosen = chosen.for_source(source)
    model, origin = starting.make_model(chosen, source, lambda text: None)
    assert (model.num_generators, model.num_discriminators) == (3, 1)
    assert (model.step, origin["step"]) == (0, 4)
    trained = keras.saving.load_model(pair / "run" / "model.keras")
    its = trained.generators[0].get_weights()
    first, *others = (x.get_weights() for x in model.generators)
    assert all(map(np.array_equal, first, its))
    for other in others:
        assert not np.array_equal(other[0], its[0])
        assert np.abs(other[0] - its[0]).std() < 0.5 * its[0].std()
    # Without new numbers it stays the pair.
    alone = settings.resolve(given).for_source(source)
    model, _ = starting.make_model(alone, source, lambda text: None)
    assert (model.num_generators, model.num_discriminators) == (1, 1)


# Of the head that no loss reads.
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize(
    ("of_pair", "asked"),
    [
        # The pair's own game is not that of its copies.
        ({"payoff": "relativistic_average"}, {}),
        (
            {"payoff_estimate": "split"},
            {"num_discriminators": 2, "share": "both"},
        ),
        ({"auxiliary": ["component_classifier:0.1"]}, {"auxiliary": ()}),
        ({}, {"auxiliary": ["component_classifier:0.1"]}),
    ],
)
def test_copies_play_the_game_that_is_asked_for(tmp_path, of_pair, asked):
    given = {**RING, "payoff": "log", "num_generators": 1, **of_pair}
    runs.train(given, tmp_path / "pair", verbose=0)
    again = {"from_model": str(tmp_path / "pair"), "steps": 2}
    model = runs.train(again, tmp_path / "again", verbose=0)
    assert (model.num_generators, model.step) == (1, 2)
    settings = [
        json.loads((tmp_path / run / "settings.json").read_text())["settings"]
        for run in ("pair", "again")
    ]
    estimates = [chosen["payoff_estimate"] for chosen in settings]
    assert estimates[0] == estimates[1]
    model = runs.train(
        again | {"num_generators": 3} | asked, tmp_path / "copies", verbose=0
    )
    assert model.num_generators == 3
    assert [x.name for x in model.objective.auxiliary] == [
        loss.partition(":")[0] for loss in asked.get("auxiliary", ())
    ]


def test_copies_of_a_pair_may_share_a_body(pair, tmp_path, capsys):
    flags = ["--source=ring", "--num_generators=2", "--num_discriminators=2"]
    flags += ["--share=both", f"--workdir={tmp_path / 'x'}"]
    status, out, err = train(
        capsys, f"--from={pair / 'run'}", *flags, "--steps=2"
    )
    assert (status, err) == (0, "")
    assert "2 generators against 2 discriminators" in out
    train(capsys, f"--from={pair / 'run'}", *flags, "--steps=4")
    model = keras.saving.load_model(tmp_path / "x" / "model.keras")
    assert (model.num_generators, model.num_discriminators) == (2, 2)
    assert model.step == 4
    one, other = model.generators
    shared = {id(v) for v in one.variables} & {id(v) for v in other.variables}
    assert 0 < len(shared) < len(one.variables)
    # Whose layers are not known cannot be cut.
    flags[-1] = f"--workdir={tmp_path / 'y'}"
    alone = pair / "alone" / "a.keras"
    status, _, err = train(capsys, f"--from={alone}", *flags)
    assert status == 2
    assert "`share` must be none where the architecture is not recorded" in err
    assert len(err.splitlines()) == 1
    assert not (tmp_path / "y").exists()
