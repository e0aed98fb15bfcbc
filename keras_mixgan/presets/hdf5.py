"""Checks that weights files (HDF5) hold all that they declare.

HDF5 can refer to another file, by a link, external storage or a virtual
dataset. Keras 3.15 refuses these; older versions followed some. HDF5 can also
declare terabytes and store nothing. This walks a file before Keras opens it.
"""

import collections
import math
import os
import pathlib
from typing import BinaryIO

import h5py

from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.errors import first_line
from keras_mixgan.utils.errors import printable

# Half, single and double precision, integers, bool; V is bfloat16 as h5py
# stores it.
_KINDS = "biufV"
MAX_DEPTH = 100


def check(file: str | os.PathLike[str] | BinaryIO, source: str) -> int:
    """Checks that a weights file holds plain arrays, each stored completely.

    Refuses links, virtual or external data, filters, and types other than
    numbers. An open file must allow seeking. Returns the number of array
    elements in the file, whatever names they have.
    """
    if not hasattr(file, "read"):
        file = pathlib.Path(file)
    try:
        with h5py.File(file, "r") as opened:
            return _check_groups(opened, source)
    except (OSError, RuntimeError, KeyError, TypeError, OverflowError) as error:
        raise UserError(
            f"{source} must be a weights file (HDF5) of Keras. Received: one "
            f"that is damaged ({first_line(error, 200)})"
        ) from error


def _check_groups(opened: h5py.File, source: str) -> int:
    elements = stored = 0
    names = collections.Counter([_address(opened)])
    waiting = [(opened, 0)]
    while waiting:
        group, depth = waiting.pop()
        for name in group:
            path = printable(f"{group.name.rstrip('/')}/{name}", 200)
            item = _plain(group, name, path, source)
            is_array = isinstance(item, h5py.Dataset)
            names[_address(item)] += 1
            known = names[_address(item)]
            # A group reached twice may be a cycle. An array may have a second
            # name, as in small presets (`weights.shrink`), but not be read
            # again and again.
            if known > 1 + is_array:
                _refuse(source, "a tree of groups", f"{path} once more")
            if depth == MAX_DEPTH:
                wanted = f"at most {MAX_DEPTH} groups within one another"
                _refuse(source, wanted, f"{path}, which is deeper")
            if is_array:
                if known == 1:
                    stored += _check_dataset(item, path, source)
                    elements += item.size
            else:
                waiting.append((item, depth + 1))
    size = opened.id.get_filesize()
    if stored > size:  # Several have the same bytes.
        _refuse(
            source,
            "each of its arrays",
            f"a file of {size:,} bytes, whose arrays declare {stored:,}",
        )
    return elements


def _plain(group, name: str, path: str, source: str):
    link = group.get(name, getlink=True)
    if not isinstance(link, h5py.HardLink):
        _refuse(source, "no links", f"a {type(link).__name__} at {path}")
    item = group[name]
    if not isinstance(item, h5py.Dataset | h5py.Group):
        _refuse(source, "groups and arrays alone", f"a named type at {path}")
    return item


def _check_dataset(dataset: h5py.Dataset, path: str, source: str) -> int:
    """Checks one array; returns the bytes that it stores."""
    if dataset.external:
        _refuse(source, "its own data", f"external storage at {path}")
    if dataset.is_virtual:
        _refuse(source, "its own data", f"a virtual dataset at {path}")
    if dataset.shape is None:
        _refuse(source, "arrays alone", f"an array without a shape at {path}")
    kind = dataset.dtype
    if kind.kind not in _KINDS or kind.fields or kind.subdtype:
        _refuse(source, "numbers alone", f"values of type {kind} at {path}")
    if dataset.id.get_create_plist().get_nfilters():
        _refuse(source, "uncompressed arrays", f"filters at {path}")
    declared = math.prod(dataset.shape) * kind.itemsize
    stored = dataset.id.get_storage_size()
    if declared > stored:
        _refuse(
            source,
            "all of its arrays",
            f"{path}, which declares {declared:,} bytes and stores {stored:,}",
        )
    return stored


def _refuse(source: str, expected: str, received: str) -> None:
    raise UserError(f"{source} must hold {expected}. Received: {received}")


def _address(item) -> int:
    return h5py.h5o.get_info(item.id).addr
