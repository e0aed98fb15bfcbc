"""Files and folders that are complete or absent."""

import errno
import os
import pathlib
import shutil
import stat
import subprocess
import sys

import pytest

from keras_mixgan.utils import atomic


def test_a_folder_is_seen_only_when_it_is_whole(tmp_path):
    path = tmp_path / "deep" / "1"
    with atomic.new_folder(path) as partial:
        (partial / "variables").mkdir()
        (partial / "variables" / "a").write_text("a")
        assert not path.exists()
    assert (path / "variables" / "a").read_text() == "a"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("write", [atomic.replacing, atomic.new_folder])
def test_a_full_disk_is_told_with_a_name(tmp_path, write):
    with (
        pytest.raises(OSError, match=r"No space left.*a\.txt"),
        write(tmp_path / "a.txt"),
    ):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled_and_stays(tmp_path, monkeypatch):
    path = tmp_path / "1"
    path.mkdir(mode=0o700)
    monkeypatch.chdir(path)
    flush = os.fsync

    def flush_files(descriptor):
        """As on systems that cannot flush folders."""
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
        flush(descriptor)

    monkeypatch.setattr(os, "fsync", flush_files)
    with atomic.new_folder(".") as partial:
        (partial / "a").touch()
        (partial / "b").mkdir()
        (partial / "b" / "c").touch()
    assert sorted(x.name for x in pathlib.Path(".").iterdir()) == ["a", "b"]
    assert (path / "b" / "c").exists()
    assert path.stat().st_mode & 0o777 == 0o700
    assert list(tmp_path.iterdir()) == [path]


def test_an_empty_folder_is_written_from_inside(tmp_path, monkeypatch):
    """So a mount works, and its readers see the last file last."""
    path, moved = tmp_path / "1", []
    path.mkdir()
    rename = os.rename
    monkeypatch.setattr(
        os, "rename", lambda a, b: (moved.append(b.name), rename(a, b))
    )
    for name in ("weights", "saved_model.pb", "metadata.json", "variables"):
        left = path / f".1.{name}.partial"  # By a writer that still works.
        left.mkdir()
        with atomic.new_folder(path) as partial:
            assert partial.parent == path
            for file in (name, "a", "z"):
                (partial / file).touch()
        last = {"saved_model.pb", "metadata.json"} & {name}
        assert moved[-1] in (last or {"z"})
        left.rmdir()
        for file in path.iterdir():
            file.unlink()
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_nothing(tmp_path):
    def fail():
        with atomic.new_folder(tmp_path / "1") as partial:
            (partial / "a").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_a_failure_between_two_renames_leaves_nothing(tmp_path, monkeypatch):
    def fail():
        with atomic.new_folder(tmp_path) as partial:
            (partial / "a").mkdir()
            (partial / "a" / "inside").touch()
            for name in "bcd":
                (partial / name).touch()

    rename = os.rename

    def rename_but_d(old, new):
        if old.name == "d":
            raise OSError("no space")
        rename(old, new)

    monkeypatch.setattr(os, "rename", rename_but_d)
    with pytest.raises(OSError, match="no space"):
        fail()
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def dead_pid():
    process = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        check=True, capture_output=True, text=True,
    )  # fmt: skip
    return process.stdout.strip()


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


def left_over(write):
    """Names of a writer's partial file: its own, and that of another pid."""
    with write() as partial:
        host, pid, token = partial.name.split(".")[2].split("-")
    assert pid == str(os.getpid())
    return partial.name, lambda pid: partial.name.replace(
        f"{host}-{os.getpid()}-{token}", f"{host}-{pid}-{token}"
    )


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_a_killed_process_left_is_removed(tmp_path, kind, dead_pid):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    if kind == "file":
        path, write = tmp_path / "a.txt", atomic.replacing
        name, renamed = left_over(lambda: write(scratch / "a.txt"))
    else:
        path, write = tmp_path / "a", atomic.new_folder
        name, renamed = left_over(lambda: write(scratch / "a"))
    shutil.rmtree(scratch)
    dead, alive = tmp_path / renamed(dead_pid), tmp_path / name
    old = tmp_path / f".a.partial{path.suffix}"  # Named as in version 0.1.
    others = tmp_path / name.replace(".a.", ".b.").replace(".txt", ".csv")
    for left in (dead, alive, old, others):
        left.mkdir() if kind == "folder" else left.touch()
    if kind == "folder":
        (dead / "part").touch()
    os.utime(old, (0, 0))
    os.utime(others, (0, 0))
    with write(path):
        assert not dead.exists()
    assert names(tmp_path) == sorted([path.name, alive.name, others.name])


def test_two_writers_of_a_file_do_not_meet(tmp_path):
    path = tmp_path / "a.txt"
    with atomic.replacing(path) as first, atomic.replacing(path) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert path.read_text() == "first"  # Its block ended last.
    assert names(tmp_path) == ["a.txt"]


def test_planted_links_are_not_followed(tmp_path, monkeypatch):
    (tmp_path / "precious").write_text("kept")
    monkeypatch.setattr(atomic.secrets, "token_hex", lambda size: "guessed")
    with atomic.replacing(tmp_path / "a.txt") as partial:
        pass
    partial.symlink_to(tmp_path / "precious")
    with (
        pytest.raises(FileExistsError),
        atomic.replacing(tmp_path / "a.txt") as again,
    ):
        again.write_text("lost")
    assert (tmp_path / "precious").read_text() == "kept"
    monkeypatch.undo()
    (tmp_path / "b.txt").symlink_to(tmp_path / "precious")
    (tmp_path / ".b.partial.txt").symlink_to(tmp_path / "precious")
    with atomic.replacing(tmp_path / "b.txt") as partial:
        partial.write_text("new")
    assert (tmp_path / "precious").read_text() == "kept"
    assert (tmp_path / "b.txt").read_text() == "new"


def test_files_have_the_mode_that_the_user_asks_for(tmp_path):
    (tmp_path / "plain").touch()
    with atomic.replacing(tmp_path / "a.txt"):
        pass
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_nothing_is_overwritten(tmp_path, when):
    path = tmp_path / "1"

    def theirs():
        path.mkdir()
        (path / "theirs").write_text("kept")

    def ours():
        with atomic.new_folder(path, "out") as partial:
            (partial / "ours").touch()
            theirs()

    if when == "before":
        theirs()
    with pytest.raises(FileExistsError, match="`out` must be a new"):
        ours()
    assert (path / "theirs").read_text() == "kept"
    assert list(tmp_path.iterdir()) == [path]
