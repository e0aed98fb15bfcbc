"""The bundled classifiers: two small networks, weights of three data sets.

The weights are NumPy arrays in `assets/`, kernels in half precision. They are
not `.keras` files, because those of a newer Keras do not load in an older one.
`tools/train_classifiers.py` makes them and records their accuracy.
"""

import hashlib
import pathlib

import keras
import numpy as np

from keras_mixgan.backends import policies

ASSETS = pathlib.Path(__file__).parents[1] / "assets"
# (channels, convolutions) of each resolution: 28, 14 and 7 pixels.
STAGES = ((24, 1), (48, 2), (96, 2))
# Channels of each residual stage: 16, 8 and 4 pixels.
RESIDUAL_STEM = 32
RESIDUAL_STAGES = (64, 128, 256)


def path(name: str) -> pathlib.Path:
    """Returns the file of a bundled classifier's weights."""
    return ASSETS / f"{name}_classifier.npz"


def digest(name: str) -> str | None:
    """The SHA-256 of a bundled classifier's file; `None` for other names.

    Example:
    >>> len(digest("digits")), digest("inception")
    (64, None)
    """
    if name not in NAMES:
        return None
    return hashlib.sha256(path(name).read_bytes()).hexdigest()


def build(
    name: str, dtype: str = "float32", wider: int = 1, mirrors: bool = True
) -> keras.Model:
    """Builds one of `NAMES`, untrained: images in [-1, 1] to two outputs.

    The outputs have the names of TF-GAN's Inception module: `logits` (10) and
    `pool_3`, the global average of the last feature map: 96 features of gray
    images (28, 28, 1), 256 of colour images (32, 32, 3). The network of colour
    images sees each image and its mirror, and takes the mean of their features.

    For a training, `dtype` is the policy, `wider` multiplies the channels, and
    without `mirrors` it sees images as they are.

    Example:
    >>> sorted(build("digits").output)
    ['logits', 'pool_3']
    """
    shape, body, dropout, mirrored = _NETWORKS[name]
    # A score must not depend on the policy of the networks that it judges.
    with policies.policy(dtype):
        inputs = keras.Input(shape, name="images")
        mirrors = mirrors and mirrored
        images = inputs
        if mirrors:  # After the images: (2 B, H, W, C).
            flipped = keras.ops.flip(inputs, axis=2)
            images = keras.ops.concatenate([inputs, flipped])
        features = body(images, wider)
        pool = keras.layers.GlobalAveragePooling2D(name="pool_3")(features)
        if mirrors:
            pool = keras.ops.reshape(pool, (2, -1, pool.shape[-1]))
            pool = keras.ops.mean(pool, axis=0)
        x = keras.layers.Dropout(dropout, name="dropout")(pool)
        logits = keras.layers.Dense(10, name="logits", dtype="float32")(x)
        outputs = {"logits": logits, "pool_3": pool}
        return keras.Model(inputs, outputs, name=name)


def _plain(x, wider: int):
    """Convolutions, smaller from stage to stage."""
    for stage, (width, depth) in enumerate(STAGES):
        if stage:
            x = keras.layers.MaxPooling2D(2, name=f"shrink_{stage}")(x)
        for i in range(depth):
            x = _convolution(x, wider * width, f"{stage}_{i}")
    return x


def _residual(x, wider: int):
    """A convolution that shrinks, and two around which the signal may go."""
    x = _convolution(x, wider * RESIDUAL_STEM, "stem")
    for stage, width in enumerate(RESIDUAL_STAGES):
        x = _convolution(x, wider * width, f"{stage}_0", shrink=True)
        y = _convolution(x, wider * width, f"{stage}_1")
        y = _convolution(y, wider * width, f"{stage}_2")
        x = keras.layers.Add(name=f"add_{stage}")([x, y])
    return x


def _convolution(x, width: int, place: str, shrink: bool = False):
    layers = keras.layers
    x = layers.Conv2D(
        width, 3, padding="same", use_bias=False, name=f"conv_{place}"
    )(x)
    if shrink:
        x = layers.MaxPooling2D(2, name=f"shrink_{place}")(x)
    x = layers.BatchNormalization(momentum=0.95, name=f"norm_{place}")(x)
    return layers.ReLU(name=f"relu_{place}")(x)


# Name -> shape of the images, network, rate of dropout, whether it sees
# mirrors: a mirrored digit is none.
_NETWORKS = {
    "digits": ((28, 28, 1), _plain, 0.3, False),
    "fashion_mnist": ((28, 28, 1), _plain, 0.3, False),
    "cifar10": ((32, 32, 3), _residual, 0.2, True),
}
NAMES = tuple(_NETWORKS)


def save(model: keras.Model, file: pathlib.Path) -> None:
    """Writes the weights of a `build` network, kernels in half precision."""
    arrays = {}
    for key, variable in _variables(model).items():
        value = keras.ops.convert_to_numpy(variable)
        # Statistics of batch normalization may be too small for float16.
        kernel = variable.name == "kernel"
        arrays[key] = value.astype("float16" if kernel else "float32")
    np.savez_compressed(file, **arrays)


def load(name: str, file: pathlib.Path | None = None) -> keras.Model:
    """Builds one of `NAMES` with the weights of a file, or the bundled ones."""
    model = build(name)
    with np.load(file or path(name)) as arrays:
        for key, variable in _variables(model).items():
            variable.assign(arrays[key].astype("float32"))
    return model


def _variables(model: keras.Model) -> dict[str, keras.Variable]:
    return {
        f"{layer.name}.{variable.name}": variable
        for layer in model.layers
        for variable in layer.weights
    }
