"""TF-GAN through our import: its own tests, and side effects."""

import importlib.util
import json
import os
import pathlib
import subprocess
import sys
import threading

import numpy as np
import pytest

from keras_mixgan.metrics import tfgan

RUNNER = pathlib.Path(__file__).parents[1] / "tfgan_runner.py"


@pytest.fixture(scope="module")
def processes():
    """What each process of the runner found, and its errors."""
    root = str(RUNNER.parents[1])
    paths = os.pathsep.join([root, *filter(None, sys.path)])
    done = subprocess.run(
        [sys.executable, RUNNER],
        env=os.environ | {"TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [x for x in done.stdout.splitlines() if x.startswith("[")]
    return dict(map(json.loads, lines)) | {"stderr": done.stderr}


def test_its_own_tests_pass(processes):
    assert "its_own_tests" in processes, processes["stderr"]
    result = processes["its_own_tests"]
    assert result["broken"] == {}
    # TensorFlow's TestCase itself skips its placeholder `test_session`.
    skipped = {name.split(".")[-1] for name in result["skipped"]}
    assert skipped <= {"test_session"}
    assert len(result["passed"]) == 36


def test_our_import_leaves_no_trace(processes):
    assert "plain_after_ours" in processes, processes["stderr"]
    assert processes["plain"] == processes["plain_after_ours"] != ""


def test_threads_share_one_module():
    found = []
    threads = [
        threading.Thread(
            target=lambda: found.append(tfgan.module("sliced_wasserstein"))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len({id(module) for module in found}) == 1


def test_missing_package_says_how_to_install(monkeypatch):
    monkeypatch.setattr(tfgan, "_modules", {})
    monkeypatch.setattr(tfgan.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install"):
        tfgan.module("classifier_metrics")


def test_hub_without_pkg_resources(monkeypatch):
    class Gone:
        def find_spec(self, name, path=None, target=None):
            if name == "pkg_resources":
                raise ModuleNotFoundError(name)

    real = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util,
        "find_spec",
        lambda name, package=None: (
            None if name == "pkg_resources" else real(name, package)
        ),
    )
    for name in list(sys.modules):
        if name.split(".")[0] in ("pkg_resources", "tensorflow_hub"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Gone(), *sys.meta_path])
    assert tfgan.hub().__name__ == "tensorflow_hub"
    assert "pkg_resources" not in sys.modules


def test_scores_in_float64():
    import tensorflow as tf

    metrics = tfgan.module("classifier_metrics")
    score = metrics.classifier_score_from_logits(
        tf.constant(np.eye(5) * 40, tf.float64)
    )
    assert score.dtype == tf.float64
    np.testing.assert_allclose(score, 5, rtol=1e-9)
