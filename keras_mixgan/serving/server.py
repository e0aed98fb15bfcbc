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

    Args:
        host: Name or address of this machine.
        port: Number of the port, 0 for any free one.

    Returns:
        The socket.

    Raises:
        ValueError: The port is no port.
        OSError: It is in use, or not to be had.
    """
    if not 0 <= port <= 65535:
        raise UserError(f"`port` must lie in [0, 65535]. Received: port={port}")
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return socket.create_server(found[0][4], family=found[0][0])
    except OSError as error:
        raise OSError(
            f"`host` and `port` must be free to listen on. Received: "
            f"{host}:{port} ({error.strerror}); choose others with --host "
            "and --port"
        ) from error


def address(listener: socket.socket) -> str:
    """The address of a socket, such as `"http://127.0.0.1:8501"`."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class Server(uvicorn.Server):
    """uvicorn for an application, with our limits.

    Args:
        app: The ASGI application.
        limits: What one client may ask for.
        announce: Called once requests are answered.
    """

    def __init__(self, app, limits: Limits, announce: Callable[[], None]):
        # uvicorn logs a line or a traceback for whatever a client does wrong;
        # `guard` logs what is the server's fault.
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL)
        protocol = type("Protocol", (_Protocol,), {"limits": limits})
        super().__init__(
            uvicorn.Config(
                app,
                http=protocol,
                ws="none",
                loop="asyncio",
                # More at once would need more files than a process may open.
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
        """Starts, and says so."""
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
    """Where no file is left for a connection asyncio logs a megabyte a second.

    Those that are open are answered meanwhile, and closed when they are idle.
    """
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)


class _Protocol(H11Protocol):
    """Closes connections that are too many, or on which nothing happens.

    uvicorn's own time-out runs between two requests; not before the first,
    nor while a header comes in drops or an answer is not read.
    """

    limits: Limits
    _seen = _timer = None

    def connection_made(self, transport):
        super().connection_made(transport)
        # asyncio does so only for sockets that name their protocol: without
        # it a short answer, written in two pieces, waits 40 ms.
        transport.get_extra_info("socket").setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )
        if len(self.connections) > self.limits.max_connections:
            transport.abort()
        else:
            self._look()

    def connection_lost(self, exc):
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def _look(self) -> None:
        """Aborts a connection that is as it was when it was looked at last."""
        unread = self.transport.get_write_buffer_size()
        # A header comes in, or what is left of a body that was refused.
        waiting = self.cycle is None or self.cycle.response_complete
        state = (self.cycle, waiting, unread)
        if state == self._seen and (waiting or unread):
            self.transport.abort()
            return
        self._seen = state
        self._timer = self.loop.call_later(self.limits.idle_timeout, self._look)
