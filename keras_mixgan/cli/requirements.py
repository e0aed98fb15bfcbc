"""The package's requirements, and which of them are installed."""

import dataclasses
import importlib.metadata
import pathlib
import re
import tomllib

from keras_mixgan.utils import versions

NAME = "keras-mixgan"
# Training needs these, and a backend.
ESSENTIAL = (
    "absl-py", "filelock", "h5py", "keras", "matplotlib", "numpy", "pillow",
)  # fmt: skip
_REQUIREMENT = re.compile(
    r"""([\w.-]+)(?:\[.*?\])?\s*(?:>=\s*([\w.]+))?.*?"""
    r"""(?:;.*extra\s*==\s*['"]([\w-]+)['"])?$"""
)


@dataclasses.dataclass(frozen=True)
class Package:
    """A required package.

    `least` is the oldest version allowed, or `None` for any. `extra` is the
    extra of ours that requires it. `version` is `None` if it is missing.
    """

    name: str
    least: str | None
    extra: str | None
    version: str | None

    @property
    def problem(self) -> str | None:
        """What is wrong with it, if anything."""
        if self.version is None:
            return "missing"
        if self.least and _numbers(self.version) < _numbers(self.least):
            return f"{self.version} is older than {self.least}"
        return None


def packages() -> list[Package]:
    """Lists the requirements of this package and its extras.

    They are those of the checkout that this runs in, or else of the installed
    distribution.
    """
    required = []
    for text in _of_checkout() or importlib.metadata.requires(NAME) or []:
        name, least, extra = _REQUIREMENT.match(text.strip()).groups()
        if name != NAME:
            version = versions.installed(name)
            required.append(Package(name, least, extra, version))
    return required


def _of_checkout() -> list[str]:
    path = pathlib.Path(__file__).parents[2] / "pyproject.toml"
    if not path.is_file():
        return []
    project = tomllib.loads(path.read_text("utf-8"))["project"]
    extras = project["optional-dependencies"].items()
    return project["dependencies"] + [
        f'{text} ; extra == "{extra}"'
        for extra, texts in extras
        for text in texts
    ]


def _numbers(version: str) -> list[int]:
    """The leading numbers of a version, for comparisons."""
    release = re.match(r"[\d.]+", version)
    return [int(n) for n in re.findall(r"\d+", release[0] if release else "0")]
