"""Small models and classifiers that the tests of metrics share."""

import keras
import numpy as np

import keras_mixgan as kmg
from keras_mixgan.data.sources import load_source
from keras_mixgan.metrics.classifiers import Classifier


def ring_model(count=2):
    """A small compiled mixture for points of the ring."""
    networks = kmg.architectures.build("mlp", (2,), width=8)
    model = kmg.MixGAN(*networks, count, seed=0)
    model.compile()
    return model


class FromArrays:
    """A mixture whose component i draws from the i-th array."""

    def __init__(self, *arrays, labels=None, weights=None):
        self.arrays = [np.asarray(array, "float32") for array in arrays]
        self.labels = labels
        self.num_classes = None if labels is None else int(max(labels)) + 1
        self.image_shape = self.arrays[0].shape[1:]
        count = len(arrays)
        self.generators = [None] * count
        self.generator_weights = np.asarray(
            weights or [1 / count] * count, "float64"
        )
        self.discriminator_weights = np.ones(1)
        self.calls = []

    def generate(
        self,
        num_images,
        labels=None,
        component=None,
        latents=None,
        seed=None,
        batch_size=256,
    ):
        self.calls.append((num_images, seed))
        rng = np.random.default_rng(seed)
        which = rng.choice(
            len(self.arrays), num_images, p=self.generator_weights
        )
        rows = rng.integers(len(self.arrays[0]), size=num_images)
        if component is not None:
            which[:] = component
        if labels is not None:
            rows = np.array(
                [rng.choice(np.flatnonzero(self.labels == c)) for c in labels]
            )
        return np.stack(
            [self.arrays[i][row] for i, row in zip(which, rows, strict=True)]
        )


def digits(count=1000):
    """Real digits, float32 in [-1, 1], and their labels."""
    source = load_source("digits")
    images = source.images[:count].astype("float32") / 127.5 - 1
    return images, source.labels[:count]


def noise(count=1000, shape=(28, 28, 1), seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, (count, *shape))


def collapsed(count=1000):
    """Copies of one digit."""
    return np.repeat(digits(1)[0], count, axis=0)


def stub(classes=4, channels=1, **keywords):
    """A classifier that reads its logits from an image's first pixels."""

    def function(images):
        flat = images.reshape(len(images), -1)
        return 10 * flat[:, :classes], flat[:, : 2 * classes]

    return Classifier("stub", "0" * 64, function, channels=channels, **keywords)


def tiny_network(classes=10, shape=(28, 28, 1), softmax=False):
    return keras.Sequential(
        [
            keras.Input(shape),
            keras.layers.Flatten(),
            keras.layers.Dense(8, activation="relu"),
            keras.layers.Dense(
                classes, activation="softmax" if softmax else None
            ),
        ]
    )
