"""Peak memory of training, T=10 with the linear payoff against T=1.

Each measurement has a process of its own. Its peak is the one that the system
reports, imports included. The memory after the imports is printed too.
"""

import json
import sys

import timing

RUNS = 5
STEPS = 5
TARGET = 4.0


def measure(components: int) -> None:
    """Prints peaks, MiB: after importing, and after some steps."""
    import keras_mixgan.mixgan  # noqa: F401

    imported = timing.peak_memory()
    step = timing.stepper(timing.mixture(components, payoff_estimate="linear"))
    for _ in range(STEPS):
        step()
    peak = timing.peak_memory()
    print(json.dumps({"imported": imported, "peak": peak}))


def main() -> None:
    """Prints the spread over processes."""
    timing.header("Linear payoff: peak memory, T=10 / T=1")
    runs = {1: [], 10: []}
    for _ in range(RUNS):
        for t, found in runs.items():
            found.append(timing.in_new_process(__file__, t))
    peaks = {t: [run["peak"] for run in found] for t, found in runs.items()}
    own = {
        t: [run["peak"] - run["imported"] for run in found]
        for t, found in runs.items()
    }
    for t in runs:
        print(
            f"T={t}: {timing.spread(peaks[t], 'MiB', 0)}; without imports "
            f"{timing.spread(own[t], 'MiB', 0)}"
        )
    timing.verdict("Peak", timing.ratios(peaks, 10, 1), TARGET)
    without = timing.ratios(own, 10, 1)
    print(f"Without imports: {timing.spread(without, 'x', 2)}")


if __name__ == "__main__":
    measure(int(sys.argv[1])) if len(sys.argv) > 1 else main()
