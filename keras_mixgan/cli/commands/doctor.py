"""`keras-mixgan doctor`."""

import os
import pathlib
import platform
from collections.abc import Iterator

from keras_mixgan._version import __version__
from keras_mixgan.cli.commands import shared_flags

DESCRIPTION = """
Shows what is installed: versions, backends and their devices, oneDNN,
prepared data of TensorFlow Datasets, and classifiers. The exit status is 0 if
`keras-mixgan train` can work. Otherwise it is 1, and the problems are listed
at the end.
"""

GROUPS = {"Flags": (shared_flags.DATA_DIR,)}

EPILOGUE = """
Examples:
  keras-mixgan doctor
  keras-mixgan doctor --data_dir=/data/tfds
"""

# What does not work without a package that a minimal install leaves out.
WITHOUT = {
    "importlib_resources": "downloads of data",
    "pyyaml": "--config=FILE.yaml",
    "scikit-learn": "scores",
    "scipy": "mixtures of snapshots, and equilibria",
    "tensorflow": "the TensorFlow backend",
    "tensorflow-datasets": "data sets by name",
    "tensorflow-gan": "scores under TensorFlow",
    "tensorflow-probability": "scores under TensorFlow",
    "tf-keras": "scores under TensorFlow",
}


def run(values) -> int:
    """Prints what is installed; returns the exit status."""
    from keras_mixgan.cli import probes
    from keras_mixgan.cli import requirements
    from keras_mixgan.utils import versions

    problems: list[str] = []
    cores = os.cpu_count()
    print(
        f"keras-mixgan {__version__}, Python {platform.python_version()}, "
        f"{platform.system()} {platform.machine()}, {cores} cores"
    )
    packages = requirements.packages()
    _section("Packages", _packages(packages, requirements.ESSENTIAL, problems))
    _section("Extras", _extras(packages))
    names = ("tensorflow", "jax")
    installed = {name: versions.installed(name) for name in names}
    backends = [name for name, version in installed.items() if version]
    answers = probes.ask((*backends, "package"))
    _section("Backends", _backends(installed, answers, problems))
    folder = pathlib.Path(
        values.data_dir
        or os.environ.get("TFDS_DATA_DIR")
        or pathlib.Path.home() / "tensorflow_datasets"
    ).expanduser()
    _section(f"Prepared data in {folder}", prepared(folder) or ["none"])
    _section("Classifiers", _classifiers(answers["package"]))
    if problems:
        _section("Problems", problems)
        return 1
    print("\nEverything that training needs is there.")
    return 0


def prepared(folder: pathlib.Path) -> list[str]:
    """Lists the data sets that TFDS has prepared in a folder, sorted.

    Names have configuration and version. The folder need not exist.
    """
    return sorted(
        path.parent.relative_to(folder).as_posix()
        for depth in ("*/*", "*/*/*")
        for path in folder.glob(f"{depth}/dataset_info.json")
    )


def _section(title: str, lines) -> None:
    print(f"\n{title}:")
    for line in lines:
        print(f"  {line}", flush=True)


def _packages(packages, essential, problems: list[str]) -> Iterator[str]:
    for package in packages:
        if package.extra is not None:
            continue
        problem, note = package.problem, ""
        if problem and package.name in essential:
            wanted = f"{package.name}>={package.least}"
            problems.append(
                f"{package.name}: {problem}: pip install '{wanted}'"
            )
        elif problem:
            note = f", needed for {WITHOUT.get(package.name, 'some commands')}"
        yield f"{package.name:<24}{problem or package.version}{note}"


def _extras(packages) -> Iterator[str]:
    for extra in sorted({p.extra for p in packages if p.extra}):
        wrong = [
            f"{p.name} {p.problem}"
            for p in packages
            if p.extra == extra and p.problem
        ]
        if extra not in ("test", "bench"):
            yield f"{extra:<24}{', '.join(wrong) or 'complete'}"


def _backends(installed, answers, problems: list[str]) -> Iterator[str]:
    package = answers["package"]
    for name, version in installed.items():
        answer = answers.get(name)
        if answer is None:
            yield f"{name:<24}missing"
        elif "error" in answer:
            yield f"{name:<24}{version}, does not work: {answer['error']}"
        else:
            chosen = ", chosen" if package.get("backend") == name else ""
            devices = ", ".join(answer["devices"]) or "no device"
            yield f"{name:<24}{answer['version']}{chosen}: {devices}"
        if answer and "onednn" in answer:
            setting = os.environ.get("TF_ENABLE_ONEDNN_OPTS", "1")
            state = "on" if answer["onednn"] else "off"
            yield f"{'oneDNN':<24}{state} (TF_ENABLE_ONEDNN_OPTS={setting})"
    if not any(installed.values()):
        problems.append("No backend: pip install tensorflow, or jax")
    elif package.get("backend") not in (None, *installed):
        problems.append(
            f"The backend {package['backend']} cannot train: set KERAS_BACKEND "
            f"to {' or '.join(installed)}"
        )
    elif "error" in package:
        problems.append(f"`import keras_mixgan` fails: {package['error']}")


def _classifiers(package) -> Iterator[str]:
    if "error" in package:
        yield "not known, because the package cannot be imported"
        return
    for name in package["bundled"]:
        yield f"{name:<24}bundled"
    if "inception" in package:
        folder = package["inception_folder"]
        state = "in" if package["inception"] else "not downloaded; goes to"
        yield f"{'inception':<24}{state} {folder}"
