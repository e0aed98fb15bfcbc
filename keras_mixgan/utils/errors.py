"""Errors that the user can repair, as opposed to faults of this package.

The command line shows them in one line; all others keep their traceback.
"""


class UserError(ValueError):
    """An argument or a file of the user is not as described."""


def first_line(error: Exception, most: int = 300) -> str:
    """Shortens an error of another library to one line.

    Args:
        error: The error, whose text may have many lines.
        most: Characters of the text.

    Returns:
        Its class and its first line.

    Example:
    >>> first_line(KeyError("layers"))
    "KeyError: 'layers'"
    """
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {printable(first, most)}"


def printable(thing: object, most: int = 300) -> str:
    r"""Shows what a file from others holds, without codes for the terminal.

    Args:
        thing: A text, or something else.
        most: Characters of its text.

    Returns:
        Its text, or its `ascii` where a character is no printable one.

    Example:
    >>> printable("logits"), printable("\x1b[2J")
    ('logits', "'\\x1b[2J'")
    """
    text = str(thing)[:most]
    return text if text.isprintable() else ascii(text)[:most]


class MissingPackageError(ImportError, UserError):
    """A package that the user can install is missing; the message says how."""


class NonFiniteError(FloatingPointError):
    """A loss became NaN or infinite; the message names step and component."""
