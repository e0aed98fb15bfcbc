"""The flag of all commands that take one trained mixture."""

import pathlib

from keras_mixgan.cli.commands.flag_groups import Flag
from keras_mixgan.utils.errors import UserError

MODEL = Flag(
    "model",
    str,
    "A .keras file, the folder of a run, such as runs/digits, or a preset: its "
    "name in the zoo, or its folder.",
    placeholder="PATH",
)


_SETTINGS = "settings.json"


def find(model: str | None) -> str:
    """Finds the model that is named.

    Args:
        model: The flag's value.

    Returns:
        The same, but of a run's folder the file in it: the trained model, else
        the newest checkpoint.

    Raises:
        ValueError: It is missing or empty.
        OSError: It is a run's folder without a model.
    """
    if not model:
        raise UserError(
            "`model` must be given: --model=runs/digits/model.keras"
        )
    folder = pathlib.Path(model)
    if not (folder / _SETTINGS).is_file():
        return model
    checkpoints = sorted(
        folder.glob("checkpoint*.keras"),
        key=lambda path: path.stat().st_mtime_ns,
        reverse=True,
    )
    for path in (folder / "model.keras", *checkpoints):
        if path.is_file():
            return str(path)
    raise FileNotFoundError(
        "`model` must be a run's folder that holds model.keras or a "
        f"checkpoint. Received: model={model}, where neither lies"
    )
