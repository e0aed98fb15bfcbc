"""The server: binds an address, answers, and stops cleanly."""

import asyncio
import logging
import signal
import socket
from collections.abc import Callable
from collections.abc import Mapping

from aiohttp import web

from keras_mixgan.serving import gallery
from keras_mixgan.serving import rest
from keras_mixgan.serving.bad_clients import BadClients
from keras_mixgan.serving.errors import RequestError
from keras_mixgan.serving.limits import Limits
from keras_mixgan.serving.served_model import ServedModel

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


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
        raise ValueError(
            f"`port` must lie in [0, 65535]. Received: port={port}"
        )
    try:
        return _listener(host, port)
    except OSError as error:
        raise OSError(
            f"`host` and `port` must be free to listen on. Received: "
            f"{host}:{port} ({error.strerror}); choose others with --host "
            "and --port"
        ) from error


def _listener(host: str, port: int) -> socket.socket:
    found = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    family, *_, address = found[0]
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # A port that a stopped server left moments ago is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError:
        listener.close()
        raise
    return listener


def address(listener: socket.socket) -> str:
    """The address of a socket, as browsers take it.

    Args:
        listener: From `bind`.

    Returns:
        Such as `"http://127.0.0.1:8501"`.
    """
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def run(
    models: Mapping[str, ServedModel],
    listener: socket.socket,
    limits: Limits,
    announce: Callable[[], None],
) -> None:
    """Serves until SIGINT or SIGTERM, then answers what is under way.

    Args:
        models: The models by name.
        listener: From `bind`.
        limits: What one client may ask for.
        announce: Called once requests are answered.
    """
    asyncio.run(_serve(make_app(models, limits), listener, limits, announce))


async def _serve(app, listener, limits, announce) -> None:
    runner = web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,  # Who has gone needs no answer.
        shutdown_timeout=limits.timeout,
    )
    await runner.setup()
    await web.SockSite(runner, listener).start()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    # Not `loop.add_signal_handler`, which Windows lacks.
    before = {
        number: signal.signal(
            number, lambda *_: loop.call_soon_threadsafe(stop.set)
        )
        for number in _SIGNALS
    }
    try:
        announce()
        await stop.wait()
    finally:
        for number, handler in before.items():  # A second Ctrl-C kills.
            signal.signal(number, handler)
        await runner.cleanup()


def make_app(
    models: Mapping[str, ServedModel], limits: Limits
) -> web.Application:
    """Makes the application: protocol, gallery, and errors as JSON.

    Args:
        models: The models by name.
        limits: What one client may ask for.

    Returns:
        The aiohttp application.
    """
    app = web.Application(
        client_max_size=limits.max_body_bytes,
        middlewares=[_errors_as_json(BadClients(limits.max_bad_requests))],
    )
    rest.Rest(models, limits).add_to(app)
    gallery.add_to(app, models, limits)
    return app


def _errors_as_json(clients: BadClients):
    @web.middleware
    async def middleware(request: web.Request, handler):
        client = request.remote or ""
        try:
            if request.path.startswith("/v1/"):
                _turn_away(clients, client)
            return await handler(request)
        except RequestError as error:
            refused = error
        except web.HTTPException as error:
            refused = RequestError(
                error.status, f"{error.reason}: {request.path}"
            )
        except Exception as error:
            logging.getLogger(__name__).exception("A request failed")
            refused = RequestError(500, f"The server failed: {error}")
        if 400 <= refused.status < 500 and refused.status != 429:
            clients.note(client)
        response = rest.answer({"error": str(refused)}, refused.status)
        if refused.retry_after is not None:
            response.headers["Retry-After"] = str(refused.retry_after)
        return response

    return middleware


def _turn_away(clients: BadClients, client: str) -> None:
    seconds = clients.wait(client)
    if seconds is not None:
        raise RequestError(
            429,
            f"Too many bad requests came from {client}. Come back in "
            f"{seconds} s",
            retry_after=seconds,
        )
