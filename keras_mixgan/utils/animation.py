"""Animations: pictures of one training, one after the other, as a GIF.

The comment in the file lists the steps of its pictures, so that a resumed
training can continue the animation.
"""

import dataclasses
import os
import pathlib

from PIL import Image
from PIL import ImageSequence
from PIL import UnidentifiedImageError

from keras_mixgan.utils import atomic

MILLISECONDS = 250  # Per picture.
_COMMENT = "keras_mixgan steps"


@dataclasses.dataclass(frozen=True)
class Animation:
    """Pictures and the steps, in ascending order, that they were drawn at.

    The pictures have one size, and 256 colours each.
    """

    steps: tuple[int, ...] = ()
    frames: tuple[Image.Image, ...] = ()

    def until(self, step: int) -> "Animation":
        """Leaves out pictures drawn after a step.

        Example:
        >>> white = Image.new("RGB", (4, 4), "white")
        >>> Animation().add(10, white).add(20, white).until(15).steps
        (10,)
        """
        count = sum(s <= step for s in self.steps)
        return Animation(self.steps[:count], self.frames[:count])

    def add(self, step: int, picture: Image.Image) -> "Animation":
        """Appends a picture, in place of any of the same step or later.

        All get the size of the first: widths may differ by some pixels, because
        of titles.
        """
        earlier = self.until(step - 1)
        size = earlier.frames[0].size if earlier.frames else picture.size
        canvas = Image.new("RGB", size, "white")
        canvas.paste(picture)
        return Animation(
            (*earlier.steps, step), (*earlier.frames, canvas.quantize(256))
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Writes an endless GIF to a `.gif` path; it is never half written."""
        comment = " ".join([_COMMENT, *map(str, self.steps)])
        with atomic.replacing(path) as partial:
            self.frames[0].save(
                partial,
                save_all=True,
                append_images=self.frames[1:],
                duration=MILLISECONDS,
                loop=0,
                comment=comment.encode(),
            )


def read(path: str | os.PathLike[str]) -> Animation:
    """Reads an animation that `Animation.save` wrote.

    It is empty if the file does not exist, or another program wrote it.
    """
    if not pathlib.Path(path).exists():
        return Animation()
    try:
        with Image.open(path) as file:
            comment = file.info.get("comment", b"").decode("ascii", "replace")
            if not comment.startswith(_COMMENT):
                return Animation()
            steps = tuple(map(int, comment.removeprefix(_COMMENT).split()))
            frames = []
            for frame in ImageSequence.Iterator(file):
                # Pillow writes equal pictures as one of a longer duration.
                times = frame.info["duration"] // MILLISECONDS
                frames += [frame.convert("RGB").quantize(256)] * times
    except (UnidentifiedImageError, ValueError, EOFError):
        return Animation()
    return Animation(steps[: len(frames)], tuple(frames[: len(steps)]))
