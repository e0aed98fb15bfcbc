"""Which module may import which, and what may be loaded when."""

import ast
import pathlib
import subprocess
import sys

import pytest

import keras_mixgan

PACKAGE = pathlib.Path(keras_mixgan.__file__).parent

# Each module imports only from lines above its own.
ORDER = """
_version names atomic json_files
stateless batches executions
distribution.cluster distribution.devices distribution.shares
distribution.replicas distribution.placement distribution.exchange
distribution.component_sharding
distribution.strategies
distribution
payoffs mixtures gradients normalization
penalties
architectures._checks
architectures.dcgan
architectures.wgan architectures.mlp
architectures
components
networks
objectives
optimizers averages serialization inference
exporting sampling
preset_weights cards
figures
plotting
presets
mixture_model
steps
distribution.stacks
distribution.sharded_steps
jax_steps
distribution.batches distribution.plan
distribution.loop
validation divergence
mixgan
image_files
tfds_images array_files
sources
data
history
metrics
callbacks
settings
recipes models
distribution.run_devices
runs
serving
commands.flag_groups
commands.model_flag
commands.train commands.sample commands.evaluate commands.export
commands.presets commands.serve
commands
cli
__main__
"""
RANK = {
    module: rank
    for rank, line in enumerate(ORDER.split("\n"))
    for module in line.split()
}
# Written in `keras.ops` and layers: no file, no flag, and no backend but where
# a function chooses its kernel.
MATHS = ("payoffs", "mixtures", "normalization", "penalties", "objectives")


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


def ranked(module):
    """The module itself, or the package in the table that holds it."""
    while module not in RANK and "." in module:
        module = module.rpartition(".")[0]
    return module


def test_imports_go_one_way():
    wrong = []
    for name, tree in modules():
        for other in imported(tree):
            if not other.startswith("keras_mixgan."):
                continue
            here = ranked(name)
            there = ranked(other.removeprefix("keras_mixgan."))
            inside = here == there.partition(".")[0]  # a package's own files
            if RANK[there] >= RANK[here] and not inside:
                wrong.append(f"{name} imports {other}")
    assert not wrong


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
        if name not in MATHS:
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
            "collections", "contextlib", "threading", "types",
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
