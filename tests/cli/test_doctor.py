"""`keras-mixgan doctor`: installed, missing, the exit status."""

import os
import pathlib
import subprocess
import sys

import keras
import pytest

import keras_mixgan
from keras_mixgan import cli
from keras_mixgan.cli import probes
from keras_mixgan.cli import requirements
from keras_mixgan.cli.commands import doctor
from keras_mixgan.utils import versions

ROOT = pathlib.Path(keras_mixgan.__file__).parents[1]
# Scripts that answer at once, as on a healthy machine.
HEALTHY = {
    "tensorflow": "found = {'version': '2.20.0', 'onednn': True, "
    "'devices': ['cpu:0', 'gpu:0 (H100)']}",
    "jax": "found = {'version': '0.7.0', 'devices': ['cpu:0 (cpu)']}",
    "package": "found = {'version': '3.15.0', 'backend': 'tensorflow', "
    "'bundled': ['digits'], 'inception': False, 'inception_folder': '/x'}",
}


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """A healthy machine with an empty data folder, for tests to break."""
    monkeypatch.setenv("TFDS_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(probes, "SCRIPTS", dict(HEALTHY))
    known = {"tensorflow": "2.20.0", "jax": "0.7.0"}
    real = versions.installed

    def installed(name):
        return known[name] if name in known else real(name)

    monkeypatch.setattr(versions, "installed", installed)
    return known


def run(capsys, *flags):
    status = cli.main(["doctor", *flags])
    out, err = capsys.readouterr()
    assert err == ""
    return status, out


def line_of(out, name):
    (line,) = (
        each
        for each in out.splitlines()
        if each.startswith(f"  {name} ") or each == f"  {name}"
    )
    return line.split(maxsplit=1)[1]


def test_this_machine(capsys, monkeypatch):
    """Nothing is replaced, but what the package says is found out here."""
    names = {}
    exec(probes.SCRIPTS["package"], names)
    scripts = {**probes.SCRIPTS, "package": f"found = {names['found']!r}"}
    monkeypatch.setattr(probes, "SCRIPTS", scripts)
    status, out = run(capsys)
    assert status == 0
    assert names["found"]["version"] == keras.__version__
    assert out.startswith(f"keras-mixgan {keras_mixgan.__version__}, Python ")
    assert line_of(out, "keras") == keras.__version__
    backend = keras.backend.backend()
    assert ", chosen: " in line_after(out, "Backends:", backend)
    assert line_of(out, "digits") == "bundled"
    assert line_of(out, "oneDNN").startswith(("on ", "off "))
    assert "Everything that training needs is there." in out


def line_after(out, heading, name):
    return line_of(out[out.index(f"\n{heading}") :], name)


def test_devices_onednn_and_classifiers_are_listed(machine, capsys):
    status, out = run(capsys)
    assert status == 0
    assert line_after(out, "Backends:", "tensorflow") == (
        "2.20.0, chosen: cpu:0, gpu:0 (H100)"
    )
    assert line_after(out, "Backends:", "oneDNN").startswith("on (TF_ENABLE")
    assert line_after(out, "Backends:", "jax") == "0.7.0: cpu:0 (cpu)"
    assert line_of(out, "inception") == "not downloaded; goes to /x"


def test_prepared_data_are_found_without_tfds(machine, capsys, tmp_path):
    for name in ("mnist/3.0.1", "celeb_a_hq/256/2.0.0"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "dataset_info.json").write_text("{}")
    (tmp_path / "downloads" / "extracted").mkdir(parents=True)
    assert doctor.prepared(tmp_path) == ["celeb_a_hq/256/2.0.0", "mnist/3.0.1"]
    assert doctor.prepared(tmp_path / "none") == []
    _, out = run(capsys, f"--data_dir={tmp_path / 'none'}")
    assert f"Prepared data in {tmp_path / 'none'}:\n  none\n" in out


def test_a_backend_alone_is_enough(machine, capsys):
    machine["tensorflow"] = None
    probes.SCRIPTS["package"] = HEALTHY["package"].replace("tensorflow", "jax")
    status, out = run(capsys)
    assert status == 0
    assert line_after(out, "Backends:", "tensorflow") == "missing"
    assert "missing, needed for the TensorFlow backend" in out
    assert line_after(out, "Backends:", "jax").startswith("0.7.0, chosen")


def test_no_backend_is_a_problem(machine, capsys):
    machine |= {"tensorflow": None, "jax": None}
    status, out = run(capsys)
    assert status == 1
    assert "Problems:\n  No backend: pip install tensorflow, or jax" in out


def test_a_backend_that_cannot_train_is_a_problem(machine, capsys):
    probes.SCRIPTS["package"] = HEALTHY["package"].replace(
        "tensorflow", "torch"
    )
    status, out = run(capsys)
    assert status == 1
    assert "The backend torch cannot train: set KERAS_BACKEND to" in out


def test_packages_that_are_missing_or_too_old_are_problems(machine, capsys):
    machine |= {"keras": "3.9.0", "h5py": None, "scikit-learn": None}
    status, out = run(capsys)
    assert status == 1
    problems = out[out.index("Problems:") :]
    assert "keras: 3.9.0 is older than 3.15: pip install 'keras>=3.15'" in (
        problems
    )
    assert "h5py: missing: pip install" in problems
    assert "scikit-learn" not in problems
    assert line_of(out, "scikit-learn") == "missing, needed for scores"


def test_a_backend_that_crashes_takes_nobody_along(machine, capsys):
    probes.SCRIPTS["jax"] = "import os; os.abort()"
    status, out = run(capsys)
    assert status == 0
    line = line_after(out, "Backends:", "jax")
    assert line.startswith("0.7.0, does not work: ")
    probes.SCRIPTS["package"] = "raise ImportError('libcuda is not there')"
    status, out = run(capsys)
    assert status == 1
    assert "ImportError: libcuda is not there" in out
    assert "not known, because the package cannot be imported" in out
    assert "Traceback" not in out


def test_a_broken_package_gives_no_traceback(tmp_path):
    """TensorFlow and JAX are installed, but cannot be imported."""
    for name in ("tensorflow", "jax"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(
            "raise ImportError('a library is missing')"
        )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "keras_mixgan", "doctor"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "does not work: ImportError: a library is missing" in done.stdout
    assert "`import keras_mixgan` fails" in done.stdout


@pytest.mark.parametrize(
    ("module", "command", "message"),
    [
        ("absl", "doctor", "absl-py is missing: pip install absl-py."),
        (
            "keras",
            "presets",
            "keras is missing: pip install keras. `keras-mixgan doctor` lists "
            "what else is missing.",
        ),
    ],
)
def test_a_package_that_is_missing_is_named_in_a_line(
    tmp_path, module, command, message
):
    (tmp_path / f"{module}.py").write_text(
        f"raise ModuleNotFoundError('No module', name={module!r})"
    )
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    done = subprocess.run(
        [sys.executable, "-m", "keras_mixgan", command],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == f"error: The package {message}\n"


def test_requirements_are_those_of_the_project():
    found = {p.name: p for p in requirements.packages()}
    assert found["keras"].least == "3.15"
    assert (found["huggingface_hub"].extra, found["keras"].extra) == (
        "hf",
        None,
    )
    assert set(requirements.ESSENTIAL) <= set(found)
    assert {*doctor.WITHOUT, *requirements.ESSENTIAL} == {
        name for name, p in found.items() if p.extra is None
    }
