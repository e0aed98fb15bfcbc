"""Hostile presets, `.keras` files, archives, images, settings, histories."""

import contextlib
import functools
import itertools
import json
import os
import pathlib
import tempfile
import warnings
import zipfile
from collections.abc import Iterator

import probing

MOST_MEMORY = 2**30  # That all of them may take at once.


def rows() -> list[probing.Row]:
    """Loads everything hostile: a row for each kind of file, and for memory."""
    warnings.simplefilter("ignore")  # Of Pillow, of bombs.
    parts = (_presets, _archives, _arrays, _folders, _runs)
    found = [part() for part in parts]
    # Once more: what was taken for the first time is not measured.
    before = _restarted_peak()
    again = [part() for part in (_archives, _arrays, _folders)]
    grown = _peak() - before
    memory = probing.Row("memory of loading them again")
    memory.check("peak", grown < MOST_MEMORY, f"{grown:,} bytes")
    memory.notes.append(f"the peak has grown by {grown / 2**20:.0f} MiB")
    for first, second in zip(found[1:4], again, strict=True):
        first.wrong += second.wrong
    return [*found, memory]


def _restarted_peak() -> int:
    """Sets the peak of this process's memory back to now; returns it."""
    pathlib.Path("/proc/self/clear_refs").write_text("5")
    return _peak()


def _peak() -> int:
    lines = pathlib.Path("/proc/self/status").read_text().splitlines()
    line = next(x for x in lines if x.startswith("VmHWM"))
    return 1024 * int(line.split()[1])


@contextlib.contextmanager
def _folder() -> Iterator[pathlib.Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield pathlib.Path(folder)


class _Presets:
    """Loads copies of a good preset, each with one thing changed."""

    def __init__(self):
        self.row = probing.Row("presets")

    def load(self, name, harm, may_pass=False):
        """Changes the preset's folder."""
        import hostile_presets as hostile

        from keras_mixgan.cli.models import load_model

        with _folder() as folder:
            preset = hostile.copy(folder)
            harm(preset)
            self.row.load(name, lambda: load_model(preset), may_pass)

    def configured(self, name, change):
        """Changes its configuration."""
        import hostile_presets as hostile

        self.load(name, lambda preset: hostile.edit(preset, change))

    def weighted(self, name, change):
        """Changes its weights file."""
        import h5py
        import hostile_presets as hostile

        from keras_mixgan import presets

        def harm(preset):
            with h5py.File(preset / presets.WEIGHTS, "r+") as file:
                change(file)
            hostile.mend(preset)

        self.load(name, harm)

    def written(self, name, part, content):
        """Writes other bytes in place of one of its files."""
        import hostile_presets as hostile

        from keras_mixgan import presets

        def harm(preset):
            (preset / part).write_bytes(content)
            if part != presets.METADATA:
                hostile.mend(preset)

        self.load(name, harm)


def _presets() -> probing.Row:
    probe = _Presets()
    _configurations(probe)
    _weights(probe)
    return probe.row


def _configurations(probe: _Presets) -> None:
    import hostile_presets as hostile

    from keras_mixgan import presets

    parts = (presets.CONFIG, presets.METADATA)
    for (name, layer), place in itertools.product(
        hostile.CODE.items(), hostile.PLACES
    ):
        probe.configured(
            f"{name} as {place}",
            functools.partial(hostile.put_code, layer=layer, place=place),
        )
    probe.configured("a lambda as a value", hostile.put_lambda)
    for name, change in (hostile.WRONG | hostile.COMPILED).items():
        probe.configured(name, change)
    for name, change in hostile.HUGE.items():
        probe.configured(f"huge {name}", change)
    probe.configured(
        "more weights", functools.partial(hostile.embed, classes=10**7)
    )
    for part, depth in itertools.product(parts, hostile.DEPTHS):
        probe.load(
            f"{part} {depth} deep",
            functools.partial(hostile.nest, name=part, depth=depth),
            may_pass=(part, depth) == (presets.METADATA, 150),
        )
    for part, text in itertools.product(parts, hostile.OTHER_JSON):
        probe.written(f"{part} is {text!r}", part, text.encode())


def _weights(probe: _Presets) -> None:
    import hostile_presets as hostile

    from keras_mixgan import presets

    for harm, _ in hostile.HARM:
        probe.weighted(
            harm.__name__,
            lambda file, harm=harm: harm(file, hostile.first(file)),
        )
    for shape in ((1,), (3, 5, 7), (0,)):
        probe.weighted(
            f"weights of shape {shape}",
            functools.partial(hostile.reshape_first, shape=shape),
        )
    for content in hostile.NO_HDF5:
        probe.written(f"weights {content[:9]}", presets.WEIGHTS, content)
    for part in (presets.CONFIG, presets.METADATA, presets.WEIGHTS):
        probe.load(f"{part} missing", lambda p, part=part: (p / part).unlink())
        probe.load(f"{part} a pipe", lambda p, part=part: _as_pipe(p / part))
    for seed in range(40):

        def harm(preset, seed=seed):
            hostile.damage(preset / presets.WEIGHTS, seed)
            hostile.mend(preset)

        probe.load(f"bits {seed}", harm, may_pass=True)


def _as_pipe(path: pathlib.Path) -> None:
    path.unlink()
    os.mkfifo(path)


def _archives() -> probing.Row:
    """`.keras` files, as a model and as a classifier."""
    row = probing.Row(".keras files")
    for name, content, change, how in itertools.chain(
        _packed_wrongly(), _configured_wrongly()
    ):
        _load_archive(row, name, content, change, how)
    _programs(row)
    return row


def _load_archive(row, name, content, change, how) -> None:
    import hostile_presets as hostile

    from keras_mixgan.cli.models import load_model
    from keras_mixgan.metrics import classifiers

    with _folder() as folder:
        path = hostile.packed(folder, content, **how)
        if change is not None:
            change(path)
        row.load(name, lambda: load_model(path))
        row.load(f"{name} as classifier", lambda: classifiers.load(str(path)))


def _packed_wrongly() -> Iterator[tuple]:
    """Name, members, change of the file, how to pack it."""
    import hostile_presets as hostile

    from keras_mixgan import presets

    members = hostile.members()
    for name in members:
        rest = [item for item in members.items() if item[0] != name]
        yield f"without {name}", rest, None, {}
        yield f"{name} empty", (members | {name: b""}).items(), None, {}
    yield "nothing", [], None, {}
    for name in hostile.MORE_MEMBERS:
        yield f"with {name}", [*members.items(), (name, b"x")], None, {}
    twice = [*members.items(), (presets.CONFIG, members[presets.CONFIG])]
    yield "config twice", twice, None, {}
    yield "encrypted", members.items(), hostile.encrypt, {}
    bomb = members | {presets.WEIGHTS: bytes(2**25)}
    how = {"compression": zipfile.ZIP_DEFLATED}
    yield "a bomb", bomb.items(), None, how
    for share in range(0, 100, 10):
        cut = functools.partial(_cut, share=share)
        yield f"the first {share} %", members.items(), cut, {}


def _cut(path: pathlib.Path, share: int) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * share // 100])


def _configured_wrongly() -> Iterator[tuple]:
    """As above."""
    import hostile_presets as hostile

    from keras_mixgan import presets

    members = hostile.members()
    for text in hostile.NO_CONFIGURATIONS:
        content = {presets.CONFIG: text.encode() or b" "}
        yield f"config {text[:9]!r}", (members | content).items(), None, {}
    for name, layer in hostile.CODE.items():
        change = functools.partial(hostile.put_code, layer=layer, place="layer")
        content = hostile.with_config(members, change)
        yield name, content.items(), None, {}
    content = hostile.with_config(members, hostile.HUGE["weights"])
    yield "huge", content.items(), None, {}


def _programs(row: probing.Row) -> None:
    """Layers whose code would leave a file; and what is no file."""
    import hostile_presets as hostile

    from keras_mixgan.cli.models import load_model
    from keras_mixgan.metrics import classifiers

    with _folder() as folder:
        trace = folder / "trace"
        path = hostile.with_lambda(folder, trace)
        row.load("a real lambda", lambda: load_model(path))
        row.load(
            "a real lambda as classifier",
            lambda: classifiers.load(str(path)),
        )
        row.check("a real lambda", not trace.exists(), "it was run")
        pipe = hostile.pipe(folder, "pipe.keras")
        row.load("a pipe", lambda: load_model(pipe))
        row.load("a pipe as classifier", lambda: classifiers.load(str(pipe)))


def _arrays() -> probing.Row:
    import hostile_data as hostile
    import numpy as np
    from hostile_presets import encrypt

    from keras_mixgan.data import array_files

    row = probing.Row(".npz files")

    def load(name, write, may_pass=False):
        with _folder() as folder:
            path = folder / "a.npz"
            write(path)
            row.load(name, lambda: array_files.load_npz(path), may_pass)

    images = np.zeros((3, 4, 4), "uint8")
    for arrays, message in hostile.ARRAYS:
        load(message, lambda path, a=arrays: np.savez(path, **a))
    for labels, message in hostile.LABELS:
        load(
            message,
            lambda path, y=labels: np.savez(path, images=images, labels=y),
        )
    for content, message in hostile.CONTENTS:
        load(
            f"{message}, {content[:20]}",
            lambda path, c=content: hostile.written(path, ("images.npy", c)),
        )
    load(
        "6 GB in a few bytes",
        lambda path: hostile.written(
            path, ("images.npy", hostile.header((2**31, 3, 1)))
        ),
    )
    load(
        "pickles",
        lambda path: np.savez(
            path, images=np.array([{}, {}], object).reshape(2, 1, 1)
        ),
    )

    def encrypted(path):
        np.savez(path, images=images)
        encrypt(path)

    load("encrypted", encrypted)
    load("a pipe", os.mkfifo)
    load("text", lambda path: path.write_text("hello"))
    load("torn", lambda path: path.write_bytes(b"PK\x03\x04 and no more"))
    for seed in range(40):
        load(f"bits {seed}", lambda p, s=seed: _turned(p, s), may_pass=True)
    return row


def _turned(path: pathlib.Path, seed: int) -> None:
    """A good archive with twenty bits turned."""
    import numpy as np

    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (5, 8, 8), dtype="uint8")
    np.savez(path, images=pixels, labels=np.arange(5))
    content = bytearray(path.read_bytes())
    for place in rng.integers(0, len(content), 20):
        content[place] ^= 1 << rng.integers(8)
    path.write_bytes(bytes(content))


def _folders() -> probing.Row:
    import hostile_data as hostile
    import numpy as np

    from keras_mixgan.data import sources

    row = probing.Row("image folders")
    for name, (make, _) in hostile.FOLDERS.items():
        with _folder() as folder:
            make(folder)
            row.load(name, lambda f=folder: sources.load_source(f))
    suffixes = ("png", "jpg", "bmp", "gif", "webp", "tiff", "ppm")
    for suffix, seed in itertools.product(suffixes, range(8)):
        with _folder() as folder:
            path = hostile.noise(folder / f"a.{suffix}")
            rng = np.random.default_rng(seed)
            content = bytearray(path.read_bytes())
            for place in rng.integers(0, min(2000, len(content)), 20):
                content[place] ^= 1 << rng.integers(8)
            path.write_bytes(bytes(content))
            row.load(
                f"bits of {suffix} {seed}",
                lambda f=folder: sources.load_source(f, image_size=16),
                may_pass=True,
            )
    return row


def _runs() -> probing.Row:
    """Folders of runs whose settings or history are damaged."""
    import hostile_presets as hostile

    from keras_mixgan.cli import settings
    from keras_mixgan.training import callbacks

    row = probing.Row("settings.json, history.csv")
    saved = json.loads((hostile.FOLDER / "run/settings.json").read_text())
    texts = ["", "{}", "[]", "null", "\0", "[" * 100_000, '{"format": 1']
    texts.append(json.dumps(saved | {"format": 99}))
    texts.append(json.dumps(saved | {"format": "x"}))
    texts.append('{"format": ' + "9" * 10_000 + "}")
    for key, value in itertools.product(
        ("settings", "data", "given"), (None, [1], 3, "x")
    ):
        texts.append(json.dumps(saved | {key: value}))
    rows_ = (hostile.FOLDER / "run/history.csv").read_bytes()
    histories = [
        b"", b"a,b\n", b"\xff\xfe\0" * 100, b"\0" * 100,
        rows_.replace(b",", b";"), rows_ + b"1\n", rows_ + b"x,y,z\n",
        rows_ + b"1e999," * 5 + b"\n", rows_ + b'"' * 10 + b"\n",
        rows_ + b'"' + b"x" * 200_000 + b"\n",
    ]  # fmt: skip
    with _folder() as folder:
        path = folder / "settings.json"
        for text in texts:
            path.write_text(text)
            row.load(f"settings {text[:40]!r}", lambda: settings.read(path))
        _as_pipe(path)
        row.load("settings a pipe", lambda: settings.read(path))
        path = folder / "history.csv"
        for text in histories:
            path.write_bytes(text)
            row.load(
                f"history {text[-20:]}",
                lambda: callbacks.read_history(path),
            )
        _as_pipe(path)
        row.load("history a pipe", lambda: callbacks.read_history(path))
    return row
