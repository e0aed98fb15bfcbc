"""How fast a component moves does not depend on how many there are."""

import keras
import numpy as np
import pytest
from conftest import JAX
from conftest import small_discriminator
from conftest import small_generator
from keras import layers
from keras import ops
from keras import optimizers

from keras_mixgan import MixGAN

OPTIMIZERS = {
    "adam": lambda: optimizers.Adam(0.05, beta_1=0.5),
    # An epsilon so large that a gradient divided by T would show.
    "adam_epsilon": lambda: optimizers.Adam(0.05, epsilon=0.1),
    "rmsprop": lambda: optimizers.RMSprop(0.01, epsilon=1e-2),
    "sgd": lambda: optimizers.SGD(0.1, momentum=0.5),
}


def regularized():
    """A discriminator with an L2 regulariser."""
    return keras.Sequential(
        [
            keras.Input((2,)),
            layers.Dense(4, activation="tanh", kernel_regularizer="l2"),
            layers.Dense(1),
        ]
    )


# Optimizers do not depend on the game: one each for the other games.
GAMES = [
    *((name, "alternating", "non_saturating") for name in OPTIMIZERS),
    ("sgd", "alternating", "minimax"),
    ("adam_epsilon", "simultaneous", "minimax"),
    ("rmsprop", "simultaneous", "non_saturating"),
]


@pytest.mark.parametrize(
    ("optimizer", "update", "kind"), GAMES[-3:] if JAX else GAMES
)
def test_equal_copies_move_as_the_pair_does(
    optimizer, update, kind, monkeypatch
):
    make = OPTIMIZERS[optimizer]
    pair = MixGAN(small_generator(), regularized(), 1, 1, seed=0)
    copies = MixGAN(small_generator(), regularized(), 3, 4, seed=1)
    for network in copies.generators:
        network.set_weights(pair.generators[0].get_weights())
    for network in copies.discriminators:
        network.set_weights(pair.discriminators[0].get_weights())
    rng = np.random.default_rng(0)
    draws = rng.normal(size=(20, 4, 3)).astype("float32")
    share = np.linspace(0, 1, 4, dtype="float32")
    points = rng.uniform(-1, 1, (10, 4, 2)).astype("float32")
    for model in (pair, copies):
        pending = iter(draws)
        count = model.num_generators
        monkeypatch.setattr(
            model,
            "draw_latents",
            lambda _, pending=pending, count=count: ops.convert_to_tensor(
                np.tile(next(pending), (count, 1))
            ),
        )
        model.compile(
            "log", make(), make(), update=update, generator_loss=kind,
            gradient_penalty=1.0 if update == "alternating" else None,
            run_eagerly=keras.backend.backend() == "tensorflow",
        )  # fmt: skip
        monkeypatch.setattr(
            model,
            "draw_uniform",
            lambda _, count=count: ops.convert_to_tensor(np.tile(share, count)),
        )
        steps = 3 if keras.backend.backend() == "tensorflow" else 1
        for batch in points[:steps]:
            model.train_on_batch(batch)
    for one, several in (
        (pair.generators[0], copies.generators),
        (pair.discriminators[0], copies.discriminators),
    ):
        for network in several:
            for w, v in zip(
                one.get_weights(), network.get_weights(), strict=True
            ):
                np.testing.assert_allclose(v, w, atol=2e-5)


def test_heads_of_one_network_share_its_unit():
    generator, discriminator = small_generator(), small_discriminator()
    hidden = discriminator.layers[0].output
    heads = keras.Model(discriminator.inputs, layers.Dense(4)(hidden))
    model = MixGAN(generator, heads, 3, 8, seed=0)
    side = model.discriminator_ensemble
    assert [side.unit(network) for network in side.parts] == [2.0, 2.0]
    assert model.generator_ensemble.unit(model.generators[0]) == 3.0
