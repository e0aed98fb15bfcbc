"""The settings of one training run: resolved, checked, saved, compared.

The default of a setting is that of the bundled digits, if there is one, else
that of the architecture (its `training` and, for a mixture, its `mixture`),
else the general one in `options.TABLE`.
"""

import dataclasses
import importlib
import inspect
import json
import os
import platform
from collections.abc import Mapping
from typing import Any

import keras

from keras_mixgan import architectures
from keras_mixgan import data
from keras_mixgan._version import __version__
from keras_mixgan.cli import optimizers
from keras_mixgan.cli import options
from keras_mixgan.cli import records
from keras_mixgan.data import class_names
from keras_mixgan.data import sources
from keras_mixgan.data.batches import ORDER
from keras_mixgan.game import payoffs
from keras_mixgan.utils import json_files
from keras_mixgan.utils.checks import one_of
from keras_mixgan.utils.errors import UserError

FORMAT = records.SETTINGS_FORMAT
# The bundled digits have defaults of their own ("digits" in the table of
# options), which give good images after minutes on two cores. Those of the
# paper take hours.
TUNED = ("digits", "dcgan")


class _Checked:
    """The methods of `Settings`."""

    def __post_init__(self):
        for name, option in options.SETTINGS.items():
            option.check(getattr(self, name))
        optimizers.check(self)

    @property
    def least_batch(self) -> int:
        """Generated images a step, at least: a smaller batch grows to them."""
        sides = self.num_generators, self.num_discriminators
        return {"full": 1, "linear": sides[0], "split": sides[0] * sides[1]}[
            self.payoff_estimate
        ]

    def for_source(self, source: sources.Source) -> "Settings":
        """Completes `steps` and `conditional`, which depend on the data.

        Labels of a single class tell nothing and count as none. Refuses
        `conditional` without labels, classes without images, and fewer images
        than a batch.
        """
        conditional = self.conditional
        if conditional is None:
            conditional = (source.num_classes or 0) > 1
        if conditional:
            self._check_labels(source)
        elif self.labels_per_class is not None:
            raise UserError(
                "`labels_per_class` must not be given without class labels. "
                f"Received: labels_per_class={self.labels_per_class}, "
                f"conditional={conditional}"
            )
        steps = self.steps
        if steps is None:
            steps = self.epochs * data.steps_per_epoch(source, self.batch_size)
        else:
            data.steps_per_epoch(source, self.batch_size)
        return dataclasses.replace(
            self, steps=steps, epochs=None, conditional=conditional
        )

    def _check_labels(self, source: sources.Source) -> None:
        """Refuses data whose labels a conditional model cannot learn."""
        if source.num_classes is None:
            why = ""
            if self.from_model:
                why = f", as {self.from_model} takes labels"
            raise UserError(
                "`conditional` needs labels (in a folder: one subfolder per "
                f"class){why}. Received: source {source.name!r}, which has none"
            )
        if missing := source.missing_classes():
            shown = ", ".join(map(str, missing[:10]))
            raise UserError(
                "`source` must have images of every class to be trained by "
                "label: number the classes from 0 without gaps, or give "
                f"--noconditional. Received: {source.name!r}, where "
                f"{len(missing)} of {source.num_classes} classes have none "
                f"({shown}{', ...' if len(missing) > 10 else ''})"
            )


# Everything that determines the weights of a run. One of `steps` and `epochs`
# is `None`. After `for_source` it is `epochs`, and `conditional` is known.
Settings = dataclasses.make_dataclass(
    "Settings",
    [
        (name, option.kind | None, option.default)
        for name, option in options.SETTINGS.items()
    ],
    bases=(_Checked,),
    frozen=True,
    kw_only=True,
)
Settings.__module__ = __name__


def resolve(
    given: Mapping[str, Any], start: Mapping[str, Any] | None = None
) -> Settings:
    """Completes settings by the defaults of source and architecture.

    Settings that are missing or `None` take their defaults; `Option.nothing`
    means none. `start` is what `records.of_model` returned for the setting
    `from_model`; by default it is read here. Networks other than those of that
    model are refused.

    Example:
    >>> resolve({"source": "ring", "num_generators": 5}).architecture
    'mlp'
    """
    given = {name: value for name, value in given.items() if value is not None}
    for name in given:
        one_of("settings", name, options.SETTINGS)
    if "steps" in given and "epochs" in given:
        raise UserError(
            "`steps` and `epochs` exclude each other: give one. Received: "
            f"steps={given['steps']!r}, epochs={given['epochs']!r}"
        )
    if "from_model" in given:
        if start is None:
            start = records.of_model(given["from_model"])
        given = _upon(start, given)
    points = given.get("source") in sources.POINTS
    named = {"architecture": "mlp"} if points else {}
    general = {n: o.default for n, o in options.SETTINGS.items()} | named
    chosen = general | given
    # The architecture of the model `from_model` may not be recorded.
    name = chosen["architecture"] or general["architecture"]
    architecture = architectures.get(name)
    defaults = _of_architecture(architecture)
    if (chosen["source"], name) == TUNED:
        defaults |= {
            name: option.by["digits"]
            for name, option in options.SETTINGS.items()
            if "digits" in option.by
        }
    if "from_model" not in given:
        # `mixture` has what a single pair cannot use, such as sharing.
        pair = given.get("num_generators") == 1
        defaults |= {"num_discriminators": 1} if pair else architecture.mixture
    chosen |= options.replaced(defaults, given)
    chosen["source"] = class_names.told_apart(chosen["source"])
    if "steps" in given:
        chosen["epochs"] = None
    for name, option in options.SETTINGS.items():
        if option.zero:
            chosen[name] = chosen[name] or None
    return Settings(**chosen)


def _upon(start: Mapping[str, Any], given: Mapping[str, Any]) -> dict:
    """Completes the given settings by those of the model `from_model`.

    It keeps its networks, except that a pair may become a mixture of copies.
    """
    settled = set(records.OF_NETWORKS)
    if _asks_copies(start, given):
        start = dict(start) | _of_copies(start, given)
        settled -= {"num_generators", "num_discriminators", "share"}
    for name in sorted(settled):
        own, asked = start.get(name), given.get(name)
        if asked is not None and (asked or None) != (own or None):
            kept = "is not recorded" if own is None else f"is {own}"
            raise UserError(
                f"`{name}` must not be given with "
                f"--from={given['from_model']}: that model keeps its networks, "
                f"and its {name} {kept}. Received: {name}={asked}"
            )
    if "source" not in given and not start.get("source"):
        raise UserError(
            "`source` must be given: --source=FOLDER. The data that "
            f"{given['from_model']} was trained on are not recorded. Received: "
            "none"
        )
    of_data = records.OF_DATA if "source" in given else ()
    kept = {
        name: value
        for name, value in start.items()
        if name not in of_data
        and (value is not None or name in records.OF_NETWORKS)
    }
    losses = given.get("auxiliary", start.get("auxiliary")) or ()
    if not any(loss.startswith("encoded_") for loss in losses):
        kept.pop("encoder", None)
    # Those of `settled` equal the model's: see the check above.
    others = {n: v for n, v in given.items() if n not in settled}
    return options.replaced(kept, others)


def _asks_copies(start: Mapping[str, Any], given: Mapping[str, Any]) -> bool:
    numbers = "num_generators", "num_discriminators"
    return all(start.get(name) == 1 for name in numbers) and any(
        given.get(name, 1) != 1 for name in numbers
    )


def _of_copies(start: Mapping[str, Any], given: Mapping[str, Any]) -> dict:
    """What is not taken over from a pair by a mixture of its copies."""
    if start.get("share") not in (None, "none") and "share" in given:
        raise UserError(
            "`share` must not be given with --from a pair that is cut in two: "
            f"its share is {start['share']}. Received: share={given['share']}"
        )
    # Of a pair all estimates are the same, and "full" would cost T pairs.
    payoff = given.get("payoff", start.get("payoff"))
    linear = payoff is None or "linear" in payoffs.get(payoff).estimates
    estimate = "linear" if linear else "full"
    return {"share": "none", "payoff_estimate": estimate}


def _of_architecture(architecture: architectures.Architecture) -> dict:
    training = dict(architecture.training)
    rate = training.pop("learning_rate")
    arguments = inspect.signature(architecture.generator).parameters
    return {
        "generator_learning_rate": rate,
        "discriminator_learning_rate": rate,
        "latent_dim": arguments["latent_dim"].default,
        "width": arguments["width"].default,
        **training,
    }


def facts(source: sources.Source) -> dict[str, Any]:
    """The facts about its data that a run depends on, for `settings.json`."""
    return {
        "num_images": len(source),
        "image_shape": list(source.image_shape),
        "num_classes": source.num_classes,
        "label_names": source.label_names and list(source.label_names),
    }


def versions() -> dict[str, str]:
    """The versions that a run was trained with, for `settings.json`."""
    installed = {
        "keras_mixgan": __version__,
        "keras": keras.__version__,
        "python": platform.python_version(),
    }
    backend = keras.backend.backend()
    installed[backend] = importlib.import_module(backend).__version__
    return installed


def write(
    path: str | os.PathLike[str],
    settings: Settings,
    data_facts: Mapping[str, Any],
    **also: Any,
) -> None:
    """Writes a run's settings as JSON.

    `data_facts` is what `facts` returned. `differences` ignores `also`, which
    must hold `given` for `read`.
    """
    content = {
        "format": FORMAT,
        "settings": dataclasses.asdict(settings),
        "data": dict(data_facts),
        "order": ORDER,
        **also,
    }
    json_files.write(path, content)


def read(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Reads what `write` wrote; refuses a damaged file or a newer format."""
    content = json_files.read(path, FORMAT, "settings", "data", "given")
    for name in ("settings", "data", "given"):
        if not isinstance(content[name], dict):
            raise UserError(
                f"{path} is damaged: {name!r} must be an object. Received: "
                f"{str(content[name])[:200]}"
            )
    return content


def differences(
    saved: Mapping[str, Any],
    settings: Settings,
    data_facts: Mapping[str, Any],
) -> list[str]:
    """Lists the settings that differ between a saved run and a new one.

    More steps are no difference, as they only make the run longer, unless its
    learning rates follow a schedule that ends with it. A setting that the
    saved run's version did not have counts as its general default.

    `saved` is what `read` returned, `data_facts` what `facts` returned, and
    `settings` come after `for_source`. A line is "name: saved -> new".
    """
    before = {name: o.default for name, o in options.SETTINGS.items()}
    before |= {
        "epochs": None,
        **records.as_recorded(saved["settings"]),
        **saved["data"],
    }
    # Facts that the saved run's version did not record tell nothing.
    known = {n: v for n, v in data_facts.items() if n in saved["data"]}
    after = {**records.as_recorded(dataclasses.asdict(settings)), **known}
    # JSON turns tuples into lists.
    after = json.loads(json.dumps(after))
    scheduled = settings.learning_rate_schedule != "constant"
    lines = []
    for name in dict.fromkeys([*before, *after]):
        old, new = before.get(name), after.get(name)
        longer = name == "steps" and isinstance(old, int) and new >= old
        if old != new and (scheduled or not longer):
            note = ""
            if name == "steps":
                note = " (a run can only be made longer)"
                if scheduled:
                    note = " (the learning rates' schedule ends with the run)"
            lines.append(f"{name}: {_text(old)} -> {_text(new)}{note}")
    return lines


def _text(value: Any) -> str:
    return "none" if value is None else str(value)[:200]
