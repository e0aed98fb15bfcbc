"""Scores of models by `keras-mixgan evaluate`, each made once."""

import json
import os
import pathlib
import shlex
import subprocess
import sys
from collections.abc import Sequence

from keras_mixgan.metrics import bundled
from keras_mixgan.presets import hashes


def evaluate(
    model: str | os.PathLike[str],
    out: str | os.PathLike[str],
    words: Sequence[str],
    classifier: str | os.PathLike[str],
) -> None:
    """Scores a model, unless `out` is what the same call made of it.

    `words` are flags of `evaluate`, without `--model` and `--out`. `classifier`
    is the one that they lead to. Beside `out` lies a note of the words and of
    the hashes of the model and of a bundled classifier.
    """
    out = pathlib.Path(out)
    asked = json.dumps(
        [hashes.sha256(model), bundled.digest(str(classifier)), *words]
    )
    note = out.with_suffix(".asked")
    if out.exists() and note.exists() and note.read_text() == asked:
        return
    # From here on `out` may be another call's.
    note.unlink(missing_ok=True)
    program = ["-m", "keras_mixgan", "evaluate", *words]
    print("  " + shlex.join(program), flush=True)
    subprocess.run(
        [sys.executable, *program, f"--model={model}", f"--out={out}"],
        check=True,
    )
    note.write_text(asked)
