"""The flag of all commands that take one trained mixture."""

from keras_mixgan.cli.commands.flag_groups import Flag

MODEL = Flag(
    "model",
    str,
    "A .keras file, such as runs/digits/model.keras, or a preset: its name in "
    "the zoo, or its folder.",
    placeholder="PATH",
)


def check(model: str | None) -> None:
    """Checks that a model is named.

    Args:
        model: The flag's value.

    Raises:
        ValueError: It is missing or empty.
    """
    if not model:
        raise ValueError(
            "`model` must be given: --model=runs/digits/model.keras"
        )
