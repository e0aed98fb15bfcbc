"""Finds TF-GAN's Inception module on this machine, or downloads it."""

import hashlib
import os
import pathlib
import tempfile

from keras_mixgan.metrics import tfgan


def locate() -> pathlib.Path:
    """Returns the folder of TF-GAN's Inception SavedModel.

    If it is not in TensorFlow Hub's cache (`TFHUB_CACHE_DIR`, or a folder
    under the temporary directory), TensorFlow Hub downloads it. If that fails,
    an OSError says where to put it by hand. Without TensorFlow Hub it is an
    ImportError.
    """
    folder = cache_folder()
    if (folder / "saved_model.pb").is_file():
        return folder
    try:
        return pathlib.Path(tfgan.hub().resolve(tfgan.INCEPTION_URL))
    except ImportError:
        raise
    except Exception as error:  # The class depends on the protocol.
        raise OSError(
            "`classifier='inception'` needs TF-GAN's Inception module, which "
            f"is not in {folder} and was not downloaded ({error}). Offline: "
            f"on a machine with a network, download {tfgan.INCEPTION_URL}"
            "?tf-hub-format=compressed, and unpack that archive into "
            f"{folder}, so that saved_model.pb lies directly in it "
            "(TFHUB_CACHE_DIR changes the folder). Or name another "
            "`classifier`: 'digits', 'fashion_mnist', 'cifar10', or the folder "
            "of a SavedModel with outputs `logits` and `pool_3`."
        ) from error


def cache_folder() -> pathlib.Path:
    """Returns the folder TensorFlow Hub caches the module in."""
    base = os.environ.get("TFHUB_CACHE_DIR") or os.path.join(
        tempfile.gettempdir(), "tfhub_modules"
    )
    name = hashlib.sha1(tfgan.INCEPTION_URL.encode()).hexdigest()
    return pathlib.Path(base).expanduser() / name
