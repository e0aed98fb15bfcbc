"""uvicorn: binds an address, closes idle connections, stops cleanly."""

import asyncio
import contextlib
import logging
import signal
import socket
import threading
from collections.abc import Callable

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from keras_mixgan.serving.limits import Limits
from keras_mixgan.utils.errors import UserError


def bind(host: str, port: int) -> socket.socket:
    """Takes an address, so that a server can listen there later.

    Port 0 takes any free one. An address in use raises an `OSError`.
    """
    if not 0 <= port <= 65535:
        raise UserError(f"`port` must lie in [0, 65535]. Received: port={port}")
    try:
        addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        family, *_, target = addresses[0]
        return socket.create_server(target, family=family)
    except (OSError, UnicodeError) as error:  # Too long a name, or "a..b".
        why = getattr(error, "strerror", None) or error
        raise OSError(
            f"`host` and `port` must be free to listen on. Received: "
            f"{host}:{port} ({why}); choose others with --host "
            "and --port"
        ) from error


def address(listener: socket.socket) -> str:
    """The address of a socket, such as `"http://127.0.0.1:8501"`."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn for an application, with our limits.

    `announce` is called once requests are answered.
    """

    def __init__(self, app, limits: Limits, announce: Callable[[], None]):
        # uvicorn would log every mistake of a client; `guard` logs the
        # server's own errors.
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
        protocol = type("Protocol", (_Protocol,), {"limits": limits})
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol,
                ws="none",
                loop="asyncio",
                # A longer queue would need more files than a process may open.
                backlog=128,
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=limits.idle_timeout,
                timeout_graceful_shutdown=limits.timeout,
            )
        )
        self._announce = announce

    async def startup(self, sockets=None) -> None:
        """Starts, then calls `announce`."""
        asyncio.get_running_loop().set_exception_handler(_log_no_sockets)
        await super().startup(sockets)
        self._announce()

    @contextlib.contextmanager
    def capture_signals(self):
        """Stops gracefully at signals; uvicorn would raise them again."""
        names = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP.
        numbers = [getattr(signal, n) for n in names if hasattr(signal, n)]
        if threading.current_thread() is not threading.main_thread():
            numbers = []
        before = {n: signal.signal(n, self.handle_exit) for n in numbers}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _log_no_sockets(loop, context) -> None:
    """Ignores the lack of files for new connections.

    asyncio would log a megabyte a second. Open connections are answered
    meanwhile, and closed when idle.
    """
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)


class _Protocol(H11Protocol):
    """Closes connections beyond the limit, and idle ones.

    uvicorn's own time-out runs between two requests, but not before the first,
    nor while a header arrives slowly or an answer is not read.
    """

    limits: Limits
    _seen = _timer = None

    def connection_made(self, transport):
        super().connection_made(transport)
        # Without this, a short answer in two pieces waits 40 ms. asyncio sets
        # it only for sockets that name their protocol.
        transport.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )
        if len(self.connections) > self.limits.connections:
            transport.abort()
        else:
            self._look()

    def connection_lost(self, exc):
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Aborts a connection that has not changed since the last look."""
        unread = self.transport.get_write_buffer_size()
        # Waiting for a header, or for the rest of a refused body.
        waiting = self.cycle is None or self.cycle.response_complete
        state = (self.cycle, waiting, unread)
        if state == self._seen and (waiting or unread):
            self.transport.abort()
            return
        self._seen = state
        self._timer = self.loop.call_later(self.limits.idle_timeout, self._look)
