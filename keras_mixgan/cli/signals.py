"""SIGTERM and Ctrl-C end a training after the current step, saved."""

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

    `received` is the list that the function `received` yields. `save` is called
    first. The status of the `SystemExit` is 128 plus the signal's number, as in
    a shell.
    """

    def __init__(self, received: list[int], save: Callable[[], None]):
        super().__init__()
        self.received = received
        self.save = save

    def act(self, step: int) -> None:
        """Saves and exits, if a signal has come."""
        if self.received:
            self.save()
            raise SystemExit(128 + self.received[0])


@contextlib.contextmanager
def received(
    say: Callable[[str], None], wanted: bool = True
) -> Iterator[list[int]]:
    """Records the first signal; a second one ends the process at once.

    The previous handlers are restored at the end. Python allows handlers only
    in the main thread. Yields a list that holds the first signal's number, once
    it has come. Unless `wanted`, nothing is changed.
    """
    numbers: list[int] = []
    if not wanted:
        yield numbers
        return
    near, far = socket.socketpair()
    far.setblocking(False)
    # Python runs handlers only between its own instructions, so not during a
    # step, which may take seconds. But it writes the signal's number to `far`
    # at once.
    watch = threading.Thread(
        target=_watch, args=(near, numbers, say), daemon=True
    )
    watch.start()
    before = {number: signal.getsignal(number) for number in SIGNALS}
    fd = signal.set_wakeup_fd(far.fileno(), warn_on_full_buffer=False)
    try:
        for number in SIGNALS:
            # A handler, so that the number is written, unlike with SIG_IGN.
            signal.signal(number, lambda number, frame: None)
        yield numbers
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
        signal.set_wakeup_fd(fd)
        far.close()
        watch.join()
        near.close()


def _watch(near: socket.socket, numbers: list[int], say) -> None:
    while byte := near.recv(1):
        if byte[0] not in SIGNALS:
            continue
        if numbers:
            sys.stdout.flush()
            os._exit(128 + byte[0])
        numbers.append(byte[0])
        say(
            f"{signal.Signals(byte[0]).name}: saving after the current step. "
            "Another signal ends the run at once."
        )
