"""SIGTERM and Ctrl-C end a training after the step under way, saved."""

import contextlib
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from collections.abc import Iterator

from keras_mixgan.training.history import BetweenSteps

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopOnSignal(BetweenSteps):
    """Ends the program at the end of a step, once a signal has come.

    Args:
        received: The list that `received` gives.
        save: What to do first.

    Raises:
        SystemExit: A signal has come. Its status is 128 and the signal's
            number, as shells have it of a program that a signal has ended.
    """

    def __init__(self, received: list[int], save: Callable[[], None]):
        super().__init__()
        self.received = received
        self.save = save

    def act(self, step: int) -> None:
        """Saves and leaves, if a signal has come."""
        if self.received:
            self.save()
            raise SystemExit(128 + self.received[0])


@contextlib.contextmanager
def received(
    say: Callable[[str], None], wanted: bool = True
) -> Iterator[list[int]]:
    """Takes note of the first signal; a second one ends the process at once.

    Handlers of before are back in place afterwards. To be used in the main
    thread, as all handlers.

    Args:
        say: Called with a line of text at the first signal.
        wanted: Whether to do so; otherwise handlers are left alone.

    Yields:
        A list that holds the first signal's number, once it has come.

    Example:
    >>> with received(print) as signals:
    ...     signals
    []
    """
    came: list[int] = []
    if not wanted:
        yield came
        return
    near, far = socket.socketpair()
    far.setblocking(False)
    # Python runs handlers between its own instructions: not in a step, which
    # may take seconds. The number of a signal is written here at once.
    watch = threading.Thread(target=_watch, args=(near, came, say), daemon=True)
    watch.start()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    fd = signal.set_wakeup_fd(far.fileno(), warn_on_full_buffer=False)
    try:
        for number in SIGNALS:
            signal.signal(number, _nothing)
        yield came
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        signal.set_wakeup_fd(fd)
        far.close()
        watch.join()
        near.close()


def _nothing(number, frame) -> None:
    """Unlike SIG_IGN, lets the number be written."""


def _watch(near: socket.socket, came: list[int], say) -> None:
    while byte := near.recv(1):
        if byte[0] not in SIGNALS:
            continue
        if came:
            sys.stdout.flush()
            os._exit(128 + byte[0])
        came.append(byte[0])
        say(
            f"{signal.Signals(byte[0]).name}: saving after the step under "
            "way. Another signal leaves at once."
        )
