"""Two real processes and one folder."""

import contextlib
import os
import signal
import socket
import subprocess
import sys

import pytest

import keras_mixgan
from keras_mixgan.utils import lock

# Without the package's own imports, which take seconds.
HOLD = f"""
import sys
import types
package = types.ModuleType("keras_mixgan")
package.__path__ = {list(keras_mixgan.__path__)!r}
sys.modules["keras_mixgan"] = package
from keras_mixgan.utils import lock
with lock.held(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@contextlib.contextmanager
def holder(folder):
    """A process that holds the lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.stdin.close()
        process.wait()
        process.stdout.close()


def test_a_second_process_is_told_who_was_first(tmp_path):
    folder = tmp_path / "deep" / "run"
    with holder(folder) as process:
        with (
            pytest.raises(BlockingIOError) as error,
            lock.held(folder, "workdir"),
        ):
            pass
        message = str(error.value)
        assert message.startswith("`workdir` must not be in use. Received: ")
        assert f"process {process.pid} on {socket.gethostname()}" in message
        assert "seconds" in message
        assert "\n" not in message
    with lock.held(folder):
        pass


def test_the_lock_of_a_killed_process_stops_nobody(tmp_path):
    with holder(tmp_path) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert (tmp_path / lock.OWNER).exists()
        with lock.held(tmp_path):
            assert str(os.getpid()) in (tmp_path / lock.OWNER).read_text()


def test_a_lock_that_says_nothing_is_a_lock(tmp_path):
    with holder(tmp_path):
        (tmp_path / lock.OWNER).write_text("{")
        with (
            pytest.raises(BlockingIOError, match="another process"),
            lock.held(tmp_path),
        ):
            pass


def test_one_process_may_hold_a_folder_once(tmp_path):
    with lock.held(tmp_path):
        with pytest.raises(BlockingIOError), lock.held(tmp_path):
            pass
        assert (tmp_path / lock.OWNER).exists()
    with lock.held(tmp_path):
        pass


def test_an_error_inside_frees_the_lock(tmp_path):
    with pytest.raises(KeyboardInterrupt), lock.held(tmp_path):
        raise KeyboardInterrupt
    with lock.held(tmp_path):
        pass


def test_a_folder_to_which_nothing_was_written_goes_again(tmp_path):
    with pytest.raises(ValueError, match="bad"), lock.held(tmp_path / "run"):
        raise ValueError("bad")
    assert not (tmp_path / "run").exists()
    with lock.held(tmp_path / "run"):
        (tmp_path / "run" / "a").touch()
    assert (tmp_path / "run" / "a").exists()


def test_a_planted_link_is_not_written_through(tmp_path):
    (tmp_path / "precious").write_text("kept")
    (tmp_path / lock.OWNER).symlink_to(tmp_path / "precious")
    with lock.held(tmp_path):
        pass
    assert (tmp_path / "precious").read_text() == "kept"
