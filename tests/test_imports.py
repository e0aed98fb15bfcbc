"""Which module may import which, and what may be loaded when."""

import ast
import pathlib
import subprocess
import sys

import pytest

import keras_mixgan

PACKAGE = pathlib.Path(keras_mixgan.__file__).parent

# Rooms, and a file that is one: each imports only from those before it, and
# freely within itself.
ROOMS = """
_version utils backends architectures data distribution game training
presets exporting mixgan metrics serving cli __main__
""".split()  # noqa: SIM905
# Being mended: what a room still imports from a later one.
PENDING = {
    ("backends", "distribution"),
    ("distribution", "training"),
    ("distribution", "game"),
    ("serving", "cli"),
    ("training", "metrics"),
    ("training", "exporting"),
    ("training", "presets"),
}
# What the paper says: no file, no flag, and no backend but where a function
# chooses its kernel.
MATHS = ("game",)


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        name = name.removesuffix(".__init__")
        if name != "__init__":
            yield name, ast.parse(path.read_text())


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def test_imports_go_one_way():
    wrong = set()
    for name, tree in modules():
        here = name.partition(".")[0]
        for other in imported(tree):
            package, _, there = other.partition(".")
            there = there.partition(".")[0]
            late = there in ROOMS and ROOMS.index(there) > ROOMS.index(here)
            if package == "keras_mixgan" and late:
                wrong.add((here, there))
    assert wrong <= PENDING


def test_the_wheel_packs_every_package():
    tomllib = pytest.importorskip("tomllib", reason="Python 3.10 has none")
    project = PACKAGE.parent / "pyproject.toml"
    if not project.exists():
        pytest.skip("keras-mixgan is not run from a checkout")
    listed = tomllib.loads(project.read_text())["tool"]["setuptools"]
    there = {
        ".".join(path.parent.relative_to(PACKAGE.parent).parts)
        for path in PACKAGE.rglob("__init__.py")
    }
    assert {*listed["packages"]} == there | {"keras_mixgan.zoo"}


def test_maths_knows_no_backend_and_no_files():
    for name, tree in modules():
        if name.partition(".")[0] not in MATHS:
            continue
        top = ast.Module(
            [
                n
                for n in tree.body
                if isinstance(n, ast.Import | ast.ImportFrom)
            ],
            [],
        )
        roots = {other.partition(".")[0] for other in imported(top)}
        assert roots <= {
            "keras", "keras_mixgan", "numpy", "math", "dataclasses", "typing",
            "collections", "contextlib", "random", "threading", "types",
        }, name  # fmt: skip


def test_importing_the_package_loads_no_more_than_keras():
    script = (
        "import sys, keras; before = set(sys.modules); import keras_mixgan; "
        "print(*set(sys.modules) - before)"
    )
    more = subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    assert "keras_mixgan.mixgan" in more
    assert {name.partition(".")[0] for name in more} == {"keras_mixgan"}


def test_help_loads_no_keras():
    script = (
        "import sys; sys.argv[0] = 'keras-mixgan'; from keras_mixgan import "
        "cli; cli.main(['train', '--help']); assert 'keras' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True
    )


@pytest.mark.parametrize(
    "name",
    ["architectures", "callbacks", "data", "metrics", "payoffs", "plotting"],
)
def test_modules_list_their_public_names_alone(name):
    module = getattr(keras_mixgan, name)
    assert "load" in dir(keras_mixgan.data)
    for each in dir(module):
        origin = getattr(getattr(module, each), "__module__", "keras_mixgan")
        assert origin.startswith("keras_mixgan"), each
        assert each not in sys.modules, each
