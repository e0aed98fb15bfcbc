"""Full payoff, T=5 and T=10: the first step, traced, built and run.

Each measurement has a process of its own. Imports and building the networks
are not counted.
"""

import json
import sys
import time

import timing

TARGETS = {5: 8.0, 10: 14.0}
RUNS = 5


def measure(components: int) -> None:
    """Prints the seconds of the first and of a later step."""
    step = timing.stepper(timing.mixture(components))
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"first": seconds[0], "later": min(seconds[1:])}))


def main() -> None:
    """Prints the spread over processes."""
    timing.header("Full payoff: first step")
    runs = {t: [] for t in TARGETS}
    for _ in range(RUNS):
        for t in TARGETS:
            runs[t].append(timing.in_new_process(__file__, t))
    for t, target in TARGETS.items():
        first = [run["first"] for run in runs[t]]
        later = [run["later"] for run in runs[t]]
        print(f"T={t}: a later step {timing.spread(later)}")
        timing.verdict(f"T={t}: first step", first, target, unit="s")


if __name__ == "__main__":
    measure(int(sys.argv[1])) if len(sys.argv) > 1 else main()
