"""The checks of every request, before and while it is answered."""

import asyncio
import ipaddress
import logging
import urllib.parse
from collections.abc import Collection

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from keras_mixgan.serving.limits import Limits
from keras_mixgan.utils.errors import UserError

_MOST_CHARACTERS = 500  # In an error.
_CLOSE = {"Connection": "close"}
# The page loads nothing from elsewhere, and shows images from `data:` URLs.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def error_response(error: HTTPException) -> JSONResponse:
    """An error as TensorFlow Serving writes it, in at most 500 characters."""
    message = str(error.detail)
    if len(message) > _MOST_CHARACTERS:
        message = message[: _MOST_CHARACTERS - 3] + "..."
    return JSONResponse({"error": message}, error.status_code, error.headers)


class Guard:
    """ASGI middleware: limits hosts, origins, sizes, concurrency and time.

    `allowed_hosts` are names of this server besides localhost. IP addresses
    always pass: the check is against DNS rebinding, which needs a name.
    """

    def __init__(
        self,
        app,
        limits: Limits,
        max_body_bytes: int,
        allowed_hosts: Collection[str] = (),
    ):
        self._app = app
        self._limits = limits
        self._max_body_bytes = max_body_bytes
        self._allowed = {name.lower() for name in allowed_hosts}
        for name in self._allowed:
            if _name_of(f"//{name}") != name:
                raise UserError(
                    "`allowed_hosts` must be names of hosts, without scheme, "
                    f"port or path. Received: {name!r}"
                )
        self._running = 0

    async def __call__(self, scope, receive, send):
        """Answers one request; see the ASGI specification."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(receive, send, self._max_body_bytes)
        headers = Headers(scope=scope)
        self._running += 1
        try:
            self._check(headers)
            async with asyncio.timeout(self._limits.timeout):
                await self._app(scope, exchange.receive, exchange.send)
            return
        except ClientDisconnect:
            return
        except HTTPException as error:
            refused = error
        except TimeoutError:
            refused = HTTPException(
                504 if exchange.body_came else 408,
                f"The request timed out after {self._limits.timeout:g} s",
                None if exchange.body_came else _CLOSE,
            )
        except Exception as error:
            log(error)
            refused = HTTPException(500, "The server failed")
        finally:
            self._running -= 1
        if exchange.started:
            raise ConnectionAbortedError  # uvicorn closes the connection.
        if not exchange.body_came and "transfer-encoding" in headers:
            # The length of the rest is unknown, so it cannot be skipped.
            refused.headers = {**(refused.headers or {}), **_CLOSE}
        await error_response(refused)(scope, receive, exchange.send)

    def _check(self, headers: Headers) -> None:
        if self._running > (most := self._limits.max_requests):
            busy = f"The server is busy with {most} requests"
            raise HTTPException(503, busy, {"Retry-After": "1"})
        host, origin = headers.get("host", ""), headers.get("origin")
        name = _name_of(f"//{host}")
        if name not in {"localhost", *self._allowed} and not _is_address(name):
            raise HTTPException(
                400,
                "Host must be an IP address, localhost or a name given with "
                f"--allowed_hosts. Received: {host[:80]}",
            )
        # A proxy may have changed Host, but not Origin.
        if not (
            origin is None
            or origin.partition("://")[2] == host
            or _name_of(origin) in self._allowed
        ):
            raise HTTPException(
                403, f"Pages of {origin[:80]} may not use this server"
            )
        if headers.get("content-encoding", "identity") != "identity":
            raise HTTPException(415, "The body must not be compressed")
        length = headers.get("content-length", "0")
        if len(length) > 18 or int(length) > self._max_body_bytes:
            raise _too_long(self._max_body_bytes)


class _Exchange:
    """One request: counts its body, records whether its answer has begun."""

    def __init__(self, receive, send, max_body_bytes: int):
        self._receive = receive
        self._send = send
        self._max_body_bytes = max_body_bytes
        self._received = 0
        self.body_came = False
        self.started = False

    async def receive(self):
        message = await self._receive()
        if message["type"] == "http.request":
            self._received += len(message.get("body", b""))
            self.body_came = not message.get("more_body", False)
            if self._received > self._max_body_bytes:
                raise _too_long(self._max_body_bytes)
        return message

    async def send(self, message):
        if message["type"] == "http.response.start":
            self.started = True
            MutableHeaders(scope=message).update(_HEADERS)
        await self._send(message)


def log(error: Exception) -> None:
    """Logs one line, so that provoked errors do not fill the disk."""
    logging.getLogger(__name__).error(
        "A request failed: %s: %.200r", type(error).__name__, str(error)
    )


def _too_long(most: int) -> HTTPException:
    message = f"The body may have at most {most} bytes"
    return HTTPException(413, message, _CLOSE)


def _name_of(url: str) -> str:
    try:
        return urllib.parse.urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
