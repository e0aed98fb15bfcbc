"""The flag `--model` of all commands that take one trained mixture."""

import pathlib

from keras_mixgan.cli import run_files
from keras_mixgan.cli.commands.flag_groups import Flag
from keras_mixgan.utils.errors import UserError

MODEL = Flag(
    "model",
    str,
    "The folder of a run, such as runs/digits, whose model is used, or its "
    "newest intact checkpoint while it trains; a .keras file; or a preset: its "
    "name in the zoo, its folder, or hf://user/name on the Hugging Face hub.",
    placeholder="PATH",
)


def check(model: str | None) -> str:
    """Checks that a model is given, before anything slow is done."""
    if not model:
        raise UserError("`model` must be given: --model=runs/digits")
    return model


def folder_of(model: str) -> pathlib.Path:
    """The default folder for what a command writes about a model.

    It is that of the run, or of the `.keras` file; for a preset, the current
    one.
    """
    if run_files.is_run(model):
        return pathlib.Path(model)
    is_file = model.endswith(".keras") and "://" not in model
    return pathlib.Path(model).parent if is_file else pathlib.Path(".")
