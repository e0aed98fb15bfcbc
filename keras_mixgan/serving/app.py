"""The routes: `predict`, the list of models, and the gallery page."""

import asyncio
import concurrent.futures
import contextlib
import pathlib
from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Mapping

import fastapi
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from keras_mixgan._version import __version__
from keras_mixgan.serving import guard
from keras_mixgan.serving import predict
from keras_mixgan.serving.limits import Limits
from keras_mixgan.serving.models import Sampler

_PAGE = pathlib.Path(__file__).parents[1] / "page"
_PIECE = 2**16  # Bytes of an answer per write.
_MOST_UNREAD = 2**27


def make_app(
    samplers: Mapping[str, Sampler],
    limits: Limits,
    allowed_hosts: Collection[str] = (),
) -> guard.Guard:
    """Makes the ASGI application; `allowed_hosts` is as in `guard.Guard`."""
    # Each model answers one request at a time; models do not wait for others.
    threads = {
        name: concurrent.futures.ThreadPoolExecutor(1) for name in samplers
    }

    @contextlib.asynccontextmanager
    async def lifespan(_):
        yield
        for thread in threads.values():
            thread.shutdown(wait=False, cancel_futures=True)

    app = fastapi.FastAPI(
        title="keras-mixgan",
        version=__version__,
        lifespan=lifespan,
        # Both load scripts from another machine; /openapi.json does not.
        docs_url=None,
        redoc_url=None,
    )

    @app.exception_handler(HTTPException)
    async def as_json(_, error: HTTPException):
        return guard.error_response(error)

    @app.head("/", include_in_schema=False)
    @app.get("/", include_in_schema=False)
    async def gallery() -> FileResponse:
        return FileResponse(_PAGE / "gallery.html")

    app.mount("/gallery", StaticFiles(directory=_PAGE))
    _add_lists(app, samplers, limits)
    _add_predict(app, samplers, threads, limits)
    latent_dim = max(s.about["latent_dim"] for s in samplers.values())
    most = limits.body_bytes(latent_dim)
    return guard.Guard(app, limits, most, allowed_hosts)


def _find(samplers, name: str) -> Sampler:
    if name not in samplers:
        served = ", ".join(sorted(samplers))
        raise HTTPException(
            404, f"There is no model {name[:80]}. Models served: {served}"
        )
    return samplers[name]


def _add_lists(app, samplers, limits) -> None:
    @app.get("/v1/models")
    async def list_models() -> dict:
        """The models, and how many images one request may ask for."""
        models = [sampler.about for sampler in samplers.values()]
        return {"models": models, "max_images": limits.max_images}

    @app.get("/v1/models/{name}")
    async def status(name: str) -> dict:
        """The state of a model, in TensorFlow Serving's format."""
        if name.endswith(":predict"):
            raise HTTPException(405, "`predict` takes POST", {"Allow": "POST"})
        version = {
            "version": _find(samplers, name).about["version"],
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
        return {"model_version_status": [version]}


def _add_predict(app, samplers, threads, limits) -> None:
    schema = predict.Request.model_json_schema()
    del schema["$defs"]  # OpenAPI would not find references to it.
    schema["properties"]["inputs"] = predict.Inputs.model_json_schema()
    body = {
        "required": True,
        "content": {"application/json": {"schema": schema}},
    }

    unread = 0  # Bytes of all answers that clients have not read to the end.
    # Without locks, threads would compute before `unread` is up to date.
    locks = {name: asyncio.Lock() for name in samplers}

    def read(count: int) -> None:
        nonlocal unread
        unread -= count

    # Takes the raw request: FastAPI would refuse JSON that curl calls a form.
    @app.post("/v1/models/{name}:predict", openapi_extra={"requestBody": body})
    async def predict_(name: str, request: fastapi.Request) -> fastapi.Response:
        """Draws images: TensorFlow Serving's `predict`."""
        nonlocal unread
        sampler, received = _find(samplers, name), await request.body()
        loop = asyncio.get_running_loop()
        async with locks[name]:
            # Who left while others were served needs no images.
            if await request.is_disconnected():
                raise ClientDisconnect
            if unread > _MOST_UNREAD:
                busy = "The server is busy: too many answers are unread"
                raise HTTPException(503, busy, {"Retry-After": "1"})
            try:
                answer = await loop.run_in_executor(
                    threads[name],
                    predict.answer, sampler, received, limits.max_images,
                )  # fmt: skip
            except ValueError as error:
                raise HTTPException(400, str(error)) from error
            except Exception as error:
                guard.log(error)
                raise HTTPException(500, "The model failed") from error
            unread += len(answer)
        return _Answer(answer, read)


class _Answer(fastapi.Response):
    """Is sent as fast as the client reads it, and reports when it is read."""

    media_type = "application/json"

    def __init__(self, content: bytes, read: Callable[[int], None]):
        super().__init__(content)
        self._read = read

    async def __call__(self, scope, receive, send):
        message = {"type": "http.response.start", "status": 200}
        try:
            await send({**message, "headers": self.raw_headers})
            message = {"type": "http.response.body", "more_body": True}
            for start in range(0, len(self.body), _PIECE):
                piece = self.body[start : start + _PIECE]
                await send({**message, "body": piece})
            await send({**message, "body": b"", "more_body": False})
        finally:
            self._read(len(self.body))
