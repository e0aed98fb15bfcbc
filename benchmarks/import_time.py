"""`import keras_mixgan` against `import keras` with the same backend."""

import subprocess
import sys

import timing

RUNS = 9
TARGET = 1.15


def importing(package: str):
    """A function that imports a package in a new process."""
    command = [sys.executable, "-c", f"import {package}"]
    return lambda: subprocess.run(command, check=True, capture_output=True)


def main() -> None:
    """Prints both times and their ratio."""
    timing.header("import keras_mixgan / import keras")
    names = ("keras", "keras_mixgan")
    functions = {name: importing(name) for name in names}
    seconds = timing.in_turns(functions, rounds=RUNS, warm=1)
    for name, values in seconds.items():
        print(f"import {name}: {timing.spread(values)}")
    timing.verdict("Ratio", timing.ratios(seconds, *names[::-1]), TARGET)


if __name__ == "__main__":
    main()
