"""Step, trace and memory of this checkout against another one's, in turns.

    python benchmarks/against_checkout.py OTHER [tensorflow|jax [3,full ...]]

OTHER is a checkout. The cases are T and the payoff estimate, all by default.
Each measurement has a process of its own, this checkout's and the other's in
turns, so that changes of the machine's speed affect both.
"""

import json
import os
import pathlib
import statistics
import subprocess
import sys
import time

import timing

HERE = pathlib.Path(__file__).parents[1]
CASES = [(t, e) for t in (1, 3, 5) for e in ("full", "linear")]
ROUNDS = 3
STEPS = 9
# XLA's convolutions are slow on a CPU, and so is their compilation.
NARROW = 8
TARGET = 1.03


def measure(components: int, estimate: str) -> None:
    """Prints seconds of the first step and of a later one, and MiB."""
    if os.environ.get("KERAS_BACKEND") == "jax":
        timing.WIDTH = NARROW
    step = timing.stepper(timing.mixture(components, payoff_estimate=estimate))
    start = time.perf_counter()
    step()
    first = time.perf_counter() - start
    seconds = []
    for _ in range(STEPS):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    print(
        json.dumps(
            {
                "step": statistics.median(seconds),
                "first step": first,
                "peak": timing.peak_memory(),
            }
        )
    )


def run(checkout: pathlib.Path, case: tuple, backend: str) -> dict:
    """Measures one case in a new process that imports from a checkout."""
    done = subprocess.run(
        [sys.executable, __file__, "--measure", *map(str, case)],
        env=os.environ
        | {"PYTHONPATH": str(checkout), "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def main(other: str, backend: str = "tensorflow", *cases: str) -> None:
    """Prints this checkout's figures divided by the other's."""
    timing.header(f"This checkout / {other} on {backend}")
    sides = (HERE, pathlib.Path(other))
    for case in [case.split(",") for case in cases] or CASES:
        pairs = [
            [run(side, case, backend) for side in sides] for _ in range(ROUNDS)
        ]
        for name in ("step", "first step", "peak"):
            ratios = [mine[name] / its[name] for mine, its in pairs]
            label = f"T={case[0]} {case[1]}, {name}"
            if name == "step":
                timing.verdict(label, ratios, TARGET)
            else:
                print(f"{label}: {timing.spread(ratios, 'x', 2)}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(int(sys.argv[2]), sys.argv[3])
    else:
        main(*sys.argv[1:])
