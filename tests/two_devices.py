"""Cases that need two devices; `test_distribution.py` runs them in a child.

TensorFlow divides a CPU into logical devices only once, when it starts, and
other tests must not run on half a CPU. Prints one JSON line per case: its name
and its error, or null.
"""

import contextlib
import io
import json
import pathlib
import sys
import tempfile
import time
import traceback

import keras
import numpy as np
import pytest
import tensorflow as tf
from conftest import image_networks
from conftest import small_discriminator
from conftest import small_generator
from keras import layers

import keras_mixgan as kmg
from keras_mixgan import cli

TWO = "cpu:0,cpu:1"
CASES = {}


def case(function):
    CASES[function.__name__] = function
    return function


def scope(name):
    if name is None:
        return contextlib.nullcontext()
    return kmg.distribution.strategy(name, TWO).scope()


def points(count):
    rng = np.random.default_rng(0)
    return rng.uniform(-1, 1, (count, 2)).astype("float32")


def small():
    return small_generator(), small_discriminator()


def normalized(num_classes=3, dropout=0.0):
    """Small networks with batch normalization, which are quick to trace.

    They have no bias before a normalization: its gradient would only be
    rounding error.
    """
    latents, labels = keras.Input((3,)), keras.Input((), dtype="int32")
    conditional = [labels] * bool(num_classes)

    def joined(x):
        parts = [layers.Embedding(num_classes, 2)(y) for y in conditional]
        return layers.Concatenate()([x, *parts]) if parts else x

    x = layers.Dense(4, use_bias=False)(joined(latents))
    x = layers.Dense(2, activation="tanh")(layers.BatchNormalization()(x))
    generator = keras.Model([latents, *conditional], x)
    images = keras.Input((2,))
    y = layers.Dense(4, use_bias=False)(images)
    y = joined(layers.BatchNormalization()(y))
    y = layers.Dense(4, activation="tanh")(y)
    if dropout:
        y = layers.Dropout(dropout)(y)
    return generator, keras.Model([images, *conditional], layers.Dense(1)(y))


def classifying():
    """Weight-normalized networks, initialized from data, with class logits."""

    def hidden(x):
        dense = layers.Dense(4, use_bias=False)
        x = kmg.architectures.WeightNormalization(dense)(x)
        return layers.Activation("tanh")(x)

    latents, images = keras.Input((3,)), keras.Input((2,))
    generator = layers.Dense(2, activation="tanh")(hidden(latents))
    y = hidden(images)
    classes = layers.Dense(3)(y)
    outputs = {
        "logits": keras.ops.logsumexp(classes, axis=1, keepdims=True),
        "class_logits": classes,
        "latents": layers.Dense(3)(y),
        "features": y,
    }
    return keras.Model(latents, generator), keras.Model(images, outputs)


def built(strategy, networks, numbers=(2, 2), optimizer="adam", **arguments):
    """A model with large steps, so that differences show."""
    with scope(strategy):
        model = kmg.MixGAN(
            *networks(), *numbers, ema_decay=arguments.pop("ema_decay", None),
            seed=3,
        )  # fmt: skip
        for name in ("generator_optimizer", "discriminator_optimizer"):
            make = {
                "adam": keras.optimizers.Adam,
                # Slow, so that rounding does not grow: with a penalty and
                # strata of one image, one bit becomes 1e-4 in twenty steps.
                "sgd": lambda rate: keras.optimizers.SGD(rate / 8),
                "accumulating": lambda rate: keras.optimizers.SGD(
                    rate, gradient_accumulation_steps=2
                ),
                "clipped": lambda r: keras.optimizers.SGD(r, clipnorm=0.05),
            }[optimizer]
            arguments[name] = make(0.02)
        model.compile(**arguments)
    return model


def trained(strategy, networks, data, epochs, batch=8, **arguments):
    synchronized = arguments.pop("synchronized", False)
    model = built(strategy, networks, **arguments)
    kmg.distribution.synchronize(model, synchronized)
    labels = None
    if model.takes_labels:
        # -1 (unknown) only if generators do not take labels.
        least = 0 if model.conditional else -1
        labels = np.random.default_rng(1).integers(least, 3, len(data))
    history = model.fit(
        data, labels, batch_size=batch, epochs=epochs, shuffle=False, verbose=0
    )
    return model, history.history


def assert_same(one, other, atol=2e-5):
    variables = [
        [*model.weights, *model.optimizer.variables] for model in (one, other)
    ]
    for a, b in zip(*variables, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(a),
            keras.ops.convert_to_numpy(b),
            rtol=1e-4,
            atol=atol,
            err_msg=a.path,
        )


def assert_same_trainings(strategy, *arguments, **named):
    one, its = trained(None, *arguments, **named)
    other, others = trained(strategy, *arguments, **named)
    assert one.step == other.step >= 20
    assert_same(one, other)
    for name, values in its.items():
        np.testing.assert_allclose(others[name], values, 2e-3, err_msg=name)


@case
def labels_of_some_images_latents_averages_and_a_start_from_data():
    # Averages of pairs and of features are those of one device.
    assert_same_trainings(
        "mirrored", classifying, points(160), 1, optimizer="sgd",
        payoff="relativistic_average",
        auxiliary=[
            "real_classifier:2", "latent_reconstruction:1", "feature_matching",
        ],
    )  # fmt: skip


@case
def linear_estimate_labels_and_synchronized_normalization():
    assert_same_trainings(
        "mirrored", normalized, points(164), 1, numbers=(2, 1),
        synchronized=True, payoff_estimate="linear", optimizer="sgd",
    )  # fmt: skip


@case
def simultaneous_updates_a_smaller_last_batch_and_ema():
    # Twenty batches of 8 and one of 4.
    assert_same_trainings(
        "mirrored", small, points(164), 1, ema_decay=0.9,
        update="simultaneous", generator_loss="minimax",
    )  # fmt: skip


@case
def linear_pairwise_payoffs_penalty_clipped_gradients_skipped_generators():
    # Several steps a call, too.
    assert_same_trainings(
        "mirrored", small, points(160), 1, numbers=(2, 1),
        payoff="relativistic", payoff_estimate="linear", optimizer="clipped",
        gradient_penalty=2.0, discriminator_steps=3, steps_per_execution=3,
    )  # fmt: skip


@case
def datasets_and_single_batches_and_what_stops_a_training():
    data = tf.data.Dataset.from_tensor_slices(points(16)).batch(8)
    models = [built(strategy, small) for strategy in (None, "mirrored")]
    for model in models:
        model.fit(data, epochs=2, verbose=0)
        logs = model.train_on_batch(points(6), return_dict=True)
        assert np.isfinite(logs["loss"])
    assert_same(*models)
    # Batches that do not divide are named.
    model = models[1]
    with pytest.raises(ValueError, match=r"batch_size=7, 2 replicas"):
        model.fit(points(14), batch_size=7, verbose=0)
    with pytest.raises(ValueError, match=r"1 rows in the last batch"):
        model.fit(points(17), batch_size=8, verbose=0)
    ragged = tf.data.Dataset.from_tensor_slices(points(11)).batch(8)
    with pytest.raises(tf.errors.InvalidArgumentError, match="drop_remainder"):
        model.fit(ragged, verbose=0)
    # So are images that are not finite, in the second replica's rows too.
    images = points(16)
    images[9] = np.nan
    said = f"data of step {model.step + 2} hold"
    with pytest.raises(kmg.NonFiniteError, match=said):
        model.fit(
            tf.data.Dataset.from_tensor_slices(images).batch(8), verbose=0
        )
    model = built("mirrored", small)
    # So is a loss that is not finite.
    bad = model.discriminators[1].weights[0]
    bad.assign(np.full(bad.shape, np.nan))
    said = f"step {model.step + 1}, in discriminator 1"
    with pytest.raises(kmg.NonFiniteError, match=said):
        model.fit(data, verbose=0)


@case
def replicas_draw_their_own_latents_and_dropout():
    model = built("mirrored", lambda: normalized(None, 0.5))
    dropout = next(
        layer
        for layer in model.discriminators[0].layers
        if isinstance(layer, keras.layers.Dropout)
    )
    strategy = model.distribute_strategy

    def draw():
        (latents,) = model.executor.own_rows(model.draw_latents(6), [3])
        return latents, dropout(tf.ones((1, 64)), training=True)

    (first, second), masks = (
        [value.numpy() for value in values.values]
        for values in strategy.run(draw)
    )
    alone = built(None, small).draw_latents(6).numpy()
    np.testing.assert_array_equal(first, alone[::2])
    np.testing.assert_array_equal(second, alone[1::2])
    assert (masks[0] != masks[1]).any()


@case
def component_parallel_trains_to_the_same_numbers():
    assert_same_trainings(
        "component_parallel", small, points(161), 1,
        ema_decay=0.9, payoff="wasserstein", gradient_penalty=2.0,
        discriminator_steps=2, optimizer="sgd",
    )  # fmt: skip


@case
def a_dry_run_of_the_program_lists_the_devices():
    with tempfile.TemporaryDirectory() as folder:
        workdir = pathlib.Path(folder) / "run"
        flags = ["--source=ring", "--strategy=component_parallel"]
        flags += [f"--devices={TWO}", f"--workdir={workdir}", "--dry_run"]
        with contextlib.redirect_stdout(io.StringIO()) as out:
            assert cli.main(["train", *flags]) == 0
        assert not workdir.exists()
    _, *rows = out.getvalue().splitlines()
    assert [row.split()[:3] for row in rows] == [
        ["cpu:0", "0,2", "0,2"],
        ["cpu:1", "1", "1"],
    ]


@case
def component_parallel_places_all_heavy_work():
    model = built(
        "component_parallel", image_networks, (2, 3), gradient_penalty=1.0,
        ema_decay=0.9,
    )  # fmt: skip
    for networks in (
        model.generators,
        model.discriminators,
        model.ema_generators,
    ):
        for i, network in enumerate(networks):
            for variable in network.variables:
                assert variable.value.device.endswith(f"CPU:{i % 2}")
    slots = model.optimizer.discriminator_optimizer._momentums
    reference = model.discriminator_ensemble.trainable_variables
    for slot, variable in zip(slots, reference, strict=True):
        assert slot.value.device == variable.value.device
    step = tf.function(model.train_step, autograph=False)
    graph = step.get_concrete_function(tf.zeros((4, 8, 8, 1))).graph
    heavy = ("Conv2D", "MatMul", "FusedBatchNorm", "ResourceApplyAdam")
    counts = {}
    for operation in graph.get_operations():
        if operation.type.startswith(heavy):
            key = operation.device or operation.name
            counts[key] = counts.get(key, 0) + 1
    # All except the update of each side's mixture logits.
    assert all(
        "CPU" in where or "ResourceApplyAdam" in where for where in counts
    ), counts
    assert sum("CPU" not in where for where in counts) == 2, counts
    first, second = counts["/device:CPU:0"], counts["/device:CPU:1"]
    assert 0.5 < second / first < 1, counts


@case
def files_load_under_any_strategy():
    arguments = {"ema_decay": 0.9, "optimizer": "adam"}
    once, _ = trained(None, small, points(16), 1, batch=8, **arguments)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "model.keras"
        model = once
        for name in ("mirrored", "component_parallel"):
            model.save(path)
            with scope(name):
                model = keras.saving.load_model(path)
            model.fit(points(16), batch_size=8, shuffle=False, verbose=0)
            assert model.generate(3, seed=0).shape == (3, 2)
        model.save(path)
        model = keras.saving.load_model(path)
    once.fit(points(16), batch_size=8, epochs=2, shuffle=False, verbose=0)
    assert model.step == once.step == 6
    assert_same(once, model)


@case
def misuse_is_named():
    strategy = kmg.distribution.strategy
    with pytest.raises(ValueError, match="cpu:7"):
        strategy("mirrored", "cpu:7")
    with pytest.raises(ValueError, match="gpu:0"):
        strategy("component_parallel", ["gpu:0"])
    outside = keras.optimizers.Adam()
    with scope("mirrored"):
        model = kmg.MixGAN(*small(), 1, 1, seed=0)
        with pytest.raises(ValueError, match="outside"):
            model.compile(generator_optimizer=outside)
        assert not model.compiled
        assert model.objective is None
    with pytest.raises(ValueError, match="must not accumulate gradients"):
        built("mirrored", small, optimizer="accumulating")
    networks = [small_generator() for _ in range(2)]
    with scope("component_parallel"):
        model = kmg.MixGAN(*small(), 1, 1, seed=0)
        with pytest.raises(ValueError, match="jit_compile"):
            model.compile(jit_compile=True)
        with pytest.raises(ValueError, match="function that builds one"):
            kmg.MixGAN(networks, small_discriminator(), seed=0)
    with (
        pytest.raises(ValueError, match="mirrors every variable"),
        scope("mirrored"),
        scope("component_parallel"),
    ):
        pass
    with pytest.raises(ValueError, match="must be an array"):
        built("mirrored", small).fit(iter([points(4)]), verbose=0)
    with pytest.raises(ValueError, match="divided among replicas"):
        built("mirrored", small, schedule="released")


def main(names):
    kmg.distribution.strategy("mirrored", TWO)
    for name in names or CASES:
        try:
            CASES[name]()
            outcome = None
        except Exception:
            outcome = traceback.format_exc()
        print(name, time.process_time(), file=sys.stderr)
        print(json.dumps([name, outcome]), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
