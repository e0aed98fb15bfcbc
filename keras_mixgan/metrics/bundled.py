"""The bundled classifiers: one small network, weights of two data sets.

The weights are NumPy arrays in `assets/`, kernels in half precision. They are
not `.keras` files, because those of a newer Keras do not load in an older one.
`tools/train_classifiers.py` makes them and records their accuracy.
"""

import pathlib

import keras
import numpy as np

NAMES = ("digits", "fashion_mnist")
ASSETS = pathlib.Path(__file__).parents[1] / "assets"
# (channels, convolutions) of each resolution: 28, 14 and 7 pixels.
STAGES = ((24, 1), (48, 2), (96, 2))


def path(name: str) -> pathlib.Path:
    """Returns the file of a bundled classifier's weights."""
    return ASSETS / f"{name}_classifier.npz"


def build(name: str) -> keras.Model:
    """Builds the untrained network: (28, 28, 1) in [-1, 1] to two outputs.

    The outputs have the names of TF-GAN's Inception module: `logits` (10) and
    `pool_3` (96), the global average of the last feature map.

    Args:
        name: The name of the model.

    Example:
    >>> sorted(build("digits").output)
    ['logits', 'pool_3']
    """
    layers = keras.layers
    x = inputs = keras.Input((28, 28, 1), name="images")
    for stage, (width, depth) in enumerate(STAGES):
        if stage:
            x = layers.MaxPooling2D(2, name=f"shrink_{stage}")(x)
        for i in range(depth):
            place = f"{stage}_{i}"
            x = layers.Conv2D(
                width, 3, padding="same", use_bias=False, name=f"conv_{place}"
            )(x)
            x = layers.BatchNormalization(momentum=0.95, name=f"norm_{place}")(
                x
            )
            x = layers.ReLU(name=f"relu_{place}")(x)
    pool = layers.GlobalAveragePooling2D(name="pool_3")(x)
    x = layers.Dropout(0.3, name="dropout")(pool)
    logits = layers.Dense(10, name="logits")(x)
    return keras.Model(inputs, {"logits": logits, "pool_3": pool}, name=name)


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
    """Builds the network with the weights of a file.

    Args:
        name: "digits" or "fashion_mnist".
        file: File of the weights; `None` for the bundled one.
    """
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
