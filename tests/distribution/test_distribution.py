"""Training on several devices and processes, and the launch examples."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import types

import forked
import keras
import numpy as np
import pytest
import two_devices
import yaml
from conftest import image_networks

from keras_mixgan import MixGAN
from keras_mixgan import cli
from keras_mixgan.cli import runs
from keras_mixgan.cli.commands import flag_groups
from keras_mixgan.cli.commands import train
from keras_mixgan.distribution import cluster
from keras_mixgan.distribution import run_devices
from keras_mixgan.distribution import strategy

pytestmark = pytest.mark.usefixtures("no_pictures")

LAUNCH = pathlib.Path(__file__).parents[2] / "examples" / "launch"
# No batch normalization; ten steps an epoch.
RING = {
    "source": "ring",
    "num_generators": 2,
    "num_discriminators": 1,
    "width": 4,
    "latent_dim": 2,
    "batch_size": 2000,
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory):
    """The result of each case on two devices, all run in one process."""
    folder = tmp_path_factory.mktemp("two") / "devices"
    process = forked.start(two_devices.main, [], folder)
    _, out, err = forked.ended(process, folder)
    lines = [x for x in out.splitlines() if x.startswith("[")]
    return dict(map(json.loads, lines)) | {"stderr": err[-3000:]}


@pytest.mark.parametrize("name", two_devices.CASES)
def test_on_two_devices(outcomes, name):
    assert name in outcomes, outcomes["stderr"]
    assert outcomes[name] is None, outcomes[name]


@contextlib.contextmanager
def held_ports(count):
    """Ports that no other program is given, while TensorFlow may have them.

    A socket that is bound keeps its port from all who ask for any port. As it
    does not listen, a server that asks for this very port gets it.
    """
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            one.bind(("localhost", 0))
        yield [one.getsockname()[1] for one in sockets]


def start_workers(folder, ports, *flags):
    """Starts a process for each port; the first is the chief."""
    addresses = [f"localhost:{port}" for port in ports]
    arguments = ["train", "--strategy=multi_worker", *flags]
    processes = []
    for index in range(len(ports)):
        config = {
            "cluster": {"worker": addresses},
            "task": {"type": "worker", "index": index},
        }
        processes.append(
            forked.start(
                cli.main,
                arguments,
                folder / str(index),
                TF_CONFIG=json.dumps(config),
            )
        )
    return processes


def ended(folder, processes):
    """Waits for processes; returns the status and output of each."""
    return [
        forked.ended(process, folder / str(index))
        for index, process in enumerate(processes)
    ]


def test_two_processes_one_dies_and_the_job_goes_on(tmp_path):
    workdir = tmp_path / "run"
    given = RING | {"checkpoint_seconds": 0, "history_steps": 1}
    flags = [f"--{name}={value}" for name, value in given.items()]
    flags.append(f"--workdir={workdir}")
    first, second = tmp_path / "first", tmp_path / "second"
    with held_ports(2) as ports:
        processes = start_workers(first, ports, *flags, "--steps=2000")
        history = workdir / "history.csv"
        while not history.exists() or len(history.read_text().splitlines()) < 4:
            assert processes[0].is_alive(), ended(first, processes[:1])
            time.sleep(0.05)
        os.kill(processes[1].pid, signal.SIGKILL)
        (status, _, err), _ = ended(first, processes)
    assert status not in (0, None)
    assert "was lost" in err, err
    assert "Run the same command again" in err
    assert "Traceback" not in err
    reached = keras.saving.load_model(workdir / "checkpoint.keras").step
    assert reached >= 2
    steps = reached + 5
    # A run may get longer but not shorter, so its settings are changed.
    settings = json.loads((workdir / "settings.json").read_text())
    settings["settings"]["steps"] = steps
    (workdir / "settings.json").write_text(json.dumps(settings))
    with held_ports(2) as ports:
        processes = start_workers(second, ports, *flags, f"--steps={steps}")
        (status, out, err), (other, quiet, _) = ended(second, processes)
    assert (status, other) == (0, 0), err
    assert f"Resuming after step {reached}" in out
    assert quiet == ""  # Only the chief prints and writes.
    one = runs.train(RING | {"steps": steps}, tmp_path / "alone", verbose=0)
    both = keras.saving.load_model(workdir / "model.keras")
    assert both.step == one.step == steps
    for a, b in zip(one.weights, both.weights, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-4, err_msg=a.path)


def test_dry_run(tmp_path, capsys, monkeypatch):
    config = {
        "cluster": {"worker": ["a:1", "b:1"]},
        "task": {"type": "worker", "index": 1},
    }
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    given = {"source": "ring", "width": 4, "batch_size": 8}
    model = runs.train(
        given, tmp_path / "run", strategy="multi_worker", dry_run=True
    )
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.split() == [
        "device", "generators", "discriminators", "parameters", "images",
    ]  # fmt: skip
    parameters = sum(
        int(np.prod(v.shape))
        for network in (*model.generators, *model.discriminators)
        for v in network.trainable_variables
    )
    assert [row.split() for row in rows] == [
        [host, "cpu:0", "0,1,2", "0,1,2", f"{parameters:,}", "4"]
        for host in ("a:1", "b:1")
    ]
    assert not (tmp_path / "run").exists()


def test_table_of_components(generator, discriminator):
    model = MixGAN(generator, discriminator, 2, 1, seed=0)
    table = run_devices.table(model, "component_parallel", ["a", "b", "c"], 7)
    # Dense 3-4-2 and 2-4-1.
    made, judged = 16 + 10, 12 + 5
    assert [row.split() for row in table.splitlines()[1:]] == [
        ["a", "0", "0", str(made + judged), "7"],
        ["b", "1", "-", str(made), "7"],
        ["c", "-", "-", "0", "7"],
    ]


def test_table_counts_a_shared_body_once(discriminator):
    generator = image_networks()[0]
    cut = next(x.name for x in generator.layers if x.name.startswith("re_lu"))
    model = MixGAN(
        generator, image_networks()[1], 3, 1, seed=0, share_generators=cut
    )
    sizes = [
        [sum(np.prod(v.shape) for v in part.trainable_variables)
         for part in side.parts]
        for side in (model.generator_ensemble, model.discriminator_ensemble)
    ]  # fmt: skip
    *own, body = sizes[0]

    def parameters(name, devices):
        rows = run_devices.table(model, name, devices, 6).splitlines()[1:]
        return [int(row.split()[3].replace(",", "")) for row in rows]

    whole = sum(own) + body + sum(sizes[1])
    assert parameters(None, ["a"]) == [whole]
    assert parameters("component_parallel", ["a", "b"]) == [
        own[0] + own[2] + body + sum(sizes[1]), own[1],
    ]  # fmt: skip


def test_batches_are_multiples_of_the_replicas(
    generator, discriminator, monkeypatch
):
    config = {
        "cluster": {"worker": ["a:1", "b:1"]},
        "task": {"type": "worker", "index": 1},
    }
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    two = types.SimpleNamespace(num_replicas_in_sync=2)
    monkeypatch.setattr(run_devices.strategies, "strategy", lambda *_: two)
    devices = run_devices.RunDevices("multi_worker", None, 7)
    model = MixGAN(generator, discriminator, 1, 1, seed=0)
    message = "`batch_size` must be a multiple.*batch_size=7, 2 replicas"
    with pytest.raises(ValueError, match=message):
        devices.describe(model)
    with pytest.raises(ValueError, match=message):
        devices.open()


@pytest.mark.parametrize(
    ("config", "text"),
    [
        ("", "none"),
        ("{", "JSONDecodeError"),
        ('{"cluster": {"worker": ["a:1"]}}', "KeyError: 'task'"),
        ([["a:1"], "worker", 1], "IndexError"),
        ([["a:1"], "worker", -1], "KeyError: 'task'"),
        ([["a:1"], "ps", 0], "'ps'"),
    ],
)
def test_malformed_clusters(monkeypatch, config, text):
    if isinstance(config, list):
        workers, kind, index = config
        config = json.dumps(
            {
                "cluster": {"worker": workers},
                "task": {"type": kind, "index": index},
            }
        )
    monkeypatch.setenv("TF_CONFIG", config)
    with pytest.raises(ValueError, match=f"TF_CONFIG.*{text}"):
        strategy("multi_worker")


def read(monkeypatch, config):
    monkeypatch.setenv("TF_CONFIG", config)
    return cluster.from_environment()


def test_chief_comes_first(monkeypatch):
    config = {
        "cluster": {"chief": ["a:1"], "worker": ["b:1", "c:1"]},
        "task": {"type": "worker", "index": 1},
    }
    parsed = read(monkeypatch, json.dumps(config))
    assert parsed == (("a:1", "b:1", "c:1"), 2)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"strategy": "mirored"}, "Did you mean 'mirrored'"),
        ({"devices": ["gpu:0"]}, "`strategy`"),
        ({"strategy": "mirrored", "devices": ["gpu:99"]}, "gpu:99"),
        ({"strategy": "mirrored", "devices": ["two"]}, "'two'"),
        (
            {"strategy": "mirrored", "devices": ["cpu:0", "cpu:0"]},
            "each once",
        ),
        ({"strategy": "multi_worker"}, "TF_CONFIG"),
    ],
)
def test_errors_come_before_any_work(tmp_path, monkeypatch, arguments, text):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(ValueError, match=text):
        runs.train({"source": "ring"}, tmp_path / "run", **arguments)
    assert not (tmp_path / "run").exists()


def launched(script, tmp_path, environment=()):
    """Runs a launch example; returns each process's cluster and flags."""
    folder = tmp_path / "bin"
    folder.mkdir()
    stand_ins = {
        # Records its arguments, in place of training.
        "keras-mixgan": 'printf "%s\\n" "$TF_CONFIG" "$@" > '
        f'"{tmp_path}/call_${{SLURM_PROCID:-0}}"',
        "scontrol": 'test "$*" = "show hostnames host[1-2]"; '
        "printf 'host1\\nhost2\\n'",
        "srun": "shift; for SLURM_PROCID in 0 1; do export SLURM_PROCID; "
        '"$@"; done',
    }
    for name, text in stand_ins.items():
        path = folder / name
        path.write_text(f"#!/usr/bin/env bash\nset -eu\n{text}\n")
        path.chmod(0o755)
    path = f"{folder}{os.pathsep}{os.environ['PATH']}"
    subprocess.run(
        script,
        check=True,
        env=os.environ | {"PATH": path, "TF_CONFIG": ""} | dict(environment),
    )
    calls = []
    for path in sorted(tmp_path.glob("call_*")):
        # TF_CONFIG may have several lines.
        config, _, flags = path.read_text().partition("\ntrain\n")
        values = flag_groups.parse(train.GROUPS, flags.splitlines())
        calls.append((config, values))
    return calls


def test_example_of_one_host(tmp_path):
    ((config, values),) = launched(
        [LAUNCH / "one_host.sh", "--dry_run"], tmp_path
    )
    assert config == ""
    assert values.strategy == "mirrored"
    assert values.dry_run


def test_example_of_several_hosts(tmp_path, monkeypatch):
    ((config, values),) = launched(
        [LAUNCH / "several_hosts.sh", "1", "a:1", "b:2", "--", "--seed=3"],
        tmp_path,
    )
    parsed = read(monkeypatch, config)
    assert parsed == (("a:1", "b:2"), 1)
    assert (values.strategy, values.seed) == ("multi_worker", 3)


def test_example_of_slurm(tmp_path, monkeypatch):
    environment = {
        "SLURM_JOB_ID": "123456",
        "SLURM_JOB_NODELIST": "host[1-2]",
        "SLURM_SUBMIT_DIR": str(LAUNCH),
    }
    calls = launched(
        ["bash", LAUNCH / "slurm.sh", "--seed=3"], tmp_path, environment
    )
    assert len(calls) == 2
    for index, (config, values) in enumerate(calls):
        parsed = read(monkeypatch, config)
        assert parsed == (("host1:33456", "host2:33456"), index)
        assert (values.strategy, values.seed) == ("multi_worker", 3)


def test_example_of_kubernetes(tmp_path, monkeypatch):
    service, job = yaml.safe_load_all((LAUNCH / "kubernetes.yaml").read_text())
    spec = job["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    ((config, values),) = launched(
        [*container["command"], *container["args"]],
        tmp_path,
        {"JOB_COMPLETION_INDEX": "1"},
    )
    parsed = read(monkeypatch, config)
    assert len(parsed[0]) == spec["completions"] == spec["parallelism"]
    name, subdomain = job["metadata"]["name"], service["metadata"]["name"]
    assert spec["template"]["spec"]["subdomain"] == subdomain
    port = container["ports"][0]["containerPort"]
    assert service["spec"]["ports"][0]["port"] == port
    hosts = tuple(f"{name}-{i}.{subdomain}:{port}" for i in range(2))
    assert parsed == (hosts, 1)
    assert values.strategy == "multi_worker"
