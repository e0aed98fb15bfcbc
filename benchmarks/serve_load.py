"""Load on `keras-mixgan serve`: eight clients ask for images for a minute.

    python benchmarks/serve_load.py [--model=PATH] [--seconds=60]

Without --model it serves an untrained mixture of three DCGANs, which is as
fast as a trained one. Needs pip install 'keras-mixgan[serve]'.
"""

import argparse
import collections
import http.client
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile
import threading
import time

import timing

IMAGES = 8  # A request.
CLASSES = 10
LATENT_DIM = 64


def main() -> None:
    """Prints requests and images a second, p50 and p99 of each kind."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="as `serve` takes it; one model")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=8)
    flags = parser.parse_args()
    timing.header(
        f"serve: {flags.clients} clients for {flags.seconds:g} s, "
        f"{IMAGES} images a request",
        "aiohttp",
    )
    with tempfile.TemporaryDirectory() as folder:
        path = flags.model or _untrained(pathlib.Path(folder, "dcgan"))
        server, netloc = _start(path)
        try:
            log = _load(netloc, flags.clients, flags.seconds)
        finally:
            server.terminate()
            status = server.wait()
    errors = _report(log, flags.seconds)
    print(f"Load at the end {os.getloadavg()[0]:.1f}; exit status {status}")
    if errors or status:
        raise SystemExit(1)


def _untrained(folder: pathlib.Path) -> pathlib.Path:
    """An export of three DCGANs like those of the bundled digits."""
    import keras_mixgan as kmg

    generator = kmg.architectures.dcgan_generator(
        (28, 28, 1), latent_dim=LATENT_DIM, num_classes=CLASSES, width=16
    )
    discriminator = kmg.architectures.dcgan_discriminator(
        (28, 28, 1), num_classes=CLASSES, width=16
    )
    model = kmg.MixGAN(generator, discriminator, 3, 3, seed=0)
    model.export_sampler(folder)
    return folder


def _start(path) -> tuple[subprocess.Popen, str]:
    command = (sys.executable, "-m", "keras_mixgan", "serve", "--port=0")
    server = subprocess.Popen(
        [*command, f"--model={path}"], stdout=subprocess.PIPE, text=True
    )
    for line in server.stdout:
        found = re.match(r"Gallery: http://(.*)/", line)
        if found:
            return server, found[1]
    raise SystemExit("The server did not start.")


def _requests(netloc: str) -> dict[str, dict]:
    """One request of each kind, by what it asks for."""
    connection = http.client.HTTPConnection(netloc)
    connection.request("GET", "/gallery/models")
    (model,) = json.loads(connection.getresponse().read())["models"]
    name = model["name"]
    connection.request("GET", f"/v1/models/{name}/metadata")
    answer = json.loads(connection.getresponse().read())["metadata"]
    connection.close()
    default = answer["signature_def"]["signature_def"]["serving_default"]
    latents = default["inputs"]["latents"]["tensor_shape"]["dim"]
    rng = random.Random(0)
    rows = {
        "latents": [
            [round(rng.gauss(0, 1), 4) for _ in range(int(latents[1]["size"]))]
            for _ in range(IMAGES)
        ],
        "component_uniform": [round(rng.random(), 4) for _ in range(IMAGES)],
    }
    drawn = {"num_images": IMAGES, "seed": 0, "component": -1}
    if model["conditional"]:
        rows["labels"] = [i % model["num_classes"] for i in range(IMAGES)]
        drawn["labels"] = rows["labels"]
    return {
        "path": f"/v1/models/{name}:predict",
        "bodies": {
            "latents to JSON": {"inputs": rows},
            "seed to PNG": {"signature_name": "sample_png", "inputs": drawn},
        },
    }


def _load(netloc: str, clients: int, seconds: float) -> list[tuple]:
    """(kind, seconds, whether it was answered) of all requests."""
    wanted = _requests(netloc)
    kinds = list(wanted["bodies"])
    bodies = [json.dumps(wanted["bodies"][kind]) for kind in kinds]
    log: list[tuple] = []
    end = time.perf_counter() + seconds

    def client(number: int) -> None:
        connection = http.client.HTTPConnection(netloc, timeout=60)
        turn = number
        while time.perf_counter() < end:
            kind = turn % len(kinds)
            start = time.perf_counter()
            try:
                connection.request("POST", wanted["path"], bodies[kind])
                answer = connection.getresponse()
                answer.read()
                good = answer.status == 200
            except (OSError, http.client.HTTPException):
                connection.close()
                good = False
            log.append((kinds[kind], time.perf_counter() - start, good))
            turn += 1
        connection.close()

    threads = [
        threading.Thread(target=client, args=(i,)) for i in range(clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return log


def _report(log: list[tuple], seconds: float) -> int:
    """Prints the figures; returns the number of errors."""
    times = collections.defaultdict(list)
    for kind, took, good in log:
        if good:
            times[kind].append(took)
    for kind, values in times.items():
        values.sort()
        p50, p99 = (values[int(q * len(values))] for q in (0.5, 0.99))
        print(
            f"{kind}: {len(values)} requests, p50 {1e3 * p50:.0f} ms, "
            f"p99 {1e3 * p99:.0f} ms, longest {1e3 * values[-1]:.0f} ms"
        )
    answered = sum(map(len, times.values()))
    print(
        f"In all {answered} requests, {answered / seconds:.0f} a second, "
        f"{IMAGES * answered / seconds:.0f} images a second, "
        f"{len(log) - answered} errors"
    )
    return len(log) - answered


if __name__ == "__main__":
    main()
