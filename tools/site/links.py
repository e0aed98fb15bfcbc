"""Links of a built site: to files and places in it that are there.

MkDocs checks links between Markdown files; this checks what came out of it,
raw HTML and themes included, and that no page loads anything from elsewhere.
"""

import html.parser
import pathlib
import urllib.parse

# Attributes by which a page loads something; `href` of others only leads on.
_LOADS = {"script": "src", "img": "src", "link": "href", "iframe": "src"}


class _Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.leads: list[str] = []
        self.loads: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.places |= {values.get("id"), values.get("name")} - {None}
        if tag == "a" and values.get("href"):
            self.leads.append(values["href"])
        loaded = values.get(_LOADS.get(tag, ""))
        if loaded and values.get("rel") != "canonical":
            self.loads.append(loaded)


def wrong(site: pathlib.Path) -> list[str]:
    """Lists what is wrong with the links of a site, a line for each."""
    pages = {}
    for path in sorted(site.rglob("*.html")):
        pages[path] = _Page()
        pages[path].feed(path.read_text(encoding="utf-8"))
    found = []
    for path, page in pages.items():
        name = path.relative_to(site)
        found += [
            f"{name} loads {link}, which is elsewhere"
            for link in page.loads
            if urllib.parse.urlsplit(link).netloc
        ]
        if name.name == "404.html":  # Its links begin at the site's root.
            continue
        found += [
            f"{name} leads to {link}, which is not there"
            for link in (*page.leads, *page.loads)
            if not _is_there(link, path, pages)
        ]
    return found


def _is_there(link: str, path: pathlib.Path, pages: dict) -> bool:
    parts = urllib.parse.urlsplit(link)
    if parts.scheme or parts.netloc:
        return True
    target = path
    if parts.path:
        target = (path.parent / urllib.parse.unquote(parts.path)).resolve()
        if target.is_dir():
            target = target / "index.html"
    if not target.exists():
        return False
    anchor = urllib.parse.unquote(parts.fragment)
    if not anchor or target not in pages:
        return True
    return anchor in pages[target].places
