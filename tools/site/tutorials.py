"""Tutorials: Python files of cells, run as notebooks, shown as pages.

Their sources are in the percent format of Jupytext, which git and ruff can
read. A cell that makes a picture says in `alt` what is in it.
"""

import base64
import os
import pathlib
import re
import sys
import tempfile

import jupytext
import nbclient
import nbformat

ROOT = pathlib.Path(__file__).parents[2]
_SECONDS = 600  # A cell, on a machine with other work on it.
# C++ writes them before it heeds any setting, Matplotlib once on a machine.
_NOTE = re.compile(
    r"^(WARNING: All log messages before absl.*|[IWE]0000 00:00:.*"
    r"|Matplotlib is building the font cache.*)\n?",
    re.M,
)
_LEFT_OUT = (
    "!!! note\n    This is a quick build of the site: nothing was run, so "
    "there are no outputs.\n"
)


def read(path: pathlib.Path, execute: bool) -> nbformat.NotebookNode:
    """Reads a tutorial as a notebook, and may run it in a folder of its own.

    It is an error if a cell fails, or writes to stderr.
    """
    notebook = jupytext.read(path)
    notebook.metadata["kernelspec"] = {
        "name": "python3",
        "display_name": "Python 3",
        "language": "python",
    }
    if execute:
        with tempfile.TemporaryDirectory() as folder:
            client = nbclient.NotebookClient(
                notebook,
                coalesce_streams=True,
                startup_timeout=_SECONDS,
                timeout=_SECONDS,
                kernel_name="python3",
                resources={"metadata": {"path": folder}},
            )
            client.execute(env=_environment(folder))
        _without_notes(path, notebook)
    return notebook


def _environment(folder: str) -> dict[str, str]:
    """The environment of a person who has installed this checkout."""
    programs = os.path.dirname(sys.executable)
    return {
        **os.environ,
        "IPYTHONDIR": os.path.join(folder, ".ipython"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "PATH": os.pathsep.join([programs, os.environ.get("PATH", "")]),
        "PYTHONPATH": str(ROOT),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def _without_notes(path: pathlib.Path, notebook) -> None:
    """Drops notes on this machine from stderr, where nothing else may be."""
    for cell in notebook.cells:
        kept = []
        for output in cell.get("outputs", ()):
            if output.get("name") != "stderr":
                kept.append(output)
            elif rest := _NOTE.sub("", output.text).strip():
                raise ValueError(f"{path.name} wrote to stderr: {rest}")
        if "outputs" in cell:
            cell.outputs = kept


def markdown(
    notebook: nbformat.NotebookNode, name: str
) -> tuple[str, dict[str, bytes]]:
    """Renders a notebook, run or not.

    Returns the page, which is called `name`, and its pictures by file name.
    """
    lines: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            lines += [cell.source, ""]
            continue
        lines += [*_code(cell.source), ""]
        for output in cell.outputs:
            lines += [*_output(output, cell, name, pictures), ""]
    title, _, rest = "\n".join(lines).partition("\n")
    ran = any(cell.get("outputs") for cell in notebook.cells)
    note = "" if ran else f"\n{_LEFT_OUT}"
    link = f"[This page as a notebook]({name}.ipynb)"
    return f"{title}\n{note}{rest}\n{link}\n", pictures


def _code(source: str) -> list[str]:
    magic, _, rest = source.partition("\n")
    if magic.startswith("%%"):
        return [f"```{magic[2:].strip()}", rest, "```"]
    return ["```python", source, "```"]


def _output(output, cell, name: str, pictures: dict[str, bytes]) -> list[str]:
    data = output.get("data", {})
    if "image/png" in data:
        file = f"{name}-{len(pictures)}.png"
        pictures[file] = base64.b64decode(data["image/png"])
        return [f"![{cell.metadata['alt']}]({file})"]
    text = output.text if output.output_type == "stream" else data["text/plain"]
    # Colours of a terminal, and bars that were drawn over.
    text = re.sub(r"\x1b\[[0-9;]*m", "", text)
    lines = (line.rpartition("\r")[2] for line in text.splitlines())
    text = "\n".join(filter(str.strip, lines))
    return ["``` { .text .output }", text, "```"]
