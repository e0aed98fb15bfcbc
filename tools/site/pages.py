"""Pages that are made of what lies elsewhere in the repository.

Each function returns Markdown by the path of its page. Links between files of
the repository become links between pages; those to files that the site does
not show become their names.
"""

import importlib
import json
import pathlib
import posixpath
import re

from keras_mixgan.cli import commands

ROOT = pathlib.Path(__file__).parents[2]
_RESULTS = "benchmarks/results"
# True of the program's help, not of tables.
_OF_HELP = "Defaults stand in brackets. "
_PLAIN = {
    "BUILD_NOTES.md": "notes.md",
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contributing.md",
    "SECURITY.md": "security.md",
}
_LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)")
# A line of a list or a table directly below text, as GitHub allows it.
_TIGHT = re.compile(r"^(?![-|\s#>])(.+)\n(- |\|)", re.M)


def shown() -> dict[str, str]:
    """The files that the site shows, and their paths in it."""
    places = dict(_PLAIN)
    for card in sorted((ROOT / "zoo").glob("*/README.md")):
        name = card.parent.name
        places[f"zoo/{name}/README.md"] = f"zoo/{name}.md"
        for picture in sorted(card.parent.glob("*.png")):
            shown = f"zoo/{name}-{picture.name}"
            places[f"zoo/{name}/{picture.name}"] = shown
    for path in sorted((ROOT / _RESULTS).rglob("*")):
        inside = path.relative_to(ROOT / _RESULTS)
        if path.suffix in (".md", ".png") and "runs" not in inside.parts:
            place = f"measured/{inside.as_posix()}"
            place = place.replace("README.md", "index.md")
            places[f"{_RESULTS}/{inside.as_posix()}"] = place
    return places


def page_of(source: str, places: dict[str, str]) -> str:
    """The Markdown of one file of the repository, with links for its place.

    `places` is what `shown` returns.
    """
    text = linked((ROOT / source).read_text(encoding="utf-8"), source, places)
    return _TIGHT.sub(r"\1\n\n\2", text)


def linked(text: str, source: str, places: dict[str, str]) -> str:
    """Turns links between files of the repository into links between pages.

    `source` is the path of the text's file in the repository, `places` what
    `shown` returns.
    """
    home = _in_docs(source)
    here = posixpath.dirname(places.get(source, home))

    def link(found: re.Match) -> str:
        image, text, target = found.groups()
        if target.startswith(("#", "http:", "https:", "mailto:")):
            return found[0]
        target, _, anchor = target.partition("#")
        path = posixpath.normpath(
            posixpath.join(posixpath.dirname(source), target)
        )
        place = places.get(path, _in_docs(path))
        if place == path:
            # Between pages of docs/, where some are made, nothing changes.
            return found[0] if home != source else text
        there = posixpath.relpath(place, here or ".")
        return f"{image}[{text}]({there}{'#' * bool(anchor)}{anchor})"

    return _LINK.sub(link, text)


def _in_docs(path: str) -> str:
    """What lies in docs/ has the same place in the site."""
    return path.removeprefix("docs/")


def zoo() -> str:
    """The page that lists the presets."""
    lines = [
        "# The zoo",
        "",
        "Trained mixtures come along, each beside a single pair. "
        "`kmg.MixGAN.from_preset(NAME)` loads one, and `keras-mixgan presets` "
        "lists them. Each card says how the scores were measured, and the "
        "limits.",
        "",
        "| preset | data | T | parameters | classifier | score | distance |",
        "|---|---|---|---|---|---|---|",
    ]
    pictures = []
    for path in sorted((ROOT / "zoo").glob("*/metadata.json")):
        about = json.loads(path.read_text(encoding="utf-8"))
        name = about["name"]
        lines.append(f"| {' | '.join(_row(about))} |")
        pictures += [
            "",
            f"[![Samples of {name}]({name}-samples.png)]({name}.md)",
            "",
            f"*[{name}]({name}.md): {about['data']['name']}*",
        ]
    lines += [
        "",
        "Score: higher is better. Frechet distance: lower is better. Scores "
        "of different classifiers do not compare.",
        *pictures,
    ]
    return "\n".join(lines) + "\n"


def _row(about: dict) -> list[str]:
    scores = about["evaluation"]["scores"]["mixture"]
    classifier = scores["fid"]["details"]["classifier"]
    name = about["name"]
    return [
        f"[{name}]({name}.md)",
        about["data"]["name"],
        str(about["num_generators"]),
        f"{about['parameters']:,}",
        str(classifier),
        f"{scores['inception_score']['mean']:.2f}",
        f"{scores['fid']['mean']:.2f}",
    ]


def command_line() -> str:
    """The page of all commands, from the tables that their help is made of."""
    lines = ["# Command line", ""]
    for command in commands.COMMANDS.values():
        module = importlib.import_module(command.module)
        lines += [
            f"## keras-mixgan {command.name}",
            "",
            module.DESCRIPTION.strip().replace(_OF_HELP, ""),
            "",
        ]
        for title, group in module.GROUPS.items():
            lines += [
                f"| {title} | default | what it does |",
                "|---|---|---|",
                *(f"| {' | '.join(_flag(flag))} |" for flag in group),
                "",
            ]
        examples = module.EPILOGUE.strip().removeprefix("Examples:").strip("\n")
        lines += ["```text", *map(str.strip, examples.splitlines()), "```", ""]
    return "\n".join(lines)


def _flag(flag) -> tuple[str, str, str]:
    name = f"`--[no]{flag.name}`" if flag.kind is bool else f"`--{flag.name}`"
    default = flag.shown
    if default is None and flag.default is not None:
        default = str(flag.default)
    cells = (name, default or "", flag.help)
    return tuple(cell.replace("|", "\\|") for cell in cells)
