r"""Scores all models of a folder that have no scores yet.

    KERAS_BACKEND=jax python benchmarks/gpu/score.py FOLDER --train=train.npz \
        --test=test.npz --onnx=efficientnet.onnx --num_images=50000

Beside `NAME.keras` comes `NAME.scores.json`: score and Frechet distance by the
bundled classifier of CIFAR-10 and by the ONNX file's, class diversity where
the generators take labels, the class error where discriminators know classes.
Any number of these may run at once; with `--watch` each goes on until the
folder has a file `done`.
"""

import argparse
import contextlib
import fcntl
import json
import os
import pathlib
import time
from collections.abc import Iterator

os.environ.setdefault("KERAS_BACKEND", "jax")

import keras
import onnx_in_jax
import room

from keras_mixgan import metrics
from keras_mixgan.data import sources
from keras_mixgan.metrics.samples import Samples
from keras_mixgan.utils import atomic

NAME = "efficientnet_lite0"
# Of the SavedModel, by `python benchmarks/gpu/onnx_in_jax.py FILE PATH`.
SHA256 = "3413a0ca47b5415f87d5e2e4bb279533182238123ba260ed5e83da0671c47cf1"


def scores(model, real, test, classifiers, count: int) -> dict:
    """All scores of a model, as plain numbers, by classifier."""
    found = {}
    asked = [(name, ["inception_score", "fid"], False) for name in classifiers]
    if model.conditional:
        asked.append((None, ["class_diversity"], True))
    for classifier, wanted, components in asked:
        report = metrics.evaluate(
            model, real, wanted, classifier, count, real=False, verbose=0,
            components=components,
        )  # fmt: skip
        name = getattr(classifier, "name", classifier) or "diversity"
        found[name] = {
            row: {k: [v.mean, v.std] for k, v in values.items()}
            for row, values in report.scores.items()
        }
    with contextlib.suppress(ValueError):  # Few discriminators know classes.
        error = metrics.classification_error(model, test)
        found["classes"] = [error.mean, error.std]
    return found


@contextlib.contextmanager
def _claimed(path: pathlib.Path) -> Iterator[bool]:
    """Whether no other process holds a file; the system frees it at the end."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True


def main() -> None:
    """Scores what is there."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, description=__doc__.split("\n")[0]
    )
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--train", required=True)
    parser.add_argument("--test", required=True)
    parser.add_argument("--onnx", help="EfficientNet-Lite0")
    parser.add_argument("--num_images", type=int, default=50_000)
    parser.add_argument("--watch", action="store_true")
    parser.add_argument("--pattern", default="*.keras")
    use = parser.parse_args()
    real = Samples(sources.load_source(use.train), argument="source")
    test = sources.load_source(use.test)
    classifiers = ["cifar10"]
    if use.onnx:
        classifiers.append(onnx_in_jax.classifier(use.onnx, NAME, SHA256))
    shared = room.Room(use.folder / "room")
    while True:
        # Looked at first: what is saved during a pass needs another one.
        last = not use.watch or (use.folder / "done").exists()
        for path in sorted(use.folder.glob(use.pattern)):
            out = path.with_suffix(".scores.json")
            with _claimed(path.with_suffix(".claim")) as mine:
                if not mine or out.exists():
                    continue
                began = time.perf_counter()
                model = keras.saving.load_model(path)
                with shared.shared():
                    found = scores(
                        model, real, test, classifiers, use.num_images
                    )
                found["num_images"] = use.num_images
                with atomic.replacing(out) as partial:
                    partial.write_text(json.dumps(found, indent=2) + "\n")
            print(path.name, f"{time.perf_counter() - began:.1f} s",
                  {k: v["mixture"] for k, v in found.items()
                   if isinstance(v, dict)}, flush=True)  # fmt: skip
            del model
            keras.backend.clear_session()
        if last:
            break
        time.sleep(2)


if __name__ == "__main__":
    main()
