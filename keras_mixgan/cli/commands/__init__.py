"""The commands of `keras-mixgan`, each in a module.

A command's module has `DESCRIPTION`, the first lines of its help; `GROUPS`,
its flags by heading; `EPILOGUE`, the last lines of its help; and
`run(values)`, which takes the flags' values as attributes, and returns the exit
status or `None` for 0. It imports nothing slow before `run` is called, so that
help is printed at once.
"""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Command:
    """One entry in the list of commands.

    Attributes:
        name: What the user types.
        summary: One line for the list of commands.
        words: How help shows its arguments that are not flags (the attribute
            `words` of the values); empty if it takes none.
        needs_keras: Whether to import Keras before it runs.
    """

    name: str
    summary: str
    words: str = ""
    needs_keras: bool = True

    @property
    def module(self) -> str:
        """Name of its module."""
        return f"{__name__}.{self.name}"


COMMANDS: dict[str, Command] = {
    command.name: command
    for command in (
        Command("train", "Train a mixture, or resume an interrupted run."),
        Command("sample", "Draw images from a trained mixture."),
        Command(
            "evaluate", "Score a trained mixture, its generators and real data."
        ),
        Command(
            "compare",
            "Print and plot reports of `evaluate` side by side.",
            words="REPORT REPORT ...",
        ),
        Command(
            "race", "Compare mixtures and pairs at equal seconds of training."
        ),
        Command("export", "Write a sampler that runs without this package."),
        Command(
            "presets", "List the trained models that come with the package."
        ),
        Command("serve", "Serve mixtures over HTTP, with a gallery page."),
        Command(
            "doctor",
            "Show what is installed and what is missing.",
            needs_keras=False,
        ),
    )
}
