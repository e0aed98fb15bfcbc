"""The model that a run starts with: a new one, or that of `train --from`."""

import os
import pathlib
from collections.abc import Callable
from collections.abc import Mapping
from typing import Any

from keras_mixgan import presets
from keras_mixgan.cli import models
from keras_mixgan.cli import opening
from keras_mixgan.cli import records
from keras_mixgan.cli import run_files
from keras_mixgan.cli import settings as settings_module
from keras_mixgan.cli.settings import Settings
from keras_mixgan.data import sources
from keras_mixgan.mixgan import MixGAN
from keras_mixgan.presets import hashes
from keras_mixgan.presets import recipes
from keras_mixgan.training import forks
from keras_mixgan.training.restart import restart
from keras_mixgan.utils.errors import UserError


def make_model(
    settings: Settings,
    source: sources.Source,
    say: Callable[[str], None] = print,
) -> tuple[MixGAN, dict[str, Any] | None]:
    """Makes the model of a run, or opens the model `from_model`.

    The settings come after `for_source`. A pair becomes a mixture of its
    copies where they ask for one. Returns a compiled `MixGAN` at step 0, and
    its origin for `settings.json`: `model`, `file`, `step` and `sha256`, or
    `None` for a new model.
    """
    if settings.from_model is None:
        return models.make_model(settings, source), None
    model, file = opening.open_model(settings.from_model, say)
    _check(model, settings, source)
    weights = file / presets.WEIGHTS if file.is_dir() else file
    origin = {
        "model": settings.from_model,
        "file": str(file),
        "step": model.step,
        "sha256": hashes.sha256(weights),
    }
    classes = source.num_classes if settings.conditional else None
    model = _copied(model, settings, classes)
    _check_numbers(model, settings)
    restart(model, settings.seed)
    models.compile_model(model, settings)
    return model, origin


def recorded(
    workdir: pathlib.Path, from_model: str | None
) -> dict[str, Any] | None:
    """Reads what a run took over from `from_model` when it started.

    So a run can be resumed without that model. Returns what `records.of_model`
    returned then; `None` if the folder has no run that started from it.
    """
    path = workdir / run_files.SETTINGS
    if from_model is None or not path.exists():
        return None
    saved = settings_module.read(path)
    if saved["settings"].get("from_model") != from_model:
        return None
    start = saved.get("start")
    return start if isinstance(start, dict) else None


def settle(
    given: Mapping[str, Any],
    recipe: str | None,
    workdir: str | os.PathLike[str] | None,
) -> tuple[Settings, str | os.PathLike[str], dict[str, Any] | None]:
    """Settles the settings and the folder of a run, given as in `runs.train`.

    Returns also what the run takes over from the model `from_model`, see
    `records.of_model`, or `None`.
    """
    chosen = given if recipe is None else recipes.complete(given, recipe)
    from_model = chosen.get("from_model")
    if workdir is None and recipe is not None:
        workdir = run_files.default_workdir(recipe)
    elif workdir is None and from_model is not None:
        source = chosen.get("source")
        name = f"from-{name_of(from_model)}"
        if source is not None:
            name = f"{run_files.default_workdir(source).name}-{name}"
        workdir = pathlib.Path("runs") / name
    start = None
    if from_model is not None:
        start = recorded(pathlib.Path(workdir).expanduser(), from_model)
        start = records.of_model(from_model) if start is None else start
    try:
        settings = settings_module.resolve(chosen, start)
    except UserError as error:
        if "--from=" not in str(error) or from_model == given.get("from_model"):
            raise
        raise UserError(
            f"The recipe {recipe} starts from {from_model}. {error}"
        ) from error
    if workdir is None:
        workdir = run_files.default_workdir(settings.source)
    return settings, workdir, start


def name_of(from_model: str) -> str:
    """A short name of a model, for a folder.

    Example:
    >>> name_of("runs/digits/model.keras"), name_of("hf://user/faces")
    ('digits', 'faces')
    """
    path = pathlib.PurePath(from_model)
    if path.name in (run_files.MODEL, run_files.CHECKPOINT) and path.parent:
        path = path.parent
    return path.stem.partition("@")[0] or "model"


def _copied(model: MixGAN, settings: Settings, classes: int | None) -> MixGAN:
    """The mixture of a pair's copies, where the settings ask for one."""
    numbers = settings.num_generators, settings.num_discriminators
    if model.num_generators * model.num_discriminators > 1 or numbers == (1, 1):
        return model
    sharing = settings.share != "none"
    if sharing and settings.architecture is None:
        raise UserError(
            "`share` must be none where the architecture is not recorded, "
            f"and that of {settings.from_model} is not. Received: "
            f"share={settings.share!r}"
        )
    return forks.copies_of_pair(
        MixGAN,
        model,
        numbers,
        forks.NOISE,
        settings.seed,
        models.with_heads(model.discriminators[0], settings, classes),
        **(models.cuts(settings) if sharing else {}),
    )


def _check_numbers(model: MixGAN, settings: Settings) -> None:
    """Refuses a model that its record, perhaps another model's, belies."""
    for name in ("num_generators", "num_discriminators"):
        own, recorded = getattr(model, name), getattr(settings, name)
        if own != recorded:
            raise UserError(
                "`from` must be the model whose settings lie beside it, or "
                "lie in a folder of its own. Received: "
                f"{settings.from_model} with {name}={own}, recorded as "
                f"{recorded}"
            )


def _check(model: MixGAN, settings: Settings, source: sources.Source) -> None:
    name, shape = settings.from_model, tuple(model.image_shape)
    if tuple(source.image_shape) != shape:
        hint = ""
        if len(shape) == 3 == len(source.image_shape):
            same = shape[-1] == source.image_shape[-1] and shape[0] == shape[1]
            hint = f" (--image_size={shape[0]} resizes them)" if same else ""
        raise UserError(
            f"`source` must have images of shape {shape}, as {name} makes"
            f"{hint}. Received: {source.name}, with images of shape "
            f"{tuple(source.image_shape)}"
        )
    # A discriminator may read labels that the generators do not take.
    reads = model.conditional or any(
        loss.needs_real_labels for loss in models.losses(settings)
    )
    if settings.conditional not in (model.conditional, reads):
        raise UserError(
            f"`conditional` must be {model.conditional}, as in {name}. "
            f"Received: conditional={settings.conditional}"
        )
    models.check_all_labelled(
        source, model.conditional, f"generators of {name}, which take them"
    )
    known = model.num_classes
    if model.conditional and known not in (None, source.num_classes):
        raise UserError(
            f"`source` must have {known} classes, as {name} has. Received: "
            f"{source.name}, with {source.num_classes}"
        )
