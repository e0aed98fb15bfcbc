"""Reads the recorded settings of a model, without building the model.

They are in the folder of its run, or in the metadata of a preset. For other
models, their own configuration tells how many networks they have, and their
arguments of `compile`.
"""

import os
import pathlib
import zipfile
from collections.abc import Mapping
from typing import Any

from keras_mixgan import presets
from keras_mixgan.cli import optimizers
from keras_mixgan.cli import options
from keras_mixgan.cli import run_files
from keras_mixgan.game import auxiliary
from keras_mixgan.presets import archives
from keras_mixgan.presets import refusals
from keras_mixgan.utils import json_files
from keras_mixgan.utils.checks import nearest_of
from keras_mixgan.utils.errors import UserError

SETTINGS_FORMAT = 1
# `train --from` keeps the model's networks, and so these settings.
OF_NETWORKS = (
    "architecture", "num_generators", "num_discriminators", "share",
    "latent_dim", "width", "augment", "ema_decay", "dtype", "conditional",
)  # fmt: skip
_NUMBERS = ("num_generators", "num_discriminators")
# `train --from` keeps these unless a flag overrides them.
_OF_TRAINING = (
    "optimizer", "generator_learning_rate", "discriminator_learning_rate",
    "learning_rate_schedule", "encoder",
)  # fmt: skip
OF_DATA = (
    "source", "split", "crop_size", "image_size", "skip_bad_images",
    "labels_per_class",
)  # fmt: skip


def settings_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """Turns recorded settings into settings to be given to a run.

    `None`, which would ask for the default, becomes `Option.nothing`.

    Example:
    >>> settings_of({"weight_clip": None, "crop_size": None})
    {'weight_clip': 0, 'crop_size': None}
    """
    return {
        name: options.SETTINGS[name].nothing
        if value is None and name in options.SETTINGS
        else value
        for name, value in content.items()
    }


def of_file(path: str | os.PathLike[str]) -> dict[str, Any] | None:
    """The settings of the run that a model file belongs to, or `None`."""
    record = pathlib.Path(path).parent / run_files.SETTINGS
    try:
        saved = json_files.read(record, SETTINGS_FORMAT, "settings")["settings"]
    except (OSError, ValueError):
        return None  # Another program's file may have this name.
    return saved if isinstance(saved, dict) else None


def of_model(name: str) -> dict[str, Any]:
    """Reads the settings that `train --from` takes over from a model.

    `name` is as in `opening.open_model`. Returns the settings of the networks,
    `None` if unknown; of the game and the optimizers, if known; and of the
    data, if a run trained the model.
    """
    recorded = _recorded(name)
    if not recorded:
        return dict.fromkeys(OF_NETWORKS) | _of_configuration(name)
    game = [n for n, o in options.SETTINGS.items() if o.to == "compile"]
    rates = [n for n, o in options.SETTINGS.items() if o.to == "optimizer"]
    names = (*OF_NETWORKS, *game, *rates, *_OF_TRAINING, *OF_DATA)
    recorded = as_recorded(recorded)
    kept = settings_of({n: recorded[n] for n in names if n in recorded})
    if kept.get("architecture") not in options.OPTIONS["architecture"].choices:
        # Perhaps a Python file: a record must not decide that it is executed.
        kept["architecture"] = None
    if presets.is_preset(name):
        kept.pop("encoder", None)  # Nor that a file is read.
    return dict.fromkeys(OF_NETWORKS) | kept


def as_recorded(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings with those that were Keras's defaults when they were recorded.

    Version 0.1 had no settings for the arguments of RMSprop.
    """
    before = {}
    if settings.get("optimizer") == "rmsprop":
        before = {"rho": 0.9, "epsilon": 1e-7}
    given = {n: v for n, v in settings.items() if v is not None}
    return dict(settings) | before | given


def _recorded(name: str) -> Mapping[str, Any] | None:
    if run_files.is_run(name):
        return of_file(pathlib.Path(name) / run_files.MODEL)
    if presets.is_preset(name):
        return presets.read(presets.find(name)).settings
    recorded = of_file(name)
    if recorded:
        # Another model, such as a pruned one, may lie in the run's folder.
        own = _of_configuration(name)
        if any(own[n] != recorded.get(n) for n in _NUMBERS):
            return None
    return recorded


def _of_configuration(name: str) -> dict[str, Any]:
    """The settings that a model's own configuration tells."""
    config, compiled = _configuration(name)
    with refusals.one_line(
        f"`from` must be a MixGAN. Received: {name}, whose configuration is "
        "damaged"
    ):
        return _settings_from(config, compiled)


def _settings_from(config: Mapping[str, Any], compiled: Any) -> dict[str, Any]:
    networks = {
        "num_generators": len(config["generator"]),
        "num_discriminators": config["num_discriminators"],
        "ema_decay": config["ema_decay"] or 0,
        "conditional": config["num_classes"] is not None,
    }
    if not compiled:
        return networks
    game = {
        n: compiled[n]
        for n, option in options.SETTINGS.items()
        if option.to == "compile" and n in compiled
    }
    names = {kind.__name__: name for name, kind in auxiliary.AUXILIARY.items()}
    game["auxiliary"] = [
        # A user's own loss is not registered: `compile` will refuse its name.
        f"{names.get(loss['class_name'], loss['class_name'])}:"
        f"{loss['config']['coefficient']}"
        for loss in game.get("auxiliary", ())
    ] or None
    return networks | settings_of(game) | _optimizers(compiled)


def _optimizers(compiled: Mapping[str, Any]) -> dict[str, Any]:
    """The optimizers' settings, as far as settings can express them."""
    sides = [compiled[f"{side}_optimizer"] for side in optimizers.SIDES]
    kinds = {str(side["class_name"]).lower() for side in sides}
    rates = [side["config"]["learning_rate"] for side in sides]
    if not kinds <= {*optimizers.OPTIMIZERS} or len(kinds) > 1:
        return {}
    found = {"optimizer": kinds.pop()}
    if all(isinstance(rate, float) for rate in rates):
        found |= {
            f"{side}_learning_rate": rate
            for side, rate in zip(optimizers.SIDES, rates, strict=True)
        }
    for name, option in options.SETTINGS.items():
        values = {side["config"].get(name) for side in sides}
        if option.to == "optimizer" and len(values) == 1:
            found[name] = values.pop()
    return found


def _configuration(name: str) -> tuple[dict, dict | None]:
    """The configuration of a model, and that of its `compile`."""
    if presets.is_preset(name):
        path = presets.find(name) / presets.CONFIG
        content = json_files.read(path, presets.FORMAT, "config")
    else:
        path = pathlib.Path(name)
        if not path.exists():
            raise FileNotFoundError(
                f"`from` must name an existing model. Received: {name}"
                f"{nearest_of(name, presets.list_presets())}"
            )
        if path.suffix != ".keras":
            raise UserError(
                "`from` must be a preset, a .keras file or the folder of a "
                f"run. Received: {name}"
            )
        archives.check(path, "from")
        with zipfile.ZipFile(path) as archive:
            content = json_files.parse(
                archive.read(archives.CONFIG), f"{archives.CONFIG} in {path}"
            )
        if content.get("class_name") != "MixGAN":
            raise UserError(
                f"`from` must be a MixGAN. Received: {path}, which is a "
                f"{content.get('class_name')}"
            )
    return content["config"], content.get("compile_config")
