"""How a step grows with T: time, memory, trace time, both estimates.

One process for each T. It trains with the linear estimate first, whose peak
memory is lower.
"""

import gc
import json
import sys
import time

import timing

COMPONENTS = (1, 2, 3, 5, 10, 20)
STEPS = 5


def measure(components: int) -> None:
    """Prints, for both estimates, seconds and the process's peak in MiB."""
    found = {}
    for estimate in ("linear", "full"):
        model = timing.mixture(components, payoff_estimate=estimate)
        step = timing.stepper(model)
        start = time.perf_counter()
        step()
        first = time.perf_counter() - start
        seconds = timing.in_turns({"step": step}, STEPS, warm=0)["step"]
        found[estimate] = {
            "first": first,
            "seconds": seconds,
            "peak": timing.peak_memory(),
            "gflop": timing.step_gflop(model),
        }
        del model, step
        gc.collect()
    print(json.dumps(found))


def main() -> None:
    """Prints the table."""
    timing.header("Growth with T (first step: traced, built and run)")
    runs = {t: timing.in_new_process(__file__, t) for t in COMPONENTS}
    for estimate in ("full", "linear"):
        print(f"payoff_estimate={estimate}")
        print("| T | step | first step | peak memory | GFLOP |")
        print("|---|---|---|---|---|")
        for t, found in runs.items():
            run = found[estimate]
            print(
                f"| {t} | {timing.spread(run['seconds'])} "
                f"| {run['first']:.1f} s | {run['peak']:.0f} MiB "
                f"| {run['gflop']:.1f} |"
            )
        print()


if __name__ == "__main__":
    measure(int(sys.argv[1])) if len(sys.argv) > 1 else main()
