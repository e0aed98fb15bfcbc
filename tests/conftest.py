"""Settings of the tests, and small networks that they share."""
# ruff: noqa: E402

import contextlib
import gc
import os
import random
import tempfile

# `import keras_mixgan` sets it, but too late here. Without this, a test's child
# process would use oneDNN and the test itself would not, with other rounding.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

# Imported modules and graphs are many small objects that live long. To search
# them all after every few hundred new objects would take a tenth of the tests'
# time.
gc.set_threshold(50_000, 20, 20)

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

JAX = keras.backend.backend() == "jax"
tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="of TensorFlow's path"
)

jax_only = pytest.mark.skipif(not JAX, reason="of JAX's path")


# Files of tests that start children by `forked`.
FORKING = (
    "test_checkpoints.py",
    "test_distribution.py",
    "test_runs.py",
    "test_saving.py",
)


def few_under_jax(*values):
    """All values; under JAX, which compiles for each, only the last."""
    return values[-1:] if JAX else values


def pytest_configure(config):
    """Keeps the cache of scores out of the user's home; workers share it."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        folder = tempfile.TemporaryDirectory()
        config.add_cleanup(folder.cleanup)
        os.environ["KERAS_MIXGAN_CACHE"] = folder.name
    if JAX:
        import jax

        # The CPU as several devices, for tests of several devices.
        jax.config.update("jax_num_cpu_devices", 4)


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure(config):
    """The results are out: a worker need not free what it leaves.

    pytest would search all of it twice, for seconds.
    """
    if "PYTEST_XDIST_WORKER" in os.environ:
        gc.freeze()


def pytest_xdist_make_scheduler(config, log):
    """A file's tests go to one process.

    Those of `serving` share a server, and those that fork children share the
    process that imports TensorFlow for them.
    """
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):
        def _split_scope(self, nodeid):
            file = super()._split_scope(nodeid)
            if file.endswith(FORKING):
                return "forking"
            return "serving" if "tests/serving/" in file else file

    if config.getvalue("dist") == "loadfile":
        return Scheduling(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    """Every test, and the first fixtures with it, draw the same numbers.

    Keras draws the seeds of weights and of dropout by `random`.
    """
    random.seed(0)
    np.random.seed(0)


def pytest_xdist_auto_num_workers(config):
    """Processes for folders of tests: one more than there are cores.

    Tests mostly trace graphs, which uses one core, and at times wait for a
    child process. For files there is only this process: another one would only
    cost one more import of TensorFlow.
    """
    files = any(".py" in argument for argument in config.args)
    return 0 if files else os.cpu_count() + 1


@pytest.fixture(scope="session")
def shared_server(tmp_path_factory):
    """One server for the tests of `serve` and of its gallery page."""
    import serving

    with serving.shared(tmp_path_factory.mktemp("served")) as server:
        yield server


@contextlib.contextmanager
def drawing_nothing():
    """Runs draw nothing in the block."""
    from keras_mixgan.utils import plotting

    with pytest.MonkeyPatch.context() as patch:
        for name in ("draw_mixture", "curves"):
            patch.setattr(plotting, name, _nothing)
        yield


@pytest.fixture(scope="module")
def no_pictures():
    """Runs draw nothing, for files whose tests do not look at pictures."""
    with drawing_nothing():
        yield


@pytest.fixture
def no_picture():
    """The same for one test."""
    with drawing_nothing():
        yield


@contextlib.contextmanager
def tracing_nothing():
    """Networks run eagerly in the block."""
    from keras_mixgan import MixGAN
    from keras_mixgan.backends import inference

    if JAX:  # It would compile each operation alone.
        yield
        return
    always = property(lambda model: True, lambda model, value: None)
    with pytest.MonkeyPatch.context() as patch:
        for kind in (keras.Model, MixGAN):
            patch.setattr(kind, "run_eagerly", always)
        patch.setattr(inference, "_compile_tensorflow", _eager)
        yield


def _eager(network):
    import tensorflow as tf

    from keras_mixgan.backends import inference

    def run(*arguments):
        inputs = inference._joined([tf.constant(x) for x in arguments])
        return tf.cast(network(inputs, training=False), tf.float32).numpy()

    return run


@pytest.fixture(scope="module")
def no_graphs():
    """Networks run eagerly, for files whose tests call them a few times.

    To trace a step takes as long as to take some thirty. Not for tests of
    hundreds of steps, such as those that train best responses.
    """
    with tracing_nothing():
        yield


@pytest.fixture
def no_graph():
    """The same for one test."""
    with tracing_nothing():
        yield


@pytest.fixture
def short_responses(monkeypatch):
    """Best responses train for two steps, in tests that only want a score."""
    from keras_mixgan.metrics import response

    train = response.train_discriminator

    def shortly(network, real, fake, payoff, steps=2, *rest, **more):
        train(network, real, fake, payoff, 2, *rest, **more)

    monkeypatch.setattr(response, "train_discriminator", shortly)


def _nothing(*arguments, **keywords):
    return Image.new("RGB", (1, 1))


def small_generator(latent_dim=3, dimension=2):
    return keras.Sequential(
        [
            keras.Input((latent_dim,)),
            layers.Dense(4, activation="tanh"),
            layers.Dense(dimension, activation="tanh"),
        ]
    )


def small_discriminator(dimension=2):
    return keras.Sequential(
        [
            keras.Input((dimension,)),
            layers.Dense(4, activation="tanh"),
            layers.Dense(1),
        ]
    )


def image_networks(num_classes=None, shape=(8, 8, 1), dropout=0.0):
    """A convolutional pair with batch normalization, conditional or not."""
    latents, labels = keras.Input((5,)), keras.Input((), dtype="int32")
    x = latents
    if num_classes:
        x = layers.Concatenate()([x, layers.Embedding(num_classes, 4)(labels)])
    x = layers.Dense(shape[0] * shape[1] * 4 // 4, use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    x = layers.Reshape((shape[0] // 2, shape[1] // 2, 4))(layers.ReLU()(x))
    x = layers.Conv2DTranspose(
        shape[2], 4, 2, "same", activation="tanh", dtype="float32"
    )(x)
    inputs = [latents, labels] if num_classes else latents
    generator = keras.Model(inputs, x)

    images = keras.Input(shape)
    y = layers.Conv2D(4, 4, 2, "same", use_bias=False)(images)
    y = layers.LeakyReLU(0.2)(layers.BatchNormalization()(y))
    y = layers.Flatten()(y)
    if dropout:
        y = layers.Dropout(dropout)(y)
    if num_classes:
        y = layers.Concatenate()([y, layers.Embedding(num_classes, 4)(labels)])
    y = layers.Dense(1, dtype="float32")(y)
    inputs = [images, labels] if num_classes else images
    return generator, keras.Model(inputs, y)


@pytest.fixture
def generator():
    return small_generator()


@pytest.fixture
def discriminator():
    return small_discriminator()


def images_of(folder, count=6, size=(40, 32)):
    """A folder of colour images of two classes, cat and dog."""
    rng = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (folder / name).mkdir(parents=True)
        for i in range(count):
            pixels = rng.integers(256, size=(*size, 3), dtype="uint8")
            Image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder
