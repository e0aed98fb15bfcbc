"""What the parts of `hostile.py` share: counts, verdicts, child processes.

Children are forked of a process that has imported TensorFlow and computed
nothing yet, so that a hundred of them do not import it a hundred times.
"""

import contextlib
import dataclasses
import os
import pathlib
import pickle
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

LONGEST_MESSAGE = 1500


@dataclasses.dataclass
class Row:
    """A row of the table.

    Attributes:
        what: What was probed.
        tried: Number of probes.
        refused: How many of them were refused clearly, in one line.
        passed: How many did what they should: resumed, answered, loaded.
        wrong: A line for each that did anything else.
        notes: More to print below the table.
    """

    what: str
    tried: int = 0
    refused: int = 0
    passed: int = 0
    wrong: list[str] = dataclasses.field(default_factory=list)
    notes: list[str] = dataclasses.field(default_factory=list)

    def fail(self, name: str, why: str) -> None:
        """Notes a probe that went wrong."""
        self.wrong.append(f"{self.what}, {name}: {why}"[:500])

    def check(self, name: str, right: bool, why: str) -> None:
        """Counts a probe that should pass."""
        self.tried += 1
        if right:
            self.passed += 1
        else:
            self.fail(name, why)

    def load(
        self,
        name: str,
        function: Callable[[], Any],
        may_pass: bool = False,
        seconds: int = 60,
    ) -> None:
        """Calls what should raise an error of one line, within `seconds`.

        With `may_pass` it may be harmless, as turned bits can be.
        """
        from keras_mixgan.utils.errors import UserError

        self.tried += 1
        try:
            with _alarm(seconds):
                function()
        # What the command line answers with one line.
        except (UserError, OSError) as error:
            message = str(error)
            if isinstance(error, TimeoutError):
                self.fail(name, f"not done in {seconds} s")
            elif "\n" in message or not 0 < len(message) < LONGEST_MESSAGE:
                self.fail(name, f"no clear line: {message!r}")
            else:
                self.refused += 1
        except BaseException as error:
            self.fail(name, f"{type(error).__name__}: {error}")
        else:
            if may_pass:
                self.passed += 1
            else:
                self.fail(name, "it was taken")


@contextlib.contextmanager
def _alarm(seconds: int) -> Iterator[None]:
    """Raises `TimeoutError` where the block takes longer."""

    def stop(number, frame):
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@dataclasses.dataclass
class Child:
    """A forked process, and the file that has what it prints."""

    pid: int
    output: pathlib.Path
    status: int | None = None

    def poll(self) -> int | None:
        """The exit status; less than 0 if a signal ended it; None before."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def wait(self, seconds: float) -> int | None:
        """The exit status; None where it had to be killed after so long."""
        end = time.monotonic() + seconds
        while self.poll() is None:
            if time.monotonic() > end:
                self.kill()
                return None
            time.sleep(0.01)
        return self.status

    def kill(self) -> None:
        """Ends it by SIGKILL."""
        if self.poll() is not None:
            return  # Its number may be another process's by now.
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        while self.poll() is None:
            time.sleep(0.002)

    def text(self) -> str:
        """What it has printed."""
        return self.output.read_text(errors="replace")


def start(
    function: Callable[[], int | None],
    memory: int | None = None,
    file_bytes: int | None = None,
    as_nobody: bool = False,
) -> Child:
    """Calls a function, which returns the exit status, in a forked process.

    `memory` is the address space, in bytes, that it may take beside what is
    taken; `file_bytes` is the most that a file may have. `as_nobody` gives up
    the rights of root.
    """
    handle, name = tempfile.mkstemp(prefix="hostile-", suffix=".txt")
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(handle)
        return Child(pid, pathlib.Path(name))
    status = 70
    try:
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", closefd=False)
        if memory is not None:
            most = _address_space() + memory
            resource.setrlimit(resource.RLIMIT_AS, (most, most))
        if file_bytes is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
        if as_nobody:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
        status = function() or 0
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _address_space() -> int:
    pages = pathlib.Path("/proc/self/statm").read_text().split()[0]
    return int(pages) * resource.getpagesize()


def result_of(function: Callable[[], Any]) -> Any:
    """What a function returns in a forked process of its own.

    A RuntimeError has what it printed, if it raised or the process died.
    """
    with tempfile.NamedTemporaryFile() as file:

        def work():
            pathlib.Path(file.name).write_bytes(pickle.dumps(function()))

        child = start(work)
        status = child.wait(seconds=7200)
        if status != 0:  # None if it had to be killed.
            raise RuntimeError(f"exit status {status}: {child.text()}")
        sys.stdout.write(child.text())
        return pickle.loads(pathlib.Path(file.name).read_bytes())


def command(*arguments: str) -> Callable[[], int]:
    """The program with such arguments, for `start`."""

    def run():
        from keras_mixgan import cli

        return cli.main(list(arguments))

    return run


def refusal(child: Child, seconds: float = 120) -> str | None:
    """Why a child was no clear refusal by the program; None where it was."""
    status = child.wait(seconds)
    lines = child.text().splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    shown = child.text()[-300:]
    if status is None:
        return f"not done in {seconds} s: {shown!r}"
    if "Traceback" in child.text() or status != 2:
        return f"exit status {status}: {shown!r}"
    if len(errors) != 1 or lines[-1] != errors[0]:
        return f"no error of one line: {shown!r}"
    if len(errors[0]) > LONGEST_MESSAGE:
        return f"an error of {len(errors[0])} characters"
    return None
