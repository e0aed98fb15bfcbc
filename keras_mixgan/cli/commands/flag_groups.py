"""The flags of a command: a table, parsed by absl and printed as help.

The keys of the table are the headings of the help.
"""

import dataclasses
import itertools
import os
import textwrap
import types
from collections.abc import Callable
from collections.abc import Mapping
from collections.abc import Sequence
from typing import Any

from absl import flags

_COLUMN = 30
_WIDTH = 79


@dataclasses.dataclass(frozen=True)
class Flag:
    """One flag.

    Attributes:
        name: Its name, which is also the attribute of its value.
        kind: `str`, `int`, `float`, `bool`, `list` for values separated by
            commas, or `tuple` for a flag that may be given several times.
        help: The help text.
        default: Its default.
        shown: The default as help shows it, if not `default`.
        placeholder: What stands for the value in help.
    """

    name: str
    kind: type
    help: str
    default: Any = None
    shown: str | None = None
    placeholder: str | None = None


Groups = Mapping[str, Sequence[Flag]]
_DEFINE: dict[type, Callable[..., Any]] = {
    str: flags.DEFINE_string,
    int: flags.DEFINE_integer,
    float: flags.DEFINE_float,
    bool: flags.DEFINE_bool,
    list: flags.DEFINE_list,
    tuple: flags.DEFINE_multi_string,
}
_PLACEHOLDERS = {
    str: "NAME",
    int: "N",
    float: "X",
    list: "A,B,...",
    tuple: "TEXT",
}
_RATES = (
    "generator_learning_rate",
    "Give --generator_learning_rate and --discriminator_learning_rate.",
)
# Flags that do not exist: one that the command must have, and a hint.
_MEANT = {
    "lr": _RATES,
    "learning_rate": _RATES,
    "resume": ("workdir", "The same command resumes, in the same --workdir."),
}


def parse(
    groups: Groups, arguments: Sequence[str], words: bool = False
) -> types.SimpleNamespace:
    """Parses a command's flags; returns the values as attributes.

    A text that begins with ~ is a path: a shell does not expand --model=~/run.
    With `words`, arguments that are not flags are allowed, and are the
    attribute `words`. What cannot be parsed raises an `absl.flags.Error`.
    """
    # Not absl's global FLAGS, to which every imported library adds its own.
    values = flags.FlagValues()
    for flag in itertools.chain(*groups.values()):
        _DEFINE[flag.kind](
            flag.name, flag.default, flag.help, flag_values=values
        )
    try:
        rest = values(["keras-mixgan", *arguments])[1:]
    except flags.UnrecognizedFlagError as error:
        needed, hint = _MEANT.get(error.flagname, ("", ""))
        if needed not in values:
            raise
        raise flags.Error(
            f"Unknown command line flag {error.flagname!r}. {hint}"
        ) from error
    except ValueError as error:  # Of --noNAME=VALUE.
        raise flags.Error(f"{error}.") from error
    if rest and not words:
        raise flags.Error(
            f"Every argument must be a flag, --name=value. Received: {rest[0]}"
        )
    parsed = types.SimpleNamespace()
    for name, value in values.flag_values_dict().items():
        # Perhaps a shell's variable that is not set.
        if value == "" and values[name].present:
            raise flags.Error(
                f"--{name} must have a value. Received: --{name}="
            )
        if isinstance(value, str):
            value = os.path.expanduser(value)
        setattr(parsed, name, value)
    if words:
        parsed.words = rest
    return parsed


def help_text(
    usage: str, description: str, groups: Groups, epilogue: str
) -> str:
    """Formats a command's help, its flags in at most 79 columns."""
    lines = [f"usage: {usage}", "", description.strip()]
    for title, group in groups.items():
        lines += ["", f"{title}:"]
        for flag in group:
            lines += _flag_lines(flag)
    if epilogue:
        lines += ["", epilogue.strip("\n")]
    return "\n".join(lines)


def _flag_lines(flag: Flag) -> list[str]:
    if flag.kind is bool:
        name = f"  --[no]{flag.name}"
    else:
        name = f"  --{flag.name}={flag.placeholder or _PLACEHOLDERS[flag.kind]}"
    shown = flag.shown
    if shown is None and flag.default is not None:
        shown = str(flag.default)
    text = flag.help + (f" [{shown}]" if shown else "")
    wrapped = textwrap.wrap(text, _WIDTH - _COLUMN, break_on_hyphens=False)
    indent = " " * _COLUMN
    if len(name) >= _COLUMN - 1:
        return [name, *(indent + line for line in wrapped)]
    return [
        name.ljust(_COLUMN) + wrapped[0],
        *(indent + line for line in wrapped[1:]),
    ]
