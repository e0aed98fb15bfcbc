"""What would make a metric fail after all images were made, found before."""

import dataclasses
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from keras_mixgan.metrics import class_diversity
from keras_mixgan.metrics import distances
from keras_mixgan.metrics import equilibrium
from keras_mixgan.metrics import inception_score
from keras_mixgan.metrics import labels
from keras_mixgan.metrics import modes
from keras_mixgan.metrics import neural_net_distance
from keras_mixgan.metrics import precision_recall
from keras_mixgan.metrics import sliced_wasserstein
from keras_mixgan.metrics.samples import Samples
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError

# Options that are counts, and those that are positive numbers.
_COUNTS = (
    "num_images", "splits", "block_size", "nearest", "patches_per_image",
    "steps", "batch_size",
)  # fmt: skip
_NUMBERS = ("std", "within", "learning_rate")
# The fewest images that a metric can compare, where that is not one.
_FEWEST = {"class_diversity": 2, "birthday": 2, "neural_net_distance": 4}
# `None` stands for what the metric chooses itself.
_OPTIONAL = ("num_images", "std", "threshold")


@dataclasses.dataclass(frozen=True)
class Asked:
    """What `evaluate` is asked for, as far as a metric's check needs it.

    `model` is one, or the `Samples` that are scored; `reference` are the real
    data, `options` the user's options for this metric.
    """

    model: Any
    reference: Samples
    num_images: int
    splits: int
    real: bool
    options: Mapping[str, Any]

    def counts(self) -> list[tuple[int, int]]:
        """Images and real images of each comparison."""
        number = self.options.get("num_images")
        number = self.num_images if number is None else number
        whole = self.reference.num_images
        rows = [(min(number, self.num_images), whole)]
        if self.real:
            rows.append((whole - whole // 2, whole // 2))
        return rows

    def options_among(self, names: Sequence[str]) -> dict[str, Any]:
        """The user's options of these names."""
        return {k: v for k, v in self.options.items() if k in names}


def check_options(name: str, known: Sequence[str], given: Any) -> None:
    """Checks that a metric has the options that are given, and their kind."""
    if not isinstance(given, Mapping):
        raise UserError(
            f"`options` of {name!r} must be a dictionary. Received: {given!r}"
        )
    for option, value in given.items():
        if option not in known:
            raise UserError(
                f"`options` of {name!r} must be among {list(known)}. Received: "
                f"{option!r}"
            )
        of = f"options[{name!r}][{option!r}]"
        if value is None and option in _OPTIONAL:
            continue
        if option == "seed":
            checks.integer(of, value, least=0)
        elif option in _COUNTS:
            least = _FEWEST.get(name, 1) if option == "num_images" else 1
            checks.integer(of, value, least)
        elif option in _NUMBERS:
            checks.number(of, value)
        elif option == "threshold":
            checks.number(of, value, "[0, inf)")


def splits(asked: Asked) -> None:
    """Checks that every split of the classifier score gets an image."""
    wanted = asked.options.get("splits", asked.splits)
    inception_score.check_splits(wanted, asked.counts()[0][0])
    if asked.real:
        inception_score.check_splits(wanted, asked.reference.num_images)


def pairs(asked: Asked) -> None:
    """Checks that there are two images on both sides of a distance."""
    for generated, real in asked.counts():
        distances.check_numbers(generated, real)


def blocks(asked: Asked) -> None:
    """Checks that every block of the kernel distance has two images."""
    size = asked.options.get("block_size", distances.BLOCK)
    for generated, real in asked.counts():
        distances.number_of_blocks(generated, real, size)


def classes(asked: Asked) -> None:
    """Checks that there are two images of each class."""
    if asked.options.get("num_images", 2) is None:
        raise UserError(
            "`options['class_diversity']['num_images']` must be an integer of "
            "at least 2. Received: None"
        )
    parts = [asked.reference]
    if asked.real:
        parts += asked.reference.halves()
    for part in parts:
        class_diversity.check(asked.model, part)


def centers(asked: Asked) -> None:
    """Checks that the modes of the data are known."""
    given = asked.options.get("centers", asked.reference.name)
    shape = asked.reference.image_shape
    modes.checked(given, asked.options.get("std"), shape)


def neighbours(asked: Asked) -> None:
    """Checks that every image has as many neighbours as are asked for."""
    nearest = asked.options.get("nearest", precision_recall.NEAREST)
    for generated, real in asked.counts():
        precision_recall.check_nearest(nearest, generated, real)


def pyramid(asked: Asked) -> None:
    """Checks that images can be halved level by level."""
    sliced_wasserstein.levels_of(asked.model, asked.reference)


def fresh_network(asked: Asked) -> None:
    """Checks the network that a distance trains, and for how long."""
    names = ("discriminator", "payoff", "steps", "batch_size")
    neural_net_distance.check(
        asked.reference.image_shape, **asked.options_among(names)
    )


def one_of_each_class(asked: Asked) -> None:
    """Checks that there is an image of each class to ask for."""
    number = asked.options.get("num_images", asked.num_images)
    checks.integer("num_images", number, least=asked.model.num_classes)


def components(asked: Asked) -> None:
    """Checks what tells the generators apart."""
    given = {"num_images": asked.num_images, **asked.options}
    labels.check_components(asked.model, **given)


def responses(asked: Asked) -> None:
    """Checks what the equilibrium gap trains."""
    names = ("payoff", "start", "steps", "batch_size")
    equilibrium.check(
        asked.model, asked.reference, **asked.options_among(names)
    )
