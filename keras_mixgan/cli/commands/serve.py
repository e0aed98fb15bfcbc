"""`keras-mixgan serve`."""

import signal
import sys
import tempfile

from keras_mixgan.cli.commands.flag_groups import Flag
from keras_mixgan.serving.limits import Limits
from keras_mixgan.utils.errors import MissingPackageError
from keras_mixgan.utils.errors import UserError

DESCRIPTION = """
Serves trained mixtures over HTTP: a gallery page of their images at /, and
TensorFlow Serving's predict at /v1/models/NAME:predict, documented in
/openapi.json. For production, use TensorFlow Serving on what `export` writes.
"""

GROUPS = {
    "Flags": (
        Flag(
            "model",
            list,
            "Models: folders that `export` wrote (of numbered versions, "
            "the highest is served), folders of runs, .keras files, "
            "presets or hf://user/name. NAME=PATH sets a name.",
            shown="all presets of the zoo",
            placeholder="PATH,...",
        ),
        Flag("port", int, "Port; 0 takes any free one.", default=8501),
        Flag(
            "host",
            str,
            "Address to listen on. 0.0.0.0 serves the whole network.",
            default="127.0.0.1",
            placeholder="ADDRESS",
        ),
        Flag(
            "allowed_hosts",
            list,
            "Host names by which browsers may reach the server, such as "
            "that of a proxy, besides localhost and IP addresses.",
            default=[],
            shown="none",
            placeholder="NAME,...",
        ),
    ),
    "Limits": (
        Flag(
            "max_images",
            int,
            "Most images per request.",
            default=Limits.max_images,
        ),
        Flag(
            "max_body_bytes",
            int,
            "Most bytes in the body of a request.",
            shown="what --max_images latents need",
        ),
        Flag(
            "max_requests",
            int,
            "Requests answered at the same time; others are refused. "
            "Four times as many connections may be open, at least 256.",
            default=Limits.max_requests,
        ),
        Flag(
            "timeout",
            float,
            "Seconds after which a request is aborted.",
            default=Limits.timeout,
            shown=f"{Limits.timeout:g}",
        ),
    ),
}

EPILOGUE = """
It needs pip install 'keras-mixgan[serve]', and stops at Ctrl-C. It has no
accounts and no TLS: if others can reach it, put a proxy in front of it.

Examples:
  keras-mixgan serve
  keras-mixgan serve --model=mix_dcgan_mnist,dcgan_mnist
  keras-mixgan serve --model=runs/digits
  keras-mixgan serve --model=exported,faces=runs/faces --port=8080
  curl -d '{"signature_name": "sample_png", "inputs": {"num_images": 1,
    "seed": 0, "labels": [7], "component": -1}}' \\
    http://127.0.0.1:8501/v1/models/digits:predict
"""


def run(values) -> None:
    """Serves until it is stopped."""
    if values.model == []:
        raise UserError(
            "`model` must name what to serve, such as --model=runs/digits; "
            "without the flag, the zoo is served. Received: model="
        )
    limits = Limits(
        max_images=values.max_images,
        max_body_bytes=values.max_body_bytes,
        max_requests=values.max_requests,
        timeout=values.timeout,
    )
    try:
        from keras_mixgan.serving import app
        from keras_mixgan.serving import server
    except ImportError as error:
        raise MissingPackageError(
            f"`serve` needs the package {error.name}: "
            "pip install 'keras-mixgan[serve]'"
        ) from error
    with server.bind(values.host, values.port) as listener:
        samplers = _load(_zoo() if values.model is None else values.model)
        url = server.address(listener)

        def announce():
            for name, sampler in samplers.items():
                print(
                    f"Serving {name}, version {sampler.about['version']}: "
                    f"{url}/v1/models/{name}"
                )
            print(f"Gallery: {url}/", flush=True)

        made = app.make_app(samplers, limits, values.allowed_hosts)
        server.Server(made, limits, announce).run([listener])
    print("Stopped.")


def _zoo() -> list[str]:
    from keras_mixgan import presets

    names = list(presets.list_presets())
    print(f"Loading the zoo: {', '.join(names)}", flush=True)
    return names


def _load(texts: list[str]):
    from keras_mixgan.cli import models as saved
    from keras_mixgan.cli import opening
    from keras_mixgan.serving import models

    kinds = f"the folder of an exported sampler, {saved.KINDS}"
    # Without handlers, a signal would leave copies of the models behind.
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {
        number: signal.signal(number, lambda number, _: sys.exit(128 + number))
        for number in (getattr(signal, name) for name in names)
    }
    try:
        with tempfile.TemporaryDirectory() as scratch:
            return models.load(
                texts,
                scratch,
                lambda name: opening.open_model(name, kinds=kinds)[0],
            )
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
