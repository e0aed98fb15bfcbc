"""Pictures: grids of samples, clouds of points, and curves of a training.

Pictures are returned, not shown: grids and clouds as Pillow images, curves as
a Matplotlib figure.
"""

import io
import math
import os
from collections.abc import Sequence

import numpy as np
from PIL import Image
from PIL import ImageDraw
from PIL import ImageFont

from keras_mixgan.utils import atomic
from keras_mixgan.utils import pixels
from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.figures import curves
from keras_mixgan.utils.figures import scatter

__all__ = [
    "curves",
    "draw_mixture",
    "sample_grid",
    "save",
    "scatter",
]


MAX_COLUMNS = 10
_TILE = 56  # Images smaller than this many pixels are enlarged.
_GAP = 2
_MARGIN = 14
_TITLE = 26
_HEADING = 20
_INK = "#222222"


def can_draw(image_shape: Sequence[int]) -> bool:
    """Whether `draw_mixture` draws examples of this shape: points or images.

    Example:
    >>> can_draw((28, 28, 1)), can_draw((16, 16, 16, 1))
    (True, False)
    """
    return len(image_shape) == 1 or pixels.has_png(image_shape)


def draw_mixture(
    model,
    rows: int = 4,
    seed: int = 0,
    label_names: Sequence[str] | None = None,
    real: np.ndarray | None = None,
) -> Image.Image:
    """Draws a mixture: its samples on top, then one block per generator.

    Args:
        model: A `MixGAN`.
        rows: Rows of images in every block.
        seed: Int; the same seed draws the same latents, so that pictures of
            one training can be compared.
        label_names: Names of the classes, for the columns of a conditional
            model.
        real: Float array (N, 2) of real points, to draw behind generated
            points. Ignored for images.

    Returns:
        A picture. Conditional models have one column per class, for at most
        `MAX_COLUMNS` classes, and draw label 0 where the number of classes is
        not known; points are drawn as a scatter plot.

    Raises:
        ValueError: `can_draw` says that it cannot draw such examples.

    Example:
    >>> import keras_mixgan as kmg
    >>> networks = kmg.architectures.build("mlp", (2,), width=4)
    >>> model = kmg.MixGAN(*networks, num_generators=2, seed=0)
    >>> draw_mixture(model).mode
    'RGB'
    """
    weights = model.generator_weights
    titles = ["Mixture of all generators"] + [
        f"Generator {i}: weight {weight:.2f}"
        for i, weight in enumerate(weights)
    ]
    if len(model.image_shape) == 1:
        clouds = [
            model.generate(1000, component=i, seed=seed + 1)
            for i in range(len(weights))
        ]
        mixture = [
            cloud[: round(len(cloud) * weight)]
            for cloud, weight in zip(clouds, weights, strict=True)
        ]
        return scatter([mixture, *([c] for c in clouds)], titles, real)
    columns, labels, names = MAX_COLUMNS, None, None
    if model.conditional and model.num_classes is None:
        labels = 0
    elif model.conditional:
        columns = min(model.num_classes, MAX_COLUMNS)
        labels = np.tile(np.arange(columns), rows)
        names = list(label_names or map(str, range(columns)))[:columns]
    # All generators get the same latents, the mixture gets others, so that no
    # image appears twice.
    blocks = [model.generate(rows * columns, labels=labels, seed=seed)] + [
        model.generate(rows * columns, labels, component=i, seed=seed + 1)
        for i in range(len(weights))
    ]
    return sample_grid(blocks, titles, columns, names)


def sample_grid(
    blocks: Sequence[np.ndarray],
    titles: Sequence[str],
    columns: int = MAX_COLUMNS,
    column_names: Sequence[str] | None = None,
) -> Image.Image:
    """Draws blocks of images below each other, each under its title.

    Args:
        blocks: Float arrays (N, H, W, C) in [-1, 1], all of one image size.
            C is 1 or 3; or 2 or 4, whose last channel, alpha, is left out.
            Filled row by row.
        titles: One per block.
        columns: Images per row.
        column_names: One per column, drawn over every block.

    Returns:
        An RGB picture. Small images are enlarged by a whole factor, without
        smoothing.

    Raises:
        ValueError: Blocks are not such images, or there are too few or too
            many titles or names.

    Example:
    >>> import numpy as np
    >>> picture = sample_grid([np.zeros((6, 28, 28, 1))], ["Gray"], columns=3)
    >>> picture.size[0] > 3 * 28
    True
    """
    if all(block.ndim == 4 and block.shape[-1] in (2, 4) for block in blocks):
        blocks = [block[..., :-1] for block in blocks]
    _check_grid(blocks, titles, columns, column_names)
    columns = max(1, min(columns, max(len(block) for block in blocks)))
    scale = max(1, round(_TILE / blocks[0].shape[1]))
    tiles = [_tile(block, columns, scale) for block in blocks]
    heading = _HEADING if column_names else 0
    font = ImageFont.load_default(size=15)
    widths = [math.ceil(font.getlength(title)) for title in titles]
    width = max(*widths, *(tile.width for tile in tiles)) + 2 * _MARGIN
    height = _MARGIN + sum(
        _TITLE + heading + tile.height + _MARGIN for tile in tiles
    )
    picture = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(picture)
    small = ImageFont.load_default(size=13)
    pitch = (tiles[0].width + _GAP) / columns
    top = _MARGIN
    for tile, title in zip(tiles, titles, strict=True):
        draw.text((_MARGIN, top), title, fill=_INK, font=font)
        top += _TITLE
        for i, name in enumerate(column_names or ()):
            name = _shortened(name, small, pitch - _GAP)
            middle = _MARGIN + (i + 0.5) * pitch
            draw.text((middle, top), name, fill=_INK, font=small, anchor="ma")
        top += heading
        picture.paste(tile, (_MARGIN, top))
        top += tile.height + _MARGIN
    return picture


def _check_grid(blocks, titles, columns, column_names) -> None:
    shapes = [np.shape(block) for block in blocks]
    if not shapes or any(
        len(shape) != 4 or shape[-1] not in (1, 3) or shape[1:] != shapes[0][1:]
        for shape in shapes
    ):
        raise UserError(
            "`blocks` must be arrays (N, H, W, 1 or 3) of one image size. "
            f"Received: shapes {shapes}"
        )
    if len(titles) != len(blocks):
        raise UserError(
            f"`titles` must have one title per block, {len(blocks)}. "
            f"Received: {len(titles)}"
        )
    if columns < 1 or (column_names and len(column_names) != columns):
        raise UserError(
            "`columns` must be positive, and the number of `column_names`. "
            f"Received: columns={columns}, column_names={column_names}"
        )


def _tile(images: np.ndarray, columns: int, scale: int) -> Image.Image:
    """Lays images out row by row, with gaps between them."""
    count, height, width, _ = images.shape
    rows = max(1, math.ceil(count / columns))
    height, width = height * scale, width * scale
    canvas = np.full(
        (rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP, 3),
        255,
        "uint8",
    )
    for i, image in enumerate(pixels.to_levels(images)):
        block = image.repeat(scale, axis=0).repeat(scale, axis=1)
        top = i // columns * (height + _GAP)
        left = i % columns * (width + _GAP)
        canvas[top : top + height, left : left + width] = block
    return Image.fromarray(canvas)


def _shortened(name: str, font, width: float) -> str:
    if font.getlength(name) <= width:
        return name
    while name and font.getlength(name + "…") > width:
        name = name[:-1]
    return name + "…"


def check_format(path: str | os.PathLike[str], figure: bool = False) -> None:
    """Checks that `save` knows a path's ending, for pictures or figures.

    Raises:
        ValueError: It does not.
    """
    ending = os.path.splitext(path)[1].lower()
    if figure:
        from matplotlib.backend_bases import FigureCanvasBase

        known = ending[1:] in FigureCanvasBase.get_supported_filetypes()
    else:
        known = Image.registered_extensions().get(ending)
        try:
            # Some formats have no writer, or none for colours.
            Image.new("RGB", (1, 1)).save(io.BytesIO(), known)
        except (KeyError, OSError, ValueError):
            known = None
    if not known:
        raise UserError(
            "`path` must end like a picture, e.g. in .png. Received: "
            f"path={os.fspath(path)!r}"
        )


def save(picture, path: str | os.PathLike[str]) -> None:
    """Writes a picture to a file, which is never left half written.

    Args:
        picture: A Pillow image or a Matplotlib figure.
        path: File to write; its ending says the format.

    Raises:
        OSError: The file cannot be written.
        ValueError: No such format.
    """
    with atomic.replacing(path) as partial:
        if isinstance(picture, Image.Image):
            picture.save(partial)
        else:
            picture.savefig(partial, dpi=110)


def __dir__():
    return __all__
