"""Eight clients of `serve`, half of them hostile: statuses, memory, p99."""

import collections
import contextlib
import http.client
import json
import pathlib
import socket
import tempfile
import threading
import time

import probing
import psutil
import serve_load

MOST_GROWN = 50 * 2**20  # Bytes of the server's memory.
_CLIENTS = 4


def rows(seconds: float) -> list[probing.Row]:
    """Asks a server of its own, first with good clients alone.

    It takes `seconds` with those, and `seconds` beside hostile ones. Returns a
    row for good requests, one for hostile ones, one for the memory.
    """
    good, bad = probing.Row("good requests"), probing.Row("hostile requests")
    memory = probing.Row("memory of the server")
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        path = pathlib.Path(folder, "dcgan")
        probing.result_of(lambda: str(serve_load.untrained(path)))
        server, netloc = serve_load.start(path)
        try:
            rss = psutil.Process(server.pid).memory_info
            _run(netloc, seconds / 3, 0)  # Warm.
            began = rss().rss
            alone = _run(netloc, seconds, 0)
            before = rss().rss
            beside = _run(netloc, seconds, _CLIENTS)
            after = rss().rss
            healthy = _run(netloc, 1, 0)
        finally:
            server.terminate()
            status = server.wait()
    for log in (alone, beside, healthy):
        _count(good, [case for case in log if not case.hostile])
        _count(bad, [case for case in log if case.hostile])
    p99 = [_p99(log) for log in (alone, beside)]
    ratio = p99[1] / p99[0]
    good.notes.append(
        f"p99 {1e3 * p99[0]:.0f} ms alone, {1e3 * p99[1]:.0f} ms beside "
        f"hostile ones, {ratio:.1f} times as long (wanted: at most 2, on an "
        "idle machine)"
    )
    good.check("the server's end", status == 0, f"exit status {status}")
    for name, grown in (("alone", before - began), ("beside", after - before)):
        memory.check(name, grown < MOST_GROWN, f"{grown / 2**20:.0f} MiB more")
        memory.notes.append(f"{grown / 2**20:+.0f} MiB {name}")
    return [good, bad, memory]


Case = collections.namedtuple("Case", "kind hostile seconds wrong")


def _count(row: probing.Row, log: list[Case]) -> None:
    wrong = collections.Counter(
        (case.kind, case.wrong) for case in log if case.wrong
    )
    right = len(log) - wrong.total()
    row.tried += len(log)
    if log and log[0].hostile:
        row.refused += right
    else:
        row.passed += right
    for (kind, why), number in wrong.items():
        row.wrong += [f"{row.what}, {kind}: {why}"] * number


def _p99(log: list[Case]) -> float:
    times = sorted(case.seconds for case in log if not case.hostile)
    return times[int(0.99 * len(times))]


def _run(netloc: str, seconds: float, hostile: int) -> list[Case]:
    """What good clients, and so many hostile ones, were answered."""
    load = _Load(netloc, seconds)
    threads = [
        threading.Thread(target=load.good_client, args=(number,))
        for number in range(_CLIENTS)
    ] + [
        threading.Thread(target=load.hostile_client, args=(5 * number,))
        for number in range(hostile)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return load.log


class _Load:
    """Clients of a server, and what each request was answered."""

    def __init__(self, netloc: str, seconds: float):
        wanted = serve_load.requests(netloc)
        self._netloc, self._path = netloc, wanted["path"]
        self._good = [
            (kind, json.dumps(body).encode(), {}, 200)
            for kind, body in wanted["bodies"].items()
        ]
        self._posts = [
            (f"POST for {status}", body, headers, status)
            for body, headers, status in serve_load.hostile(self._good[0][1])
        ]
        self._end = time.perf_counter() + seconds
        self.log: list[Case] = []

    def good_client(self, number: int) -> None:
        """Asks for images until the time is over."""
        with self._connected() as connection:
            while time.perf_counter() < self._end:
                self._post(connection, *self._good[number % 2], False)
                number += 1

    def hostile_client(self, number: int) -> None:
        """Does what no client should, one thing after the other."""
        kinds = [*self._posts, *_SOCKETS]
        with self._connected() as connection:
            while time.perf_counter() < self._end:
                kind = kinds[number % len(kinds)]
                number += 1
                if not callable(kind):
                    self._post(connection, *kind, True)
                    continue
                began = time.perf_counter()
                wrong = kind(self._netloc, self._path, self._good[0][1])
                took = time.perf_counter() - began
                self.log.append(Case(kind.__name__, True, took, wrong))

    def _connected(self):
        return contextlib.closing(
            http.client.HTTPConnection(self._netloc, timeout=60)
        )

    def _post(self, connection, kind, body, headers, status, hostile) -> None:
        began = time.perf_counter()
        try:
            connection.request("POST", self._path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            wrong = _wrong(answer.status, content, status)
        except (OSError, http.client.HTTPException) as error:
            # A body that is too long is refused before it is read.
            wrong = None if status == 413 else type(error).__name__
            connection.close()
        took = time.perf_counter() - began
        self.log.append(Case(kind, hostile, took, wrong))


def _wrong(status: int, content: bytes, wanted: int) -> str | None:
    if status != wanted:
        return f"{status} in place of {wanted}"
    if status != 200 and len(json.loads(content)["error"]) > 500:
        return "an error of more than 500 characters"
    return None


def _sent(netloc: str, parts: list[bytes], read: bool = True) -> bytes:
    """Sends parts over a connection of its own; the start of the answer."""
    host, port = netloc.split(":")
    answer = b""
    with (
        socket.create_connection((host, int(port)), timeout=60) as client,
        contextlib.suppress(ConnectionError),
    ):
        for part in parts:
            client.sendall(part)
        if read:
            answer = client.recv(4096)
    return answer


def _refused(answer: bytes, *statuses: int) -> str | None:
    """None where it was closed, or refused with one of these."""
    wanted = [f"HTTP/1.1 {status} ".encode() for status in statuses]
    if not answer or answer.startswith(tuple(wanted)):
        return None
    return repr(answer[:40])


def _no_http(netloc, path, body):
    """TLS's first words."""
    return _refused(_sent(netloc, [b"\x16\x03\x01\x02\x00\x01\x00"] * 30), 400)


def _no_host(netloc, path, body):
    return _refused(_sent(netloc, [b"GET / HTTP/1.1\r\n\r\n"]), 400)


def _long_header(netloc, path, body):
    parts = [b"GET / HTTP/1.1\r\nX: ", b"x" * 200_000]
    return _refused(_sent(netloc, parts), 400)


def _endless_chunks(netloc, path, body):
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
    chunk = b"2710\r\n" + b" " * 10_000 + b"\r\n"
    parts = [
        head.encode(),
        b"Transfer-Encoding: chunked\r\n\r\n",
        *[chunk] * 99,
    ]
    return _refused(_sent(netloc, parts), 413)


def _declared(netloc, path, body):
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
    parts = [head.encode(), b"Content-Length: 9999999999999\r\n\r\n"]
    return _refused(_sent(netloc, parts), 413)


def _gone(netloc, path, body):
    """Leaves before its body has come, or its answer."""
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    _sent(netloc, [head.encode(), body[:20]], read=False)
    _sent(netloc, [head.encode(), body], read=False)


def _idle(netloc, path, body):
    """Fifty connections that say nothing, or half a line."""
    host, port = netloc.split(":")
    with contextlib.ExitStack() as stack:
        for _ in range(50):
            client = socket.create_connection((host, int(port)), timeout=60)
            stack.enter_context(client).sendall(b"GET / HT")
        time.sleep(0.1)


_SOCKETS = (
    _no_http, _no_host, _long_header, _endless_chunks, _declared, _gone, _idle,
)  # fmt: skip
