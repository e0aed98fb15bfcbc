"""`keras-mixgan evaluate`."""

import os
import pathlib
import sys

from keras_mixgan.cli import run_files
from keras_mixgan.cli.commands import shared_flags
from keras_mixgan.cli.commands.flag_groups import Flag
from keras_mixgan.utils.errors import UserError

DESCRIPTION = """
Scores a trained mixture, each of its generators alone and, for reference, real
data; or, with --images, any images against any others. Prints a table and
writes scores.json, for `keras-mixgan compare`. Under TensorFlow, TF-GAN
computes inception_score, fid and kid.
"""

IMAGE_METRICS = ("inception_score", "fid", "kid")
POINT_METRICS = ("modes", "neural_net_distance")
_SCORES = "scores.json"

GROUPS = {
    "Images": (
        shared_flags.MODEL,
        Flag(
            "images",
            str,
            "Instead of --model: images to score, from a folder or any "
            "other source.",
            placeholder="PATH",
        ),
        Flag(
            "source",
            str,
            "Real data to compare with, as for `train`: digits, ring, grid, a "
            "folder, a .npz file, or a data set of TensorFlow Datasets.",
            shown="that of the run or preset",
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
            "Split of --images.",
            shown="train",
        ),
        Flag(
            "image_size",
            int,
            "Height and width to resize --images and --source to.",
            shown="no resizing",
        ),
        Flag(
            "crop_size",
            int,
            "Side of the square to crop from the centre of real images, "
            "before resizing.",
            shown="that of the model's run; else the largest square for "
            "a folder or with --image_size, else no crop",
        ),
        shared_flags.DATA_DIR,
    ),
    "Scores": (
        Flag(
            "metrics",
            list,
            "Any of inception_score, fid, kid, sliced_wasserstein, "
            "precision_recall, birthday, label_agreement, class_diversity, "
            "classification_error (for discriminators that classify), "
            "component_distinctness, neural_net_distance, equilibrium_gap, and "
            "modes (for ring and grid).",
            shown=f"{','.join(IMAGE_METRICS)}; for points "
            f"{','.join(POINT_METRICS)} (modes of ring and grid only)",
        ),
        Flag(
            "classifier",
            str,
            "digits, fashion_mnist or cifar10 (bundled), inception "
            "(from TF-Hub), a SavedModel with outputs logits and pool_3, "
            "or a .keras file. The scores are named after it.",
            shown="the bundled one for the data",
        ),
        Flag(
            "num_images",
            int,
            "Images to generate per row of the table, or the most to use "
            "of --images.",
            50_000,
        ),
        Flag("splits", int, "Splits of the classifier score.", 10),
        Flag("seed", int, "Seed of everything random.", 0),
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
    "Output": (
        Flag(
            "out",
            str,
            "JSON file to write.",
            shown="scores.json, in the folder of the run, else in the "
            "current one; for a file best.keras best_scores.json beside it",
            placeholder="PATH",
        ),
    ),
}

EPILOGUE = """
In the row of real data, distances are between two random halves of the data.

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
    """Scores the model, or the images."""
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
    chosen = values.metrics
    if not chosen:
        points = len(scored.image_shape) == 1
        chosen = POINT_METRICS if points else IMAGE_METRICS
        if source.name not in sources.POINTS:
            chosen = [name for name in chosen if name != "modes"]
    report = metrics.evaluate(
        scored,
        source,
        metrics=chosen,
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
    # Printed first: hours of scores must not be lost with a full disk.
    print(f"\n{report.table()}\n")
    report.save(out)
    settings = report.settings
    if "conversion" in settings:
        print(
            f"Classifier {settings['classifier']}, conversion of images: "
            f"{settings['conversion']}"
        )
    print(
        f"{settings['num_images']:,} images per row{_others(report)} against "
        f"{settings['num_real']:,} of {settings['source']}, "
        f"{report.seconds:.0f} s. Wrote {out}"
    )


def _others(report) -> str:
    """Numbers of images of the scores that took others than were asked for."""
    numbers: dict[int, list[str]] = {}
    for name, score in next(iter(report.scores.values())).items():
        number = score.details.get("num_images")
        if number not in (None, report.settings["num_images"]):
            numbers.setdefault(number, []).append(name)
    parts = [f"{n:,} for {', '.join(names)}" for n, names in numbers.items()]
    return f" ({'; '.join(parts)})" if parts else ""


def _checked_out(values) -> pathlib.Path:
    """The file for the scores; first checks the flags, which is quick."""
    if values.images and values.model:
        raise UserError(
            "`model` and `images` exclude each other: give one. Received: "
            f"model={values.model}, images={values.images}"
        )
    if values.images:
        if not values.source:
            raise UserError(
                "`source` must be given with `images`: the real data to "
                "compare them with. Received: source=None"
            )
        default = pathlib.Path(_SCORES)
    else:
        if values.image_size is not None:
            raise UserError(
                "`image_size` must not be given with --model, which has a "
                f"size. Received: image_size={values.image_size}"
            )
        if values.images_split is not None:
            raise UserError(
                "`images_split` must not be given with --model; --split is "
                "that of --source. Received: "
                f"images_split={values.images_split}"
            )
        default = _beside(shared_flags.check_model(values.model))
    return shared_flags.check_file(pathlib.Path(values.out or default))


def _beside(model: str) -> pathlib.Path:
    """The default file for a model's scores; each file of a run has its own.

    It lies in the run's folder, or beside the `.keras` file; for a preset here.
    """
    path, name = pathlib.Path(model), _SCORES
    if model.endswith(".keras") and path.name != run_files.MODEL:
        name = f"{path.stem}_{_SCORES}"
    if run_files.is_run(model):
        return path / name
    is_file = model.endswith(".keras") and "://" not in model
    return path.parent / name if is_file else pathlib.Path(name)


def _sets(values, sources):
    """The images to be scored, and those to compare them with."""
    size = {"image_size": values.image_size, "data_dir": values.data_dir}
    try:
        images = sources.load_source(
            values.images, split=values.images_split or "train", **size
        )
    except UserError as error:
        # Its argument is called `source`.
        raise UserError(f"--images={values.images}: {error}") from error
    source = sources.load_source(
        values.source,
        split=values.split or "train",
        crop_size=values.crop_size,
        **size,
    )
    if images.image_shape != source.image_shape:
        raise UserError(
            "`images` and `source` must have the same shape: --image_size=32, "
            f"for example, resizes both. Received: {values.images} "
            f"{images.image_shape}, {values.source} {source.image_shape}"
        )
    return images, source


def _is_same(source: str, recorded: str | None) -> bool:
    """Whether both name the same data, perhaps by different paths."""
    if isinstance(recorded, str) and os.path.exists(source):
        return os.path.realpath(source) == os.path.realpath(recorded)
    return source == recorded


def _real_data(values, model, sources):
    """The data of the flags, or those that the model was trained on."""
    saved = model.run_settings or {}
    arguments = {"split": values.split, "crop_size": values.crop_size}
    loading = {k: v for k, v in arguments.items() if v is not None}
    source, recorded = values.source, saved.get("source")
    if source is None or _is_same(source, recorded):
        # The run's images, though perhaps of another split.
        names = ("crop_size", "skip_bad_images")
        if source is None:
            names += ("split",)
        kept = {name: saved.get(name) for name in names}
        loading = {k: v for k, v in kept.items() if v is not None} | loading
    height, *width = model.image_shape[:-1] or (None,)
    if width == [height] and source not in sources.POINTS:
        loading["image_size"] = height
    wanted = (
        "`source` must be given: the real data to compare with, such as "
        "--source=FOLDER"
    )
    if not (source or recorded):
        raise UserError(
            f"{wanted}. The data that the model was trained on are not "
            f"recorded. Received: source=None, model={values.model}"
        )
    try:
        return sources.load_source(
            source or recorded, data_dir=values.data_dir, **loading
        )
    except (OSError, ValueError) as error:
        if source is not None:
            raise
        raise UserError(
            f"{wanted}. The model was trained on {recorded}, which could not "
            f"be loaded ({error}). Received: source=None"
        ) from error
