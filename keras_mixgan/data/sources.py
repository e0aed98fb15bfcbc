"""Training data by name, as NumPy arrays in memory.

A source is what `load_source` returns: every example, decoded, cropped and
resized, with its labels. All images are uint8 in memory: a batch then costs a
copy instead of a decode, and every bad file is found before training starts.
For data larger than memory, pass a `tf.data.Dataset` of your own to
`MixGAN.fit`.

Nothing here needs TensorFlow; TensorFlow Datasets is imported only to load one
of its data sets.
"""

import contextlib
import dataclasses
import functools
import importlib.resources
import os
import pathlib
import re
from collections.abc import Callable

import numpy as np

from keras_mixgan.data import array_files
from keras_mixgan.data import crops
from keras_mixgan.data import image_files
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

RING_MODES = 8
RING_RADIUS = 0.8
RING_STD = 0.02
GRID_SIDE = 5
GRID_EXTENT = 0.8
GRID_STD = 0.02
NUM_POINTS = 20_000
POINT_SPLITS = ("train", "test")


@dataclasses.dataclass(frozen=True, eq=False)
class Source:
    """A data set in memory.

    Attributes:
        name: What it is called in messages.
        images: uint8 (N, height, width, channels) in 0..255, or float32
            (N, features) in [-1, 1] for points.
        labels: int32 (N,), or None; -1 is an unknown label.
        label_names: One name per class, or None.
        skipped: One line per file that was left out, see `load_source`.
        split: The split that was loaded, or None where nothing is known.
        crop_size: The side of the centre crop, as of `load_source`.
    """

    name: str
    images: np.ndarray
    labels: np.ndarray | None = None
    label_names: tuple[str, ...] | None = None
    skipped: tuple[str, ...] = ()
    split: str | None = None
    crop_size: int | None = None

    def __post_init__(self) -> None:
        images = self.images
        is_image = images.ndim == 4 and images.dtype == np.uint8
        is_point = images.ndim == 2 and images.dtype == np.float32
        if not (is_image or is_point):
            raise UserError(
                "`images` must be uint8 (N, height, width, channels) or "
                f"float32 (N, features). Received: {images.dtype} "
                f"{images.shape}"
            )
        labels = self.labels
        if labels is None:
            return
        if labels.dtype != np.int32 or labels.shape != images.shape[:1]:
            raise UserError(
                f"`labels` must be int32 ({len(images)},), one for each "
                f"image. Received: {labels.dtype} {labels.shape}"
            )
        most = max(len(images), array_files.MOST_CLASSES)
        if self.label_names is not None:
            most = len(self.label_names)
        array_files.check_labels(labels, most, self.name, -1)

    def __len__(self) -> int:
        return len(self.images)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one example, without the batch axis."""
        return self.images.shape[1:]

    @property
    def num_classes(self) -> int | None:
        """Number of classes, or None where there are no labels."""
        if self.labels is None:
            return None
        if self.label_names is not None:
            return len(self.label_names)
        return int(self.labels.max()) + 1

    def missing_classes(self) -> list[int]:
        """Numbers of the classes that no image is of."""
        if self.labels is None:
            return []
        known = self.labels[self.labels >= 0]
        return np.flatnonzero(
            np.bincount(known, minlength=self.num_classes) == 0
        ).tolist()


def load_source(
    source: str | os.PathLike[str],
    split: str = "train",
    image_size: int | None = None,
    crop_size: int | None = None,
    data_dir: str | os.PathLike[str] | None = None,
    seed: int = 0,
    skip_bad_images: bool = False,
    labels_per_class: int | None = None,
) -> Source:
    """Loads a bundled source, a folder or file of images, or a TFDS set.

    A name is looked up in this order: the bundled sources "digits" (the ten
    thousand MNIST test digits), "ring" and "grid" (Gaussians in the plane);
    a `.npz` file with an array `images` (uint8, or float in [-1, 1]) and
    optionally `labels`; an existing folder (write "./digits" for a folder
    with a bundled name); an image data set of TensorFlow Datasets.

    Images are centre-cropped to a square, then resized: CelebA's usual
    108-pixel crop to 64 is `crop_size=108, image_size=64`. With neither,
    images of one size stay as they are, square or not; those of a folder are
    always cropped to a square.

    Args:
        source: Name or folder. In a folder, subfolders are classes, in the
            order of their sorted names. Transparency is dropped, an EXIF
            orientation is not applied, hidden files are ignored.
        split: Split of a TFDS data set ("train", "test", "train[:10%]");
            "train" or "test" for points; "train" for digits and folders.
        image_size: Height and width to resize to; None keeps them.
        crop_size: Side of the centre crop; None for the largest square
            where images are cropped at all.
        data_dir: TFDS's data folder; None for the environment's
            TFDS_DATA_DIR, or TFDS's own default.
        seed: Seed of the points that "ring" and "grid" draw.
        skip_bad_images: Whether to leave out files of a folder that are not
            whole images, instead of raising an error.
        labels_per_class: Number of images of each class, drawn by `seed`,
            that keep their label; all others get -1. None keeps all.

    Returns:
        A `Source`. Its `skipped` has a line for each file left out.

    Raises:
        ValueError: If the source is unknown or holds no images, a file of a
            folder is not a whole image, an argument does not apply, or the
            data do not fit into half of the machine's memory.
        FileNotFoundError: If a folder does not exist.
        OSError: If a TFDS data set is not prepared and cannot be fetched.
        ImportError: If TensorFlow Datasets is needed and not installed.

    Example:
    >>> digits = load_source("digits")
    >>> digits.images.shape, digits.num_classes
    ((10000, 28, 28, 1), 10)
    """
    checks.optional_integer("image_size", image_size)
    checks.optional_integer("crop_size", crop_size)
    seed = checks.integer("seed", seed, least=0)
    if not isinstance(source, (str, os.PathLike)) or not os.fspath(source):
        raise UserError(
            f"`source` must be a name or a folder. Received: source={source!r}"
        )
    try:
        loaded = _load(
            source, split, image_size, crop_size, data_dir, seed,
            skip_bad_images,
        )  # fmt: skip
    except (UserError, FileNotFoundError) as error:
        if hint := _nearest(os.fspath(source)):
            raise type(error)(f"{error}{hint}") from error
        raise
    loaded = dataclasses.replace(loaded, split=split, crop_size=crop_size)
    if labels_per_class is not None:
        return _keep_labels(loaded, labels_per_class, seed)
    return loaded


def _load(
    source: str | os.PathLike[str],
    split: str,
    image_size: int | None,
    crop_size: int | None,
    data_dir: str | os.PathLike[str] | None,
    seed: int,
    skip_bad_images: bool,
) -> Source:
    """Loads a source by its name or path; arguments as of `load_source`."""
    if isinstance(source, str) and source in POINTS:
        return _load_points(source, split, image_size, crop_size, seed)
    if source == "digits":
        _check_split(source, split, ("train",))
        images, labels = _digits()
        images = crops.crop_and_resize_all(
            images, image_size, crop_size, source
        )
        return Source(source, images, labels, tuple("0123456789"))
    path = pathlib.Path(source).expanduser()
    if path.suffix == ".npz":
        _check_split(str(source), split, ("train",))
        read = array_files.load_npz(path, image_size, crop_size)
        return Source(str(source), *read)
    if path.exists() or not isinstance(source, str) or _looks_like(source):
        _check_split(str(source), split, ("train",))
        read = image_files.load_folder(
            path, image_size, crop_size, skip_bad_images
        )
        return Source(str(source), *read)

    # Deferred: TensorFlow Datasets takes a second to import.
    from keras_mixgan.data import tfds_images

    read = tfds_images.load(
        source, split, image_size, crop_size, data_dir, BUNDLED_SOURCES
    )
    return Source(source, *read)


def _keep_labels(source: Source, labels_per_class: int, seed: int) -> Source:
    """Keeps the labels of some images of each class; the others are -1."""
    wanted = checks.integer("labels_per_class", labels_per_class)
    if source.labels is None:
        raise UserError(
            "`labels_per_class` must be None for images without labels. "
            f"Received: labels_per_class={wanted}, source={source.name!r}"
        )
    counts = np.bincount(source.labels, minlength=source.num_classes)
    if counts.min() < wanted:
        raise UserError(
            "`labels_per_class` must be at most the images of each class. "
            f"Received: labels_per_class={wanted}, {counts.min()} images of "
            f"class {counts.argmin()}"
        )
    # Not the stream of `seed` alone: it orders the first epoch, which would
    # then have all labels in its first batches.
    stream = np.random.SeedSequence(seed, spawn_key=(1,))
    order = np.random.default_rng(stream).permutation(len(source))
    kept = np.full_like(source.labels, -1)
    for label in range(source.num_classes):
        rows = order[source.labels[order] == label][:wanted]
        kept[rows] = label
    return dataclasses.replace(source, labels=kept)


def ring_centers() -> np.ndarray:
    """Centres of the "ring": 8 modes on a circle of radius 0.8.

    Each mode is a Gaussian of standard deviation `RING_STD` in both
    directions.

    Returns:
        float32 (8, 2).

    Example:
    >>> ring_centers().shape
    (8, 2)
    """
    angle = 2 * np.pi * np.arange(RING_MODES) / RING_MODES
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return (RING_RADIUS * circle).astype(np.float32)


def grid_centers() -> np.ndarray:
    """Centres of the "grid": 5 x 5 modes over [-0.8, 0.8].

    Each mode is a Gaussian of standard deviation `GRID_STD` in both
    directions.

    Returns:
        float32 (25, 2).

    Example:
    >>> grid_centers().shape
    (25, 2)
    """
    line = np.linspace(-GRID_EXTENT, GRID_EXTENT, GRID_SIDE)
    grid = np.stack(np.meshgrid(line, line, indexing="ij"), axis=-1)
    return grid.reshape(-1, 2).astype(np.float32)


# Gaussians in the plane: centres and standard deviation.
POINTS: dict[str, tuple[Callable[[], np.ndarray], float]] = {
    "ring": (ring_centers, RING_STD),
    "grid": (grid_centers, GRID_STD),
}
BUNDLED_SOURCES: tuple[str, ...] = ("digits", *POINTS)


def _load_points(
    name: str,
    split: str,
    image_size: int | None,
    crop_size: int | None,
    seed: int,
) -> Source:
    _check_split(name, split, POINT_SPLITS)
    array_files.refuse_sizes(name, image_size, crop_size)
    make_centers, std = POINTS[name]
    centers = make_centers()
    rng = np.random.default_rng([seed, POINT_SPLITS.index(split)])
    modes = rng.integers(len(centers), size=NUM_POINTS)
    noise = rng.normal(0.0, std, size=(NUM_POINTS, 2))
    return Source(name, (centers[modes] + noise).astype(np.float32))


@functools.cache
def _digits() -> tuple[np.ndarray, np.ndarray]:
    asset = importlib.resources.files("keras_mixgan") / "assets/digits.npz"
    with asset.open("rb") as file, np.load(file) as arrays:
        images, labels = arrays["images"], arrays["labels"].astype(np.int32)
    # All callers get the same arrays from the cache.
    images.flags.writeable = labels.flags.writeable = False
    return images, labels


def _check_split(name: str, split: str, known: tuple[str, ...]) -> None:
    if split not in known:
        options = " or ".join(repr(option) for option in known)
        raise UserError(
            f"`split` must be {options} for source {name!r}. Received: "
            f"split={split!r}"
        )


def is_path(source: str) -> bool:
    """Whether a name is that of a file or folder here, not of a data set.

    Only bundled data come before a folder of their name.
    """
    return source not in BUNDLED_SOURCES and os.path.exists(source)


def _looks_like(source: str) -> bool:
    """Whether a string is meant as a path, even if nothing is there."""
    starts = source.startswith((".", "~", os.sep))
    return os.path.isabs(source) or starts or source.endswith(os.sep)


def _nearest(name: str) -> str:
    """A hint at a similar name, if no source has this one; else ""."""
    path = os.path.expanduser(name).rstrip(os.sep)
    folder, last = os.path.split(path)
    is_file = name.endswith(".npz")
    is_path = _looks_like(name) or is_file
    known = [] if folder or is_file else [*BUNDLED_SOURCES]
    if not is_path:
        with contextlib.suppress(ImportError):
            import tensorflow_datasets as tfds

            known += tfds.list_builders(with_community_datasets=False)
    # TFDS's names may end in a version, or in a configuration.
    named = not is_path and re.split("[:/]", name)[0] in known
    if named or os.path.exists(path):
        return ""
    with contextlib.suppress(OSError, ValueError):
        known += [
            entry.name
            for entry in os.scandir(folder or ".")
            if (entry.name.endswith(".npz") if is_file else entry.is_dir())
            and not entry.name.startswith(".")
        ]
    # The last part alone: whole paths in one folder are always alike.
    near = checks.nearest(last, known)
    return checks.suggestion(near and os.path.join(folder, near))
