"""The classifiers that scores look through, by name, path or Keras model.

A classifier score, FID and KID mean nothing without the classifier, so each
carries a name, a hash of its weights and a description of how images were
converted first. Only scores by TF-GAN's Inception are called "Inception
Score"; any other score is named after its classifier.
"""

import dataclasses
import functools
import hashlib
import importlib.util
import json
import os
import pathlib
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_mixgan.metrics import bundled
from keras_mixgan.presets import archives
from keras_mixgan.presets import refusals
from keras_mixgan.utils.errors import MissingPackageError
from keras_mixgan.utils.errors import UserError

OUTPUTS = ("logits", "pool_3")


@dataclasses.dataclass(frozen=True, eq=False)
class Classifier:
    """A network with logits and features, and the images that it expects.

    Args:
        name: What its scores are named after; "inception" is TF-GAN's.
        sha256: Hash of the network, hexadecimal.
        function: From float32 images, in the classifier's own size, channels
            and range, to a pair: logits (B, K) and features (B, F).
        image_size: (height, width) the images are resized to; `None` leaves
            them as they are.
        channels: 1 or 3; gray images are tiled to 3.
        value_range: Range of the images the network was trained on.

    Example:
    >>> import numpy as np
    >>> digits = load("digits")
    >>> images = np.zeros((2, 28, 28, 1), "float32")
    >>> logits, features = digits.logits_and_features(images)
    >>> logits.shape, features.shape
    ((2, 10), (2, 96))
    """

    name: str
    sha256: str
    function: Callable[[np.ndarray], tuple[Any, Any]]
    image_size: tuple[int, int] | None = None
    channels: int | None = 3
    value_range: tuple[float, float] = (-1.0, 1.0)

    def logits_and_features(
        self, images: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns logits (B, K) and features (B, F), float32.

        Args:
            images: Float32 (B, H, W, C) in [-1, 1].

        Raises:
            ValueError: The images have channels the classifier cannot take,
                or are points.
        """
        logits, features = self.function(self.convert(images))
        logits = np.asarray(logits, "float32")
        features = np.asarray(features, "float32")
        return logits, features.reshape(len(features), -1)

    def conversion(self, image_shape: tuple[int, ...]) -> str:
        """Describes what `convert` does to images of a shape, for reports."""
        self._check(image_shape)
        height, width, channels = image_shape
        steps = []
        if self.channels == 3 and channels == 1:
            steps.append("gray tiled to 3 channels")
        if self.image_size not in (None, (height, width)):
            steps.append(
                f"resized {height}x{width} to {self.image_size[0]}x"
                f"{self.image_size[1]} (bilinear"
                f"{', antialiased' if self._shrinks(height, width) else ''})"
            )
        if self.value_range != (-1.0, 1.0):
            steps.append(
                f"range [-1, 1] to [{self.value_range[0]:g}, "
                f"{self.value_range[1]:g}]"
            )
        return "; ".join(steps) or "none"

    def convert(self, images: np.ndarray) -> np.ndarray:
        """Returns images (B, H, W, C) in [-1, 1] as the network takes them."""
        self._check(images.shape[1:])
        _, height, width, channels = images.shape
        if self.channels == 3 and channels == 1:
            images = np.repeat(images, 3, axis=-1)
        if self.image_size not in (None, (height, width)):
            images = keras.ops.convert_to_numpy(
                keras.ops.image.resize(
                    images,
                    self.image_size,
                    interpolation="bilinear",
                    antialias=self._shrinks(height, width),
                    data_format="channels_last",
                )
            )
        low, high = self.value_range
        if (low, high) != (-1.0, 1.0):
            images = (images + 1) * np.float32((high - low) / 2) + low
        return np.asarray(images, "float32")

    def _shrinks(self, height: int, width: int) -> bool:
        return self.image_size[0] < height or self.image_size[1] < width

    def _check(self, image_shape: tuple[int, ...]) -> None:
        if len(image_shape) != 3:
            raise UserError(
                f"The classifier {self.name!r} takes images (height, width, "
                f"channels). Received: examples of shape {image_shape}"
            )
        channels = image_shape[-1]
        if channels not in (1, 3) or (self.channels == 1 and channels != 1):
            expected = "1 channel" if self.channels == 1 else "1 or 3 channels"
            raise UserError(
                f"The classifier {self.name!r} takes {expected}. Received: "
                f"images of shape {image_shape}"
            )


def load(
    classifier: Any,
    image_size: int | tuple[int, int] | None = None,
    value_range: tuple[float, float] = (-1.0, 1.0),
) -> Classifier:
    """Returns a classifier by name, path or model.

    Args:
        classifier: "digits", "fashion_mnist" or "cifar10", bundled;
            "inception", TF-GAN's module from TF-Hub, kept in
            `TFHUB_CACHE_DIR`; the folder of a SavedModel with outputs
            `logits` and `pool_3`, which is a program and runs as one; a
            `.keras` file, which may hold no code; a Keras model with such
            outputs, or one that ends in a dense layer; or a `Classifier`.
        image_size: Side, or (height, width), images are resized to, for a
            SavedModel or Keras model that does not fix its own.
        value_range: Range a SavedModel or Keras model was trained on.

    Raises:
        ValueError: Unknown name, missing file, missing outputs; a `.keras`
            file that is damaged, holds code, or refers to other files.
        OSError: Inception is not cached and cannot be downloaded; the
            message says where to put it.
    """
    if isinstance(classifier, Classifier):
        return classifier
    if isinstance(image_size, int):
        image_size = (image_size, image_size)
    value_range = (float(value_range[0]), float(value_range[1]))
    if isinstance(classifier, keras.Model):
        digest = _hash_keras(classifier)
        return from_keras(classifier, digest, image_size, value_range)
    if classifier in bundled.NAMES:
        return _bundled(classifier)
    if classifier == "inception":
        from keras_mixgan.metrics import inception_module

        path = inception_module.locate()
        return from_saved_model(str(path), (299, 299), name="inception")
    path = None
    if isinstance(classifier, (str, os.PathLike)):
        path = pathlib.Path(classifier)
    if path is not None and (path / "saved_model.pb").is_file():
        return from_saved_model(str(path), image_size, value_range)
    if path is not None and path.suffix == ".keras" and path.exists():
        saved = archives.check(path, "classifier", compiled=False)
        with refusals.one_line(
            "`classifier` must be a whole model. Received: "
            f"{path}, a {saved} that could not be loaded"
        ):
            model = keras.saving.load_model(path, compile=False, safe_mode=True)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return from_keras(model, digest, image_size, value_range)
    raise UserError(
        f"`classifier` must be one of {(*bundled.NAMES, 'inception')}, the "
        "folder of a SavedModel, a .keras file, a Keras model or a "
        f"Classifier. Received: classifier={classifier!r}"
    )


@functools.cache
def _bundled(name: str) -> Classifier:
    return from_keras(bundled.load(name), bundled.digest(name))


def from_keras(
    model: keras.Model,
    sha256: str,
    image_size: tuple[int, int] | None = None,
    value_range: tuple[float, float] = (-1.0, 1.0),
) -> Classifier:
    """Wraps a Keras model: named outputs, or a model ending in `Dense`.

    Args:
        model: One input (H, W, C); outputs a dictionary with `logits` and
            `pool_3`, or ends in a dense layer, whose inputs are then the
            features. Probabilities (softmax) are turned back into logits.
        sha256: SHA-256 of the model.
        image_size: See `load`.
        value_range: See `load`.

    Raises:
        ValueError: No such outputs, or not one image input.
    """
    shape = getattr(model, "input_shape", None)
    if not isinstance(shape, tuple) or len(shape) != 4:
        raise UserError(
            "`classifier` must be a Keras model with one input of images "
            f"(height, width, channels). Received: input shape {shape}"
        )
    if None not in shape[1:3]:
        image_size = shape[1:3]
    reader, probabilities = _reader(model)

    def function(images: np.ndarray) -> tuple[Any, Any]:
        outputs = reader.predict_on_batch(images)
        logits = outputs["logits"]
        if probabilities:
            # softmax(log p) = p, and the floor keeps log p finite.
            tiny = np.finfo("float32").tiny
            logits = np.log(np.maximum(logits, tiny))
        return logits, outputs["pool_3"]

    return Classifier(
        _own_name(model.name),
        sha256,
        function,
        image_size,
        shape[3],
        value_range,
    )


def _reader(model: keras.Model) -> tuple[keras.Model, bool]:
    """Returns a model with both outputs, and whether logits are softmaxed."""
    layers = keras.layers
    # A Sequential model has `outputs`, but no `output`.
    sequential = isinstance(model, keras.Sequential)
    named = None if sequential else model.output
    if isinstance(named, dict):
        if all(name in named for name in OUTPUTS):
            return model, False
        raise UserError(
            f"`classifier` must have outputs named {OUTPUTS}. Received: a "
            f"Keras model with outputs {sorted(named)}"
        )
    last = model.layers[-1]
    softmax = isinstance(last, layers.Softmax)
    dense = model.layers[-2] if softmax else last
    if len(model.outputs) != 1 or not isinstance(dense, layers.Dense):
        raise UserError(
            f"`classifier` must have outputs named {OUTPUTS} or end in a dense "
            f"layer. Received: a Keras model that ends in {type(last).__name__}"
        )
    activation = dense.activation
    if activation not in (keras.activations.linear, keras.activations.softmax):
        raise UserError(
            "`classifier` must end in logits or in a softmax over the classes. "
            "Received: a Keras model that ends in "
            f"{getattr(activation, '__name__', activation)}"
        )
    softmax = softmax or activation is keras.activations.softmax
    outputs = {"logits": model.outputs[0], "pool_3": dense.input}
    return keras.Model(model.inputs[0], outputs), softmax


def from_saved_model(
    path: str,
    image_size: tuple[int, int] | None = None,
    value_range: tuple[float, float] = (-1.0, 1.0),
    name: str | None = None,
) -> Classifier:
    """Wraps a SavedModel with outputs `logits` and `pool_3`.

    Args:
        path: Its folder.
        image_size: See `load`; a fixed size in its signature wins.
        value_range: See `load`.
        name: `None` for the folder's name.

    Raises:
        ValueError: It has no such outputs.
    """
    if importlib.util.find_spec("tensorflow") is None:
        raise MissingPackageError(
            "`classifier` is a SavedModel, which needs TensorFlow: `pip "
            "install tensorflow`. Without it, give a `.keras` file or a Keras "
            f"model. Received: classifier={path!r}"
        )
    import tensorflow as tf

    loaded = tf.saved_model.load(path)
    signature = getattr(loaded, "signatures", {}).get("serving_default")
    # TF-Hub modules are called; a plain export may have a signature alone.
    call = loaded if callable(loaded) else signature
    channels = 3
    if signature is not None:
        specs = list(signature.structured_input_signature[1].values())
        if specs and specs[0].shape.rank == 4:
            size = tuple(specs[0].shape.as_list()[1:])
            channels = size[2] or 3
            image_size = size[:2] if None not in size[:2] else image_size

    def function(images: np.ndarray) -> tuple[Any, Any]:
        outputs = call(tf.constant(images))
        return outputs["logits"], outputs["pool_3"]

    if call is None:
        raise UserError(
            f"`classifier` must have outputs named {OUTPUTS}. Received: a "
            f"SavedModel that cannot be called, {path!r}"
        )
    side = image_size or (32, 32)
    probe = call(tf.zeros((1, *side, channels)))
    names = sorted(probe) if isinstance(probe, dict) else [type(probe).__name__]
    if any(output not in names for output in OUTPUTS):
        raise UserError(
            f"`classifier` must have outputs named {OUTPUTS}. Received: a "
            f"SavedModel with outputs {names}, {path!r}"
        )
    name = name or _own_name(pathlib.Path(path).resolve().name)
    digest = _hash_folder(pathlib.Path(path))
    return Classifier(name, digest, function, image_size, channels, value_range)


def _own_name(name: str) -> str:
    """A user's classifier's name: "inception" is that of TF-GAN's alone."""
    return f"own {name}" if name == "inception" else name


def _hash_folder(folder: pathlib.Path) -> str:
    """Hashes a SavedModel's graph, variables and assets, with their names."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        # A fingerprint is a new random number at every save.
        if path.is_file() and path.name != "fingerprint.pb":
            digest.update(str(path.relative_to(folder)).encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _hash_keras(model: keras.Model) -> str:
    """Hashes a Keras model's configuration and weights."""
    digest = hashlib.sha256()
    try:
        config = model.get_config()
    except NotImplementedError:  # A subclassed model: use its class.
        config = type(model).__name__
    digest.update(json.dumps(config, sort_keys=True, default=str).encode())
    for weights in model.get_weights():
        digest.update(np.ascontiguousarray(weights).data)
    return digest.hexdigest()
