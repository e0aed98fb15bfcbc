"""`keras-mixgan sample`."""

from keras_mixgan.cli.commands import shared_flags
from keras_mixgan.cli.commands.flag_groups import Flag
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

DESCRIPTION = """
Draws images from a trained mixture and writes them as one picture. Each image
comes from a generator chosen at random by the mixture weights.
"""

GROUPS = {
    "Flags": (
        shared_flags.MODEL,
        Flag("num_images", int, "Number of images.", default=100),
        shared_flags.picture("samples.png"),
        Flag(
            "labels",
            list,
            "Classes to draw, in turn, for a model that takes labels.",
            shown="all; up to ten in a column each",
        ),
        Flag(
            "component",
            int,
            "Draw only from the generator of this number, from 0 on.",
            shown="all",
        ),
        Flag(
            "seed",
            int,
            "The same seed draws the same images.",
            shown="new images in each call",
        ),
        Flag("columns", int, "Images per row.", shown="at most 10"),
    ),
}

EPILOGUE = """
Examples:
  keras-mixgan sample --model=runs/digits --out=grid.png
  keras-mixgan sample --model=mix_dcgan_mnist --labels=3,7
  keras-mixgan sample --model=runs/digits --component=0 --seed=1
  keras-mixgan sample --model=hf://user/faces
"""


def run(values) -> None:
    """Draws the images."""
    shared_flags.check_model(values.model)
    checks.integer("num_images", values.num_images)
    checks.optional_integer("columns", values.columns)
    labels = _labels(values.labels)
    out = shared_flags.check_picture(values.out)

    from keras_mixgan.cli import opening
    from keras_mixgan.utils import plotting

    model, _ = opening.open_model(values.model)
    columns = values.columns or plotting.MAX_COLUMNS
    if labels is None and model.conditional:
        labels = list(range(model.known_num_classes()))
    if labels is not None:
        labels = labels[: values.num_images]
        columns = values.columns or min(len(labels), plotting.MAX_COLUMNS)
    images = model.generate(
        values.num_images,
        labels=labels,
        component=values.component,
        seed=values.seed,
    )
    title = f"{values.num_images} images of "
    if values.component is None:
        title += "the mixture"
    else:
        title += f"generator {values.component}"
    if images.ndim == 2:
        picture = plotting.scatter([[images]], [title])
    else:
        in_columns = labels is not None and len(labels) == columns
        picture = plotting.sample_grid(
            [images],
            [title],
            columns,
            list(map(str, labels)) if in_columns else None,
        )
    plotting.save(picture, out)
    print(f"Wrote {title} to {out}")


def _labels(texts: list[str] | None) -> list[int] | None:
    if not texts:
        return None
    try:
        return [int(text) for text in texts]
    except ValueError as error:
        raise UserError(
            "`labels` must be numbers of classes, from 0, separated by "
            "commas; classes of a folder are numbered in the order of their "
            f"sorted names. Received: labels={','.join(texts)}"
        ) from error
