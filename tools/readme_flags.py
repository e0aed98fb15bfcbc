"""Writes the table of the flags of `train` into README.

Run from the root of a checkout, where `keras_mixgan/cli/options.py` changed:

    python tools/readme_flags.py
"""

import pathlib

from keras_mixgan.cli import options

README = pathlib.Path(__file__).parents[1] / "README.md"
BEGIN = "<!-- flags of train: written by tools/readme_flags.py -->\n"
END = "<!-- end of flags -->\n"


def table() -> str:
    """The table, in Markdown."""
    lines = ["| flag of `train` | default | what it does |", "|---|---|---|"]
    for title, group in options.TABLE.items():
        lines.append(f"| **{title}** | | |")
        for option in group:
            no = "[no]" if option.kind is bool else ""
            default = option.default_text or ""
            cells = (f"`--{no}{option.flag_name}`", default, option.description)
            row = " | ".join(cell.replace("|", "\\|") for cell in cells)
            lines.append(f"| {row} |")
    return "\n".join(lines) + "\n"


def replaced(readme: str) -> str:
    """README with the table as it has to be.

    Args:
        readme: Its text.

    Returns:
        The text with what lies between the two marks replaced.
    """
    before, mark, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (mark and end):
        raise ValueError(f"{README} must hold {BEGIN!r} and {END!r}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(replaced(README.read_text()))
