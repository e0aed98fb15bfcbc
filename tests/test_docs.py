"""The site: its build, snippets, commands and navigation."""

import importlib.util
import pathlib
import re
import shlex
import subprocess
import sys

import browser
import pytest

from keras_mixgan import presets
from keras_mixgan.cli import commands
from keras_mixgan.cli.commands import flag_groups

ROOT = pathlib.Path(__file__).parents[1]
DOCS = ROOT / "docs"
TUTORIALS = sorted((DOCS / "tutorials").glob("*.py"))
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(DOCS.rglob("*.md")),
    *TUTORIALS,
    *sorted((ROOT / "tools" / "site").glob("*.py")),
]
needs_mkdocs = pytest.mark.skipif(
    any(
        importlib.util.find_spec(name) is None
        for name in ("mkdocs", "material", "mkdocstrings", "nbclient")
    ),
    reason="pip install 'keras-mixgan[docs]'",
)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The quick build: all pages, without running notebooks."""
    out = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "tools/docs.py", "--quick", f"--out={out}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return out


@needs_mkdocs
def test_the_site_has_what_it_is_made_of(site):
    presets = {path.parent.name for path in ROOT.glob("zoo/*/README.md")}
    for name in presets:
        assert (site / f"zoo/{name}-samples.png").exists()
        assert name in (site / "zoo/index.html").read_text()
    flags = (site / "command_line.html").read_text()
    for name in commands.COMMANDS:
        assert f"keras-mixgan {name}" in flags
    reference = (site / "reference/mixgan.html").read_text()
    for part in ("export_sampler", "payoff_matrix", "Raises"):
        assert part in reference
    # Examples are blocks of code, not text with `>>>`.
    assert "&gt;&gt;&gt;" not in re.sub(
        r"<code.*?</code>", "", reference, flags=re.S
    )


@needs_mkdocs
@pytest.mark.parametrize(
    ("link", "said"),
    [
        ("nowhere.html", "leads to nowhere.html, which is not there"),
        ("index.html#nothing", "leads to index.html#nothing"),
    ],
)
def test_broken_links_are_found(tmp_path, monkeypatch, link, said):
    monkeypatch.syspath_prepend(ROOT / "tools" / "site")
    import links

    page = "<p id=here><a href='#here'></a><a href='https://x.org'></a>"
    (tmp_path / "index.html").write_text(page)
    assert links.wrong(tmp_path) == []
    (tmp_path / "index.html").write_text(f"{page}<a href='{link}'></a>")
    (wrong,) = links.wrong(tmp_path)
    assert said in wrong
    script = "<script src='https://x.org/a.js'></script>"
    (tmp_path / "index.html").write_text(page + script)
    (wrong,) = links.wrong(tmp_path)
    assert "is elsewhere" in wrong


@needs_mkdocs
@browser.needed
def test_three_clicks(site, tmp_path):
    pytest.importorskip("selenium")
    with (
        browser.served(site) as url,
        browser.opened(tmp_path) as driver,
    ):
        driver.get(url)
        for link, heading in (
            ("Read a mixture", "Read a mixture"),
            ("Command line", "Command line"),
            ("Payoffs", "Payoffs"),
        ):
            driver.execute_script(
                "[...document.querySelectorAll('.md-content a, .md-nav a')]"
                ".find(a => a.textContent.trim() === arguments[0]).click()",
                link,
            )
            shown = driver.find_element("css selector", "h1").text
            assert shown.startswith(heading)
        loaded = driver.execute_script(
            "return performance.getEntriesByType('resource').map(x => x.name)"
        )
        assert [x for x in loaded if not x.startswith((url, "data:"))] == []
        failures = driver.get_log("browser")
        assert [x for x in failures if x["level"] == "SEVERE"] == []


def test_the_first_pages_python_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "index.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    names = {}
    exec(compile(code, "index.md", "exec"), names)
    assert names["images"].shape == (10, 28, 28, 1)
    assert (tmp_path / "digits.png").exists()
    assert names["mine"].step == 2


def command_lines(path):
    """Commands of ours in a page, without pipes and redirections."""
    text = re.sub(r"^# ?", "", path.read_text(encoding="utf-8"), flags=re.M)
    text = text.replace("\\\n", " ")
    return re.findall(
        r"^ *(?:pip .*&& |[A-Z_]+=\S+ )*"
        r"(keras-mixgan [a-z]+ --.*?)(?= 2>| \||$)",
        text,
        re.M,
    )


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_commands_have_flags_that_there_are(path):
    for line in command_lines(path):
        _, name, *arguments = shlex.split(line, comments=True)
        module = importlib.import_module(commands.COMMANDS[name].module)
        flag_groups.parse(module.GROUPS, arguments)


def test_commands_are_found():
    assert sum(len(command_lines(path)) for path in PAGES) > 8


def pages_of_the_repository():
    """Those that are read there; docs/index.md is for the site alone."""
    yield from (ROOT / name for name in ("README.md", "BUILD_NOTES.md"))
    yield from (ROOT / name for name in ("CONTRIBUTING.md", "SECURITY.md"))
    for folder in ("docs/guide", "benchmarks/results", "zoo"):
        yield from (ROOT / folder).rglob("*.md")
    yield DOCS / "theory.md"


def test_links_lead_somewhere_in_the_repository():
    wrong = [
        (page.name, target)
        for page in pages_of_the_repository()
        for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
        if not target.startswith(("http", "mailto:"))
        and not (page.parent / target).exists()
    ]
    assert not wrong


def test_readmes_scores_are_those_of_the_zoo():
    text = (ROOT / "README.md").read_text()
    shown = dict(re.findall(r"`(\w+)` \|(?: \d \|)? ([\d., ]+) \|", text))
    wanted = {
        name: f"{preset.scores['fid']:.2f}, "
        f"{preset.scores['inception_score']:.2f}"
        for name, preset in presets.list_presets().items()
    }
    assert shown == wanted
