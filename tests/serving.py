"""What the tests of `serve` share: models, a server process, a client."""

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse

import conftest
import numpy as np
import tensorflow as tf

import keras_mixgan as kmg


class Server:
    """`keras-mixgan serve` in a process of its own, on a free port."""

    def __init__(self, models, *flags):
        command = [sys.executable, "-m", "keras_mixgan", "serve", "--port=0"]
        # Keras imports JAX where it is there, and JAX sets it to 1, at which
        # TensorFlow logs what it found on this machine.
        environ = {**os.environ}
        environ.pop("TF_CPP_MIN_LOG_LEVEL", None)
        self.process = subprocess.Popen(
            [*command, f"--model={','.join(map(str, models))}", *flags],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environ,
        )
        self.lines = []
        for line in self.process.stdout:
            self.lines.append(line)
            found = re.match(r"Gallery: (http://(.*))/", line)
            if found:
                self.url, self.netloc = found.groups()
                return
        raise RuntimeError(self.process.communicate()[1])

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

    def predict(self, model, request, **settings):
        """Status and JSON; the request may also be text."""
        text = request if isinstance(request, str) else json.dumps(request)
        path = f"/v1/models/{urllib.parse.quote(model, safe='/')}:predict"
        status, headers, body = self.call("POST", path, text, **settings)
        assert headers["Content-Type"] == "application/json"
        return status, json.loads(body)

    def stop(self, number=signal.SIGTERM):
        """Exit status, and what was printed."""
        self.process.send_signal(number)
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, "".join(self.lines) + out, err


class Odd(tf.Module):
    """A SavedModel that no export wrote, with signatures to provoke."""

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, "x")])
    def double(self, x):
        check = tf.debugging.Assert(tf.reduce_all(x < 100.0), ["x is 100"])
        with tf.control_dependencies([check]):
            return {"y": 2 * x}

    @tf.function(input_signature=[tf.TensorSpec((), tf.float64, "seconds")])
    def slow(self, seconds):
        end = tf.timestamp() + seconds
        (steps,) = tf.while_loop(
            lambda _: tf.timestamp() < end, lambda i: (i + 1,), (0,)
        )
        return {"steps": steps}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.string, "text")])
    def echo(self, text):
        return {"text": text, "text_bytes": text}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.float32, "x")])
    def logarithm(self, x):
        return {"y": tf.math.log(x)}

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.int64, "x")])
    def distinct(self, x):
        # Says that it gives rows, and does not keep them.
        return {"y": tf.unique(x).y}

    def write(self, folder):
        signatures = {
            "serving_default": self.double,
            "slow": self.slow,
            "echo": self.echo,
            "logarithm": self.logarithm,
            "distinct": self.distinct,
        }
        tf.saved_model.save(self, str(folder), signatures)


@contextlib.contextmanager
def shared(folder):
    """A server of four models that all tests may ask, and not harm.

    `labelled` has three generators and versions, `p.lain` two of colour
    images without labels, `odd` is no sampler, `kept` is a .keras file.
    """
    labelled = kmg.MixGAN(*conftest.image_networks(3), 3, 1, seed=0)
    labelled.generator_mixture_logits.assign([0.0, 1.0, 2.0])
    labelled.export_sampler(folder / "labelled" / "10")
    # Older than version 10, and a folder that is no version.
    for name in ("9", "new"):
        shutil.copytree(folder / "labelled/10", folder / "labelled" / name)
    labelled.save(folder / "kept.keras")
    plain = kmg.MixGAN(*conftest.image_networks(shape=(8, 8, 3)), 2, 1, seed=0)
    plain.generator_mixture_logits.assign([0.0, np.log(3.0)])
    plain.export_sampler(folder / "plain")
    Odd().write(folder / "odd")
    names = ("labelled", "p.lain=plain", "odd", "kept.keras")
    models = []
    for name in names:
        before, equals, path = name.rpartition("=")
        models.append(f"{before}{equals}{folder / path}")
    flags = ("--max_bad_requests=0", "--max_images=64", "--timeout=120")
    server = Server(models, *flags)
    server.folder = folder
    try:
        yield server
    finally:
        status, out, err = server.stop(signal.SIGINT)
    assert (status, err) == (0, "")
    assert out.endswith("Stopped.\n")


def patiently(ask):
    """The first answer of a server that is neither busy nor late."""
    for _ in range(100):
        answer = ask()
        if answer[0] not in (503, 504):
            return answer
        time.sleep(0.1)
    raise AssertionError("The server does not recover.")


def together(functions):
    """Calls functions at the same time; their results in order."""
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
    """What TensorFlow itself gives for such inputs."""
    function = tf.saved_model.load(str(folder)).signatures[signature]
    specs = function.structured_input_signature[1]
    tensors = {
        name: tf.constant(value, specs[name].dtype)
        for name, value in inputs.items()
    }
    return {name: out.numpy() for name, out in function(**tensors).items()}
