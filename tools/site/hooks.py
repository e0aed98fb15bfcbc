"""What MkDocs calls when it builds the site: pages that are made.

`KERAS_MIXGAN_SITE=quick` leaves out what takes long: the outputs of the
tutorials and the demo. `python tools/docs.py` sets it.
"""

import logging
import os
import pathlib
import sys
from unittest import mock

import nbformat
from mkdocs.structure.files import File

sys.path.insert(0, os.path.dirname(__file__))
# TensorFlow's notes on this machine are nobody's business here.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import demo
import tutorials

LOG = logging.getLogger("mkdocs.hooks.keras_mixgan")
QUICK = os.environ.get("KERAS_MIXGAN_SITE") == "quick"
# For a program of this name the package does not load Keras, which takes
# seconds; a quick build needs none.
with mock.patch.object(sys, "argv", ["keras-mixgan"] if QUICK else sys.argv):
    import pages
    import reference

ROOT = pathlib.Path(__file__).parents[2]


def on_config(config):
    """Completes the navigation."""
    docs = pathlib.Path(config.docs_dir)
    config.theme["favicon"] = config.theme["logo"] = "favicon.svg"
    places = pages.shown()
    theory = sorted(
        path.relative_to(docs).as_posix()
        for path in (*docs.glob("theory.md"), *docs.glob("theory/*.md"))
    )
    of = {
        room: sorted(
            place
            for place in places.values()
            if place.startswith(f"{room}/") and place.endswith(".md")
        )
        for room in ("zoo", "measured")
    }
    of["measured"].remove("measured/index.md")
    config.nav += [
        *([{"Theory": theory}] if theory else []),
        {"The zoo": ["zoo/index.md", *of["zoo"]]},
        {"Demo": "demo.md"},
        {"Command line": "command_line.md"},
        {"Reference": [{title: path} for path, title in _reference()]},
        {"How we measure": ["measured/index.md", *of["measured"]]},
        {
            "Project": [
                {"Contributing": "contributing.md"},
                {"How it is built": "notes.md"},
                {"Security": "security.md"},
                {"Changes": "changes.md"},
            ]
        },
    ]
    return config


def _reference():
    return [(path, title) for path, (title, _) in REFERENCE.items()]


REFERENCE = reference.pages()


def on_files(files, config):
    """Adds the pages and pictures that are made."""

    def add(path: str, content: str | bytes) -> None:
        files.append(File.generated(config, path, content=content))

    places = pages.shown()
    for source, place in places.items():
        if place.endswith(".md"):
            add(place, pages.page_of(source, places))
        else:
            add(place, (ROOT / source).read_bytes())
    add("zoo/index.md", pages.zoo())
    add("command_line.md", pages.command_line())
    for path, (_, text) in REFERENCE.items():
        add(path, text)
    page = ROOT / "keras_mixgan" / "page" / "favicon.svg"
    add("favicon.svg", page.read_bytes())
    for path in sorted((ROOT / "docs" / "tutorials").glob("*.py")):
        _add_tutorial(path, add)
    add("demo.md", demo.page(QUICK))
    return files


def _add_tutorial(path: pathlib.Path, add) -> None:
    LOG.info("Tutorial %s", path.name)
    notebook = tutorials.read(path, execute=not QUICK)
    text, pictures = tutorials.markdown(notebook, path.stem)
    add(f"tutorials/{path.stem}.md", text)
    add(f"tutorials/{path.stem}.ipynb", nbformat.writes(notebook))
    for name, content in pictures.items():
        add(f"tutorials/{name}", content)


def on_page_markdown(markdown, page, config, files):
    """Pages of docs/ have links as the repository needs them."""
    if page.file.generated_by:
        return markdown
    return pages.linked(markdown, f"docs/{page.file.src_uri}", pages.shown())


def on_post_build(config):
    """Writes the demo, which is a page of its own."""
    if not QUICK:
        demo.write(pathlib.Path(config.site_dir) / demo.PLACE)
