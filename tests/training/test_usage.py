"""Warnings of classic mistakes come once, with layer, remedy and silencer."""

import warnings

import keras
import pytest
from conftest import image_networks
from conftest import small_generator
from keras import layers
from keras import ops
from test_mixgan import images
from test_mixgan import points

from keras_mixgan import MixGAN
from keras_mixgan import Payoff
from keras_mixgan import UsageWarning
from keras_mixgan import auxiliary


def discriminator(*ends, logits="linear"):
    return keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(1, activation=logits, name="logits"),
            *ends,
        ]
    )


def with_operation():
    x = keras.Input((2,))
    return keras.Model(x, ops.sigmoid(layers.Dense(1)(x)))


def nested():
    x = keras.Input((2,))
    inner = discriminator(layers.Activation("sigmoid", name="inner"))
    return keras.Model(x, layers.Reshape((1,))(inner(x)))


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: discriminator(logits="sigmoid"), "'logits'"),
        (
            lambda: discriminator(layers.Activation("sigmoid", name="end")),
            "'end'",
        ),
        (with_operation, "sigmoid"),
        (nested, "'inner'"),
    ],
)
def test_a_discriminator_that_ends_in_a_sigmoid(make, named):
    model = MixGAN(small_generator(), make(), 2, 2, seed=0)
    model.compile(run_eagerly=True)
    with pytest.warns(UsageWarning, match="should end in logits") as found:
        model.fit(points(), verbose=0)
    model.fit(points(), verbose=0)  # A warning here would be an error.
    (found,) = (w for w in found if w.category is UsageWarning)
    text = str(found.message)
    assert named in text
    assert "Remove it" in text
    assert "filterwarnings" in text


def test_the_advice_silences_it():
    model = MixGAN(small_generator(), with_operation(), 1, 1, seed=0)
    model.compile(run_eagerly=True)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=UsageWarning)
        model.fit(points(), verbose=0)


def generator_ending_in(*ends):
    return keras.Sequential(
        [
            keras.Input((5,)),
            layers.Dense(64, kernel_initializer="random_normal"),
            *ends,
            layers.Reshape((8, 8, 1)),
        ]
    )


@pytest.mark.parametrize(
    ("end", "message"),
    [
        (layers.Rescaling(100.0, name="loud"), "'loud'.*reach from -.*tanh"),
        (layers.Activation("sigmoid", name="end"), "'end', a sigmoid.*tanh"),
    ],
)
def test_a_generator_of_another_range(end, message):
    model = MixGAN(generator_ending_in(end), image_networks()[1], 1, 1, seed=0)
    model.compile(run_eagerly=True)
    with pytest.warns(UsageWarning, match=message):
        model.fit(images()[0], batch_size=4, verbose=0)


@pytest.mark.usefixtures("no_graph")
def test_what_cannot_be_saved_is_told_before_the_training():
    model = MixGAN(small_generator(), discriminator(), 1, 1)
    model.compile(Payoff("unregistered", ops.tanh, ops.negative))
    with pytest.warns(UsageWarning, match=r"`save` will fail.*register\("):
        model.fit(points(8), batch_size=8, verbose=0)


class Power(auxiliary.Auxiliary):
    def __init__(self, power=2.0, **arguments):
        super().__init__(**arguments)
        self.power = power

    def discriminator_terms(self, turn):
        return ops.mean(ops.abs(turn.real.logits) ** self.power, axis=0)


class Fixed(Power):
    def __init__(self):
        super().__init__(coefficient=0.5)


@pytest.mark.usefixtures("no_graph")
@pytest.mark.parametrize("loss", [Power(3.0), Fixed()])
def test_a_loss_whose_arguments_no_file_would_hold(loss):
    model = MixGAN(small_generator(), discriminator(), 1, 1)
    model.compile(auxiliary=loss)
    message = f"`save` will fail.*`get_config` must be defined by {loss.name}"
    with pytest.warns(UsageWarning, match=f"(?i){message}"):
        model.fit(points(8), batch_size=8, verbose=0)


@pytest.mark.usefixtures("no_graph")
@pytest.mark.parametrize(
    "penalty",
    [{"gradient_penalty": 10.0}, {"auxiliary": "gradient_penalty:10"}],
)
def test_a_gradient_penalty_through_batch_normalization(penalty):
    critic = keras.Sequential(
        [
            keras.Input((2,)),
            keras.layers.Dense(3),
            keras.layers.BatchNormalization(name="norm"),
            keras.layers.Dense(1),
        ]
    )
    model = MixGAN(small_generator(), critic, 1, 1, seed=0)
    model.compile("wasserstein", **penalty)
    with pytest.warns(UsageWarning, match="discriminator 0 has 'norm'"):
        model.fit(points(4), batch_size=4, verbose=0)


def test_data_from_0_to_1():
    model = MixGAN(*image_networks(), 1, 1, seed=0)
    model.compile(run_eagerly=True)
    with pytest.warns(UsageWarning, match=r"in \[0, 1\].*Give 2 \* x - 1"):
        model.fit(abs(images()[0]), batch_size=4, verbose=0)
