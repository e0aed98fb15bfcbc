"""Presets on the Hugging Face hub: `hf://user/name`, or `...@revision`.

huggingface_hub does the transport, and keeps what it fetched in its cache. A
fetched preset is a folder like any other: its files are checked against the
hashes in its metadata, and nothing in it is executed.
"""

import contextlib
import os
import pathlib
import re
from collections.abc import Iterator

from keras_mixgan.utils.errors import MissingPackageError
from keras_mixgan.utils.errors import UserError

SCHEME = "hf://"
_URL = re.compile(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
# Classes of huggingface_hub that say that the user named what is not there.
_NOT_THERE = (
    "RepositoryNotFoundError", "RevisionNotFoundError", "HFValidationError",
    "GatedRepoError", "DisabledRepoError",
)  # fmt: skip


def is_url(preset: str | os.PathLike[str]) -> bool:
    """Whether this is the URL of a preset on the hub.

    Example:
    >>> is_url("hf://user/faces"), is_url("mix_dcgan_mnist")
    (True, False)
    """
    return isinstance(preset, str) and preset.startswith(SCHEME)


def split(url: str) -> tuple[str, str | None]:
    """Splits a URL into repository and revision.

    Args:
        url: `hf://user/name`, perhaps with `@` and a branch, tag or commit.

    Returns:
        "user/name", and the revision or `None`.

    Raises:
        ValueError: It is no such URL.

    Example:
    >>> split("hf://user/faces@v1")
    ('user/faces', 'v1')
    """
    found = _URL.fullmatch(url)
    if found is None:
        raise UserError(
            "`preset` must be hf://user/name, perhaps with @revision. "
            f"Received: {url!r}"
        )
    return found[1], found[2]


def fetch(url: str, names: tuple[str, ...]) -> pathlib.Path:
    """Fetches files of a repository, of one commit, into the hub's cache.

    Args:
        url: See `split`.
        names: The files, those that are there.

    Returns:
        The folder that holds them.

    Raises:
        ValueError: There is no such repository or revision.
        OSError: It cannot be reached, and is not in the cache either.
        ImportError: huggingface_hub is missing.
    """
    repository, revision = split(url)
    with _told(url):
        from huggingface_hub import snapshot_download

        return pathlib.Path(
            snapshot_download(
                repository,
                revision=revision,
                allow_patterns=list(names),
                max_workers=1,  # Of five files one is large.
            )
        )


def push(folder: pathlib.Path, url: str) -> None:
    """Uploads the files of a preset as one commit.

    The repository is made if need be, as the hub's settings of the user have
    it. Who the user is, `hf auth login` or `HF_TOKEN` says.

    Args:
        folder: The folder.
        url: `hf://user/name`, perhaps with `@` and a branch that is there.

    Raises:
        ValueError: The URL is none, or the hub refuses it.
        OSError: The hub cannot be reached, or refuses the user.
        ImportError: huggingface_hub is missing.
    """
    repository, revision = split(url)
    with _told(url):
        from huggingface_hub import CommitOperationAdd
        from huggingface_hub import HfApi

        hub = HfApi()
        hub.create_repo(repository, exist_ok=True)
        # One commit: `upload_folder` may make several, and a reader between
        # two of them would see files that do not belong together.
        hub.create_commit(
            repository,
            [
                CommitOperationAdd(path.name, path)
                for path in sorted(folder.iterdir())
            ],
            commit_message="Preset of keras-mixgan",
            revision=revision,
        )


def check(url: str) -> None:
    """Checks, before hours of training are saved, that `push` can begin.

    Raises:
        ValueError: It is no URL of the hub.
        ImportError: huggingface_hub is missing.
    """
    split(url)
    with _told(url):
        import huggingface_hub  # noqa: F401


@contextlib.contextmanager
def _told(url: str) -> Iterator[None]:
    """Says in one line of our own what huggingface_hub raises."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "huggingface_hub":
            raise
        raise MissingPackageError(
            "`preset` on the Hugging Face hub needs huggingface_hub: pip "
            f"install 'keras-mixgan[hf]'. Received: {url}"
        ) from error
    except Exception as error:
        # Its classes come from several libraries, and change with them.
        names = {kind.__name__ for kind in type(error).__mro__}
        first = (str(error).strip().splitlines() or [""])[0][:300]
        if names & {*_NOT_THERE}:
            raise UserError(
                f"`preset` must be a repository of the hub that you may read. "
                f"Received: {url} ({type(error).__name__}: {first})"
            ) from error
        raise OSError(
            f"{url}: the Hugging Face hub did not answer as it should "
            f"({type(error).__name__}: {first})"
        ) from error
