r"""Runs a list of commands on one GPU, so many at a time, in order.

    python benchmarks/gpu/run_all.py LIST.txt --at_once=6 --logs=FOLDER

A line of the list is a command. A line `wait PATH` holds the rest back until a
file is there, or until nothing runs that could make it. Nothing is started
`--minutes` after the start. Every command's output goes to a file; one line per
end is printed.
"""

import argparse
import os
import pathlib
import subprocess
import time


def main() -> None:
    """Runs the list."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, description=__doc__.split("\n")[0]
    )
    parser.add_argument("list", type=pathlib.Path)
    parser.add_argument("--at_once", type=int, default=6)
    parser.add_argument("--logs", type=pathlib.Path, required=True)
    parser.add_argument("--minutes", type=float, default=60.0)
    use = parser.parse_args()
    use.logs.mkdir(parents=True, exist_ok=True)
    begun, running = time.time(), {}
    os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    waiting = [x for x in use.list.read_text().splitlines() if x.strip()]

    def collect() -> None:
        for process in [p for p in running if p.poll() is not None]:
            number, start, command = running.pop(process)
            print(f"{time.time() - begun:5.0f} s: {number} ended with "
                  f"{process.returncode} after {time.time() - start:.0f} s: "
                  f"{command[:70]}", flush=True)  # fmt: skip

    for number, command in enumerate(waiting):
        if command.startswith("wait "):
            while running and not pathlib.Path(command[5:]).exists():
                collect()
                time.sleep(0.5)
            continue
        while len(running) >= use.at_once:
            collect()
            time.sleep(0.2)
        if time.time() - begun > 60 * use.minutes:
            print(f"not started: {len(waiting) - number} commands")
            break
        log = open(use.logs / f"{number:03}.log", "w")  # noqa: SIM115
        process = subprocess.Popen(
            command, shell=True, stdout=log, stderr=subprocess.STDOUT
        )
        running[process] = number, time.time(), command
    while running:
        collect()
        time.sleep(0.5)


if __name__ == "__main__":
    main()
