"""Versions of installed packages."""

import contextlib
import importlib.metadata

# Other packages that provide the same module.
_ALSO_AS = {"tensorflow": ("tensorflow-cpu", "tf-nightly")}


def installed(name: str) -> str | None:
    """The installed version of a package; `None` if it is missing."""
    for each in (name, *_ALSO_AS.get(name, ())):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            return importlib.metadata.version(each)
    return None
