"""keras-mixgan: mixtures of GANs, trained with `model.fit`."""

import importlib
import importlib.util
import os
import sys
from typing import TYPE_CHECKING

from keras_mixgan._version import __version__
from keras_mixgan.utils import collector

# TensorFlow leaves oneDNN off on processors without AVX-512, where it makes a
# step about 1.8 times faster. It reads this when it is first imported.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")


def _choose_backend() -> None:
    """Chooses JAX if no backend was chosen and TensorFlow is missing.

    Keras would take TensorFlow, its default, and fail. The backend in
    `~/.keras/keras.json` is ignored: Keras writes its default there itself.
    """
    if "KERAS_BACKEND" in os.environ or "keras" in sys.modules:
        return
    if importlib.util.find_spec("tensorflow") is None and (
        importlib.util.find_spec("jax") is not None
    ):
        os.environ["KERAS_BACKEND"] = "jax"


_choose_backend()

# Imported at first use: these need TensorFlow or Matplotlib, which the model
# does not, and would make the import slow.
_LAZY = {
    "callbacks": "training.callbacks",
    "data": "data",
    "distribution": "distribution",
    "metrics": "metrics",
    "plotting": "utils.plotting",
    "runs": "cli.runs",
}


def _is_command() -> bool:
    """Whether this import is the start of the program `keras-mixgan`.

    Python puts "-m" in place of the program's name while it looks for the
    package of `python -m keras_mixgan`.
    """
    name = os.path.basename(sys.argv[0]) if sys.argv else ""
    if name == "-m":
        after = sys.orig_argv.index("-m") + 1
        return sys.orig_argv[after : after + 1] == ["keras_mixgan"]
    return name.partition(".")[0] == "keras-mixgan"


# The program reads its flags, and answers --help, before it loads Keras. Other
# imports load it at once: Keras knows the class of a saved MixGAN only once
# that has been imported.
if not _is_command():
    with collector.paused():
        from keras_mixgan import architectures
        from keras_mixgan.data import sources
        from keras_mixgan.game import auxiliary
        from keras_mixgan.game import payoffs
        from keras_mixgan.game.payoffs import PairwisePayoff
        from keras_mixgan.game.payoffs import Payoff
        from keras_mixgan.mixgan import MixGAN
        from keras_mixgan.presets.folders import list_presets
        from keras_mixgan.training.usage import UsageWarning
        from keras_mixgan.utils.errors import NonFiniteError

if TYPE_CHECKING:
    from keras_mixgan import data
    from keras_mixgan import distribution
    from keras_mixgan import metrics
    from keras_mixgan.cli import runs
    from keras_mixgan.training import callbacks
    from keras_mixgan.utils import plotting

__all__ = [
    "MixGAN",
    "NonFiniteError",
    "PairwisePayoff",
    "Payoff",
    "UsageWarning",
    "__version__",
    "architectures",
    "auxiliary",
    "callbacks",
    "data",
    "distribution",
    "list_presets",
    "metrics",
    "payoffs",
    "plotting",
    "runs",
    "sources",
]


def __getattr__(name):
    if name in _LAZY:
        return importlib.import_module(f"keras_mixgan.{_LAZY[name]}")
    raise AttributeError(f"module 'keras_mixgan' has no attribute {name!r}")


def __dir__():
    return __all__
