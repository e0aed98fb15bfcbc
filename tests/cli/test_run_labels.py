"""The class labels of a run's data: missing, single, renamed classes."""

import json
import shutil

import numpy as np
import pytest
from conftest import images_of

from keras_mixgan.cli import runs

pytestmark = pytest.mark.usefixtures("no_pictures", "no_graphs")


def test_classes_without_images_are_refused(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (8, 28, 28))
    path = tmp_path / "own.npz"
    np.savez(path, images=np.uint8(images), labels=np.int64([3, 7] * 4))
    given = {"source": str(path), "architecture": "dcgan", "width": 1}
    given |= {"steps": 1, "batch_size": 4, "num_generators": 1}
    with pytest.raises(ValueError, match=r"6 of 8 .* \(0, 1, 2, 4, 5, 6\)"):
        runs.train(given, tmp_path / "run", verbose=0)
    assert not (tmp_path / "run").exists()
    given |= {"conditional": False}
    model = runs.train(given, tmp_path / "run", verbose=0)
    assert not model.conditional


def test_labels_of_one_class_are_none(tmp_path):
    folder = images_of(tmp_path / "unpacked")
    shutil.rmtree(folder / "cat")
    given = {"source": str(folder), "image_size": 28, "width": 1, "steps": 1}
    given |= {"batch_size": 2, "num_generators": 1}
    assert not runs.train(given, tmp_path / "run", verbose=0).conditional


def test_renamed_classes_are_refused(tmp_path):
    folder = images_of(tmp_path / "photos")
    given = {"source": str(folder), "image_size": 28, "width": 1, "steps": 1}
    given |= {"batch_size": 2, "num_generators": 1}
    workdir = tmp_path / "run"
    runs.train(given, workdir, verbose=0)
    (folder / "cat").rename(folder / "zebra")
    with pytest.raises(ValueError, match=r"label_names: .*'cat'.* -> .*'zebra"):
        runs.train(given | {"steps": 2}, workdir, verbose=0)
    # Runs of earlier versions recorded no names.
    path = workdir / "settings.json"
    saved = json.loads(path.read_text())
    del saved["data"]["label_names"]
    path.write_text(json.dumps(saved))
    assert runs.train(given | {"steps": 2}, workdir, verbose=0).step == 2
