"""`keras-mixgan serve`, the command: what it serves, refuses and withstands."""

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

import conftest
import psutil
import pytest
import serving

import keras_mixgan as kmg
from keras_mixgan import cli
from keras_mixgan import presets
from keras_mixgan.data import class_names
from keras_mixgan.serving import models

PLAIN = "plain"


@pytest.fixture
def folder(shared_server):
    return shared_server.folder


@pytest.fixture
def process(folder):
    """`keras-mixgan serve` in a separate process, on a free port."""
    command = [sys.executable, "-m", "keras_mixgan", "serve", "--port=0"]
    # Keras imports JAX if it is installed, and JAX sets this to 1. TensorFlow
    # would then log what it found on this machine.
    environ = {**os.environ}
    environ.pop("TF_CPP_MIN_LOG_LEVEL", None)
    started = subprocess.Popen(
        [*command, f"--model={folder / PLAIN},{folder / 'labelled'}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    )
    yield started
    started.kill()
    started.communicate()


def padded(client, body):
    """Sends a request in one piece and in chunks."""
    head = b"POST /v1/models/plain:predict HTTP/1.1\r\nHost: localhost\r\n"
    length = f"Content-Length: {len(body)}\r\n\r\n".encode()
    chunked = f"Transfer-Encoding: chunked\r\n\r\n{len(body):x}\r\n".encode()
    for more in (length, chunked):
        answer = client.send(head + more, body)
        assert answer == b"" or answer.startswith(
            (b"HTTP/1.1 413", b"HTTP/1.1 503")
        )


def exhaust_files(server, client):
    """Opens more connections than the server may open files, then asks."""
    if not hasattr(server, "rlimit"):
        return  # Not Linux.
    usual = server.rlimit(psutil.RLIMIT_NOFILE)
    most = server.num_fds() + 5
    server.rlimit(psutil.RLIMIT_NOFILE, (most, usual[1]))
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(client.socket()) for _ in range(40)]
        held[0].sendall(b"GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert held[0].recv(12) == b"HTTP/1.1 200"
    server.rlimit(psutil.RLIMIT_NOFILE, usual)


def test_a_process_keeps_its_memory_under_attack(process, record_property):
    """30 clients send valid requests with 8 MB of blanks.

    Sixty once took 2.5 GB.
    """
    lines = []
    for line in process.stdout:
        lines.append(line)
        found = re.match(r"Gallery: http://(.*)/", line)
        if found:
            break
    client = serving.Client(found[1])
    assert lines[0] == (
        f"Serving plain, version 1: {client.url}/v1/models/plain\n"
    )
    assert lines[1].startswith("Serving labelled, version 10: ")
    inputs = serving.rows(8, seed=0)
    assert client.predict("plain", {"inputs": inputs})[0] == 200
    memory = psutil.Process(process.pid).memory_info
    before = most = memory().rss
    body = b'{"signature_name": "mixture_weights", "inputs": {}}'
    body += b" " * 8_000_000
    clients = [
        threading.Thread(target=padded, args=(client, body)) for _ in range(30)
    ]
    for thread in clients:
        thread.start()
    while any(thread.is_alive() for thread in clients):
        most = max(most, memory().rss)
        time.sleep(0.01)
    assert client.predict("plain", {"inputs": inputs})[0] == 200
    figures = [round(x / 2**20) for x in (before, most, memory().rss)]
    record_property("MiB before, at most, after", figures)
    print("MiB before, at most, after:", *figures)
    assert figures[1] - figures[0] < 100
    exhaust_files(psutil.Process(process.pid), client)
    assert client.predict("plain", {"inputs": inputs})[0] == 200
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    assert out == "Stopped.\n"


def test_without_a_model_it_serves_the_zoo(tmp_path, monkeypatch, capsys):
    model = kmg.MixGAN(*conftest.image_networks(), 2, 1, seed=0)
    for name in ("first", "second"):
        model.save_to_preset(tmp_path / name)
    monkeypatch.setattr(presets.folders, "zoo", lambda: tmp_path)
    monkeypatch.setattr(
        presets.folders.hashes,
        "of_zoo",
        lambda name: {
            path.name: presets.folders.hashes.sha256(path)
            for path in (tmp_path / name).iterdir()
        },
    )
    given = []

    class Server:
        def __init__(self, _, limits, announce):
            given.append(limits)

        def run(self, _):
            pass

    monkeypatch.setattr("keras_mixgan.serving.server.Server", Server)
    monkeypatch.setattr(
        "keras_mixgan.serving.app.make_app",
        lambda *arguments: given.extend(arguments),
    )
    flags = ["--max_requests=3", "--max_images=4", "--max_body_bytes=5"]
    flags += ["--timeout=6", "--allowed_hosts=a.org,b.org"]
    assert cli.main(["serve", "--port=0", *flags]) == 0
    samplers, limits, hosts, of_server = given
    assert list(samplers) == ["first", "second"]
    assert hosts == ["a.org", "b.org"]
    assert limits == of_server
    assert (limits.max_requests, limits.max_images) == (3, 4)
    assert (limits.max_body_bytes, limits.timeout) == (5, 6)
    assert limits.connections == 256
    assert "the zoo: first, second" in capsys.readouterr().out
    weights = samplers["first"].run("mixture_weights", {})["weights"]
    assert weights.tolist() == [0.5, 0.5]


def failed(capsys, *flags):
    assert cli.main(["serve", *flags]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_a_port_in_use_is_named(shared_server, folder, capsys):
    port = shared_server.netloc.split(":")[1]
    error = failed(capsys, f"--model={folder / PLAIN}", f"--port={port}")
    assert f"127.0.0.1:{port}" in error
    assert "--port" in error


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--model="], "--model=runs/digits"),
        (["--model=mix_dcgan_mnits"], "Did you mean 'mix_dcgan_mnist'?"),
        (["--model={0}/none.keras"], "none.keras"),
        (["--model={0}"], "`model`"),
        (["--model={0}/plain,{0}/plain"], "a=PATH,b=PATH"),
        (["--model=a/b={0}/plain"], "NAME=PATH"),
        (["--model={0}/plain", "--max_images=0"], "max_images=0"),
        (["--model={0}/plain", "--timeout=nan"], "timeout=nan"),
        (["--model={0}/plain", "--port=99999"], "port=99999"),
        (["--model={0}/plain", "--host=no.such.host.invalid"], "--host"),
        (["--model={0}/plain", "--host=my..host"], "--host"),
        (["--model={0}/plain", "--allowed_hosts=a.org:80"], "'a.org:80'"),
        (["--model={0}/plain", "--allowed_hosts=http://a.org"], "scheme"),
    ],
)
def test_what_cannot_be_served_is_one_line(folder, capsys, flags, reason):
    flags = [flag.format(folder) for flag in flags]
    assert reason in failed(capsys, "--port=0", *flags)


@pytest.mark.parametrize(
    "name",
    [
        "saved_model.pb",
        "assets.extra/sampler.json",
        "variables/variables.index",
    ],
)
def test_a_damaged_export_is_named(folder, tmp_path, capsys, name):
    shutil.copytree(folder / PLAIN, tmp_path / "damaged")
    (tmp_path / "damaged" / name).write_bytes(b"\xff damaged")
    error = failed(capsys, "--port=0", f"--model={tmp_path / 'damaged'}")
    assert str(tmp_path / "damaged") in error


@pytest.mark.parametrize(
    "about",
    [
        "[]",
        "{}",
        "[" * 100_000,
        '{"num_generators": 2, "generator_weights": [1], "latent_dim": 5}',
        '{"num_generators": 1, "generator_weights": [1], "latent_dim": "5"}',
    ],
)
def test_a_tampered_description_is_named(folder, tmp_path, capsys, about):
    shutil.copytree(folder / PLAIN, tmp_path / "tampered")
    path = tmp_path / "tampered" / "assets.extra" / "sampler.json"
    path.write_text(about)
    error = failed(capsys, "--port=0", f"--model={tmp_path / 'tampered'}")
    assert str(path) in error
    assert len(error) < 1000


@pytest.mark.parametrize("text", ["~/plain", "named=~/plain"])
def test_a_home_folder_is_found(folder, tmp_path, monkeypatch, text):
    monkeypatch.setenv("HOME", str(folder))
    (name,) = models.load([text], tmp_path, None)
    assert name == text.partition("=")[0].removeprefix("~/")


def test_an_export_may_name_its_classes(folder, tmp_path):
    shutil.copytree(folder / "labelled" / "10", tmp_path / "named")
    path = tmp_path / "named" / "assets.extra" / "sampler.json"
    about = {**json.loads(path.read_text()), "class_names": ["a", "b", "c"]}
    path.write_text(json.dumps(about))
    samplers = models.load([str(tmp_path / "named")], tmp_path, None)
    assert samplers["named"].about["class_names"] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("preset", "last"),
    [
        ("mix_dcgan_mnist", "9"),
        ("dcgan_fashion_mnist", "Ankle boot"),
        ("sngan_cifar10", "Truck"),
    ],
)
def test_the_zoo_knows_its_classes(preset, last):
    def names(preset):
        found = kmg.list_presets()[preset]
        return class_names.of_settings(
            found.settings, found.metadata["num_classes"]
        )

    assert names(preset)[9] == last
    assert names("dcgan_celeba_64") is None


def test_other_saved_models_are_refused(folder, tmp_path, capsys):
    shutil.copytree(folder / PLAIN, tmp_path / "other")
    (tmp_path / "other" / "assets.extra" / "sampler.json").unlink()
    error = failed(capsys, "--port=0", f"--model={tmp_path / 'other'}")
    assert "keras-mixgan export" in error


@pytest.mark.parametrize("version", ["", "1"])
@pytest.mark.parametrize("own", ["metadata.json", "settings.json"])
def test_programs_in_presets_and_runs_are_not_loaded(
    folder, tmp_path, own, version
):
    preset = tmp_path / "preset"
    shutil.copytree(folder / PLAIN, preset / version)
    (preset / own).write_text("{}")

    class OpenedAsOurs(Exception):
        pass

    def load_model(name):
        raise OpenedAsOurs(name)

    with pytest.raises(OpenedAsOurs):
        models.load([str(preset)], tmp_path / "scratch", load_model)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "saved_model.pb",
        "assets.extra/sampler.json",
        "variables/variables.index",
        "1/saved_model.pb",
        "1/variables/variables.index",
        "metadata.json",
        "model.weights.h5",
    ],
)
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has none")
def test_fifos_do_not_hang_it(folder, tmp_path, capsys, name):
    path = tmp_path / "fifo"
    if name.startswith("1/"):
        shutil.copytree(folder / PLAIN, path / "1")
    elif name:
        shutil.copytree(folder / PLAIN, path)
    pipe = path / name if name else tmp_path / "fifo.keras"
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe)
    model = path if name else pipe
    error = failed(capsys, "--port=0", f"--model={model}")
    assert f"{pipe}, which is no regular file" in error


@pytest.mark.parametrize("package", ["fastapi", "orjson", "uvicorn"])
def test_a_missing_package_is_named(folder, capsys, monkeypatch, package):
    for name in list(sys.modules):
        if name.split(".")[0] == package or name.startswith(
            "keras_mixgan.serving"
        ):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, package, None)
    error = failed(capsys, f"--model={folder / PLAIN}")
    assert f"`serve` needs the package {package}" in error
    assert "pip install 'keras-mixgan[serve]'" in error
