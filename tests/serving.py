"""Helpers for the tests of `serve`: models, a server, a client."""

import contextlib
import http.client
import json
import shutil
import socket
import threading
import types

import conftest
import numpy as np
import tensorflow as tf

import keras_mixgan as kmg
from keras_mixgan.cli import opening
from keras_mixgan.serving import app
from keras_mixgan.serving import models
from keras_mixgan.serving import server
from keras_mixgan.serving.limits import Limits


class Client:
    """A client of the server at an address."""

    def __init__(self, netloc):
        self.netloc = netloc
        self.url = f"http://{netloc}"

    def call(self, method, path, body=None, headers=None, timeout=120):
        """Status, headers and body of one request."""
        connection = http.client.HTTPConnection(self.netloc, timeout=timeout)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def get(self, path):
        """Status and JSON."""
        status, headers, body = self.call("GET", path)
        assert headers["Content-Type"] == "application/json"
        return status, json.loads(body)

    def predict(self, model, request, headers=None):
        """Status and JSON; the request may also be text or bytes."""
        if not isinstance(request, str | bytes):
            request = json.dumps(request)
        status, answered, body = self.call(
            "POST", f"/v1/models/{model}:predict", request, headers
        )
        assert answered["Content-Type"] == "application/json"
        return status, json.loads(body)

    def socket(self):
        """A new connection."""
        host, port = self.netloc.split(":")
        return socket.create_connection((host, int(port)), timeout=60)

    def send(self, *parts):
        """Sends bytes; returns all that is received until the end."""
        with self.socket() as client:
            with contextlib.suppress(ConnectionError):
                for part in parts:
                    client.sendall(part)
            return received(client)


def received(client):
    """All that is received until the connection is closed."""
    answer = b""
    with contextlib.suppress(ConnectionError):
        while part := client.recv(2**16):
            answer += part
    return answer


@contextlib.contextmanager
def running(samplers, allowed_hosts=(), **limits):
    """uvicorn in a thread of this process."""
    limits = Limits(**limits)
    started = threading.Event()
    listener = server.bind("127.0.0.1", 0)
    client = Client(server.address(listener).removeprefix("http://"))
    made = app.make_app(samplers, limits, allowed_hosts)
    uvicorn = client.server = server.Server(made, limits, started.set)
    thread = threading.Thread(target=uvicorn.run, args=([listener],))
    thread.start()
    try:
        assert started.wait(60)
        yield client
    finally:
        uvicorn.should_exit = True
        thread.join(10)
        uvicorn.force_exit = True  # a browser may hold a connection open
        thread.join()


@contextlib.contextmanager
def shared(folder):
    """A server of three models for all tests; no test may damage it.

    `labelled` has three generators and numbered versions, `p.lain` has two
    generators of colour images without labels, and `kept` is a .keras file of
    Fashion-MNIST.
    """
    labelled = kmg.MixGAN(*conftest.image_networks(3), 3, 1, seed=0)
    labelled.generator_mixture_logits.assign([0.0, 1.0, 2.0])
    labelled.export_sampler(folder / "labelled" / "10")
    # A version older than 10, and a folder that is not a version.
    for name in ("9", "new"):
        shutil.copytree(folder / "labelled/10", folder / "labelled" / name)
    run = {"format": 1, "settings": {"source": "fashion_mnist"}}
    (folder / "settings.json").write_text(json.dumps(run))
    labelled.save(folder / "kept.keras")
    plain = kmg.MixGAN(*conftest.image_networks(shape=(8, 8, 3)), 2, 1, seed=0)
    plain.generator_mixture_logits.assign([0.0, np.log(3.0)])
    plain.export_sampler(folder / "plain")
    paths = [folder / "labelled", f"p.lain={folder / 'plain'}"]
    samplers = models.load(
        [*map(str, paths), str(folder / "kept.keras")],
        folder / "scratch",
        lambda name: opening.open_model(name)[0],
    )
    with running(samplers, max_images=64, timeout=120) as client:
        client.folder = folder
        yield client


class Fake:
    """A model without TensorFlow whose behaviour `num_images` selects.

    At 1 it waits for `opened`, at 2 it fails, at 3 it refuses, and at others
    it gives this many thousand numbers.
    """

    def __init__(self):
        self.opened = threading.Event()
        self.entered = threading.Event()
        spec = types.SimpleNamespace
        self.inputs = {
            "sample": {
                "num_images": spec(dtype=tf.int32, shape=tf.TensorShape(()))
            }
        }
        self.about = {
            "name": "fake", "version": "1", "latent_dim": 8,
            "num_generators": 1, "signatures": {"sample": ["num_images"]},
        }  # fmt: skip
        self.computed = []

    def run(self, signature, inputs):
        number = int(inputs["num_images"])
        self.computed.append(number)
        self.entered.set()
        if number == 1:
            assert self.opened.wait(60)
        if number == 2:
            raise RuntimeError("broken\n" * 1000)
        if number == 3:
            raise ValueError("x is 3 " * 1000)
        return {"y": np.zeros(1000 * number, "float32")}


def ask(number):
    """The body of a request to a `Fake`."""
    request = {"signature_name": "sample", "inputs": {"num_images": number}}
    return json.dumps(request)


def together(functions):
    """Calls functions at the same time; returns their results in order."""
    results = [None] * len(functions)
    barrier = threading.Barrier(len(functions))

    def run(i):
        barrier.wait()
        results[i] = functions[i]()

    threads = [
        threading.Thread(target=run, args=(i,)) for i in range(len(functions))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def rows(count, seed, classes=None):
    """Inputs of `serving_default` for the small generators."""
    rng = np.random.default_rng(seed)
    inputs = {
        "latents": rng.standard_normal((count, 5)).round(3).tolist(),
        "component_uniform": rng.random(count).round(3).tolist(),
    }
    if classes:
        inputs["labels"] = rng.integers(classes, size=count).tolist()
    return inputs


def call_directly(folder, signature, inputs):
    """TensorFlow's own outputs for these inputs."""
    function = tf.saved_model.load(str(folder)).signatures[signature]
    specs = function.structured_input_signature[1]
    tensors = {
        name: tf.constant(value, specs[name].dtype)
        for name, value in inputs.items()
    }
    return {name: out.numpy() for name, out in function(**tensors).items()}
