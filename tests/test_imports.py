"""Which module may import which, and what may be loaded when."""

import ast
import pathlib
import subprocess
import sys

import keras_mixgan

PACKAGE = pathlib.Path(keras_mixgan.__file__).parent

# Each module imports only from lines above its own.
ORDER = """
_version
payoffs mixtures gradients normalization
penalties
architectures._checks
architectures.dcgan
architectures.wgan architectures.mlp
architectures
components
objectives
optimizers averages serialization inference
steps
sampling
validation divergence
mixgan
image_files
tfds_images
sources
data
atomic
figures
plotting
history
callbacks
settings
models
runs
commands.flag_groups
commands.train commands.sample
commands
cli
__main__
"""
RANK = {
    module: rank
    for rank, line in enumerate(ORDER.split("\n"))
    for module in line.split()
}
# Written in `keras.ops` and layers alone: no backend, no file, no flag.
MATHS = ("payoffs", "mixtures", "normalization", "penalties", "objectives")


def modules():
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        name = name.removesuffix(".__init__")
        if name != "__init__" and not name.startswith("metrics"):
            yield name, ast.parse(path.read_text())


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield f"{node.module}.{alias.name}"


def test_imports_go_one_way():
    wrong = []
    for name, tree in modules():
        for other in imported(tree):
            if not other.startswith("keras_mixgan."):
                continue
            other = other.removeprefix("keras_mixgan.")
            while other not in RANK and "." in other:
                other = other.rpartition(".")[0]
            inside = name == other.partition(".")[0]  # a package's own files
            if RANK[other] >= RANK[name] and not inside:
                wrong.append(f"{name} imports {other}")
    assert not wrong


def test_maths_knows_no_backend_and_no_files():
    trees = dict(modules())
    for name in MATHS:
        roots = {other.partition(".")[0] for other in imported(trees[name])}
        assert roots <= {
            "keras", "keras_mixgan", "numpy", "dataclasses", "collections",
            "typing", "contextlib", "threading", "types",
        }, name  # fmt: skip


def loaded_by(statement):
    script = f"{statement}; import sys; print(*sys.modules)"
    return subprocess.run(
        [sys.executable, "-c", script],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()


def test_importing_the_package_loads_no_more_than_keras():
    loaded = set(loaded_by("import keras_mixgan"))
    more = loaded - set(loaded_by("import keras"))
    assert "keras_mixgan.mixgan" in loaded
    assert {name.partition(".")[0] for name in more} == {"keras_mixgan"}


def test_help_loads_no_keras():
    script = (
        "import sys; sys.argv[0] = 'keras-mixgan'; from keras_mixgan import "
        "cli; cli.main(['train', '--help']); assert 'keras' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True
    )
