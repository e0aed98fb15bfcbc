"""What hostile files, crashes, full disks and clients do to keras-mixgan.

    python benchmarks/hostile.py [--sections=files,flags,...] [--flags=1000]
        [--kills=50] [--seconds=30]

Prints a table of what was tried, what was refused clearly and what did as it
should. Exits with 1 if anything was wrong. Linux; needs the extras `serve`
and `test`. Run as root it fills a disk of its own (tmpfs) and works as nobody
in a folder of root's; otherwise a limit on the size of files stands for the
full disk.
"""

import argparse
import os
import pathlib
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The makers of hostile files are those of the tests.
sys.path.append(str(pathlib.Path(__file__).parents[1] / "tests"))

import hostile_clients
import hostile_disks
import hostile_files
import hostile_flags
import hostile_runs
import probing
import timing

SECTIONS = {
    "files": lambda flags: hostile_files.rows(),
    "flags": lambda flags: hostile_flags.rows(flags.flags),
    "kills": lambda flags: hostile_runs.kills(flags.kills),
    "writers": lambda flags: hostile_runs.writers(),
    "disks": lambda flags: hostile_disks.rows(),
    "clients": lambda flags: hostile_clients.rows(flags.seconds),
}


def main() -> None:
    """Runs the sections, each in a process of its own."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, description=__doc__.splitlines()[0]
    )
    parser.add_argument(
        "--sections", default=",".join(SECTIONS), help="divided by commas"
    )
    parser.add_argument(
        "--flags", type=int, default=1000, help="sets of flags, at most"
    )
    parser.add_argument(
        "--kills", type=int, default=50, help="two in five while it saves"
    )
    parser.add_argument(
        "--seconds", type=float, default=30.0, help="of clients"
    )
    flags = parser.parse_args()
    names = flags.sections.split(",")
    if not {*names} <= SECTIONS.keys():
        parser.error(f"--sections must be among {', '.join(SECTIONS)}")
    timing.header(f"hostile: {flags.sections}")
    # Before any fork: what it takes to import is then shared by all.
    import keras_mixgan.cli.runs  # noqa: F401

    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        os.chmod(folder, 0o755)  # Nobody has to pass through it.
        tempfile.tempdir = folder  # Of all that the sections write.
        rows = _rows(names, flags)
    _print(rows)
    if any(row.wrong for row in rows):
        raise SystemExit(1)


def _rows(names: list[str], flags) -> list[probing.Row]:
    rows = []
    for name in names:
        began = time.perf_counter()
        try:
            found = probing.result_of(lambda name=name: SECTIONS[name](flags))
        except RuntimeError as error:
            found = [probing.Row(name, wrong=[f"{name}: {error}"])]
        rows += found
        seconds = time.perf_counter() - began
        print(f"{name}: done after {seconds:.0f} s", flush=True)
    return rows


def _print(rows: list[probing.Row]) -> None:
    width = max(len(row.what) for row in rows)
    print(f"\n{'':<{width}}   tried  refused   passed    wrong")
    for row in [*rows, _sum(rows)]:
        counts = (row.tried, row.refused, row.passed, len(row.wrong))
        print(f"{row.what:<{width}}" + "".join(f"{n:9,}" for n in counts))
    for row in rows:
        for note in row.notes:
            print(f"{row.what}: {note}")
    for row in rows:
        for line in row.wrong:
            print(f"WRONG {line}")


def _sum(rows: list[probing.Row]) -> probing.Row:
    return probing.Row(
        "in all",
        sum(row.tried for row in rows),
        sum(row.refused for row in rows),
        sum(row.passed for row in rows),
        [line for row in rows for line in row.wrong],
    )


if __name__ == "__main__":
    main()
