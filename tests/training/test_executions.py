"""Several steps per call: where calls end, and that nothing else changes."""

import itertools
import threading
import tracemalloc
import types

import conftest
import keras
import numpy as np
import pytest
from conftest import jax_only

import keras_mixgan as kmg
from keras_mixgan.cli import epochs
from keras_mixgan.cli import runs
from keras_mixgan.training import callbacks

pytestmark = pytest.mark.usefixtures("no_pictures")

# Twenty steps per epoch.
RING = {
    "source": "ring",
    "num_generators": 1,
    "num_discriminators": 1,
    "width": 4,
    "latent_dim": 2,
    "batch_size": 1000,
}


def train(workdir, steps_per_execution, steps, verbose=0, **options):
    return runs.train(
        RING | {"steps": steps},
        workdir,
        history_steps=6,
        sample_epochs=100,
        steps_per_execution=steps_per_execution,
        verbose=verbose,
        **options,
    )


def assert_same(model, other):
    pairs = zip(
        [*model.weights, *model.optimizer.variables],
        [*other.weights, *other.optimizer.variables],
        strict=True,
    )
    for a, b in pairs:
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


@pytest.fixture(scope="module")
def singly(tmp_path_factory):
    """A run of two epochs and a part of a third, one step per call."""
    workdir = tmp_path_factory.mktemp("singly") / "run"
    return train(workdir, 1, 46), workdir


@pytest.mark.parametrize("per_call", [1, 2, 3, 4, 10, 50])
def test_parts_cover_the_rest_epoch_by_epoch(per_call):
    for step, steps in itertools.product(range(12), (1, 5, 6, 10, 12, 30)):
        last = step
        for epoch, count, length in epochs.parts(step, steps, 5, per_call):
            # `fit` would begin its second epoch where the first began.
            assert count == 1 or length % per_call == 0
            for i in range(count):
                assert last // 5 == epoch + i
                last += length
                assert last % per_call == 0 or last == steps
                if per_call == 1:
                    assert last % 5 == 0 or last == steps
        assert last == max(step, steps)


def test_rows_have_to_end_where_calls_do(tmp_path):
    message = r"`history_steps` must be a multiple of `steps_per_execution`\. "
    with pytest.raises(ValueError, match=message + "Received: history_steps=6"):
        train(tmp_path / "run", 4, 46)
    assert not (tmp_path / "run").exists()


def test_a_run_is_the_same_to_the_bit(singly, tmp_path, capsys):
    model = train(tmp_path, 3, 46, verbose=1)
    assert_same(model, singly[0])
    rows, wanted = (
        callbacks.read_history(folder / "history.csv")
        for folder in (tmp_path, singly[1])
    )
    assert [row["step"] for row in rows] == [*range(6, 46, 6), 46]
    for row, other in zip(rows, wanted, strict=True):
        # An epoch ends where a call does, two steps after the data.
        assert row.pop("epoch") in (other["epoch"], other["epoch"] - 1)
        assert row == pytest.approx(
            {name: other[name] for name in row} | {"seconds": row["seconds"]},
            rel=1e-5,
        )
    # The bar counts steps, not calls.
    out = capsys.readouterr().out
    assert "21/21" in out
    assert "4/4" in out
    # The returned model is as before the run.
    assert model.steps_per_execution == 1
    model.fit(kmg.data.load("ring", batch_size=5000), verbose=0)
    assert model.step == 50


def test_a_run_goes_on_with_another_number(singly, tmp_path, monkeypatch):
    saved = []
    save = callbacks.Checkpoint.save
    monkeypatch.setattr(
        callbacks.Checkpoint,
        "save",
        lambda self: (saved.append(self.model.step), save(self))[1],
    )
    train(tmp_path, 3, 28, checkpoint_seconds=0.0)
    # At each row of the history, and at the end.
    assert saved == [6, 12, 18, 24, 28]
    train(tmp_path, 1, 31)
    assert_same(train(tmp_path, 6, 46), singly[0])


def test_the_clock_runs_on_over_calls_of_fit(tmp_path, monkeypatch):
    """Otherwise short epochs would leave no checkpoint until the end."""
    now = [0.0]
    clock = types.SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr(callbacks, "time", clock)
    model = kmg.MixGAN(
        conftest.small_generator(), conftest.small_discriminator(), 1, 1, seed=0
    )
    model.compile()
    path = tmp_path / "checkpoint.keras"
    checkpoint = callbacks.Checkpoint(path, seconds=3.0, at_end=False)
    points = np.zeros((8, 2), "float32")
    for there in (False, False, True):
        now[0] += 1.0
        fitted = {"batch_size": 4, "verbose": 0, "callbacks": [checkpoint]}
        model.fit(points, **fitted)
        now[0] += 0.5
        assert path.exists() == there


class Spy(keras.callbacks.Callback):
    """Records the threads in which Keras passes on a step's logs."""

    async_safe = True

    def __init__(self):
        super().__init__()
        self.threads = set()

    def on_train_batch_end(self, batch, logs=None):
        self.threads.add(threading.current_thread())


@jax_only
def test_no_step_waits_for_our_callbacks(tmp_path):
    """Keras would then fetch a step's logs before it begins the next one."""
    model = kmg.MixGAN(
        conftest.small_generator(), conftest.small_discriminator(), 2, 1, seed=0
    )
    model.compile()
    spy = Spy()
    history = callbacks.MixtureHistory(every=2)
    used = [
        callbacks.ProgressBar(verbose=2),
        history,
        callbacks.Checkpoint(tmp_path / "checkpoint.keras", every=2),
        callbacks.SampleGrid(tmp_path / "samples.png"),
        callbacks.Curves(tmp_path / "curves.png", history),
        spy,
    ]
    points = np.zeros((20, 2), "float32")
    model.fit(points, batch_size=4, callbacks=used, verbose=0)
    assert [row["step"] for row in history.rows] == [2, 4]
    assert spy.threads
    assert threading.main_thread() not in spy.threads


def test_convolutions_are_the_same_wherever_calls_end():
    """XLA rounds differently in a loop, so all calls must be loops."""
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (12, 8, 8, 1)).astype("float32")
    labels = np.arange(12) % 3
    ends = []
    for number in (2, 3):
        model = kmg.MixGAN(*conftest.image_networks(3), 1, 1, seed=0)
        model.compile(steps_per_execution=number)
        model.fit(images, labels, batch_size=4, shuffle=False, verbose=0)
        assert model.step == 3
        ends.append(model)
    assert_same(*ends)


def test_a_run_without_an_end_needs_no_memory():
    tracemalloc.start()
    try:
        assert next(epochs.parts(0, 10**6, 5)) == (0, 200_000, 5)
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()
