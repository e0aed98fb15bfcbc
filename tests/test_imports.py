"""Which modules may import which, and when packages are loaded."""

import ast
import pathlib
import subprocess
import sys
import tomllib

import pytest

import keras_mixgan

PACKAGE = pathlib.Path(keras_mixgan.__file__).parent

# Packages and single modules, in order: each imports only from itself and from
# those before it.
ROOMS = """
_version utils backends architectures data distribution game presets metrics
training exporting mixture mixgan serving cli __main__
""".split()  # noqa: SIM905


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
    assert not wrong


def test_the_wheel_packs_every_package():
    project = PACKAGE.parent / "pyproject.toml"
    if not project.exists():
        pytest.skip("keras-mixgan is not run from a checkout")
    listed = tomllib.loads(project.read_text())["tool"]["setuptools"]
    there = {
        ".".join(path.parent.relative_to(PACKAGE.parent).parts)
        for path in PACKAGE.rglob("__init__.py")
    }
    assert {*listed["packages"]} == there | {"keras_mixgan.zoo"}


def test_the_game_asks_for_no_backend_no_device_and_no_file():
    forbidden = (
        "tensorflow", "jax", "absl", "os", "pathlib", "distribute",
        "keras.backend.backend", "keras.distribution",
    )  # fmt: skip
    for name, tree in modules():
        if name.partition(".")[0] != "game":
            continue
        words = set(imported(tree)) | {
            ast.unparse(node)
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute | ast.Name)
        }
        for word in words:
            for other in forbidden:
                assert not f"{word}.".startswith(f"{other}."), (name, word)
        if name != "game.normalization":  # has to pass through Keras's layers
            assert "threading" not in words


def test_importing_the_package_loads_no_more_than_keras():
    script = (
        "import gc; gc.disable(); "  # Which makes the import a fifth faster.
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
