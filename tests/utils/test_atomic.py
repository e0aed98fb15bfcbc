"""Folders that are whole or not there."""

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


def test_an_empty_folder_is_filled(tmp_path):
    path = tmp_path / "1"
    path.mkdir()
    with atomic.new_folder(path) as partial:
        (partial / "a").touch()
    assert [file.name for file in path.iterdir()] == ["a"]


def test_a_failure_leaves_nothing(tmp_path):
    def fail():
        with atomic.new_folder(tmp_path / "1") as partial:
            (partial / "a").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_what_a_killed_process_left_is_cleared(tmp_path):
    (tmp_path / ".1.partial").mkdir()
    (tmp_path / ".1.partial" / "old").touch()
    with atomic.new_folder(tmp_path / "1") as partial:
        (partial / "new").touch()
    assert [path.name for path in tmp_path.rglob("*")] == ["1", "new"]


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
