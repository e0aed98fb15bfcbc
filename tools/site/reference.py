"""The reference: every public name, with its docstring, by room."""

import griffe

from keras_mixgan.utils.errors import UserError

_AUXILIARY = (
    "Auxiliary",
    "register",
    "get",
    "AuxiliaryClassifier",
    "ComponentClassifier",
    "FeatureMatching",
)
# Pages, and what stands on each: names, or modules with all that is public.
PAGES = {
    "MixGAN": ("MixGAN", "list_presets", "UsageWarning", "NonFiniteError"),
    "Payoffs": ("game.payoffs",),
    "Auxiliary losses": (
        *(f"game.auxiliary.{name}" for name in _AUXILIARY),
        "game.turns.Turn",
        "game.turns.Seen",
    ),
    "Architectures": ("architectures",),
    "Data": ("data", "data.sources"),
    "Callbacks": ("training.callbacks",),
    "Metrics": ("metrics", "metrics.figures", "metrics.classifiers"),
    "Distribution": ("distribution",),
    "Pictures": ("utils.plotting",),
    "Runs": ("cli.runs",),
    "Pages in the browser": ("exporting.web_page",),
    "Errors": ("utils.errors",),
}
PACKAGE = "keras_mixgan"


def pages() -> dict[str, tuple[str, str]]:
    """Titles and Markdown of the pages, by path.

    Raises:
        UserError: Something public has no docstring.
    """
    package = griffe.load(PACKAGE, resolve_aliases=True, submodules=True)
    made, bare, seen = {}, [], set()
    for title, entries in PAGES.items():
        lines = [f"# {title}", ""]
        for entry in entries:
            member = _final(package[entry])
            if member.is_module:
                lines += [_text(member), ""]
            for each in _public(member):
                if each.path in seen:
                    continue
                seen.add(each.path)
                bare += _without_docstring(each)
                lines += [f"::: {each.path}", ""]
        path = f"reference/{title.lower().replace(' ', '_')}.md"
        made[path] = (title, "\n".join(lines))
    if bare:
        raise UserError(f"Public and without docstring: {', '.join(bare)}")
    return made


def _final(member):
    return member.final_target if member.is_alias else member


def _text(module) -> str:
    return module.docstring.value if module.docstring else ""


def _public(member) -> list:
    """The member, or what is public in a module, classes and functions."""
    if not member.is_module:
        return [member]
    names = member.exports or [
        name
        for name, each in member.members.items()
        if not (each.is_alias or name.startswith("_"))
    ]
    found = [_meant(member, str(name)) for name in names]
    return [x for x in found if x.is_class or x.is_function]


def _meant(module, name: str):
    """What a name of a module means to who imports it.

    A function may have the name of the file that it lies in; griffe then
    takes the file.
    """
    member = _final(module[name])
    if member.is_module and name in member.members:
        return _final(member[name])
    return member


def _without_docstring(member) -> list[str]:
    members = [member]
    if member.is_class:
        members += [
            _final(each)
            for name, each in member.all_members.items()
            if not name.startswith("_")
        ]
    return [
        each.path
        for each in members
        if (each.is_class or each.is_function) and not each.has_docstring
    ]
