"""The command line: `keras-mixgan COMMAND --flag=value ...`.

A user's mistake gives one line and exit status 2. An error of the program
itself keeps its traceback.
"""

import contextlib
import difflib
import importlib
import os
import sys
import tempfile
from collections.abc import Iterator
from collections.abc import Sequence

from keras_mixgan._version import __version__
from keras_mixgan.cli.commands import COMMANDS
from keras_mixgan.cli.commands import Command
from keras_mixgan.utils import collector
from keras_mixgan.utils.errors import MissingPackageError
from keras_mixgan.utils.errors import NonFiniteError
from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.errors import printable

PROGRAM = "keras-mixgan"
# Backends of Keras on which mixtures train.
_BACKENDS = ("tensorflow", "jax")
_LONGEST = 1000  # Characters of a line that an error may echo.
_HELP = ("--help", "-h", "-help", "help")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program on what follows its name.

    Returns the exit status: the command's own, which is 0 as a rule; 2 after a
    user's mistake; 130 after Ctrl-C; 1 if the output was cut off.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    try:
        status = _dispatch(arguments)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        print("\nStopped.", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # A reader such as `head` has closed the pipe. Python would fail once
        # more when it flushes the stream at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _dispatch(arguments: list[str]) -> int:
    if not arguments or arguments[0] in _HELP:
        print(_help())
        return 0
    if arguments[0] == "--version":
        print(f"{PROGRAM} {__version__}")
        return 0
    name, *rest = arguments
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        return _fail(
            f"There is no command {name!r}.{hint} `{PROGRAM} --help` lists "
            "all commands."
        )
    return _run(COMMANDS[name], rest)


def _run(command: Command, arguments: list[str]) -> int:
    try:
        from absl import flags
    except ModuleNotFoundError:
        return _fail("The package absl-py is missing: pip install absl-py.")

    from keras_mixgan.cli.commands import flag_groups

    module = importlib.import_module(command.module)
    if any(argument in _HELP for argument in arguments):
        print(
            flag_groups.help_text(
                f"{PROGRAM} {command.name} {command.words}".rstrip()
                + " [--flag=value ...]",
                module.DESCRIPTION,
                module.GROUPS,
                module.EPILOGUE,
            )
        )
        return 0
    try:
        values = flag_groups.parse(
            module.GROUPS, arguments, bool(command.words)
        )
        if command.needs_keras:
            _import_keras()
        return module.run(values) or 0
    except BrokenPipeError:
        raise
    except flags.Error as error:
        text = str(error).replace(" ?", "?").rstrip(".")
        text += "" if text.endswith("?") else "."
        return _fail(
            f"{text} `{PROGRAM} {command.name} --help` lists all flags."
        )
    # Trouble with files and disks is for the user to solve, too.
    except (UserError, NonFiniteError, OSError) as error:
        return _fail(str(error))


def _help() -> str:
    width = max(map(len, COMMANDS)) + 2
    commands = "\n".join(
        f"  {command.name:<{width}}{command.summary}"
        for command in COMMANDS.values()
    )
    return (
        f"usage: {PROGRAM} COMMAND [--flag=value ...]\n\n"
        "MIX+GAN: mixtures of generators against mixtures of discriminators\n"
        f"(arXiv:1703.00573), for Keras.\n\nCommands:\n{commands}\n\n"
        f"`{PROGRAM} COMMAND --help` lists a command's flags.\n"
        f"`{PROGRAM} --version` prints the version."
    )


def _fail(message: str) -> int:
    lines = [printable(line, _LONGEST) for line in message.splitlines()]
    print("error: " + "\n".join(lines), file=sys.stderr)
    return 2


def _import_keras() -> None:
    """Imports Keras without TensorFlow's messages about this machine.

    TensorFlow prints them from C++ before it reads any setting. They are shown
    if TF_CPP_MIN_LOG_LEVEL is set to less than 3, or if the import fails.
    """
    backend = os.environ.get("KERAS_BACKEND") or _BACKENDS[0]
    if backend not in _BACKENDS:
        raise UserError(
            f"`KERAS_BACKEND` must be {' or '.join(_BACKENDS)}. Received: "
            f"KERAS_BACKEND={backend!r}"
        )
    quiet = contextlib.nullcontext
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "3":
        quiet = _quiet_stderr
    try:
        with quiet(), collector.paused():
            import keras  # noqa: F401
    except ModuleNotFoundError as error:
        # Keras itself, or its backend.
        raise MissingPackageError(
            f"The package {error.name} is missing: pip install {error.name}. "
            f"`{PROGRAM} doctor` lists what else is missing."
        ) from error


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Holds back stderr, that of C++ included; shows it on an error."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        keep = os.dup(2)
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            sys.stderr.flush()
            held.seek(0)
            os.write(keep, held.read())
            raise
        finally:
            sys.stderr.flush()
            os.dup2(keep, 2)
            os.close(keep)
