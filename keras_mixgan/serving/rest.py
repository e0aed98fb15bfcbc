"""TensorFlow Serving's REST protocol: tensorflow.org/tfx/serving/api_rest."""

import asyncio
import json
import re
from collections.abc import Mapping

from aiohttp import web

from keras_mixgan.serving import checks
from keras_mixgan.serving import tensors
from keras_mixgan.serving.batching import Batcher
from keras_mixgan.serving.errors import RequestError
from keras_mixgan.serving.errors import bad_request
from keras_mixgan.serving.limits import BATCH_DELAY
from keras_mixgan.serving.limits import MAX_BATCH
from keras_mixgan.serving.limits import Limits
from keras_mixgan.serving.served_model import ServedModel
from keras_mixgan.serving.signatures import DEFAULT

_JSON = "application/json"
_MODEL = (
    r"/v1/models/(?P<name>[^/:]+)"
    r"(?:/(?P<by>versions|labels)/(?P<which>[^/:]+))?"
)
_STATUS = re.compile(rf"{_MODEL}(?P<metadata>/metadata)?", re.IGNORECASE)
_CALL = re.compile(rf"{_MODEL}:(?P<verb>\w+)", re.IGNORECASE)


class Rest:
    """The routes under /v1.

    Args:
        models: The models by name.
        limits: What one client may ask for.
    """

    def __init__(self, models: Mapping[str, ServedModel], limits: Limits):
        self._models = models
        self._limits = limits
        self._batchers: dict[str, Batcher] = {}

    def add_to(self, app: web.Application) -> None:
        """Adds the routes, and the queues behind them, to an application.

        Args:
            app: The application.
        """
        app.router.add_route("*", "/v1/{rest:.*}", self._answer)
        app.cleanup_ctx.append(self._queues)

    async def _queues(self, app):
        for name, model in self._models.items():
            self._batchers[name] = Batcher(
                model.run, MAX_BATCH, BATCH_DELAY, self._limits.max_queue
            )
        yield
        for batcher in self._batchers.values():
            await batcher.close()

    async def _answer(self, request: web.Request) -> web.Response:
        if request.method == "POST":
            call = _CALL.fullmatch(request.path)
            if call:
                return await self._call(call, request)
        elif request.method in ("GET", "HEAD"):
            asked = _STATUS.fullmatch(request.path)
            if asked:
                return self._describe(asked)
        raise bad_request(
            f"Malformed request: {request.method} {request.path}. There are "
            "GET /v1/models/NAME[/versions/N][/metadata] and "
            "POST /v1/models/NAME[/versions/N]:predict"
        )

    def _model(self, match: re.Match) -> ServedModel:
        name, by, which = match["name"], match["by"], match["which"]
        model = self._models.get(name)
        if model is None:
            raise RequestError(
                404,
                f"Servable not found for request: Latest({name}). Served are: "
                + ", ".join(sorted(self._models)),
            )
        if by is None:
            return model
        if by.lower() == "labels":
            raise bad_request(
                f"Unrecognized servable version label: {which}. Versions have "
                f"no labels here; give /versions/{model.version}"
            )
        if not which.isdecimal():
            raise bad_request(f"Failed to convert version: {which} to numeric.")
        if int(which[:20]) != model.version:
            raise RequestError(
                404,
                f"Servable not found for request: Specific({name}, {which}). "
                f"Served is version {model.version}",
            )
        return model

    def _describe(self, match: re.Match) -> web.Response:
        model = self._model(match)
        if match["metadata"]:
            return answer(_metadata(model))
        return answer(_status(model))

    async def _call(
        self, match: re.Match, request: web.Request
    ) -> web.Response:
        model = self._model(match)
        verb = match["verb"].lower()
        if verb != "predict":
            raise bad_request(
                f"The method :{verb} is not there: no signature of a sampler "
                "is a classification, a regression or a language model. Use "
                ":predict"
            )
        body = await self._body(request)
        try:
            return await asyncio.wait_for(
                self._predict(model, body), self._limits.timeout
            )
        except TimeoutError as error:
            raise RequestError(
                504,
                "Deadline exceeded: no answer within "
                f"{self._limits.timeout:g} s",
            ) from error

    async def _body(self, request: web.Request) -> bytes:
        try:
            return await asyncio.wait_for(request.read(), self._limits.timeout)
        except TimeoutError as error:
            raise RequestError(408, "The body did not come in time") from error
        except web.HTTPRequestEntityTooLarge as error:
            raise RequestError(
                413,
                "The body may have at most "
                f"{self._limits.max_body_bytes} bytes",
            ) from error

    async def _predict(self, model: ServedModel, body: bytes) -> web.Response:
        # Long lists take a while to read and to write: not on the event loop.
        name, inputs, as_rows, rows = await asyncio.to_thread(
            self._read, model, body
        )
        outputs = await self._batchers[model.name].submit(name, inputs, rows)
        written = await asyncio.to_thread(tensors.to_json, outputs, as_rows)
        return web.Response(body=written, content_type=_JSON)

    def _read(self, model: ServedModel, body: bytes):
        request = tensors.parse(body)
        name = request.get("signature_name") or DEFAULT
        if not isinstance(name, str):
            raise bad_request("'signature_name' key must be a string value.")
        signature = model.signatures.get(name)
        if signature is None or name.startswith("__"):
            known = [n for n in model.signatures if not n.startswith("__")]
            raise bad_request(
                f'Serving signature name: "{name}" not found in signature '
                f"def. There are: {', '.join(known)}"
            )
        inputs, as_rows = tensors.read_inputs(request, signature)
        rows = checks.check_inputs(
            inputs, signature, model.sampler, self._limits.max_images
        )
        return name, inputs, as_rows, rows


def _status(model: ServedModel) -> dict:
    return {
        "model_version_status": [
            {
                "version": str(model.version),
                "state": "AVAILABLE",
                "status": {"error_code": "OK", "error_message": ""},
            }
        ]
    }


def _metadata(model: ServedModel) -> dict:
    signatures = {
        name: signature.metadata()
        for name, signature in model.signatures.items()
    }
    return {
        "model_spec": {
            "name": model.name,
            "signature_name": "",
            "version": str(model.version),
        },
        "metadata": {"signature_def": {"signature_def": signatures}},
    }


def answer(value, status: int = 200) -> web.Response:
    """An answer as TensorFlow Serving types it.

    Args:
        value: What JSON can hold.
        status: HTTP status.

    Returns:
        The response.
    """
    return web.Response(
        body=json.dumps(value).encode(), status=status, content_type=_JSON
    )
