"""The files of onnxruntime-web, pinned by version and by hash.

npm downloads them once from its registry, and they are cached: 14 MB of
WebAssembly are too much for a wheel. Pages get only files whose hash is right.
"""

import contextlib
import hashlib
import pathlib
import shutil
import subprocess
import tarfile
import tempfile

from keras_mixgan.utils import atomic
from keras_mixgan.utils import cache
from keras_mixgan.utils.errors import MissingPackageError

PACKAGE = "onnxruntime-web@1.30.0"
# SHA-256 by name of the files that a page needs: one thread, no WebGPU.
FILES = {
    "ort.wasm.min.mjs": (
        "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b"
    ),
    "ort-wasm-simd-threaded.mjs": (
        "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b"
    ),
    "ort-wasm-simd-threaded.wasm": (
        "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2"
    ),
}
_SECONDS = 300


def copy_to(folder: pathlib.Path) -> None:
    """Copies the files into a folder; fetches them first if not cached.

    A missing or failing npm, or files other than those pinned, raise an
    `ImportError`.
    """
    cached = cache.folder(PACKAGE)
    if not _are_right(cached):
        _fetch(cached)
    for name in FILES:
        shutil.copyfile(cached / name, folder / name)


def _are_right(folder: pathlib.Path) -> bool:
    return all(
        (folder / name).is_file()
        and hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha256
        for name, sha256 in FILES.items()
    )


def _fetch(cached: pathlib.Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise _missing("npm is not installed")
    cached.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        packed = pathlib.Path(folder)
        try:
            subprocess.run(
                [npm, "pack", "--silent", "--pack-destination=.", PACKAGE],
                cwd=packed,
                check=True,
                capture_output=True,
                timeout=_SECONDS,
            )
        except subprocess.SubprocessError as error:
            raise _missing("`npm pack` failed") from error
        for archive in packed.glob("*.tgz"):
            _unpack(archive, packed)
        if not _are_right(packed):
            raise _missing("npm downloaded other files than those pinned")
        for name in FILES:
            with atomic.replacing(cached / name) as partial:
                shutil.copyfile(packed / name, partial)


def _unpack(archive: pathlib.Path, folder: pathlib.Path) -> None:
    """Unpacks only the pinned files, under their names, as far as it can."""
    with (
        contextlib.suppress(tarfile.TarError, KeyError),
        tarfile.open(archive) as package,
    ):
        for name in FILES:
            member = package.extractfile(f"package/dist/{name}")
            if member is not None:
                (folder / name).write_bytes(member.read())


def _missing(reason: str) -> MissingPackageError:
    return MissingPackageError(
        f'`format` "web" needs {", ".join(FILES)} of {PACKAGE}, and {reason}. '
        f"Put them into {cache.folder(PACKAGE)}, or run this once where npm "
        "can reach its registry."
    )
