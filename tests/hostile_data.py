"""Makers of data that cannot be trained on: `.npz` files, image folders.

The tests and `benchmarks/hostile.py` use them.
"""

import io
import os
import socket
import zipfile

import numpy as np
import PIL.Image


def header(shape, descr="|u1"):
    """The bytes of an `.npy` file up to its data."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"shape": shape, "fortran_order": False, "descr": descr}
    )
    return file.getvalue()


def written(path, *members):
    """An archive of (name, content), compressed."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


# Arrays that are not images and labels, and the error for each.
ARRAYS = [
    ({"x": np.zeros(3)}, r"array `images`.*\['x'\]"),
    ({"images": np.zeros((0, 4, 4), "uint8")}, "`images` must have shape"),
    ({"images": np.zeros((2, 4, 4, 2), "uint8")}, "1 or 3 channels"),
    ({"images": np.zeros((2, 4, 4), "int64")}, "uint8 in 0..255, or"),
    ({"images": np.full((2, 4, 4), 0.5)}, "floats from 0.5 to 0.5"),
    ({"images": np.full((2, 4, 4), np.nan)}, "floats from nan"),
    ({"images": np.zeros((2, 3), int)}, "must be finite floats"),
    (
        {"images": np.zeros((2, 4, 4), "uint8"), "labels": np.zeros(3)},
        r"integers of shape \(2,\)",
    ),
    (
        {"images": np.zeros((2, 4, 4), "uint8"), "labels": [0, -1]},
        "-1 in row 1",
    ),
]

# Labels of three images.
LABELS = [
    ([0, 2**32 + 1, 1], "4294967297 in row 1"),  # As int32 it would be 1.
    ([0, 1, 2**31 + 5], "2147483653 in row 2"),
    (np.array([2**63 + 1, 0, 0], "uint64"), "9223372036854775809 in row 0"),
    ([1_000_000, 0, 0], r"\[0, 1000\). Received: 1000000"),
    ([0.0, 1.0, 2.0], "must be integers"),
    ([True, False, True], "must be integers"),
    (["a", "b", "c"], "must be integers"),
]

# Members that are no arrays.
CONTENTS = [
    (b"", "`images` must be an array"),
    (b"hello", "`images` must be an array"),
    (b"\x93NUMPY\x01\x00", "`images` must be an array"),
    (b"\x93NUMPY\x09\x00" + b" " * 99, "`images` must be an array"),
    (header((2, 4, 4)), "a whole array"),
    (header((2, 4, 4)) + b"x" * 31, "a whole array"),
    (header((2, 4, 4)) + b"x" * 33, "a whole array"),
    (header((2, -4, -4)) + b"x" * 32, "a whole array"),
    (header((2**40, 2**40, 3)), "half of this machine's memory"),
    (header((2, 4, 4), "|O") + b"x" * 64, "Python objects"),
    (header((2, 4, 4), [("a", "|O")]) + b"x" * 64, "Python objects"),
    (header((2, 4, 4), [("a", "|u1")]) + b"x" * 32, "uint8 in 0..255"),
]


def picture(path, size=(8, 8), color=(200, 100, 50), mode="RGB"):
    """Writes an image of one colour; `size` is (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if mode == "L":
        color = color[0]
    PIL.Image.new(mode, size, color).save(path)
    return path


def noise(path):
    """Writes an image that does not compress."""
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    PIL.Image.fromarray(pixels).save(path)
    return path


def _nothing(folder):
    (folder / ".hidden").write_text("")


def _empty_class(folder):
    picture(folder / "a" / "a.png")
    (folder / "b").mkdir()


def _image_beside_classes(folder):
    picture(folder / "a" / "a.png")
    picture(folder / "stray.png")


def _folder_in_a_class(folder):
    picture(folder / "a" / "b" / "a.png")


def _no_image(content):
    def make(folder):
        picture(folder / "a.png")
        (folder / "README.txt").write_bytes(content)

    return make


def _truncated(suffix):
    def make(folder):
        noise(folder / f"a.{suffix}")
        broken = noise(folder / f"b.{suffix}")
        broken.write_bytes(broken.read_bytes()[: broken.stat().st_size // 2])

    return make


def _postscript(name):
    def make(folder):
        PIL.Image.new("RGB", (8, 8)).save(folder / name, format="EPS")

    return make


def _bomb(side):
    def make(folder):
        path = folder / "bomb.png"
        PIL.Image.new("1", (side, side)).save(path)
        assert path.stat().st_size < 100_000

    return make


def _sixteen_bits(folder):
    deep = np.zeros((8, 8), np.uint16)
    PIL.Image.fromarray(deep).save(folder / "deep.png")


def _two_sizes(folder):
    picture(folder / "a.png", size=(8, 9))
    picture(folder / "b.png", size=(6, 6))


def _pipe(folder):
    picture(folder / "a.png")
    os.mkfifo(folder / "b.png")


def _socket(folder):
    picture(folder / "a.png")
    here = os.getcwd()
    os.chdir(folder)  # The path of a socket must be short.
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind("b.png")
    finally:
        os.chdir(here)


def _broken_link(folder):
    picture(folder / "a.png")
    (folder / "b.png").symlink_to(folder / "nowhere.png")


# Makers of folders by name, and the error for each.
FOLDERS = {
    "nothing": (_nothing, "`source` is an empty folder"),
    "an empty class": (_empty_class, "empty class folder: .*b"),
    "an image beside classes": (
        _image_beside_classes,
        r"either images or .*stray\.png",
    ),
    "a folder in a class": (
        _folder_in_a_class,
        "folder within a class folder",
    ),
    **{
        f"no image: {content}": (
            _no_image(content),
            r"is no image: .*README\.txt",
        )
        for content in (b"", b"read me", b"\x89PNG\r\n\x1a\n")
    },
    **{
        f"truncated {suffix}": (
            _truncated(suffix),
            rf"truncated image: .*b\.{suffix}",
        )
        for suffix in ("png", "jpg")
    },
    **{
        f"PostScript in {name}": (
            _postscript(name),
            "is no image.*must be one of PNG",
        )
        for name in ("a.eps", "a.png")
    },
    **{
        f"a bomb of {side} pixels": (
            _bomb(side),
            r"at most 89,478,485 pix.*bomb\.png",
        )
        for side in (9_500, 15_000)
    },
    "16 bits": (_sixteen_bits, r"8 bits per channel.*deep\.png"),
    "two sizes": (_two_sizes, r"`image_size`.*8 pixels.*b\.png"),
    # Opening one would wait for ever.
    "a pipe": (_pipe, r"regular files.*b\.png"),
    "a socket": (_socket, r"regular files.*b\.png"),
    "a broken link": (_broken_link, r"regular files.*b\.png"),
}
