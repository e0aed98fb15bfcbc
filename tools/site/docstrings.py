"""Docstrings as mkdocstrings reads them: examples are a section of their own.

Here an example follows its title "Example:" without being indented.
"""

import re

import griffe

_EXAMPLE = re.compile(r"^Example:\n((?:.*\n?)*)", re.M)


def with_section(text: str) -> str:
    """A docstring whose example is a section in Google's style.

    The lines after "Example:" get indented; the text comes without its common
    indentation.
    """

    def indented(found: re.Match) -> str:
        lines = found[1].splitlines()
        return "Examples:\n" + "\n".join(f"    {x}".rstrip() for x in lines)

    return _EXAMPLE.sub(indented, text)


class Examples(griffe.Extension):
    """Applies `with_section` to every docstring."""

    def on_object(self, *, obj: griffe.Object, **_) -> None:
        """Called by griffe for each object that it has read."""
        if obj.docstring is not None:
            obj.docstring.value = with_section(obj.docstring.value)
