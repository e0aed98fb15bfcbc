"""One queue a model: what many clients ask for is computed together."""

import asyncio
import collections
import concurrent.futures
import contextlib
import dataclasses
import logging
from collections.abc import Callable
from collections.abc import Mapping

import numpy as np

from keras_mixgan.serving.errors import RequestError
from keras_mixgan.serving.errors import bad_request

Arrays = Mapping[str, np.ndarray]
Run = Callable[[str, Arrays], Arrays]


@dataclasses.dataclass(eq=False)
class _Job:
    signature: str
    inputs: Arrays
    rows: int | None  # None: cannot be batched.
    answer: asyncio.Future

    def goes_with(self, other: "_Job") -> bool:
        """Whether both can be rows of one batch."""
        return (
            self.rows is not None
            and other.rows is not None
            and self.signature == other.signature
            and all(
                array.shape[1:] == other.inputs[name].shape[1:]
                for name, array in self.inputs.items()
            )
        )


class Batcher:
    """Computes requests one batch at a time, off the event loop.

    While a batch is computed the next one gathers; after a pause the first
    request waits a few milliseconds for company.

    Args:
        run: Computes a signature's outputs; called in a thread of its own,
            one call at a time. A `ValueError` says that the inputs are bad.
        max_batch: Rows computed together. A longer request goes alone.
        delay: Seconds that a request waits for others.
        max_queue: Requests that may wait.

    Example:
    >>> async def main():
    ...     batcher = Batcher(lambda _, inputs: {"y": inputs["x"] + 1}, 8)
    ...     jobs = (
    ...         batcher.submit("f", {"x": np.arange(n)}, rows=n)
    ...         for n in (1, 2)
    ...     )
    ...     answers = await asyncio.gather(*jobs)
    ...     await batcher.close()
    ...     return [answer["y"].tolist() for answer in answers]
    >>> asyncio.run(main())
    [[1], [1, 2]]
    """

    def __init__(
        self,
        run: Run,
        max_batch: int,
        delay: float = 0.003,
        max_queue: int = 128,
    ):
        self._run = run
        self._max_batch = max_batch
        self._delay = delay
        self._max_queue = max_queue
        self._waiting: collections.deque[_Job] = collections.deque()
        self._unanswered: set[_Job] = set()
        self._arrived = asyncio.Event()
        self._thread = concurrent.futures.ThreadPoolExecutor(1)
        self._worker = asyncio.create_task(self._work())

    async def submit(
        self, signature: str, inputs: Arrays, rows: int | None
    ) -> Arrays:
        """Waits for the outputs of one request.

        Args:
            signature: Name of the signature.
            inputs: Its inputs, checked.
            rows: How many rows they have, which the outputs have as well;
                `None` where inputs and outputs are no rows.

        Returns:
            The outputs of this request alone.

        Raises:
            RequestError: Too many requests wait (503), the graph refuses the
                inputs (400), or it fails (500).
        """
        if len(self._waiting) >= self._max_queue:
            raise RequestError(
                503,
                f"The server is busy: {self._max_queue} requests wait already",
                retry_after=1,
            )
        answer = asyncio.get_running_loop().create_future()
        job = _Job(signature, inputs, rows, answer)
        self._waiting.append(job)
        self._unanswered.add(job)
        self._arrived.set()
        try:
            return await answer
        finally:
            self._unanswered.discard(job)
            if job in self._waiting:  # Its client has gone.
                self._waiting.remove(job)

    async def close(self) -> None:
        """Stops. What still waits is not computed, and told so (503)."""
        self._worker.cancel()
        await asyncio.gather(self._worker, return_exceptions=True)
        for job in self._unanswered:
            if not job.answer.done():
                job.answer.set_exception(
                    RequestError(503, "The server is stopping")
                )
        self._thread.shutdown(wait=True)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            jobs = await self._next_batch()
            answers = await loop.run_in_executor(
                self._thread, self._compute, jobs
            )
            for job, answer in zip(jobs, answers, strict=True):
                if job.answer.done():  # Its client has gone.
                    continue
                if isinstance(answer, RequestError):
                    job.answer.set_exception(answer)
                else:
                    job.answer.set_result(answer)

    async def _next_batch(self) -> list[_Job]:
        while not self._waiting:
            await self._wait(None)
        first = self._waiting.popleft()
        if first.rows is None:
            return [first]
        loop = asyncio.get_running_loop()
        end = loop.time() + self._delay
        jobs, rows = [first], first.rows
        while True:
            for job in list(self._waiting):
                fits = first.goes_with(job) and (
                    rows + job.rows <= self._max_batch
                )
                if fits:
                    self._waiting.remove(job)
                    jobs.append(job)
                    rows += job.rows
            if rows >= self._max_batch or loop.time() >= end:
                return [job for job in jobs if not job.answer.done()]
            await self._wait(end - loop.time())

    async def _wait(self, seconds: float | None) -> None:
        """Waits until a request arrives, or for some seconds."""
        self._arrived.clear()
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._arrived.wait(), seconds)

    def _compute(self, jobs: list[_Job]) -> list[Arrays | RequestError]:
        if not jobs:
            return []
        if len(jobs) == 1:
            return [self._compute_one(jobs[0])]
        try:
            return self._compute_together(jobs)
        except Exception:
            # One of them spoils the batch; each alone shows which.
            return [self._compute_one(job) for job in jobs]

    def _compute_together(self, jobs: list[_Job]) -> list[Arrays]:
        inputs = {
            name: np.concatenate([job.inputs[name] for job in jobs])
            for name in jobs[0].inputs
        }
        outputs = self._run(jobs[0].signature, inputs)
        ends = np.cumsum([job.rows for job in jobs])
        for name, array in outputs.items():
            if len(array) != ends[-1]:
                raise ValueError(
                    f"Output {name} must have a row an input row, {ends[-1]}. "
                    f"Received: {len(array)}"
                )
        return [
            {
                name: array[end - job.rows : end]
                for name, array in outputs.items()
            }
            for job, end in zip(jobs, ends, strict=True)
        ]

    def _compute_one(self, job: _Job) -> Arrays | RequestError:
        try:
            return self._run(job.signature, job.inputs)
        except ValueError as error:
            return bad_request(str(error))
        except Exception as error:
            logging.getLogger(__name__).exception("A model failed")
            return RequestError(500, f"The model failed: {error}")
