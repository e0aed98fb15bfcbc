"""What is recorded of a model, read without building it.

The settings of the run that made a model lie in the run's folder, or in the
preset's metadata. Of a model that has neither, its own configuration tells how
many networks it has and what they play.
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
from keras_mixgan.utils.errors import UserError

SETTINGS_FORMAT = 1
# A model that others train on keeps its networks, so these are its own.
OF_NETWORKS = (
    "architecture", "num_generators", "num_discriminators", "share",
    "latent_dim", "width", "ema_decay", "conditional",
)  # fmt: skip
# What the training goes on with, unless other flags are given.
_OF_TRAINING = (
    "optimizer", "generator_learning_rate", "discriminator_learning_rate",
    "learning_rate_schedule",
)  # fmt: skip
OF_DATA = (
    "source", "split", "crop_size", "image_size", "skip_bad_images",
    "labels_per_class",
)  # fmt: skip


def settings_of(content: Mapping[str, Any]) -> dict[str, Any]:
    """Recorded settings, as they are to be given once more.

    Args:
        content: The "settings" of `settings.json`.

    Returns:
        The same, with `Option.nothing` in place of `None`, so that no default
        takes its place.

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
    """The settings of the run in whose folder a file lies.

    Args:
        path: A `.keras` file.

    Returns:
        The settings; `None` where nothing, or something else, lies beside.
    """
    beside = pathlib.Path(path).parent / run_files.SETTINGS
    try:
        found = json_files.read(beside, SETTINGS_FORMAT, "settings")["settings"]
    except (OSError, ValueError):
        return None  # A record is an extra: other programs have such files.
    return found if isinstance(found, dict) else None


def of_model(name: str) -> dict[str, Any]:
    """What a training that goes on from a model takes over from it.

    Args:
        name: As in `opening.open_model`.

    Returns:
        Settings by name: those of the networks, `None` where they are not
        known; of the game and the optimizers, where they are known; and of
        the data, where the model was trained by a run.

    Raises:
        OSError: It is not there, or cannot be read.
        ValueError: It is damaged, or no MixGAN.
    """
    recorded = _recorded(name)
    if not recorded:
        return dict.fromkeys(OF_NETWORKS) | _of_configuration(name)
    game = [n for n, o in options.SETTINGS.items() if o.to == "compile"]
    rates = [n for n, o in options.SETTINGS.items() if o.to == "optimizer"]
    names = (*OF_NETWORKS, *game, *rates, *_OF_TRAINING, *OF_DATA)
    found = settings_of({n: recorded[n] for n in names if n in recorded})
    if found.get("architecture") not in options.OPTIONS["architecture"].choices:
        # A file of Python, which is not to be run because a record names it.
        found["architecture"] = None
    return dict.fromkeys(OF_NETWORKS) | found


def _recorded(name: str) -> Mapping[str, Any] | None:
    if run_files.is_run(name):
        return of_file(pathlib.Path(name) / run_files.MODEL)
    if presets.is_preset(name):
        return presets.read(presets.find(name)).settings
    return of_file(name)


def _of_configuration(name: str) -> dict[str, Any]:
    """What a model's own configuration tells."""
    config, compiled = _configuration(name)
    with refusals.one_line(
        f"`from` must be a MixGAN. Received: {name}, whose configuration is "
        "damaged"
    ):
        return _told(config, compiled)


def _told(config: Mapping[str, Any], compiled: Any) -> dict[str, Any]:
    found = {
        "num_generators": len(config["generator"]),
        "num_discriminators": config["num_discriminators"],
        "ema_decay": config["ema_decay"] or 0,
        "conditional": config["num_classes"] is not None,
    }
    if not compiled:
        return found
    game = {
        n: compiled[n]
        for n, option in options.SETTINGS.items()
        if option.to == "compile" and n in compiled
    }
    names = {kind.__name__: name for name, kind in auxiliary.AUXILIARY.items()}
    game["auxiliary"] = [
        # One of the user's own has no name, which `compile` then refuses.
        f"{names.get(loss['class_name'], loss['class_name'])}:"
        f"{loss['config']['coefficient']}"
        for loss in game.get("auxiliary", ())
    ] or None
    return found | settings_of(game) | _optimizers(compiled)


def _optimizers(compiled: Mapping[str, Any]) -> dict[str, Any]:
    """Settings of both sides' optimizers, where settings can say them."""
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
                f"`from` must name a model that is there. Received: {name}"
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
