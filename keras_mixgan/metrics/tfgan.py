"""TF-GAN's evaluation modules, on any Python and TensorFlow we support.

TF-GAN 2.1.0, the last release, holds the field's own implementations of the
Inception Score, FID, KID and sliced Wasserstein distance. `import
tensorflow_gan` fails on TensorFlow 2.16 and later, because its `__init__`
imports `tf.estimator` (tensorflow/gan#55), and on Python 3.12 and later,
because of `distutils`. The evaluation modules need neither.

They are therefore executed here without their parent packages, with a special
`__import__`: it finds "tensorflow_gan..." in a private table of this file and
leaves everything else to Python. Nothing enters `sys.modules`, so no other
thread, and no `import tensorflow_gan` of the user, ever sees a partly loaded
TF-GAN.

This is the only file that touches TF-GAN.
"""

import builtins
import contextlib
import importlib.util
import logging
import os
import sys
import threading
import types
import warnings
from collections.abc import Iterator

import keras

from keras_mixgan.utils.errors import MissingPackageError
from keras_mixgan.utils.versions import installed

INCEPTION_URL = "https://tfhub.dev/tensorflow/tfgan/eval/inception/1"

_PACKAGE = "tensorflow_gan"
_INSTALL = (
    "Scores are computed by TF-GAN. Install it with "
    '`pip install "tensorflow-gan>=2.1" "tensorflow-probability>=0.25" '
    "tf-keras`."
)
_lock = threading.RLock()
_modules: dict[str, types.ModuleType] = {}


def module(name: str) -> types.ModuleType:
    """Returns a module of scores, run from the installed TF-GAN's own file.

    It is loaded on first use. If TF-GAN or TensorFlow Probability is missing,
    an ImportError says how to install them.

    Example:
    >>> import tensorflow as tf
    >>> metrics = module("classifier_metrics")
    >>> logits = tf.constant([[9.0, 0.0], [0.0, 9.0]], tf.float64)
    >>> round(float(metrics.classifier_score_from_logits(logits)), 2)
    2.0
    """
    check_tensorflow()
    return _load(f"{_PACKAGE}.python.eval.{name}")


def check_tensorflow() -> None:
    """Raises ImportError, with what to install, if TensorFlow is missing."""
    if importlib.util.find_spec("tensorflow") is None:
        raise MissingPackageError(
            "This score needs TF-GAN and TensorFlow. Install both with "
            '`pip install tensorflow "tensorflow-gan>=2.1" '
            '"tensorflow-probability>=0.25" tf-keras`.'
        )


def in_use() -> bool:
    """Whether TF-GAN computes scores: if Keras itself runs on TensorFlow.

    Otherwise `arithmetic` does, by the same formulas, so that a program on JAX
    does not load TensorFlow and share the GPU's memory with it.
    """
    return keras.backend.backend() == "tensorflow"


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppresses TensorFlow's log of deprecated functions in TF-GAN."""
    logger = logging.getLogger("tensorflow")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def hub() -> types.ModuleType:
    """Returns TensorFlow Hub, by which TF-GAN loads Inception.

    TensorFlow Hub 0.16.1 compares versions by `pkg_resources`, which current
    setuptools no longer ships. If it is missing, a stand-in with the one
    function that is needed replaces it during the import.

    An ImportError means that TensorFlow Hub or tf-keras is not installed.
    """
    with _lock:
        stand_in = None
        try:
            missing = importlib.util.find_spec("pkg_resources") is None
        except ValueError:  # There is already a stand-in without a spec.
            missing = False
        if missing and "tensorflow_hub" not in sys.modules:
            stand_in = types.ModuleType("pkg_resources")
            stand_in.parse_version = _parse_version
            sys.modules["pkg_resources"] = stand_in
        try:
            return _quiet_import("tensorflow_hub")
        finally:
            if stand_in is not None:
                del sys.modules["pkg_resources"]


def _load(name: str) -> types.ModuleType:
    """Executes a TF-GAN module by its full name, once."""
    with _lock:
        if name in _modules:
            return _modules[name]
        path = _path(name)
        loaded = types.ModuleType(name)
        loaded.__file__ = path
        loaded.__package__ = name.rpartition(".")[0]
        # CPython looks `__import__` up in the module's own builtins, so this
        # module alone imports differently.
        loaded.__builtins__ = {**vars(builtins), "__import__": _import}
        with open(path, "rb") as file:
            code = compile(file.read(), path, "exec", dont_inherit=True)
        exec(code, vars(loaded))
        _modules[name] = loaded
        return loaded


def _path(name: str) -> str:
    """Returns the file of a TF-GAN module, importing none of its parents."""
    # For a name without dots, find_spec executes nothing.
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingPackageError(f"`{_PACKAGE}` is not installed. {_INSTALL}")
    parts = name.split(".")[1:]
    for root in spec.submodule_search_locations:
        path = os.path.join(root, *parts) + ".py"
        if os.path.exists(path):
            return path
    version = installed("tensorflow-gan") or "of no known version"
    raise MissingPackageError(
        f"The installed TF-GAN {version} has no module {name}; this package "
        f"reads TF-GAN 2.1. {_INSTALL}"
    )


def _import(name, globals=None, locals=None, fromlist=(), level=0):
    """`__import__` as TF-GAN's modules see it."""
    if name.partition(".")[0] == _PACKAGE:
        package = types.SimpleNamespace()
        for attribute in fromlist:
            setattr(package, attribute, _load(f"{name}.{attribute}"))
        return package
    if name == "tensorflow_hub":
        return hub()
    if name == "tensorflow_probability":
        return _quiet_import(name)
    return builtins.__import__(name, globals, locals, fromlist, level)


def _quiet_import(name: str) -> types.ModuleType:
    """Imports a package that TF-GAN needs, without its deprecation noise."""
    try:
        with warnings.catch_warnings():
            # TensorFlow Probability reads TensorFlow's version by distutils
            # and tf-keras deprecates itself: the user can change neither.
            warnings.simplefilter("ignore")
            imported = importlib.import_module(name)
            if name == "tensorflow_probability":
                _ = imported.stats.covariance  # Loaded on first use.
            return imported
    except ImportError as error:
        raise MissingPackageError(
            f"`{name}` cannot be imported ({error}). {_INSTALL}"
        ) from error


def _parse_version(text: str) -> tuple[int, ...]:
    """Returns the numeric parts of a version, which TF Hub compares."""
    return tuple(int(part) for part in text.split(".")[:2] if part.isdigit())
