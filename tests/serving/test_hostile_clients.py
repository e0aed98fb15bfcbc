"""Requests that are too large, too slow, too many, or of foreign origin."""

import contextlib
import gzip
import json
import os
import signal
import threading
import time

import pytest
import serving

from keras_mixgan.serving import app
from keras_mixgan.serving import server as servers
from keras_mixgan.serving.limits import Limits

PATH = "/v1/models/fake:predict"
GET = b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\n".encode()


@pytest.fixture
def fake():
    fake = serving.Fake()
    yield fake
    fake.opened.set()


@pytest.fixture
def start(fake):
    """Starts servers of the fake model, which are stopped at the end."""
    with contextlib.ExitStack() as stack:

        def start(**limits):
            running = serving.running({"fake": fake}, **limits)
            return stack.enter_context(running)

        yield start
        fake.opened.set()


def until(holds):
    """Waits until something holds, and does not take the server's core."""
    end = time.monotonic() + 60
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)


def is_answered(server):
    """Whether a small request is answered now."""
    return server.predict("fake", serving.ask(4))[0] == 200


def is_refused(server):
    """Whether it closes a connection without an answer."""
    try:
        server.get("/v1/models")
    except ConnectionError:
        return True
    return False


def error_of(answer):
    """Status and error of an answer received over a socket."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)["error"]


def test_a_body_may_have_so_many_bytes(start, fake):
    server = start(max_body_bytes=2000)
    for padded in (serving.ask(4) + " " * 2000, " " * 8_000_000):
        length = f"Content-Length: {len(padded)}\r\n\r\n".encode()
        # Refused before the body is read, or even sent.
        answer = server.send(POST + length)
        wanted = 413, "The body may have at most 2000 bytes"
        assert error_of(answer) == wanted
        assert b"connection: close" in answer
    # Chunks do not tell the length in advance.
    chunk = b"3e8\r\n" + b" " * 1000 + b"\r\n"
    answer = server.send(
        POST + b"Transfer-Encoding: chunked\r\n\r\n", *[chunk] * 3
    )
    assert error_of(answer) == wanted
    assert fake.computed == []
    assert server.predict("fake", serving.ask(4))[0] == 200


def test_the_limit_is_what_the_largest_good_request_needs(shared_server):
    """Even with all digits, and indented."""
    inputs = serving.rows(64, 0, 3)
    inputs["latents"] = [[-1.2345678901234567e-123] * 5] * 64
    inputs["component_uniform"] = [1.2345678901234567e-123] * 64
    body = json.dumps({"inputs": inputs}, indent=2)
    assert shared_server.predict("labelled", body)[0] == 200
    status, answer = shared_server.predict("labelled", body + " " * len(body))
    assert status == 413
    assert "at most 18944 bytes" in answer["error"]


@pytest.mark.parametrize("damaged", [False, True])
def test_compressed_bodies_are_refused(start, damaged):
    body = gzip.compress(serving.ask(4).encode())
    if damaged:
        body = body[:-8] + b"damaged!"
    status, answer = start().predict("fake", body, {"Content-Encoding": "gzip"})
    assert (status, answer) == (
        415, {"error": "The body must not be compressed"}
    )  # fmt: skip


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("localhost", True),
        ("LOCALHOST:8501", True),
        ("127.0.0.1:1", True),
        ("[::1]:8501", True),
        ("192.168.0.7", True),
        ("gallery.example.org", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("[::1", False),
        ("", False),
        ("x" * 5000, False),
    ],
)
def test_other_names_are_refused(start, host, allowed):
    """A page whose name was rebound to this machine sends such names."""
    server = start(allowed_hosts=["gallery.example.org"])
    status, _, body = server.call("GET", "/v1/models", headers={"Host": host})
    assert status == (200 if allowed else 400)
    if not allowed:
        error = json.loads(body)["error"]
        assert "--allowed_hosts" in error
        assert len(error) < 250


@pytest.mark.parametrize(
    ("host", "origin", "allowed"),
    [
        ("localhost:8501", "http://localhost:8501", True),
        ("localhost:8501", "http://localhost:3000", False),
        ("localhost:8501", "http://evil.example", False),
        ("localhost:8501", "null", False),
        ("localhost:8501", "https://gallery.example.org", True),
        ("gallery.example.org", "https://gallery.example.org", True),
        ("gallery.example.org", "https://evil.example", False),
    ],
)
def test_pages_of_others_are_refused(start, fake, host, origin, allowed):
    """A visitor's browser sends the requests of their scripts and forms."""
    server = start(allowed_hosts=["gallery.example.org"])
    headers = {"Host": host, "Origin": origin, "Content-Type": "text/plain"}
    status, answer = server.predict("fake", serving.ask(4), headers)
    assert status == (200 if allowed else 403)
    assert fake.computed == [4] * allowed
    if not allowed:
        assert origin in answer["error"]


def test_who_comes_when_all_places_are_taken_is_sent_away(start, fake):
    server = start(max_requests=2)
    held = [
        threading.Thread(target=server.predict, args=("fake", serving.ask(1)))
        for _ in range(2)
    ]
    for thread in held:
        thread.start()
    assert fake.entered.wait(60)
    # Until the second has arrived too.
    until(lambda: server.call("GET", "/v1/models")[0] == 503)
    _, headers, body = server.call("GET", "/v1/models")
    assert headers["Retry-After"] == "1"
    assert "busy with 2 requests" in json.loads(body)["error"]
    fake.opened.set()
    for thread in held:
        thread.join()
    assert server.predict("fake", serving.ask(4))[0] == 200


def test_who_has_left_is_not_served(start, fake):
    """The page drops a request at each click."""
    server = start(timeout=120)
    waiting = threading.Thread(
        target=server.predict, args=("fake", serving.ask(1))
    )
    waiting.start()
    assert fake.entered.wait(60)
    for number in (5, 6, 7):
        body = serving.ask(number).encode()
        with server.socket() as client:
            client.sendall(
                POST + f"Content-Length: {len(body)}\r\n\r\n".encode() + body
            )
    time.sleep(0.5)  # Until the server has read that they are closed.
    fake.opened.set()
    waiting.join()
    assert is_answered(server)
    assert fake.computed == [1, 4]


def test_a_slow_answer_is_given_up(start, fake):
    server = start(timeout=0.5)
    status, answer = server.predict("fake", serving.ask(1))
    assert (status, answer["error"]) == (
        504,
        "The request timed out after 0.5 s",
    )
    # A request that waits for it times out too, and is never computed.
    assert server.predict("fake", serving.ask(7))[0] == 504
    fake.opened.set()
    until(lambda: is_answered(server))
    assert 7 not in fake.computed


def test_a_body_that_does_not_come_is_not_waited_for(start):
    server = start(timeout=0.2)
    answer = server.send(POST + b"Content-Length: 100\r\n\r\n{")
    assert error_of(answer)[0] == 408


def test_connections_without_a_header_are_closed(start):
    server = start(idle_timeout=0.1)
    with server.socket() as silent:
        assert serving.received(silent) == b""
    with server.socket() as dribbling:
        dribbling.sendall(b"GET / HTTP/1.1\r\n")
        dribbling.settimeout(0.05)
        for number in range(1000):
            try:
                dribbling.sendall(f"X-{number}: 1\r\n".encode())
                assert dribbling.recv(10) == b""
                break
            except TimeoutError:
                pass
            except ConnectionError:
                break
        else:
            raise AssertionError("It was never closed.")


def test_a_header_in_drops_is_cut_after_a_first_request_too(start):
    server = start(idle_timeout=0.5)
    with server.socket() as client:
        client.sendall(GET)
        client.sendall(b"GET / HTTP/1.1\r\n")
        assert b"200 OK" in serving.received(client)


def test_a_refused_body_that_does_not_end_is_cut(start):
    server = start(idle_timeout=0.5)
    refused = POST.replace(b"localhost", b"evil.example")
    with server.socket() as client:
        client.sendall(refused + b"Content-Length: 100\r\n\r\n{")
        assert error_of(serving.received(client))[0] == 400
    with server.socket() as client:
        client.sendall(refused + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{")
        answer = serving.received(client)
        assert error_of(answer)[0] == 400
        assert b"connection: close" in answer


def test_a_refusal_does_not_end_the_connection(start):
    server = start()
    refused = POST.replace(b"localhost", b"evil.example")
    with server.socket() as client:
        client.sendall(refused + b"Content-Length: 1000\r\n\r\n" + b"{" * 1000)
        assert client.recv(1000).startswith(b"HTTP/1.1 400")
        client.sendall(
            GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        )
        assert b"HTTP/1.1 200" in serving.received(client)


def test_a_header_has_an_end(start):
    answer = start().send(b"GET / HTTP/1.1\r\n", b"X: " + b"x" * 200_000)
    assert answer.startswith(b"HTTP/1.1 400")
    assert len(answer) < 500


def test_who_does_not_read_the_answer_is_cut(start, fake):
    """What its connection has buffered is dropped too."""
    server = start(
        idle_timeout=0.5, timeout=1, max_requests=1, max_images=20_000
    )
    body = serving.ask(10_000).encode()  # 40 MB of zeros.
    with server.socket() as client:
        length = f"Content-Length: {len(body)}\r\n\r\n".encode()
        client.sendall(POST + length + body)
        until(lambda: is_answered(server))  # Its place is free.
        assert 10_000 in fake.computed
        until(lambda: not server.server.server_state.connections)


def test_answers_that_are_not_read_have_an_end(start, fake):
    """Each of them would hold 40 MB until it times out."""
    server = start(max_images=20_000, timeout=60)
    body = serving.ask(10_000).encode()
    length = f"Content-Length: {len(body)}\r\n\r\n".encode()
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            client = stack.enter_context(server.socket())
            client.sendall(POST + length + body)
        status, headers, answer = server.call("POST", PATH, serving.ask(4))
        assert (status, headers["Retry-After"]) == (503, "1")
        assert "unread" in json.loads(answer)["error"]
        assert fake.computed.count(10_000) == 4
    until(lambda: is_answered(server))  # They are gone.


def test_connections_have_an_end_of_number(start):
    server = start(max_connections=5, idle_timeout=30)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(server.socket()) for _ in range(5)]
        for client in held:  # All are connected.
            client.sendall(
                b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
            )
            assert client.recv(12) == b"HTTP/1.1 200"
        for _ in range(3):
            with server.socket() as client:
                assert serving.received(client) == b""
    # Until the closed ones have left their places.
    until(lambda: not is_refused(server))
    assert server.get("/v1/models")[0] == 200


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\n\r\n",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"\x00" * 70_000,
    ],
)
def test_what_is_no_http_is_refused_in_silence(start, garbage, caplog, capfd):
    server = start(timeout=1, idle_timeout=0.5)
    answer = server.send(garbage)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    with server.socket() as gone:
        gone.sendall(POST + b"Content-Length: 100\r\n\r\n{")
    assert server.get("/v1/models")[0] == 200
    assert caplog.text == ""
    assert capfd.readouterr() == ("", "")


def test_a_model_that_fails_is_one_short_line(start, caplog):
    server = start()
    assert server.predict("fake", serving.ask(2)) == (
        500, {"error": "The model failed"}
    )  # fmt: skip
    (record,) = caplog.records
    assert record.exc_info is None
    assert len(record.getMessage()) < 300
    assert "\n" not in record.getMessage()
    status, answer = server.predict("fake", serving.ask(3))
    assert status == 400
    assert len(answer["error"]) == 500


def test_bad_clients_change_nothing_for_good_ones(start):
    server = start()
    answer = {"outputs": [0.0] * 4000}

    def bad(number):
        kind = number % 4
        if kind == 0:
            return server.call("POST", PATH, serving.ask(3))[0]
        if kind == 1:
            return server.call("POST", PATH, "{" * 1000)[0]
        if kind == 2:
            length = b"Content-Length: 8000000\r\n\r\n"
            return error_of(server.send(POST + length))[0]
        return server.call("GET", "/", headers={"Host": "evil.example"})[0]

    def work(number):
        if number % 2:
            return [bad(i) for i in range(number, number + 12)]
        return [server.predict("fake", serving.ask(4)) for _ in range(12)]

    results = serving.together([lambda n=n: work(n) for n in range(8)])
    for number, result in enumerate(results):
        if number % 2:
            wanted = [(400, 400, 413, 400)[i % 4] for i in range(12)]
            assert sorted(result) == sorted(wanted)
        else:
            assert result == [(200, answer)] * 12


def test_a_stopped_server_first_answers_what_it_has_begun(start, fake):
    server = start()
    answers = []
    thread = threading.Thread(
        target=lambda: answers.append(server.predict("fake", serving.ask(1)))
    )
    thread.start()
    assert fake.entered.wait(60)
    server.server.should_exit = True
    until(lambda: is_refused(server))
    fake.opened.set()
    thread.join()
    assert answers == [(200, {"outputs": [0.0] * 1000})]


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_signals_stop_it(fake, name):
    number = getattr(signal, name)
    before = signal.getsignal(number)
    with servers.bind("127.0.0.1", 0) as listener:
        made = app.make_app({"fake": fake}, Limits())
        servers.Server(
            made, Limits(), lambda: os.kill(os.getpid(), number)
        ).run([listener])
    assert signal.getsignal(number) == before


@pytest.mark.parametrize(
    "name", ["max_images", "max_body_bytes", "timeout", "max_requests"]
)
def test_limits_are_positive(name):
    for value in (0, -1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match=f"`{name}` must be a positive"):
            Limits(**{name: value})
