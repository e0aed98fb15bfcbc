"""What benchmarks compare, and how they measure."""

import pathlib
import subprocess
import sys
import types

import keras_mixgan as kmg

BENCHMARKS = pathlib.Path(__file__).parents[1] / "benchmarks"


def test_figure_3s_wide_pair_is_as_large_as_the_mixture(monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import table1_figures

    def parameters(width):
        networks = kmg.architectures.build(
            "dcgan", (32, 32, 3), num_classes=10, width=width
        )
        return sum(network.count_params() for network in networks)

    wide = table1_figures.widened({"architecture": "dcgan", "width": 4}, 3)
    assert parameters(wide - 1) < 3 * parameters(4) <= parameters(wide)


def test_old_scores_are_not_taken_for_others(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(BENCHMARKS)
    import table1

    calls = []

    def called(arguments, check):
        calls.append(arguments)
        (tmp_path / "scores.json").write_text("{}")

    monkeypatch.setattr(subprocess, "run", called)
    model = tmp_path / "model.keras"
    use = types.SimpleNamespace(
        source="digits", splits=10, data_dir=None, classifiers=["digits"]
    )
    for content, count, expected in (
        (b"a", 100, 1), (b"a", 100, 1), (b"a", 200, 2), (b"b", 200, 3),
    ):  # fmt: skip
        model.write_bytes(content)
        out = tmp_path / "scores.json"
        table1.evaluate(model, out, ["fid"], "train", use, count)
        assert len(calls) == expected


def test_peak_memory_is_not_that_of_the_process_before():
    child = "import timing; print(timing.peak_memory())"
    parent = (
        "import subprocess, sys; large = bytearray(b'x' * 2**28); "
        f"subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    )
    run = subprocess.run(
        [sys.executable, "-c", parent],
        cwd=BENCHMARKS,
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(run.stdout) < 200
