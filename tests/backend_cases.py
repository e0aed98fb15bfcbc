"""Games to compare between backends: one step each, on the same draws.

`jax_alone.py` loads the models that another backend saved, takes a step of each
and saves the results. `test_backends.py` compares them.
"""

import keras
import numpy as np
from conftest import image_networks
from keras import layers
from keras import ops
from keras import optimizers

from keras_mixgan import MixGAN

RATE = 0.1
CASES = {
    "log_full_ema": {"payoff": "log"},
    "log_minimax_simultaneous": {
        "payoff": "log",
        "generator_loss": "minimax",
        "update": "simultaneous",
    },
    "wasserstein_penalty_linear": {
        "payoff": "wasserstein",
        "gradient_penalty": 10.0,
        "payoff_estimate": "linear",
    },
    "wasserstein_clipped_every_second": {
        "payoff": "wasserstein",
        "weight_clip": 0.1,
        "discriminator_steps": 2,
    },
    "relativistic_average_full": {"payoff": "relativistic_average"},
}
# The others have dense networks, which XLA compiles sooner.
CONVOLUTIONAL = ("log_full_ema", "wasserstein_penalty_linear")


def data():
    rng = np.random.default_rng(0)
    images = rng.uniform(-1, 1, (6, 8, 8, 1)).astype("float32")
    return images, (np.arange(6) % 3).astype("int32")


def dense_networks():
    """A conditional pair with batch normalization."""
    latents, labels = keras.Input((5,)), keras.Input((), dtype="int32")
    x = layers.Concatenate()([latents, layers.Embedding(3, 4)(labels)])
    x = layers.Dense(8, use_bias=False)(x)
    x = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.Reshape((8, 8, 1))(layers.Dense(64, activation="tanh")(x))
    generator = keras.Model([latents, labels], x)

    images = keras.Input((8, 8, 1))
    y = layers.Dense(8, use_bias=False)(layers.Flatten()(images))
    y = layers.LeakyReLU(0.2)(layers.BatchNormalization()(y))
    y = layers.Concatenate()([y, layers.Embedding(3, 4)(labels)])
    return generator, keras.Model([images, labels], layers.Dense(1)(y))


def build(name):
    """A conditional mixture with batch normalization and averages."""
    networks = image_networks(3) if name in CONVOLUTIONAL else dense_networks()
    model = MixGAN(*networks, 2, 3, seed=0, ema_decay=0.5)
    rng = np.random.default_rng(1)
    model.generator_mixture_logits.assign(rng.normal(size=2))
    model.discriminator_mixture_logits.assign(rng.normal(size=3))
    model.compile(
        generator_optimizer=optimizers.SGD(RATE),
        discriminator_optimizer=optimizers.SGD(RATE),
        **CASES[name],
    )
    return model


def step(model):
    """Takes a step on fixed draws; returns all results by name."""
    rng = np.random.default_rng(2)
    latents = rng.normal(size=(40, model.latent_dim)).astype("float32")
    mixing = rng.uniform(size=40).astype("float32")
    model.draw_latents = lambda count: ops.convert_to_tensor(latents[:count])
    model.draw_uniform = lambda count: ops.convert_to_tensor(mixing[:count])
    results = {"payoff_matrix": model.payoff_matrix(*data(), seed=0)}
    for i in range(model.objective.discriminator_steps):
        logs = model.train_on_batch(*data(), return_dict=True)
        results |= {f"{i}.{name}": value for name, value in logs.items()}
    results["last_pairs"] = np.asarray(model.last_pairs)
    for i, weight in enumerate(model.get_weights()):
        results[f"weight_{i}"] = weight
    results["images"] = model.generate(7, seed=0)
    return results
