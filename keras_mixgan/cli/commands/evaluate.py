"""`keras-mixgan evaluate`."""

import pathlib
import sys

from keras_mixgan.cli.commands import model_flag
from keras_mixgan.cli.commands.flag_groups import Flag
from keras_mixgan.cli.commands.flag_groups import Group
from keras_mixgan.utils.errors import UserError

DESCRIPTION = """
Scores a trained mixture, each of its generators alone, and real data as the
ceiling. Prints a table and writes scores.json. TF-GAN does the arithmetic.
"""

IMAGE_METRICS = ("inception_score", "fid", "kid")
POINT_METRICS = ("modes", "neural_net_distance")

GROUPS = (
    Group(
        "What",
        (
            model_flag.MODEL,
            Flag(
                "source",
                str,
                "Real data to compare with, as for `train`: digits, ring, "
                "grid, a folder, or a data set of TensorFlow Datasets.",
                shown="that of the run beside the model, or of the preset",
            ),
            Flag(
                "split",
                str,
                "Split of a TensorFlow data set.",
                shown="that of the run, or train",
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
                "or a SavedModel with outputs logits and pool_3. A score is "
                "named after it.",
                shown="the bundled one for the data",
            ),
            Flag("num_images", int, "Images to generate a row.", 50_000),
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
                shown="scores.json beside the model; of a preset, here",
                placeholder="PATH",
            ),
        ),
    ),
)

EPILOGUE = """
Distances of the row of real data are between two random halves of it.

Examples:
  keras-mixgan evaluate --model=runs/digits
  keras-mixgan evaluate --model=runs/mnist/model.keras --source=mnist \\
      --split=test --metrics=fid,precision_recall --num_images=10000
  keras-mixgan evaluate --model=runs/ring/model.keras --metrics=modes
  keras-mixgan evaluate --model=mix_dcgan_mnist --num_images=10000
"""


def run(values) -> None:
    """Scores the model.

    Args:
        values: The flags' values, as attributes.

    Raises:
        ValueError: A flag is not as described, or the model is no MixGAN.
        OSError: The model or the data cannot be read, or the scores not be
            written.
    """
    values.model = model_flag.find(values.model)
    from keras_mixgan import presets

    preset = presets.is_preset(values.model)
    beside = pathlib.Path("." if preset else values.model).parent
    out = pathlib.Path(values.out or beside / "scores.json")
    if not out.parent.is_dir():
        raise FileNotFoundError(
            f"`out` must lie in a folder that is there. Received: out={out}"
        )

    from keras_mixgan import metrics
    from keras_mixgan.cli import models
    from keras_mixgan.data import sources

    for name in values.metrics or ():
        metrics.registry.get(name)
    model = models.load_model(values.model)
    saved = _settings_of(values.model)
    model.run_settings = saved
    source = _real_data(values, model, sources, saved)
    points = len(model.image_shape) == 1
    report = metrics.evaluate(
        model,
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
        f"{values.num_images:,} images a row against {settings['num_real']:,} "
        f"of {settings['source']}, {report.seconds:.0f} s. Wrote {out}"
    )


def _real_data(values, model, sources, saved):
    """The data given, or those that the model was trained on."""
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


def _settings_of(model: str) -> dict:
    """Settings of the run that made a model; empty where nothing tells."""
    from keras_mixgan import presets
    from keras_mixgan.cli import settings

    if presets.is_preset(model):
        metadata = presets.read(presets.find(model)).metadata
        return metadata.get("settings") or {}
    path = pathlib.Path(model).parent / "settings.json"
    return settings.read(path)["settings"] if path.exists() else {}
