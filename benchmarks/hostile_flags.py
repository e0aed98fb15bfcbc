"""Flags that no command can follow, and files that are no models."""

import itertools
import os
import pathlib
import random
import tempfile

import probing

_MEMORY = 3 * 2**30  # That one of them may take.
_AT_A_TIME = 2
# Of each kind of flag; a `!` before what some flag of that kind may take.
_WRONG = {
    int: ("x", "1.5", "", "!-1", "!0", "!99999999999999999999"),
    float: ("x", "", "nan", "!inf", "!-1", "!1e400"),
    bool: ("maybe",),
    str: ("!nonsense", "!" + "x" * 5000),
    list: ("!nonsense", "!,,"),
    tuple: ("!nonsense",),
}
_ABSURD = {
    "train": (
        ("width", 10**6), ("width", 10**9), ("latent_dim", 10**9),
        ("num_generators", 10**9), ("batch_size", 10**12),
    ),
    "sample": (("num_images", 10**12), ("num_images", 10**30)),
    "evaluate": (("num_images", 10**12),),
}  # fmt: skip


def rows(most: int) -> list[probing.Row]:
    """Calls commands with wrong flags, in a folder of their own each.

    If there are more than `most` sets of flags, some are drawn. Returns a row
    for flags, one for what is given as a model.
    """
    with tempfile.TemporaryDirectory(prefix="hostile-") as folder:
        folder = pathlib.Path(folder)
        model = _model(folder)
        return [_flags(folder, model, most), _models(folder)]


def _model(folder: pathlib.Path) -> pathlib.Path:
    """A small mixture that labels are given to."""
    import hostile_presets

    return hostile_presets.copy(folder)


def _bases(model: pathlib.Path) -> dict[str, list[str]]:
    """Flags of each command that take but a moment."""
    ring = ["--source=ring", "--width=4", "--steps=1", "--dry_run"]
    return {
        "train": ring,
        "sample": [f"--model={model}", "--num_images=2"],
        "evaluate": [
            f"--model={model}", "--source=digits", "--num_images=20",
            "--metrics=fid",
        ],
        "export": [f"--model={model}"],
        "serve": [f"--model={model}", "--port=-1"],
        "race": ["--seconds=1"],
    }  # fmt: skip


def _cases(model: pathlib.Path) -> list[tuple[str, list[str], bool]]:
    """Name, arguments, and whether they may be followed."""
    import importlib

    from keras_mixgan.cli.commands import COMMANDS

    cases = []
    for name, base in _bases(model).items():
        groups = importlib.import_module(COMMANDS[name].module).GROUPS
        for flag in itertools.chain(*groups.values()):
            for value in _WRONG[flag.kind]:
                if (name, flag.name, value) == ("serve", "port", "!0"):
                    continue  # Any free port: it would serve for ever.
                text = f"--{flag.name}={value.lstrip('!')}"
                may_pass = value.startswith("!")
                cases.append((name, [*base, text], may_pass))
        cases.append((name, [*base, "--no_such_flag=1"], False))
        cases.append((name, [*base, "stray"], False))
        for flag, value in _ABSURD.get(name, ()):
            cases.append((name, [*base, f"--{flag}={value}"], False))
    cases.append(("no_such_command", [], False))
    return cases


def _flags(folder: pathlib.Path, model: pathlib.Path, most: int) -> probing.Row:
    row = probing.Row("flags")
    cases, waiting = _cases(model), []
    cases = random.Random(0).sample(cases, min(most, len(cases)))
    for number, (name, arguments, may_pass) in enumerate(cases):
        work = folder / f"here-{number}"
        work.mkdir()
        child = probing.start(_in(work, name, arguments), memory=_MEMORY)
        waiting.append((f"{name} {arguments[-1:]}", work, child, may_pass))
        if len(waiting) == _AT_A_TIME:
            _judge(row, *waiting.pop(0))
    for case in waiting:
        _judge(row, *case)
    return row


def _in(work: pathlib.Path, name: str, arguments: list[str]):
    def run():
        os.chdir(work)
        return probing.command(name, *arguments)()

    return run


def _judge(row, name, work, child, may_pass) -> None:
    row.tried += 1
    why = probing.refusal(child)
    left = [path.name for path in work.rglob("*") if path.is_file()]
    if may_pass and child.status == 0 and "Traceback" not in child.text():
        row.passed += 1
    elif why is not None:
        row.fail(name[:80], why)
    elif left:
        row.fail(name[:80], f"refused, and left {left}")
    else:
        row.refused += 1


def _models(folder: pathlib.Path) -> probing.Row:
    """What is no regular file, as a model, in a run's folder, as data."""
    row = probing.Row("pipes, devices, links")
    pipe = folder / "pipe.keras"
    os.mkfifo(pipe)
    device = folder / "device.keras"
    device.symlink_to("/dev/zero")
    circle = folder / "circle.keras"
    circle.symlink_to(circle)
    preset = _model(folder / "good")
    for path in (pipe, device, circle, "/dev/zero"):
        for command in ("sample", "evaluate", "export", "serve"):
            _refused(row, folder, command, f"--model={path}")
        _refused(
            row, folder, "evaluate", f"--model={preset}", "--source=digits",
            "--num_images=20", f"--classifier={path}",
        )  # fmt: skip
        _refused(row, folder, "train", f"--source={path}")
    for name in ("settings.json", "history.csv", "checkpoint.keras"):
        run = folder / name.partition(".")[0]
        run.mkdir()
        os.mkfifo(run / name)
        _refused(
            row, folder, "train", "--source=ring", "--width=4", "--steps=1",
            f"--workdir={run}",
        )  # fmt: skip
        _refused(row, folder, "sample", f"--model={run}")
    return row


def _refused(row, folder, command, *arguments) -> None:
    child = probing.start(_in(folder, command, list(arguments)))
    row.tried += 1
    why = probing.refusal(child, seconds=60)
    if why is None:
        row.refused += 1
    else:
        row.fail(f"{command} {' '.join(arguments)}", why)
