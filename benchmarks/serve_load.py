"""Load on `keras-mixgan serve`: eight clients ask for images for a minute.

    python benchmarks/serve_load.py [--model=PATH] [--seconds=60] [--hostile=4]

Without --model it serves an untrained mixture of three DCGANs, which is as
fast as a trained one. With --hostile as many more clients send bad requests,
as fast as they are answered. Needs pip install 'keras-mixgan[serve]'.
"""

import argparse
import collections
import gzip
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

import psutil
import timing

IMAGES = 8  # A request.
CLASSES = 10
LATENT_DIM = 64
GZIP = {"Content-Encoding": "gzip"}


def main() -> None:
    """Prints requests and images a second, p50 and p99 of each kind."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, description=__doc__.splitlines()[0]
    )
    parser.add_argument("--model", help="as `serve` takes it; one model")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--hostile", type=int, default=0)
    flags = parser.parse_args()
    timing.header(
        f"serve: {flags.clients} clients for {flags.seconds:g} s, "
        f"{IMAGES} images a request, {flags.hostile} hostile clients",
        "fastapi",
        "uvicorn",
    )
    with tempfile.TemporaryDirectory() as folder:
        path = flags.model or untrained(pathlib.Path(folder, "dcgan"))
        server, netloc = start(path)
        try:
            memory = psutil.Process(server.pid).memory_info
            before = memory().rss
            log = _load(netloc, flags.clients, flags.hostile, flags.seconds)
            grown = (memory().rss - before) / 2**20
        finally:
            server.terminate()
            status = server.wait()
    errors = _report(log, flags.seconds)
    print(f"The server's memory has grown by {grown:.0f} MiB")
    print(f"Load at the end {os.getloadavg()[0]:.1f}; exit status {status}")
    if errors or status:
        raise SystemExit(1)


def untrained(folder: pathlib.Path) -> pathlib.Path:
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


def start(path) -> tuple[subprocess.Popen, str]:
    """Starts a server; the process, and its address."""
    command = (sys.executable, "-m", "keras_mixgan", "serve", "--port=0")
    server = subprocess.Popen(
        [*command, f"--model={path}"], stdout=subprocess.PIPE, text=True
    )
    for line in server.stdout:
        found = re.match(r"Gallery: http://(.*)/", line)
        if found:
            return server, found[1]
    raise SystemExit("The server did not start.")


def requests(netloc: str) -> dict[str, dict]:
    """One request of each kind, by what it asks for."""
    connection = http.client.HTTPConnection(netloc)
    connection.request("GET", "/v1/models")
    (model,) = json.loads(connection.getresponse().read())["models"]
    connection.close()
    rng = random.Random(0)
    rows = {
        "latents": [
            [round(rng.gauss(0, 1), 4) for _ in range(model["latent_dim"])]
            for _ in range(IMAGES)
        ],
        "component_uniform": [round(rng.random(), 4) for _ in range(IMAGES)],
    }
    drawn = {"num_images": IMAGES, "seed": 0, "component": -1}
    if model["conditional"]:
        rows["labels"] = [i % model["num_classes"] for i in range(IMAGES)]
        drawn["labels"] = rows["labels"]
    return {
        "path": f"/v1/models/{model['name']}:predict",
        "bodies": {
            "latents to JSON": {"inputs": rows},
            "seed to PNG": {"signature_name": "sample_png", "inputs": drawn},
        },
    }


def _load(
    netloc: str, clients: int, bad_clients: int, seconds: float
) -> list[tuple]:
    """(kind, seconds, whether the status was right) of all requests."""
    wanted = requests(netloc)
    good = [
        (kind, json.dumps(body).encode(), {}, 200)
        for kind, body in wanted["bodies"].items()
    ]
    bad = [("hostile", *case) for case in hostile(good[0][1])]
    log: list[tuple] = []
    end = time.perf_counter() + seconds

    def client(number: int, cases: list[tuple]) -> None:
        connection = http.client.HTTPConnection(netloc, timeout=60)
        while time.perf_counter() < end:
            kind, body, headers, status = cases[number % len(cases)]
            start = time.perf_counter()
            try:
                connection.request("POST", wanted["path"], body, headers)
                answer = connection.getresponse()
                answer.read()
                right = answer.status == status
            except (OSError, http.client.HTTPException):
                # A body that is too long is refused before it is read.
                right = status == 413
                connection.close()
            log.append((kind, time.perf_counter() - start, right))
            number += 1
        connection.close()

    threads = [
        threading.Thread(target=client, args=(i, good)) for i in range(clients)
    ] + [
        threading.Thread(target=client, args=(i, bad))
        for i in range(bad_clients)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return log


def hostile(good: bytes) -> list[tuple[bytes, dict, int]]:
    """Bodies, headers, and the status that each has to get."""
    return [
        (good + b" " * 8_000_000, {}, 413),
        (good[:-1], {}, 400),
        (b"[" * 100_000, {}, 400),
        (b'{"inputs": {"x": "' + b"x" * 50_000 + b'"}}', {}, 400),
        (good.replace(b"0.", b"NaN, 0.", 1), {}, 400),
        (gzip.compress(good)[:-8] + b"damaged!", GZIP, 415),
        (good, {"Host": "evil.example"}, 400),
        (good, {"Origin": "http://evil.example"}, 403),
    ]


def _report(log: list[tuple], seconds: float) -> int:
    """Prints the figures; returns the number of wrong statuses."""
    times = collections.defaultdict(list)
    for kind, took, right in log:
        if right:
            times[kind].append(took)
    for kind, values in times.items():
        values.sort()
        p50, p99 = (values[int(q * len(values))] for q in (0.5, 0.99))
        print(
            f"{kind}: {len(values)} requests, p50 {1e3 * p50:.0f} ms, "
            f"p99 {1e3 * p99:.0f} ms, longest {1e3 * values[-1]:.0f} ms"
        )
    right = sum(map(len, times.values()))
    good = right - len(times["hostile"])
    print(
        f"In all {good} good requests, {good / seconds:.0f} a second, "
        f"{IMAGES * good / seconds:.0f} images a second, "
        f"{len(log) - right} wrong statuses"
    )
    return len(log) - right


if __name__ == "__main__":
    main()
