"""What `keras-mixgan serve` does with too much, too long and too often."""

import gzip
import http.client
import json
import socket

import pytest
import serving

GOOD = {"instances": [1.0]}
SLOW = {"signature_name": "slow", "inputs": 1.5}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("limits") / "odd"
    serving.Odd().write(folder)
    return folder


@pytest.fixture(scope="module")
def server(folder):
    flags = (
        "--max_body_bytes=2000",
        "--max_queue=1",
        "--timeout=1",
        "--max_bad_requests=8",
    )
    server = serving.Server([folder], *flags)
    yield server
    server.process.kill()
    server.process.communicate()


def await_answer(server):
    """Waits until the model is done with what earlier tests asked for."""
    assert serving.patiently(lambda: server.predict("odd", GOOD))[0] == 200


def test_a_body_may_have_so_many_bytes(server):
    body = json.dumps({"instances": [1.0] * 1000})
    status, answer = server.predict("odd", body)
    assert (status, answer) == (
        413, {"error": "The body may have at most 2000 bytes"}
    )  # fmt: skip


def test_a_compressed_body_is_as_long_as_what_it_holds(server):
    path, headers = "/v1/models/odd:predict", {"Content-Encoding": "gzip"}
    body = gzip.compress(json.dumps(GOOD).encode())
    status, *_ = serving.patiently(
        lambda: server.call("POST", path, body, headers)
    )
    assert status == 200
    bomb = gzip.compress(b" " * 10**6)
    assert len(bomb) < 2000
    assert server.call("POST", path, bomb, headers)[0] == 413


def test_a_slow_answer_is_given_up(server):
    await_answer(server)
    status, answer = server.predict("odd", SLOW)
    assert status == 504
    assert "1 s" in answer["error"]
    await_answer(server)


def test_too_many_who_wait_are_sent_away(server):
    await_answer(server)
    answers = serving.together(
        [lambda: server.call("POST", "/v1/models/odd:predict",
                             json.dumps(SLOW))] * 6
    )  # fmt: skip
    refused = [answer for answer in answers if answer[0] == 503]
    assert refused  # One is computed, one waits.
    for _, headers, body in refused:
        assert headers["Retry-After"] == "1"
        assert "busy" in json.loads(body)["error"]
    assert {status for status, *_ in answers} <= {503, 504}
    await_answer(server)


def test_a_body_that_does_not_come_is_not_waited_for(server):
    host, port = server.netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=60) as client:
        client.sendall(
            b"POST /v1/models/odd:predict HTTP/1.1\r\n"
            b"Host: localhost\r\nContent-Length: 100\r\n\r\n{"
        )
        answer = client.recv(1000)
    assert answer.startswith(b"HTTP/1.1 408")


def test_who_sends_too_many_bad_requests_is_turned_away(server):
    path = "/v1/models/odd:predict"
    for _ in range(8):
        status, headers, _ = server.call("POST", path, "{")
        if status == 429:
            break
        assert status == 400
    status, headers, body = server.call("POST", path, json.dumps(GOOD))
    assert status == 429
    assert 0 < int(headers["Retry-After"]) <= 60
    assert "127.0.0.1" in json.loads(body)["error"]
    # The gallery tells of it, so the page itself still comes.
    assert server.call("GET", "/")[0] == 200


def test_a_stopped_server_first_answers_what_it_has_begun(folder):
    server = serving.Server([folder])
    body = {"signature_name": "slow", "inputs": 1.0}
    client = http.client.HTTPConnection(server.netloc, timeout=120)
    client.request("POST", "/v1/models/odd:predict", json.dumps(body))
    # Who came later has been answered, so that request has been taken.
    assert server.get("/v1/models/odd")[0] == 200
    status, out, err = server.stop()
    assert status == 0
    assert err == ""
    assert out.endswith("Stopped.\n")
    answer = client.getresponse()
    assert answer.status == 200
    assert json.loads(answer.read())["outputs"] > 0
    client.close()
    with pytest.raises(ConnectionRefusedError):
        server.get("/v1/models/odd")
