"""The trainings behind the zoo: which run together, and what they left."""

import dataclasses
import json
import pathlib
from typing import Any

from keras_mixgan.cli import race
from keras_mixgan.cli import race_state
from keras_mixgan.presets import recipes


@dataclasses.dataclass(frozen=True)
class Group:
    """Presets of one data set, each trained for the same seconds.

    Attributes:
        names: Their recipes; the pair comes first.
        raced: Recipes of the same race that become no presets.
        seconds: Seconds of training a run.
        seeds: Runs a recipe; the preset is seed 0.
        on_gpu: Whether `benchmarks/gpu/` trains it, not `train_zoo.py`.
    """

    names: tuple[str, ...]
    seconds: float
    seeds: int
    raced: tuple[str, ...] = ()
    on_gpu: bool = False


GROUPS = {
    "mnist": Group(("dcgan_mnist",), 450, 3),
    # Both start from `dcgan_mnist`, the preset.
    "mnist_longer": Group(("dcgan_mnist_longer", "mix_dcgan_mnist"), 200, 3),
    "fashion_mnist": Group(
        ("dcgan_fashion_mnist", "mix_dcgan_fashion_mnist"),
        600,
        3,
        raced=("dcgan_usual_labels_fashion_mnist",),
    ),
    "wgan_mnist": Group(("wgan_mnist", "mix_wgan_mnist"), 450, 3),
    "cifar10": Group(
        ("sngan_cifar10", "mix_sngan_cifar10"), 120, 1, on_gpu=True
    ),
    "faces": Group(("dcgan_celeba_64", "mix_dcgan_celeba_64"), 7200, 1),
}


def group_of(name: str) -> str:
    """The group that a recipe is trained in."""
    return next(
        key
        for key, group in GROUPS.items()
        if name in group.names + group.raced
    )


def twin_of(name: str) -> str | None:
    """The recipe of a mixture's single pair, trained for the same seconds."""
    return recipes.pair_of(name) if name.startswith("mix_") else None


class Run:
    """What the training of one recipe with one seed left.

    Attributes:
        model: The trained model, a `.keras` file.
        scores: What `keras-mixgan evaluate` wrote of it.
        command: The command that did, a text file.
        second: Scores by a second classifier, where there are any.
        second_command: The command that made those, a text file.
    """

    def __init__(self, root: str, name: str, seed: int = 0):
        folder = pathlib.Path(root) / group_of(name) / race.RUNS
        self.model = folder / f"{name}-{seed}.keras"
        self.scores = folder / f"{name}-{seed}.scores.json"
        self.command = folder / f"{name}-{seed}.command.txt"
        self.second = folder / f"{name}-{seed}.second.json"
        self.second_command = folder / f"{name}-{seed}.second.command.txt"
        self._result = folder / f"{name}-{seed}.json"

    @property
    def result(self) -> dict[str, Any] | None:
        """What the race says of it; `None` where it has not finished."""
        return _load(self._result)

    @property
    def unfinished(self) -> dict[str, Any] | None:
        """The result so far of a run that was stopped, `None` of any other."""
        saved = race_state.load(race_state.path_of(self._result))
        return None if saved is None or self.result else saved["result"]

    @property
    def best(self) -> dict[str, float] | None:
        """The mark whose model was kept; `None` where there is none.

        Races before 2026-11-28 kept the last one.
        """
        result = self.result or {}
        marks = result.get("marks")
        return marks[(result.get("kept") or 0) - 1] if marks else None

    @property
    def report(self) -> dict[str, Any] | None:
        """The scores of its model; `None` where it has none yet."""
        return _load(self.scores)

    @property
    def second_report(self) -> dict[str, Any] | None:
        """Its scores by a second classifier; `None` where it has none."""
        return _load(self.second)


def _load(path: pathlib.Path) -> dict[str, Any] | None:
    return json.loads(path.read_text()) if path.exists() else None
