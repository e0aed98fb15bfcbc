"""Helpers for the tests of exported samplers."""

import conftest
import keras
import numpy as np
import tensorflow as tf
from keras import layers

import keras_mixgan as kmg

LOG_PROBABILITIES = (0.0, 1.0, -1.0)


def moved_mixture(num_classes=3, seed=0, **kwargs):
    """Three convolutional generators whose images differ much and vary."""
    model = kmg.MixGAN(
        *conftest.image_networks(num_classes=num_classes),
        3,
        1,
        seed=seed,
        **kwargs,
    )
    model.generator_mixture_logits.assign(LOG_PROBABILITIES)
    rng = np.random.default_rng(seed)
    for generator in model.sampling_generators:
        for variable in generator.weights:
            variable.assign(variable + rng.uniform(0.0, 0.4, variable.shape))
    return model


def telling_mixture(log_probabilities, num_classes=4, layer=None):
    """Generators of points that tell their generator and label.

    The first coordinate is the generator's number, the second the label, the
    rest the latents; all divided by ten.
    """
    generators = []
    for i in range(len(log_probabilities)):
        latents, labels = keras.Input((2,)), keras.Input((), dtype="int32")
        number = layers.Embedding(num_classes, 2)(labels)
        x = layers.Concatenate()([number, latents])
        if layer is not None:
            x = layer(i)(x)
        network = keras.Model([latents, labels], x * 0.1)
        table = np.stack([np.full(num_classes, i), np.arange(num_classes)], 1)
        network.set_weights([table])
        generators.append(network)
    points, labels = keras.Input((4,)), keras.Input((), dtype="int32")
    x = layers.Concatenate()([points, layers.Embedding(num_classes, 1)(labels)])
    critic = keras.Model([points, labels], layers.Dense(1)(x))
    model = kmg.MixGAN(generators, [critic], seed=0)
    model.generator_mixture_logits.assign(log_probabilities)
    return model


def saved(model, folder, **kwargs):
    """Exports a model, and loads its sampler."""
    model.export_sampler(folder, **kwargs)
    return tf.saved_model.load(str(folder))


def tell(images):
    """Components and labels that images of `telling_mixture` tell."""
    numbers = np.rint(np.asarray(images)[:, :2] * 10).astype(int)
    return numbers[:, 0], numbers[:, 1]


def batch(model, size, seed=0):
    """Arguments of `serving_default`, and `generate`'s images for them."""
    rng = np.random.default_rng(seed + 1000)
    latents = rng.standard_normal((size, model.latent_dim), dtype="float32")
    arguments = {
        "latents": latents,
        # The first draw that `generate` takes from this seed.
        "component_uniform": np.random.default_rng(seed)
        .random(size)
        .astype("float32"),
    }
    labels = None
    if model.conditional:
        labels = rng.integers(model.num_classes, size=size, dtype="int32")
        arguments["labels"] = labels
    images = model.generate(
        size, latents=latents, seed=seed, labels=labels if size else None
    )
    return arguments, images


def call(loaded, signature, **arguments):
    """Calls a signature with NumPy in and out."""
    function = loaded.signatures[signature]
    specs = function.structured_input_signature[1]
    outputs = function(
        **{
            name: tf.constant(value, specs[name].dtype)
            for name, value in arguments.items()
        }
    )
    return {name: value.numpy() for name, value in outputs.items()}
