"""The gallery page: its files, and what it has to know of the models.

The images themselves it gets by the REST protocol, as any client.
"""

import importlib.resources
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from keras_mixgan.serving.limits import Limits
from keras_mixgan.serving.served_model import ServedModel

PAGE = {
    "gallery.html": "text/html",
    "gallery.css": "text/css",
    "gallery.js": "text/javascript",
    "favicon.svg": "image/svg+xml",
}
# The page loads nothing from elsewhere, and shows images that it was sent.
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data: blob:; "
        "frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


def add_to(
    app: web.Application,
    models: Mapping[str, ServedModel],
    limits: Limits,
) -> None:
    """Adds the page's routes to an application.

    Args:
        app: The application.
        models: The models by name.
        limits: What one client may ask for.
    """
    folder = importlib.resources.files("keras_mixgan") / "serving" / "page"
    files = {name: (folder / name).read_bytes() for name in PAGE}

    def answer(name):
        async def handler(request: web.Request) -> web.Response:
            return web.Response(
                body=files[name],
                content_type=PAGE[name],
                charset="utf-8",
                headers=_HEADERS,
            )

        return handler

    async def list_models(request: web.Request) -> web.Response:
        listed = [describe(model) for model in models.values()]
        return web.json_response(
            {
                "models": [entry for entry in listed if entry],
                "max_images": limits.max_images,
            },
            headers=_HEADERS,
        )

    app.router.add_get("/", answer("gallery.html"))
    for name in PAGE:
        app.router.add_get(f"/gallery/{name}", answer(name))
    app.router.add_get("/gallery/models", list_models)


def describe(model: ServedModel) -> dict[str, Any] | None:
    """What the page has to know of a model.

    Args:
        model: The model.

    Returns:
        Dict for JSON; `None` where a model makes no pictures.
    """
    if model.sampler is None or "sample_png" not in model.signatures:
        return None
    sampler = model.sampler
    return {
        "name": model.name,
        "num_generators": sampler["num_generators"],
        "generator_weights": sampler["generator_weights"],
        "num_classes": sampler.get("num_classes"),
        "conditional": "labels" in model.signatures["sample_png"].inputs,
        "image_shape": sampler["image_shape"],
    }
