"""Outputs of a classifier on many images: logits and features, in batches.

Activations of real data are kept on disk, in `$KERAS_MIXGAN_CACHE` or
`~/.cache/keras_mixgan`, under a key made of the images, the classifier and
the conversion, so that a second score of the same data does not run the
classifier again. The oldest files give way to new ones.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import zipfile
from collections.abc import Callable

import numpy as np

from keras_mixgan.metrics.classifiers import Classifier
from keras_mixgan.metrics.samples import Samples
from keras_mixgan.utils import atomic
from keras_mixgan.utils import cache as cache_files

# Part of every key: increase it when older files must not be read.
FORMAT = 2
# The most that is kept. Inception's features of 50,000 images take 0.6 GB.
MOST_BYTES = 2 * 1024**3


@dataclasses.dataclass(frozen=True, eq=False)
class Activations:
    """A classifier's outputs on a sequence of images.

    Args:
        logits: Float32 (N, K).
        features: Float32 (N, F).
        classifier: Name of the classifier.
        sha256: Its hash.
        conversion: What was done to the images first.
        step: The step of the model that made the images; `None` of data.
    """

    logits: np.ndarray
    features: np.ndarray
    classifier: str
    sha256: str
    conversion: str
    step: int | None = None

    def __len__(self) -> int:
        return len(self.logits)

    def rows(self, rows: slice) -> "Activations":
        """Returns the outputs on some of the images."""
        return dataclasses.replace(
            self, logits=self.logits[rows], features=self.features[rows]
        )

    @property
    def details(self) -> dict:
        """What a score records of its origin, ready for JSON."""
        return {
            "num_images": len(self),
            "classifier": self.classifier,
            "classifier_sha256": self.sha256,
            "conversion": self.conversion,
        }


def activations(
    samples: Samples,
    classifier: Classifier,
    batch_size: int = 128,
    keep: bool = False,
    progress: Callable[[int], None] | None = None,
) -> Activations:
    """Runs a classifier over images, or returns its stored outputs.

    They do not depend on the batch size. With `keep`, for real data, they are
    kept on disk, in the data set's order: any seed's order finds them.
    `progress` is called with the number of images done, batch by batch.
    """
    conversion = classifier.conversion(samples.image_shape)
    # A model that has been trained since makes other images.
    step = getattr(samples.model, "step", None)
    memo = ("activations", classifier.sha256, conversion)
    kept = samples.memo.get(memo)
    if kept is None or kept.step != step:
        if keep and samples.model is None:
            outputs = _kept(samples, classifier, batch_size, progress)
        else:
            outputs = _run(samples, classifier, batch_size, progress)
        kept = samples.memo[memo] = Activations(
            *outputs, classifier.name, classifier.sha256, conversion, step
        )
    elif progress is not None:
        progress(samples.num_images)
    return kept


def _kept(
    samples: Samples,
    classifier: Classifier,
    batch_size: int,
    progress: Callable[[int], None] | None,
) -> tuple[np.ndarray, np.ndarray]:
    """Outputs that are on disk, or are there from now on."""
    unshuffled, places = samples.unshuffled()
    conversion = classifier.conversion(samples.image_shape)
    data = unshuffled.fingerprint()
    key = json.dumps([FORMAT, data, classifier.sha256, conversion])
    digest = hashlib.sha256(key.encode()).hexdigest()
    path = cache_files.folder("activations") / f"{digest}.npz"
    outputs = _read(path, samples.num_images)
    if outputs is None:
        outputs = _run(unshuffled, classifier, batch_size, progress)
        # The cache only saves time: a full disk is no error of a score.
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic.replacing(path) as partial:
                np.savez(partial, logits=outputs[0], features=outputs[1])
            cache_files.trim(path.parent, MOST_BYTES)
    elif progress is not None:
        progress(samples.num_images)
    logits, features = outputs
    return logits[places], features[places]


def _run(
    samples: Samples,
    classifier: Classifier,
    batch_size: int,
    progress: Callable[[int], None] | None,
) -> tuple[np.ndarray, np.ndarray]:
    logits = features = None
    done = 0
    for batch in samples.batches(batch_size):
        some_logits, some_features = classifier.logits_and_features(batch)
        if logits is None:
            rows = samples.num_images
            logits = np.empty((rows, some_logits.shape[1]), "float32")
            features = np.empty((rows, some_features.shape[1]), "float32")
        logits[done : done + len(batch)] = some_logits
        features[done : done + len(batch)] = some_features
        done += len(batch)
        if progress is not None:
            progress(len(batch))
    return logits, features


def _read(
    path: pathlib.Path, num_images: int
) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns what a file holds, `None` if it is missing or damaged."""
    try:
        # Reading a zip member verifies its checksum. NumPy leaves a damaged
        # file open if it opened the file itself.
        with open(path, "rb") as file, np.load(file) as arrays:
            logits, features = arrays["logits"], arrays["features"]
        os.utime(path)  # `trim` takes those that are not read.
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    whole = len(logits) == len(features) == num_images
    return (logits, features) if whole and logits.ndim == 2 else None
