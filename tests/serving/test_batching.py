"""Requests computed together, without a server around them."""

import asyncio
import threading

import numpy as np
import pytest

from keras_mixgan.serving.bad_clients import BadClients
from keras_mixgan.serving.batching import Batcher
from keras_mixgan.serving.errors import RequestError


class Gate:
    """A model that waits until it is let through, and notes its calls."""

    def __init__(self):
        self.calls = []
        self.entered = threading.Event()
        self.open = threading.Event()

    def run(self, signature, inputs):
        self.calls.append((signature, inputs["x"].tolist()))
        self.entered.set()
        assert self.open.wait(60)
        if signature == "failing":
            raise RuntimeError("broken")
        if (inputs["x"] < 0).any():
            raise ValueError("x is negative")
        return {"y": 2 * inputs["x"]}


def behind_a_busy_model(jobs, **settings):
    """What becomes of jobs that wait while another is computed.

    Each job is (signature, values, rows). Returns the answers, or what was
    raised, and the calls after the first.
    """

    async def main():
        gate = Gate()
        batcher = Batcher(gate.run, **{"max_batch": 8, **settings})
        first = asyncio.create_task(
            batcher.submit("first", {"x": np.zeros(1)}, None)
        )
        await asyncio.to_thread(gate.entered.wait, 60)
        waiting = [
            asyncio.create_task(
                batcher.submit(name, {"x": np.array(values)}, rows)
            )
            for name, values, rows in jobs
        ]
        await asyncio.sleep(0)  # All have joined the queue.
        gate.open.set()
        answers = await asyncio.gather(*waiting, return_exceptions=True)
        await first
        await batcher.close()
        return answers, gate.calls[1:]

    answers, calls = asyncio.run(main())
    return [
        a["y"].tolist() if isinstance(a, dict) else a for a in answers
    ], calls


def test_what_waits_is_computed_at_once_and_shared_out():
    jobs = [("f", [1], 1), ("f", [2, 3], 2), ("f", [4], 1)]
    answers, calls = behind_a_busy_model(jobs)
    assert answers == [[2], [4, 6], [8]]
    assert calls == [("f", [1, 2, 3, 4])]


def test_a_batch_has_at_most_so_many_rows():
    jobs = [("f", [i] * 3, 3) for i in range(4)]
    answers, calls = behind_a_busy_model(jobs, max_batch=7)
    assert answers == [[2 * i] * 3 for i in range(4)]
    assert [len(x) for _, x in calls] == [6, 6]


def test_a_request_longer_than_a_batch_goes_alone():
    jobs = [("f", list(range(9)), 9), ("f", [1], 1)]
    answers, calls = behind_a_busy_model(jobs, max_batch=4)
    assert [len(a) for a in answers] == [9, 1]
    assert [len(x) for _, x in calls] == [9, 1]


def test_only_equal_signatures_and_shapes_are_joined():
    jobs = [
        ("f", [1], 1),
        ("g", [2], 1),
        ("f", [[3, 3]], 1),
        ("f", [4], None),
        ("f", [5], 1),
    ]
    answers, calls = behind_a_busy_model(jobs)
    assert answers == [[2], [4], [[6, 6]], [8], [10]]
    assert calls == [
        ("f", [1, 5]), ("g", [2]), ("f", [[3, 3]]), ("f", [4])
    ]  # fmt: skip


def test_bad_rows_spoil_no_other_rows():
    jobs = [("f", [1], 1), ("f", [-1], 1), ("f", [2], 1)]
    answers, _ = behind_a_busy_model(jobs)
    assert answers[::2] == [[2], [4]]
    assert (answers[1].status, str(answers[1])) == (400, "x is negative")


def test_a_model_that_fails_is_no_fault_of_the_client(caplog):
    answers, _ = behind_a_busy_model([("failing", [1], 1), ("f", [1], 1)])
    assert answers[0].status == 500
    assert answers[1] == [2]
    assert "broken" in caplog.text


def test_a_full_queue_sends_away():
    jobs = [("f", [i], 1) for i in range(4)]
    answers, _ = behind_a_busy_model(jobs, max_queue=2)
    assert answers[:2] == [[0], [2]]
    for refused in answers[2:]:
        assert (refused.status, refused.retry_after) == (503, 1)


def test_who_gives_up_leaves_the_queue_and_is_not_computed():
    async def main():
        gate = Gate()
        batcher = Batcher(gate.run, 8, max_queue=1)
        one = {"x": np.ones(1)}
        first = asyncio.create_task(batcher.submit("first", one, None))
        await asyncio.to_thread(gate.entered.wait, 60)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(batcher.submit("gone", one, 1), 0.01)
        # Its place is free again.
        last = asyncio.create_task(batcher.submit("last", one, 1))
        await asyncio.sleep(0)
        gate.open.set()
        await asyncio.gather(first, last)
        await batcher.close()
        return [name for name, _ in gate.calls]

    assert asyncio.run(main()) == ["first", "last"]


def test_who_waits_when_it_closes_is_told():
    async def main():
        gate = Gate()
        gate.open.set()
        batcher = Batcher(gate.run, 8, delay=60)
        job = asyncio.create_task(batcher.submit("f", {"x": np.ones(1)}, 1))
        await asyncio.sleep(0.01)
        await batcher.close()
        with pytest.raises(RequestError) as caught:
            await job
        return caught.value.status

    assert asyncio.run(main()) == 503


def test_an_address_is_turned_away_for_the_rest_of_a_minute():
    now = [0.0]
    clients = BadClients(allowed=2, clock=lambda: now[0])
    clients.note("a")
    now[0] = 20.0
    clients.note("a")
    assert clients.wait("a") == 40
    assert clients.wait("b") is None
    now[0] = 59.5
    assert clients.wait("a") == 1
    now[0] = 60.0
    assert clients.wait("a") is None
    clients.note("a")  # The one of second 20 still counts.
    assert clients.wait("a") == 20


def test_any_number_of_bad_requests_can_be_allowed():
    clients = BadClients(allowed=0)
    for _ in range(1000):
        clients.note("a")
    assert clients.wait("a") is None


def test_memory_of_addresses_is_bounded():
    clients = BadClients(allowed=1, clock=lambda: 0.0)
    for i in range(10_001):
        clients.note(str(i))
    assert clients.wait("0") is None
    assert clients.wait("1") == 60
