"""Callbacks: rows and their means, checkpoints, progress, refusals."""

import csv
import types

import conftest
import keras
import numpy as np
import pytest

import keras_mixgan as kmg
from keras_mixgan.training import callbacks
from keras_mixgan.training import history as history_module

pytestmark = pytest.mark.usefixtures("no_graphs")


def make(seed=0, **compiled):
    model = kmg.MixGAN(
        conftest.small_generator(), conftest.small_discriminator(), 2, 3, seed=0
    )
    model.compile(**compiled)
    return model


def points(batches, batch_size=4):
    rng = np.random.default_rng(0)
    return rng.normal(size=(batches * batch_size, 2)).astype("float32")


def fit(model, batches, *used, **kwargs):
    return model.fit(
        points(batches),
        batch_size=4,
        shuffle=False,
        callbacks=list(used),
        verbose=0,
        **kwargs,
    )


def test_rows_hold_means_of_their_window_and_weights_as_they_are(tmp_path):
    path = tmp_path / "history.csv"
    model = make()
    singly = callbacks.MixtureHistory(every=1)
    history = callbacks.MixtureHistory(path, every=4)
    # Windows of 4 over epochs of 6: two of them lie in two epochs.
    fit(model, 6, singly, history, epochs=2)
    assert [row["step"] for row in history.rows] == [4, 8, 12]
    assert [row["epoch"] for row in history.rows] == [1, 2, 2]
    for i, row in enumerate(history.rows):
        window = singly.rows[4 * i : 4 * i + 4]
        for name in history_module.LOSSES:
            wanted = np.mean([r[name] for r in window])
            assert row[name] == pytest.approx(wanted, rel=1e-4)
    last = history.rows[-1]
    assert [last[f"generator_weight_{i}"] for i in range(2)] == pytest.approx(
        model.generator_weights
    )
    assert [
        last[f"discriminator_weight_{i}"] for i in range(3)
    ] == pytest.approx(model.discriminator_weights)
    seconds = [row["seconds"] for row in history.rows]
    assert seconds == sorted(seconds)
    with open(path, newline="") as file:
        assert [int(row["step"]) for row in csv.DictReader(file)] == [4, 8, 12]
    read = callbacks.read_history(path)
    assert read[0] == pytest.approx(history.rows[0], rel=1e-6)


def test_generator_loss_is_the_mean_over_the_generators_own_steps():
    model = make(discriminator_steps=3)
    history = callbacks.MixtureHistory(every=2)
    logs = fit(model, 6, history).history
    losses = [row["generator_loss"] for row in history.rows]
    # Generators move at steps 3 and 6.
    assert np.isnan(losses[0])
    assert np.mean(losses[1:]) == pytest.approx(
        logs["generator_loss"][0], rel=1e-4
    )


def test_history_goes_on_over_calls_of_fit_and_records_the_rest():
    model, history = make(), callbacks.MixtureHistory(every=4)
    fit(model, 3, history)
    assert history.rows == []
    fit(model, 3, history)
    assert [row["step"] for row in history.rows] == [4]
    history.record()
    history.record()
    assert [row["step"] for row in history.rows] == [4, 6]


def test_history_file_is_cut_back_to_the_models_step(tmp_path):
    path, kept = tmp_path / "history.csv", tmp_path / "model.keras"
    model = make()
    fit(model, 4, callbacks.MixtureHistory(path, every=2))
    model.save(kept)
    fit(model, 4, callbacks.MixtureHistory(path, every=2))
    with open(path, "a") as file:
        file.write("10,3,0.")  # As after a power cut.
    loaded = keras.saving.load_model(kept)
    history = callbacks.MixtureHistory(path, every=2)
    fit(loaded, 2, history)
    steps = [row["step"] for row in callbacks.read_history(path)]
    assert steps == [2, 4, 6]
    seconds = [row["seconds"] for row in history.rows]
    assert seconds == sorted(seconds)


def test_a_history_of_more_components_is_kept(tmp_path):
    path, model = tmp_path / "history.csv", make()
    fit(model, 2, callbacks.MixtureHistory(path, every=1))
    before = path.read_bytes()
    model.generator_mixture_logits.assign([0.0, -9.0])
    pruned = model.prune(below=0.1)
    pruned.compile()
    with pytest.raises(ValueError, match="as many components"):
        fit(pruned, 2, callbacks.MixtureHistory(path, every=1))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [
        b"a,b\n1,2\n",
        b"\x89PNG\r\n\x1a\n\xff\xfe",
        b"step,epoch,seconds\n\0\n",
        b"step,epoch,seconds\ninf,1,1\n",
        b"step,epoch,seconds\nnan,1,1\n",
        b"step,epoch\n1\n",
        b"step,epoch\n" + b"1" * 200_000 + b",1\n",
    ],
)
def test_a_file_that_is_no_history_is_named(tmp_path, content):
    path = tmp_path / "history.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"history\.csv"):
        callbacks.read_history(path)
    assert path.read_bytes() == content


def test_checkpoint_can_be_gone_on_from_and_is_whole(tmp_path):
    path = tmp_path / "checkpoint.keras"
    model = make()
    fit(model, 3, callbacks.Checkpoint(path))
    loaded = keras.saving.load_model(path)
    assert loaded.step == 3
    fit(model, 2)
    fit(loaded, 2)
    for a, b in zip(model.weights, loaded.weights, strict=True):
        assert (np.asarray(a) == np.asarray(b)).all()
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.keras"]


def write_steps(monkeypatch, model):
    """Makes checkpoints files of the step alone; returns the steps."""
    steps = []

    def save(path):
        steps.append(model.step)
        path.write_text(str(model.step))

    monkeypatch.setattr(model, "save", save)
    return steps


def saves(monkeypatch, model, batches, fit_epochs=1, **arguments):
    """Steps at which a checkpoint is written."""
    model.step_variable.assign(0)
    steps = write_steps(monkeypatch, model)
    checkpoint = callbacks.Checkpoint(**arguments)
    fit(model, batches, checkpoint, epochs=fit_epochs)
    return steps


def test_checkpoint_keeps_to_seconds_epochs_and_multiples(
    tmp_path, monkeypatch
):
    path, model = tmp_path / "checkpoint.keras", make()
    assert saves(monkeypatch, model, 3, path=path) == [3]
    assert saves(monkeypatch, model, 3, path=path, at_end=False) == []
    assert saves(monkeypatch, model, 3, path=path, seconds=0) == [1, 2, 3]
    assert saves(monkeypatch, model, 5, path=path, seconds=0, every=2) == [
        2,
        4,
        5,
    ]
    assert saves(monkeypatch, model, 2, 4, path=path, epochs=2) == [4, 8]


def steps_kept(path):
    return [int(file.read_text()) for file in callbacks.checkpoints(path)]


@pytest.mark.parametrize("links", [True, False])
def test_checkpoint_keeps_the_last_ones(tmp_path, monkeypatch, links):
    def unable(*_):
        raise PermissionError

    if not links:
        monkeypatch.setattr(callbacks.os, "link", unable)
    path, model = tmp_path / "checkpoint.keras", make()
    write_steps(monkeypatch, model)
    checkpoint = callbacks.Checkpoint(path, seconds=0, keep_checkpoints=3)
    fit(model, 5, checkpoint)
    assert steps_kept(path) == [5, 4, 3]
    checkpoint.keep_checkpoints = 2
    fit(model, 1, checkpoint)
    assert steps_kept(path) == [6, 5]
    assert len(list(tmp_path.iterdir())) == 2
    checkpoint.keep_checkpoints = 1
    fit(model, 2, checkpoint)
    assert steps_kept(path) == [8]
    assert len(list(tmp_path.iterdir())) == 1


def test_a_save_that_died_between_two_names_is_gone_on_from(
    tmp_path, monkeypatch
):
    path, model = tmp_path / "checkpoint.keras", make()
    write_steps(monkeypatch, model)
    fit(model, 1, callbacks.Checkpoint(path))
    older = tmp_path / "checkpoint-1.keras"
    older.hardlink_to(path)
    fit(model, 1, callbacks.Checkpoint(path))
    assert steps_kept(path) == [2, 1]
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.filterwarnings("ignore::keras_mixgan.UsageWarning")
def test_a_model_that_is_not_finite_is_never_saved(tmp_path):
    path = tmp_path / "checkpoint.keras"
    rates = [keras.optimizers.SGD(0.1) for _ in range(2)]
    model = make(generator_optimizer=rates[0], discriminator_optimizer=rates[1])
    checkpoint = callbacks.Checkpoint(path, seconds=0)
    fit(model, 1, checkpoint)
    for optimizer in rates:
        optimizer.learning_rate = 1e30
    with pytest.raises(kmg.NonFiniteError, match="step"):
        fit(model, 20, checkpoint)
    assert not callbacks.is_finite(model)
    assert not checkpoint.save()
    kept = keras.saving.load_model(path)
    assert kept.step == 1
    assert callbacks.is_finite(kept)
    broken = make()
    weights = broken.generators[0].get_weights()
    broken.generators[0].set_weights([w * np.nan for w in weights])
    assert not callbacks.is_finite(broken)


def test_progress_bar_tells_epochs_and_the_losses_alone(capsys):
    model = make()
    fit(model, 3)
    bar = callbacks.ProgressBar(epochs=4, steps_per_epoch=5)
    fit(model, 2, bar)
    bar = callbacks.ProgressBar(verbose=2)
    fit(model, 2, bar, initial_epoch=1, epochs=2)
    out = capsys.readouterr().out
    assert "Epoch 1/4, from step 4 of 5" in out
    assert "2/2" in out
    assert "Epoch 2/2" in out
    assert "payoff" in out
    assert "weight_min" not in out


@pytest.mark.parametrize(
    ("make_callback", "argument"),
    [
        (lambda: callbacks.MixtureHistory(every=0), "`every`"),
        (lambda: callbacks.Checkpoint("a.h5"), "`path`"),
        (lambda: callbacks.Checkpoint("a.keras", seconds=-1), "`seconds`"),
        (lambda: callbacks.Checkpoint("a.keras", epochs=0), "`epochs`"),
        (
            lambda: callbacks.Checkpoint("a.keras", keep_checkpoints=0),
            "`keep_checkpoints`",
        ),
        (lambda: callbacks.SampleGrid("a.png", every=True), "`every`"),
        (lambda: callbacks.SampleGrid("a-{loss:.2f}.png"), "`path`"),
        (lambda: callbacks.Curves("a.png", None, every=0), "`every`"),
    ],
)
def test_callbacks_refuse(make_callback, argument):
    with pytest.raises(ValueError, match=argument):
        make_callback()


@pytest.mark.parametrize(
    ("make_callback", "text"),
    [
        (lambda f: callbacks.Checkpoint(f / "new" / "a.keras"), "exists"),
        (lambda f: callbacks.SampleGrid(f / "new" / "a.png"), "exists"),
        (lambda f: callbacks.SampleGrid(f / "a.pngg"), "like a picture"),
        (lambda f: callbacks.SampleGrid(f / "a-{step}"), "like a picture"),
        (lambda f: callbacks.Curves(f / "a.xyz", None), "like a picture"),
        (lambda f: callbacks.Curves(f / "new" / "a.svg", None), "exists"),
    ],
)
def test_a_path_that_cannot_be_written_is_told_before_training(
    tmp_path, make_callback, text
):
    model = make()
    with pytest.raises(ValueError, match=f"`path`.*{text}"):
        fit(model, 2, make_callback(tmp_path))
    assert model.step == 0


def test_a_checkpoint_by_time_needs_not_see_every_step(tmp_path):
    """Several steps are one call, from an odd step on."""
    model = small_model()
    model.step_variable.assign(1)
    model.compile(steps_per_execution=2)
    checkpoint = callbacks.Checkpoint(
        tmp_path / "x.keras", seconds=0, every=4, at_end=False
    )
    model.fit(
        plane(), batch_size=2, steps_per_epoch=8, callbacks=[checkpoint],
        verbose=0,
    )  # fmt: skip
    names = sorted(x.name for x in tmp_path.iterdir())
    assert names == ["x-1.keras", "x.keras"]


def small_model():
    model = kmg.MixGAN(
        conftest.small_generator(), conftest.small_discriminator(), 2, 1, seed=0
    )
    model.compile()
    return model


def plane():
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (16, 2)).astype("float32")


def test_history_of_a_model_set_back_has_no_later_rows(tmp_path):
    model = small_model()
    path = tmp_path / "history.csv"
    history = callbacks.MixtureHistory(path, every=1)
    model.fit(plane(), batch_size=2, callbacks=[history], verbose=0)
    model.step_variable.assign(3)
    model.fit(plane(), batch_size=8, callbacks=[history], verbose=0)
    assert [row["step"] for row in history.rows] == [1, 2, 3, 4, 5]
    assert [x["step"] for x in history_module.read_history(path)] == [
        1,
        2,
        3,
        4,
        5,
    ]


def test_a_model_set_back_is_saved_again(tmp_path):
    model = small_model()
    checkpoint = callbacks.Checkpoint(tmp_path / "x.keras", keep_checkpoints=1)
    model.fit(plane(), batch_size=8, callbacks=[checkpoint], verbose=0)
    model.step_variable.assign(0)
    (tmp_path / "x.keras").unlink()
    model.fit(plane(), batch_size=8, callbacks=[checkpoint], verbose=0)
    assert (tmp_path / "x.keras").exists()


def test_seconds_stand_still_between_trainings(monkeypatch):
    now = [0.0]
    # That of this module alone: servers of other tests need theirs.
    clock = types.SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(history_module, "time", clock)
    history = callbacks.MixtureHistory()
    assert history.seconds == 0
    model = small_model()
    model.fit(plane(), batch_size=8, callbacks=[history], verbose=0)
    before = history.seconds
    now[0] += 100
    assert history.seconds == before
