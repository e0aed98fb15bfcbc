"""The table of options: it is complete, and runs follow it."""

import importlib
import inspect

import pytest

import keras_mixgan as kmg
from keras_mixgan.architectures import ARCHITECTURES
from keras_mixgan.cli import models
from keras_mixgan.cli import optimizers
from keras_mixgan.cli import options
from keras_mixgan.cli import runs
from keras_mixgan.cli import settings
from keras_mixgan.cli.option import Option
from keras_mixgan.data import sources

pytestmark = pytest.mark.usefixtures("no_pictures", "no_graphs")

OPTIMIZERS = ("generator_optimizer", "discriminator_optimizer")
# Arguments of `compile` without an option.
EXCEPTIONS = {
    # For debuggers, not for the command line.
    "run_eagerly",
    # "auto" is right wherever a command may run: XLA where there is a GPU.
    "jit_compile",
}


def arguments_of(function):
    return set(inspect.signature(function).parameters) - {"self"}


def options_to(*to):
    return {name for name, o in options.OPTIONS.items() if o.to in to}


def test_every_argument_of_compile_is_an_option():
    arguments = arguments_of(kmg.MixGAN.compile)
    assert arguments - EXCEPTIONS - {*OPTIMIZERS} <= set(options.OPTIONS)
    assert options_to("compile") <= arguments
    assert "optimizer" in options.SETTINGS


def test_every_option_has_a_taker():
    assert options_to("model") <= arguments_of(kmg.MixGAN.__init__)
    assert options_to("networks") <= arguments_of(kmg.architectures.build)
    assert options_to("data") <= arguments_of(sources.load_source)
    assert arguments_of(runs.train) == options_to("run") | {
        "given",
        "verbose",
        "save_on_signals",
    }
    for name in options_to("optimizer"):
        assert any(optimizers.takes(o, name) for o in optimizers.OPTIMIZERS)


def test_defaults_of_a_run_are_those_of_its_function():
    parameters = inspect.signature(runs.train).parameters
    for name in options_to("run"):
        assert parameters[name].default == options.OPTIONS[name].default, name


@pytest.mark.parametrize("name", [*ARCHITECTURES, "digits"])
def test_the_defaults_that_help_states_are_those_of_a_run(name):
    given = {"source": "mnist", "architecture": name}
    resolved = settings.resolve({} if name == "digits" else given)
    unlike = {"source", "architecture", *given}
    for option in options.SETTINGS.values():
        if option.name not in unlike:
            value = getattr(resolved, option.name)
            # Defaults of digits are dcgan's unless it has its own.
            of = name if name in option.by or name != "digits" else "dcgan"
            assert value == option.by.get(of, option.default), option.name


def test_a_single_pair_has_the_defaults_of_a_pair():
    pair = settings.resolve({"num_generators": 1})
    assert pair.num_discriminators == 1
    assert (pair.share, pair.auxiliary) == ("none", None)
    acgan = settings.resolve({"architecture": "acgan", "num_generators": 1})
    assert acgan.auxiliary == ("auxiliary_classifier",)


def test_no_auxiliary_loss_can_be_asked_for():
    assert settings.resolve({"auxiliary": ()}).auxiliary is None


def test_names_of_defaults_are_architectures():
    for option in options.OPTIONS.values():
        assert set(option.by) <= {*ARCHITECTURES, "digits"}


@pytest.mark.parametrize(
    "option",
    [option for option in options.OPTIONS.values() if option.registry],
    ids=lambda option: option.name,
)
def test_choices_are_those_of_the_registry(option):
    module, _, attribute = option.registry.partition(":")
    registry = getattr(importlib.import_module(module), attribute)
    assert set(option.choices) == set(registry)


def test_choices_of_optimizers():
    known = options.OPTIONS["optimizer"].choices
    assert set(known) == set(optimizers.OPTIMIZERS)


def test_values_reach_the_model():
    given = {
        "payoff": "hinge",
        "generator_loss": "minimax",
        "payoff_estimate": "linear",
        "update": "simultaneous",
        "mixture_regularizer": 0.3,
        "weight_clip": 0.2,
        "gradient_penalty": 2.0,
    }
    resolved = settings.resolve(
        given
        | {
            "source": "ring",
            "num_generators": 2,
            "num_discriminators": 1,
            "latent_dim": 3,
            "width": 4,
            "ema_decay": 0.9,
            "seed": 5,
            "steps": 40,
            "optimizer": "rmsprop",
            "rho": 0.5,
            "epsilon": 0.01,
            "learning_rate_schedule": "linear",
            "generator_learning_rate": 0.1,
        }
    )
    source = sources.load_source("ring")
    model = models.make_model(resolved.for_source(source), source)
    assert given.items() <= model.get_compile_config().items()
    config = model.get_config()
    assert (model.num_generators, model.num_discriminators) == (2, 1)
    assert (config["ema_decay"], config["seed"]) == (0.9, 5)
    assert model.latent_dim == 3
    generators = model.optimizer.generator_optimizer.get_config()
    assert (generators["rho"], generators["epsilon"]) == (0.5, 0.01)
    assert generators["learning_rate"]["config"]["decay_steps"] == 40
    assert generators["learning_rate"]["config"]["initial_learning_rate"] == 0.1


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_schedules_go_down_to_zero_with_each_sides_updates(schedule):
    resolved = settings.resolve(
        {
            "steps": 40,
            "discriminator_steps": 4,
            "learning_rate_schedule": schedule,
            "generator_learning_rate": 1.0,
            "discriminator_learning_rate": 1.0,
        }
    )
    made = optimizers.make(resolved)
    for name, updates in zip(OPTIMIZERS, (10, 40), strict=True):
        rate = made[name]._learning_rate
        at = [float(rate(k)) for k in (0, updates // 2, updates)]
        assert at == pytest.approx([1.0, 0.5, 0.0], abs=1e-6)


def test_a_run_with_a_schedule_is_not_made_longer(tmp_path, capsys):
    given = {"source": "ring", "batch_size": 1000, "width": 4, "steps": 2}
    given |= {"num_generators": 1, "num_discriminators": 1}
    given["learning_rate_schedule"] = "linear"
    assert runs.train(given, tmp_path, verbose=2).step == 2
    assert "checkpoint.keras  to resume from\n" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"steps: 2 -> 4 .*schedule"):
        runs.train(given | {"steps": 4}, tmp_path, verbose=0)


def test_the_released_schedule_has_no_end_that_is_known():
    given = {"schedule": "released", "learning_rate_schedule": "linear"}
    with pytest.raises(ValueError, match="constant with the schedule released"):
        settings.resolve({"steps": 10, **given})


@pytest.mark.parametrize(
    ("value", "text"),
    [(2e-4, "2e-4"), (2.5e-4, "0.00025"), (1e-16, "1e-16"), (0.0035, "0.0035"),
     (0.01, "0.01"), (10.0, "10"), (0.0, "0"), (3, "3")],
)  # fmt: skip
def test_a_number_reads_back_as_it_was(value, text):
    option = Option(name="x", to="run", help="", kind=float)
    assert option.text_of(value) == text
    assert float(text) == value


def test_another_optimizer_leaves_the_architectures_arguments():
    resolved = settings.resolve({"optimizer": "rmsprop", "momentum": 0.9})
    assert resolved.beta_1 is None
    assert resolved.momentum == 0.9
    assert settings.resolve({"optimizer": "adam"}).beta_1 == 0.5


@pytest.mark.parametrize(
    ("settings_of", "value", "message"),
    [
        ({"kind": int, "least": 1}, 0, "an integer of at least 1"),
        ({"kind": int}, 1.5, "an integer"),
        ({"kind": int}, True, "an integer"),
        ({"kind": float, "above": 0}, 0.0, "a number greater than 0"),
        ({"kind": float}, float("nan"), "a number"),
        ({"kind": float}, float("inf"), "a number"),
        (
            {"kind": float, "least": 0, "below": 1},
            1,
            "at least 0 and less than",
        ),
        ({"kind": bool}, 1, "true or false"),
        ({"kind": str}, 1, "a string"),
        ({"kind": list}, "ab", "a list of strings"),
        ({"kind": list}, [1], "a list of strings"),
        (
            {"kind": str, "choices": ("linear",)},
            "liner",
            "Did you mean 'linear'",
        ),
    ],
)
def test_values_are_checked(settings_of, value, message):
    option = Option(name="x", to="run", help="", **settings_of)
    with pytest.raises(ValueError, match=f"`x` must be .*{message}"):
        option.check(value)
    option.check(None)
