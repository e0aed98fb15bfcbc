"""Presets on the Hugging Face hub: `hf://user/name`, or `...@revision`.

huggingface_hub transfers the files, and caches those that it fetched. A fetched
preset is a folder like any other: its files are checked against the hashes in
its metadata, and nothing in it is executed.
"""

import contextlib
import os
import pathlib
import re
from collections.abc import Iterator

from keras_mixgan.utils.errors import MissingPackageError
from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.errors import first_line

SCHEME = "hf://"
_URL = re.compile(r"hf://([\w.-]+/[\w.-]+)(?:@([\w./-]+))?")
# Errors of huggingface_hub that mean that the repository cannot be read.
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


def split(url: str, name: str = "preset") -> tuple[str, str | None]:
    """Splits a URL into "user/name" and the revision, or `None`.

    The URL is `hf://user/name`, optionally with `@` and a branch, tag or
    commit. Errors call it `name`.

    Example:
    >>> split("hf://user/faces@v1")
    ('user/faces', 'v1')
    """
    match = _URL.fullmatch(url)
    if match is None:
        raise UserError(
            f"`{name}` must be hf://user/name, optionally with @revision. "
            f"Received: {url!r}"
        )
    return match[1], match[2]


def fetch(url: str, names: tuple[str, ...]) -> pathlib.Path:
    """Fetches files of one commit of a repository into the hub's cache.

    Files that do not exist are left out. Returns the folder of the others. A
    hub that cannot be reached raises an `OSError`, unless they are cached.
    """
    repository, revision = split(url)
    with _one_line_errors(url):
        from huggingface_hub import snapshot_download

        return pathlib.Path(
            snapshot_download(
                repository,
                revision=revision,
                allow_patterns=list(names),
                max_workers=1,  # Only one of the five files is large.
            )
        )


def push(folder: pathlib.Path, url: str) -> None:
    """Uploads the files of a preset as one commit.

    A missing repository is created by the settings of the user's account. `hf
    auth login` or `HF_TOKEN` says who the user is. `url` may end with `@` and
    an existing branch.
    """
    repository, revision = split(url, "push")
    with _one_line_errors(url, "push", "write"):
        from huggingface_hub import CommitOperationAdd
        from huggingface_hub import HfApi

        hub = HfApi()
        hub.create_repo(repository, exist_ok=True)
        # One commit: `upload_folder` may make several, and who reads between
        # two of them would get files that do not match.
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
    """Checks the URL and huggingface_hub before a model is saved and pushed."""
    split(url, "push")
    with _one_line_errors(url, "push", "write"):
        import huggingface_hub  # noqa: F401


@contextlib.contextmanager
def _one_line_errors(
    url: str, name: str = "preset", may: str = "read"
) -> Iterator[None]:
    """Turns the errors of huggingface_hub into one line of our own."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name != "huggingface_hub":
            raise
        raise MissingPackageError(
            f"`{name}` on the Hugging Face hub needs huggingface_hub: pip "
            f"install 'keras-mixgan[hf]'. Received: {url}"
        ) from error
    except Exception as error:
        # By name: the classes come from several libraries, and change there.
        names = {kind.__name__ for kind in type(error).__mro__}
        if names & {*_NOT_THERE}:
            raise UserError(
                f"`{name}` must be a repository of the hub that you may {may}. "
                f"Received: {url} ({first_line(error)})"
            ) from error
        raise OSError(
            f"{url}: the Hugging Face hub did not answer as expected "
            f"({first_line(error)})"
        ) from error
