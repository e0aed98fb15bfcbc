"""Child processes that start with TensorFlow, Keras and the package imported.

One server process imports them, once, and forks for each child. It computes
nothing, so that a child may still divide the CPU or join a cluster.
"""

import multiprocessing
import os
import sys

CONTEXT = multiprocessing.get_context("forkserver")
CONTEXT.set_forkserver_preload(["keras_mixgan.cli.runs", "keras_mixgan.cli"])


def start(function, arguments, folder, **environment):
    """Starts `sys.exit(function(arguments))` in a child.

    Args:
        function: One of a module.
        arguments: Passed on.
        folder: Where the child writes its output, see `ended`; it is made.
        environment: Variables that are set first.

    Returns:
        The `multiprocessing.Process`, which ends with this process at the
        latest.
    """
    folder.mkdir(parents=True)
    process = CONTEXT.Process(
        target=_run,
        args=(function, arguments, folder, environment),
        daemon=True,
    )
    process.start()
    return process


def _run(function, arguments, folder, environment):
    os.environ |= environment
    for fd, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT), fd)
    sys.exit(function(arguments))


def ended(process, folder, timeout=600):
    """Waits for a child; returns its status, output and errors."""
    process.join(timeout)
    output = ((folder / name).read_text() for name in ("out", "err"))
    return process.exitcode, *output
