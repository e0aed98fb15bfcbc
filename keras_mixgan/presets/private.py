"""What a preset must not tell: paths of the machine that made it."""

import os
from collections.abc import Mapping
from typing import Any

from keras_mixgan.data import sources

# Of files that a run may read; one may no longer be where it was.
_ENDINGS = (".npz", ".keras", ".py")


def without_encoders(compiled: dict[str, Any] | None) -> dict | None:
    """A compile_config without the paths of encoders.

    A preset must not tell its user's folders, nor have others' files read.
    """
    if compiled is None:
        return None
    losses = [
        {**loss, "config": {**loss["config"], "encoder": None}}
        if "encoder" in loss["config"]
        else loss
        for loss in compiled.get("auxiliary", ())
    ]
    return {**compiled, "auxiliary": losses}


def without_paths(settings: Mapping[str, Any] | None) -> dict | None:
    """Settings without the user's paths, which are not for others to read.

    Nor without the name of a data set that is a folder's here, which would be
    read in its place.
    """
    if settings is None:
        return None

    def is_path(name, value):
        return isinstance(value, str) and (
            os.path.isabs(value)
            or value.startswith((".", "~"))
            or value.endswith(("/", os.sep, *_ENDINGS))
            or (os.path.basename(value) != value and os.path.exists(value))
            or (name == "source" and sources.is_path(value))
        )

    return {k: v for k, v in settings.items() if not is_path(k, v)}
