"""The settings of one training run: resolved, checked, saved, compared.

A setting that is not given is, in this order, that of the source together
with its architecture (`TUNED`), that of the architecture (its `training`), or
the general one of `Settings`.
"""

import dataclasses
import importlib
import inspect
import json
import numbers
import os
import platform
from collections.abc import Mapping
from typing import Any

import keras

from keras_mixgan import architectures
from keras_mixgan import data
from keras_mixgan._version import __version__
from keras_mixgan.data import sources
from keras_mixgan.game import objectives
from keras_mixgan.game import payoffs
from keras_mixgan.utils import atomic
from keras_mixgan.utils import json_files
from keras_mixgan.utils.checks import one_of

FORMAT = 1
EPOCHS = 25

# What a person is to see after minutes on two cores, where the paper's own
# settings take hours.
TUNED: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("digits", "dcgan"): {
        "width": 16,
        "latent_dim": 64,
        "payoff_estimate": "linear",
        "generator_learning_rate": 4e-4,
        "discriminator_learning_rate": 4e-4,
        "ema_decay": 0.99,
        "epochs": 14,
    },
}


@dataclasses.dataclass(frozen=True)
class Settings:
    """Everything that the weights of a run follow from.

    Attributes:
        source: What `sources.load_source` takes.
        architecture: Key of `architectures.ARCHITECTURES`.
        latent_dim: Length of a latent vector.
        width: Width of the networks; `None` for lists of the user's own.
        optimizer: `"adam"` or `"rmsprop"`, for both sides.
        generator_learning_rate: Positive.
        discriminator_learning_rate: Positive.
        beta_1: Adam's, or `None`.
        beta_2: Adam's, or `None`.
        payoff: Key of `payoffs.PAYOFFS`.
        steps: Batches to train on in all; `None` until the source is known.
        epochs: Passes over the data; `None` where `steps` were given, and
            once the source is known.
        conditional: Whether networks take labels; `None` until the source is
            known means where it has labels.
        split: As in `sources.load_source`.
        image_size: As in `sources.load_source`.
        crop_size: As in `sources.load_source`.
        num_generators: As in `MixGAN`.
        num_discriminators: As in `MixGAN`.
        generator_loss: As in `MixGAN.compile`.
        payoff_estimate: As in `MixGAN.compile`.
        mixture_regularizer: As in `MixGAN.compile`.
        discriminator_steps: As in `MixGAN.compile`.
        weight_clip: As in `MixGAN.compile`.
        gradient_penalty: As in `MixGAN.compile`.
        ema_decay: As in `MixGAN`.
        batch_size: Images a batch.
        seed: Int from which everything random follows.

    Raises:
        ValueError: A setting is not as described.
    """

    source: str
    architecture: str
    latent_dim: int
    width: int
    optimizer: str
    generator_learning_rate: float
    discriminator_learning_rate: float
    beta_1: float | None
    beta_2: float | None
    payoff: str
    steps: int | None
    epochs: int | None
    conditional: bool | None = None
    split: str = "train"
    image_size: int | None = None
    crop_size: int | None = None
    num_generators: int = 3
    num_discriminators: int = 3
    generator_loss: str = "non_saturating"
    payoff_estimate: str = "full"
    mixture_regularizer: float = 0.1
    discriminator_steps: int = 1
    weight_clip: float | None = None
    gradient_penalty: float | None = None
    ema_decay: float | None = None
    batch_size: int = 64
    seed: int = 0

    def __post_init__(self):
        one_of("payoff", self.payoff, payoffs.PAYOFFS)
        one_of("generator_loss", self.generator_loss, payoffs.GENERATOR_LOSSES)
        one_of(
            "payoff_estimate",
            self.payoff_estimate,
            objectives.PAYOFF_ESTIMATES,
        )
        for name, least in _WHOLE_NUMBERS.items():
            number = getattr(self, name)
            if number is not None and (
                not isinstance(number, numbers.Integral) or number < least
            ):
                raise ValueError(
                    f"`{name}` must be an integer of at least {least}. "
                    f"Received: {name}={number!r}"
                )
        for name in ("generator_learning_rate", "discriminator_learning_rate"):
            rate = getattr(self, name)
            if not 0 < rate < float("inf"):
                raise ValueError(
                    f"`{name}` must be positive. Received: {name}={rate!r}"
                )

    def for_source(self, source: sources.Source) -> "Settings":
        """Settles what depends on the data.

        Args:
            source: The loaded source.

        Returns:
            Settings whose `steps` and `conditional` are known.

        Raises:
            ValueError: Labels are asked for where there are none, or there
                are fewer images than a batch.
        """
        labelled = source.num_classes is not None
        if self.conditional and not labelled:
            raise ValueError(
                "`conditional` needs labels (of a folder: one subfolder a "
                f"class). Received: source {source.name!r}, which has none"
            )
        steps = self.steps
        if steps is None:
            steps = self.epochs * data.steps_per_epoch(source, self.batch_size)
        else:
            data.steps_per_epoch(source, self.batch_size)
        conditional = self.conditional
        return dataclasses.replace(
            self,
            steps=steps,
            epochs=None,
            conditional=labelled if conditional is None else conditional,
        )


_WHOLE_NUMBERS = {
    "num_generators": 1,
    "num_discriminators": 1,
    "latent_dim": 1,
    "width": 1,
    "steps": 1,
    "epochs": 1,
    "discriminator_steps": 1,
    "batch_size": 1,
    "seed": 0,
}


def resolve(given: Mapping[str, Any]) -> Settings:
    """Completes settings by the defaults of source and architecture.

    Args:
        given: Settings by name; those that are missing or `None` take their
            defaults. For `weight_clip`, `gradient_penalty` and `ema_decay`, 0
            means none.

    Returns:
        The `Settings`.

    Raises:
        ValueError: A setting is unknown or not as described.

    Example:
    >>> resolve({"source": "ring", "num_generators": 5}).architecture
    'mlp'
    """
    given = {name: value for name, value in given.items() if value is not None}
    fields = [field.name for field in dataclasses.fields(Settings)]
    for name in given:
        one_of("settings", name, fields)
    if "steps" in given and "epochs" in given:
        raise ValueError(
            "`steps` and `epochs` exclude each other: give one. Received: "
            f"steps={given['steps']!r}, epochs={given['epochs']!r}"
        )
    source = given.get("source", "digits")
    points = source in ("ring", "grid")
    name = given.get("architecture", "mlp" if points else "dcgan")
    one_of("architecture", name, architectures.ARCHITECTURES)
    defaults = {
        "source": source,
        "architecture": name,
        "epochs": EPOCHS,
        "steps": None,
        **_of_architecture(architectures.get(name)),
        **TUNED.get((source, name), {}),
    }
    if "steps" in given:
        defaults["epochs"] = None
    chosen = defaults | given
    for field in ("weight_clip", "gradient_penalty", "ema_decay"):
        chosen[field] = chosen.get(field) or None
    return Settings(**chosen)


def _of_architecture(architecture: architectures.Architecture) -> dict:
    training = dict(architecture.training)
    rate = training.pop("learning_rate")
    arguments = inspect.signature(architecture.generator).parameters
    return {
        "generator_learning_rate": rate,
        "discriminator_learning_rate": rate,
        "beta_1": None,
        "beta_2": None,
        "latent_dim": arguments["latent_dim"].default,
        "width": arguments["width"].default,
        **training,
    }


def facts(source: sources.Source) -> dict[str, Any]:
    """What a run depends on of its data, for `settings.json`."""
    return {
        "num_images": len(source),
        "image_shape": list(source.image_shape),
        "num_classes": source.num_classes,
    }


def versions() -> dict[str, str]:
    """The versions that a run was trained with, for `settings.json`."""
    found = {
        "keras_mixgan": __version__,
        "keras": keras.__version__,
        "python": platform.python_version(),
    }
    backend = keras.backend.backend()
    found[backend] = importlib.import_module(backend).__version__
    return found


def write(
    path: str | os.PathLike[str],
    settings: Settings,
    data_facts: Mapping[str, Any],
    **also: Any,
) -> None:
    """Writes a run's settings as JSON.

    Args:
        path: File to write.
        settings: The settings.
        data_facts: What `facts` returned.
        **also: More to note, which `differences` does not compare.
    """
    content = {
        "format": FORMAT,
        "settings": dataclasses.asdict(settings),
        "data": dict(data_facts),
        **also,
    }
    with atomic.replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=2) + "\n")


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads what `write` wrote.

    Raises:
        OSError: The file cannot be read.
        ValueError: It is damaged, or of a newer format.
    """
    return json_files.read(path, FORMAT, "settings", "data")


def differences(
    saved: Mapping[str, Any],
    settings: Settings,
    data_facts: Mapping[str, Any],
) -> list[str]:
    """Lists what differs between a saved run and the one asked for.

    More steps than saved are no difference: that run goes on.

    Args:
        saved: What `read` returned.
        settings: Settings of the run asked for, with their source settled.
        data_facts: What `facts` returned for it.

    Returns:
        Lines of the form "name: saved value -> value asked for".
    """
    before = {**saved["settings"], **saved["data"]}
    after = {**dataclasses.asdict(settings), **data_facts}
    # As JSON gives them back: a tuple has become a list.
    after = json.loads(json.dumps(after))
    lines = []
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        longer = name == "steps" and old is not None and new >= old
        if old != new and not longer:
            note = " (a run can only be made longer)" * (name == "steps")
            lines.append(f"{name}: {_text(old)} -> {_text(new)}{note}")
    return lines


def _text(value: Any) -> str:
    return "none" if value is None else str(value)
