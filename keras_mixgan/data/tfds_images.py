"""Image data sets of TensorFlow Datasets, as NumPy arrays."""

import contextlib
import os
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_mixgan.data import crops
from keras_mixgan.utils.errors import MissingPackageError
from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.errors import first_line

# A data set, with its config and version if any. TFDS would take arguments of
# its builder from a name, or hand it to the Hugging Face hub, which may run
# code; and a preset of somebody else brings the name of its source.
_NAME = re.compile(
    r"[A-Za-z]\w*(/[\w.+-]+)?(:(\d+|\*)(\.(\d+|\*)){2})?", re.ASCII
)


def load(
    name: str,
    split: str,
    image_size: int | None,
    crop_size: int | None,
    data_dir: str | os.PathLike[str] | None,
    bundled_names: tuple[str, ...],
) -> tuple[np.ndarray, np.ndarray | None, tuple[str, ...] | None]:
    """Reads one split of a TFDS data set with an "image" feature.

    Images are uint8 (N, height, width, channels) in TFDS's order, gray or RGB.
    Labels int32 (N,) and class names are there where "label" is a class. It is
    an OSError if the data set is not prepared and cannot be fetched. An
    ImportError names the module that is missing.

    `name` may have a config or version ("celeb_a_hq/256"), `split` slices
    ("train[:10%]"). Images are cropped to the largest square if only
    `image_size` is given. Without `data_dir`, TFDS_DATA_DIR or TFDS's own
    folder is read. `bundled_names` are other sources, for messages.
    """
    builder = _builder(name, data_dir, bundled_names)
    features = builder.info.features
    has_labels = _check_features(name, features)
    _prepare(builder, name)
    _check_split(builder, name, split)
    labels: list[int] = []

    def images() -> Iterator[np.ndarray]:
        for example in _examples(builder, split, has_labels):
            if has_labels:
                labels.append(int(example["label"]))
            yield example["image"]

    known = builder.info.splits  # TFDS's mock data have none.
    pixels = crops.crop_and_resize_all(
        images(), image_size, crop_size, f"{name} {split}",
        count=known[split].num_examples if known else None,
    )  # fmt: skip
    # TFDS writes -1 for a class that a test split keeps secret.
    if not has_labels or min(labels) < 0:
        return pixels, None, None
    return pixels, np.asarray(labels, np.int32), tuple(features["label"].names)


def _builder(
    name: str,
    data_dir: str | os.PathLike[str] | None,
    bundled_names: tuple[str, ...],
) -> Any:
    bundled = ", ".join(map(repr, bundled_names))
    try:
        import tensorflow_datasets as tfds
    except ImportError as error:
        _check_modules(error, name)
        raise MissingPackageError(
            f"`source` {name!r} is neither bundled ({bundled}) nor an "
            "existing folder or .npz file, so it is read through TensorFlow "
            "Datasets. Install it with: pip install tensorflow "
            "tensorflow-datasets"
        ) from error
    # Read here: TFDS reads the variable only once, when it is imported.
    data_dir = data_dir or os.environ.get("TFDS_DATA_DIR") or None
    try:
        if not _NAME.fullmatch(name):
            raise UserError("a name is NAME, NAME/CONFIG or NAME/CONFIG:1.0.0")
        return tfds.builder(name, data_dir=data_dir, try_gcs=False)
    except ImportError as error:
        _check_modules(error, name)
        raise
    # TFDS itself raises an AssertionError or a TypeError for some names.
    except (
        *(tfds.core.DatasetNotFoundError, ValueError),
        *(AssertionError, TypeError),
    ) as error:
        raise UserError(
            f"`source` must be a bundled source ({bundled}), a folder of "
            "images, a .npz file, or an image data set of TensorFlow Datasets "
            f"(tfds.list_builders()). Received: source={name!r} "
            f"({first_line(error)})"
        ) from error


def _check_modules(error: BaseException | None, name: str) -> None:
    """Names the missing module, if that is the cause of an error."""
    while error is not None:
        module = getattr(error, "name", None)
        if isinstance(error, ModuleNotFoundError) and module not in (
            "tensorflow",
            "tensorflow_datasets",
        ):
            raise MissingPackageError(
                f"`source` {name!r} needs a module that is not installed, "
                f"{module}: it is read through TensorFlow Datasets, which "
                f"imports it. Install it with: pip install {module}"
            ) from error
        error = error.__cause__ or error.__context__


def _check_features(name: str, features: Any) -> bool:
    """Checks the image feature; returns whether there are class labels."""
    import tensorflow_datasets as tfds

    # A FeaturesDict is not a Mapping: it has no `get`.
    features = dict(features.items()) if hasattr(features, "items") else {}
    image = features.get("image")
    if not isinstance(image, tfds.features.Image):
        raise UserError(
            "`source` must be a TFDS data set with an 'image' feature. "
            f"Received: source={name!r} with {sorted(features)}"
        )
    if image.np_dtype != np.uint8 or image.shape[-1] not in (1, 3):
        raise UserError(
            "`source` must hold 8-bit images of 1 or 3 channels. Received: "
            f"source={name!r} with {image.np_dtype.__name__} {image.shape}"
        )
    return isinstance(features.get("label"), tfds.features.ClassLabel)


def _prepare(builder: Any, name: str) -> None:
    folder = pathlib.Path(builder.data_dir)
    made = [folder]
    for parent in folder.parents:
        made += [parent / "downloads/extracted", parent / "downloads", parent]
    made = [path for path in made if not path.exists()]
    try:
        builder.download_and_prepare()
    except Exception as error:  # TFDS passes on all errors of its downloader.
        for path in made:
            with contextlib.suppress(OSError):
                path.rmdir()  # Only empty folders can be.
        _check_modules(error, name)
        raise OSError(
            f"TFDS data set {name!r} is not prepared in {builder.data_dir} "
            "and could not be fetched: set TFDS_DATA_DIR or `data_dir` to a "
            "folder that holds it, or connect to the network. "
            f"({first_line(error)})"
        ) from error


def _check_split(builder: Any, name: str, split: str) -> None:
    if not builder.info.splits:  # TFDS's mocks have no metadata.
        return
    try:
        num_examples = builder.info.splits[split].num_examples
    except (KeyError, ValueError, TypeError) as error:
        known = ", ".join(repr(known) for known in sorted(builder.info.splits))
        raise UserError(
            f"`split` must be one of {known}, or a slice of one, for source "
            f"{name!r}. Received: split={split!r}"
        ) from error
    if not num_examples:
        raise UserError(
            f"`split` must hold images. Received: split={split!r}, empty in "
            f"{name!r}"
        )


def _examples(
    builder: Any, split: str, has_labels: bool
) -> Iterator[dict[str, np.ndarray]]:
    """Yields examples of "image" and, if asked, "label", in a fixed order."""
    import tensorflow_datasets as tfds

    keys = ("image", "label") if has_labels else ("image",)
    dataset = builder.as_dataset(split=split, shuffle_files=False)
    dataset = dataset.map(lambda example: {key: example[key] for key in keys})
    if None in builder.info.features["image"].shape:
        yield from tfds.as_numpy(dataset)
        return
    # Images of one size are read in batches: ten times fewer Python steps.
    for batch in tfds.as_numpy(dataset.batch(512)):
        for index in range(len(batch["image"])):
            yield {key: batch[key][index] for key in keys}
