"""`keras-mixgan evaluate`."""

import pathlib
import sys

from keras_mixgan.cli.commands import model_flag
from keras_mixgan.cli.commands.flag_groups import Flag
from keras_mixgan.cli.commands.flag_groups import Group
from keras_mixgan.utils.errors import UserError

DESCRIPTION = """
Scores a trained mixture, each of its generators alone, and real data as the
ceiling; or, with --images, any images against any others. Prints a table and
writes scores.json, for `keras-mixgan compare`. TF-GAN does the arithmetic.
"""

IMAGE_METRICS = ("inception_score", "fid", "kid")
POINT_METRICS = ("modes", "neural_net_distance")

GROUPS = (
    Group(
        "What",
        (
            model_flag.MODEL,
            Flag(
                "images",
                str,
                "In place of --model: a folder of images, or another source.",
                placeholder="PATH",
            ),
            Flag(
                "source",
                str,
                "Real data to compare with, as for `train`: digits, ring, "
                "grid, a folder, a .npz file, or a data set of TensorFlow "
                "Datasets.",
                shown="that of the run, or of the preset",
            ),
            Flag(
                "split",
                str,
                "Split of a TensorFlow data set.",
                shown="that of the run, or train",
            ),
            Flag(
                "images_split",
                str,
                "The same for --images.",
                default="train",
            ),
            Flag(
                "image_size",
                int,
                "Height and width to resize --images and --source to.",
                shown="as they are",
            ),
            Flag(
                "crop_size",
                int,
                "Side of a centre crop of the real images, before resizing.",
                shown="of a folder's images the largest square; else none",
            ),
            Flag(
                "data_dir",
                str,
                "Folder of TensorFlow Datasets.",
                shown="TFDS_DATA_DIR, or TFDS's own",
                placeholder="PATH",
            ),
        ),
    ),
    Group(
        "How",
        (
            Flag(
                "metrics",
                list,
                "Among inception_score, fid, kid, sliced_wasserstein, "
                "precision_recall, birthday, label_agreement, "
                "class_diversity, classification_error (of discriminators "
                "that name classes), component_distinctness, "
                "neural_net_distance, equilibrium_gap, and modes of ring or "
                "grid.",
                shown=f"{','.join(IMAGE_METRICS)}; of points: "
                f"{','.join(POINT_METRICS)}",
            ),
            Flag(
                "classifier",
                str,
                "digits or fashion_mnist (bundled), inception (from TF-Hub), "
                "a SavedModel with outputs logits and pool_3, or a .keras "
                "file. A score is named after it.",
                shown="the bundled one for the data",
            ),
            Flag(
                "num_images",
                int,
                "Images to generate a row; of --images at most so many.",
                50_000,
            ),
            Flag("splits", int, "Parts of the classifier score.", 10),
            Flag("seed", int, "Of everything drawn.", 0),
            Flag("batch_size", int, "Images classified at a time.", 128),
            Flag(
                "components",
                bool,
                "Whether to score each generator alone as well.",
                default=True,
            ),
            Flag(
                "real",
                bool,
                "Whether to score real data as well.",
                default=True,
            ),
        ),
    ),
    Group(
        "Output",
        (
            Flag(
                "out",
                str,
                "JSON file to write.",
                shown="scores.json beside the model; of a preset or images, "
                "here",
                placeholder="PATH",
            ),
        ),
    ),
)

EPILOGUE = """
Distances of the row of real data are between two random halves of it.

Examples:
  keras-mixgan evaluate --model=runs/digits
  keras-mixgan evaluate --model=runs/mnist --source=mnist --split=test \\
      --metrics=fid,precision_recall --num_images=10000
  keras-mixgan evaluate --model=runs/ring --metrics=modes
  keras-mixgan evaluate --model=mix_dcgan_mnist --num_images=10000
  keras-mixgan evaluate --images=generated/ --source=digits
  keras-mixgan evaluate --images=generated/ --source=photos/ \\
      --classifier=inception --metrics=fid,kid
"""


def run(values) -> None:
    """Scores the model, or the images.

    Args:
        values: The flags' values, as attributes.

    Raises:
        ValueError: A flag is not as described, or the model is no MixGAN.
        OSError: The model or the data cannot be read, or the scores not be
            written.
    """
    out = _checked_out(values)

    from keras_mixgan import metrics
    from keras_mixgan.data import sources

    for name in values.metrics or ():
        metrics.registry.get(name)
    if values.images:
        scored, source = _sets(values, sources)
    else:
        from keras_mixgan.cli import opening

        scored, _ = opening.open_model(values.model)
        source = _real_data(values, scored, sources)
    points = len(scored.image_shape) == 1
    report = metrics.evaluate(
        scored,
        source,
        metrics=values.metrics or (POINT_METRICS if points else IMAGE_METRICS),
        classifier=values.classifier,
        num_images=values.num_images,
        splits=values.splits,
        seed=values.seed,
        batch_size=values.batch_size,
        components=values.components,
        real=values.real,
        # A bar that is drawn over and over would fill a log file.
        verbose=int(sys.stdout.isatty()),
    )
    report.save(out)
    print(f"\n{report.table()}\n")
    settings = report.settings
    if "conversion" in settings:
        print(
            f"Classifier {settings['classifier']}, conversion of images: "
            f"{settings['conversion']}"
        )
    print(
        f"{settings['num_images']:,} images a row against "
        f"{settings['num_real']:,} of {settings['source']}, "
        f"{report.seconds:.0f} s. Wrote {out}"
    )


def _checked_out(values) -> pathlib.Path:
    """Where the scores go; finds out early what cannot work."""
    if values.images and values.model:
        raise UserError(
            "`model` and `images` exclude each other: give one. Received: "
            f"model={values.model}, images={values.images}"
        )
    if values.images:
        if not values.source:
            raise UserError(
                "`source` must be given with `images`, the images to compare "
                "them with. Received: source=None"
            )
        beside = pathlib.Path(".")
    else:
        if values.image_size is not None:
            raise UserError(
                "`image_size` is for --images; with --model the model says "
                f"it. Received: image_size={values.image_size}"
            )
        beside = model_flag.folder_of(model_flag.check(values.model))
    out = pathlib.Path(values.out or beside / "scores.json")
    if not out.parent.is_dir():
        raise FileNotFoundError(
            f"`out` must lie in a folder that is there. Received: out={out}"
        )
    return out


def _sets(values, sources):
    """The images to be scored, and those to compare them with."""
    size = {"image_size": values.image_size, "data_dir": values.data_dir}
    images = sources.load_source(
        values.images, split=values.images_split, **size
    )
    source = sources.load_source(
        values.source,
        split=values.split or "train",
        crop_size=values.crop_size,
        **size,
    )
    if images.image_shape != source.image_shape:
        raise UserError(
            "`images` and `source` must be of one shape; --image_size=32, for "
            f"one, resizes both. Received: {values.images} {images.image_shape}"
            f", {values.source} {source.image_shape}"
        )
    return images, source


def _real_data(values, model, sources):
    """The data given, or those that the model was trained on."""
    saved = model.run_settings or {}
    arguments = {"split": values.split, "crop_size": values.crop_size}
    given = {k: value for k, value in arguments.items() if value is not None}
    source, recorded = values.source, saved.get("source")
    if source is None:
        kept = {name: saved.get(name) for name in arguments}
        given = {k: v for k, v in kept.items() if v is not None} | given
    if len(model.image_shape) == 3 and source not in ("ring", "grid"):
        given["image_size"] = model.image_shape[0]
    wanted = (
        "`source` must be given, the real data to compare with, such as "
        "--source=FOLDER"
    )
    if not (source or recorded):
        raise UserError(
            f"{wanted}: nothing tells what the model was trained on. Received: "
            f"source=None, model={values.model}"
        )
    try:
        return sources.load_source(
            source or recorded, data_dir=values.data_dir, **given
        )
    except (OSError, ValueError) as error:
        if source is not None:
            raise
        raise UserError(
            f"{wanted}: the model was trained on {recorded}, which is not to "
            f"be had here ({error}). Received: source=None"
        ) from error
