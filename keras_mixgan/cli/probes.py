"""Finds out what works on this machine, each backend in its own process.

So a backend that crashes, hangs or lacks a library does not stop the others.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

SECONDS = 900

_TENSORFLOW = """
import tensorflow as tf
found = {"version": tf.__version__, "devices": []}
for device in tf.config.list_physical_devices():
    details = tf.config.experimental.get_device_details(device)
    name = details.get("device_name")
    kind = device.name.removeprefix("/physical_device:").lower()
    found["devices"].append(f"{kind} ({name})" if name else kind)
try:
    from tensorflow.python.util import _pywrap_util_port
    found["onednn"] = bool(_pywrap_util_port.IsMklEnabled())
except (ImportError, AttributeError):
    pass
"""
_JAX = """
import jax
found = {"version": jax.__version__, "devices": []}
for device in jax.devices():
    found["devices"].append(
        f"{device.platform}:{device.id} ({device.device_kind})"
    )
"""
# The package, with the backend that `keras-mixgan train` would use.
_PACKAGE = """
import keras_mixgan, keras, pathlib
from keras_mixgan.metrics import bundled
found = {
    "version": keras.__version__,
    "backend": keras.backend.backend(),
    "bundled": [n for n in bundled.NAMES if bundled.path(n).is_file()],
}
try:
    from keras_mixgan.metrics import inception_module
    folder = inception_module.cache_folder()
    found["inception"] = (folder / "saved_model.pb").is_file()
    found["inception_folder"] = str(folder)
except ImportError:
    pass
"""
_PRINTING = "\nimport json\nprint()\nprint(json.dumps(found))\n"
SCRIPTS: Mapping[str, str] = {
    "tensorflow": _TENSORFLOW, "jax": _JAX, "package": _PACKAGE,
}  # fmt: skip


def ask(names: tuple[str, ...]) -> dict[str, dict[str, Any]]:
    """Runs scripts of `SCRIPTS` at the same time.

    Returns what each script found, or `{"error": line}`, by name.
    """
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3"}
    # Without this JAX would reserve most of a GPU's memory.
    quiet["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    processes = {
        name: subprocess.Popen(
            [sys.executable, "-c", SCRIPTS[name] + _PRINTING],
            env={"TF_ENABLE_ONEDNN_OPTS": "1", **os.environ, **quiet},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for name in names
    }
    return {name: _answer(process) for name, process in processes.items()}


def _answer(process: subprocess.Popen) -> dict[str, Any]:
    try:
        out, err = process.communicate(timeout=SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        return {"error": f"no answer within {SECONDS} s"}
    if process.returncode:
        lines = err.strip().splitlines() or ["no message"]
        return {"error": f"{lines[-1][:300]} (status {process.returncode})"}
    return json.loads(out.strip().splitlines()[-1])
