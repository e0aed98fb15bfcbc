"""Adds to presets what a card shows beside samples and scores.

    python tools/zoo_pictures.py --names=mix_dcgan_mnist
    python tools/make_presets.py --root=

For each preset: images between two latents; ten samples and the training
image nearest to each, where the data's licence lets us show it; how near
samples lie to training images, compared with test images; precision and
recall. The second command then writes the hashes of the zoo's files.
"""

import json
import pathlib

import numpy as np
from absl import app
from absl import flags
from sklearn.neighbors import NearestNeighbors
from zoo_card import with_nearness

import keras_mixgan as kmg
from keras_mixgan import sources
from keras_mixgan.metrics import classifiers
from keras_mixgan.metrics import judges
from keras_mixgan.utils import atomic
from keras_mixgan.utils import pixels
from keras_mixgan.utils import plotting

ZOO = flags.DEFINE_string("zoo", "zoo", "Folder of the zoo.")
NAMES = flags.DEFINE_list("names", None, "Presets; all where not given.")
FACES = flags.DEFINE_string("faces", None, "Folder of CelebA's images.")
CLASSIFIER = flags.DEFINE_string(
    "classifier", None, "As in `keras-mixgan evaluate`."
)
DATA_DIR = flags.DEFINE_string("data_dir", None, "Folder of TFDS.")
# The licences of the others do not let us pass on their images.
SHOWN = ("mnist", "fashion_mnist")
SAMPLES = 10
# Samples, and test images, whose distance to training images is measured.
COMPARED = 1000
# Images of either side for precision and recall.
IMAGES = 10_000


def between(model):
    """Draws images between two latents, three rows or more a generator."""
    rows = max(3, 10 // model.num_generators)
    blocks = []
    for i in range(model.num_generators):
        # Labels are those of classes 0, 1, ...
        labels = range(rows) if model.conditional else [None] * rows
        blocks.append(
            np.concatenate(
                [
                    model.interpolate(
                        SAMPLES, labels=label, component=i, seed=row
                    )
                    for row, label in enumerate(labels)
                ]
            )
        )
    titles = [f"Generator {i}" for i in range(model.num_generators)]
    return plotting.sample_grid(blocks, titles, SAMPLES)


def nearness(made, train, test, network) -> tuple[dict, np.ndarray]:
    """How near samples lie to training images, in a classifier's features.

    `made` are images of the preset, float32 in [-1, 1]. `train` and `test` are
    uint8; the preset never saw `test`, which may be `None`. Returns a dict with
    the medians of the distance from samples, and from test images, to the
    nearest training image; and for the first samples the row of that image.
    """
    search = NearestNeighbors(n_neighbors=1)
    search.fit(_features(network, train))
    distance, row = search.kneighbors(_features(network, made))
    found = {"samples": float(np.median(distance)), "count": COMPARED}
    if test is not None:
        seen, _ = search.kneighbors(_features(network, test[:COMPARED]))
        found["test"] = float(np.median(seen))
    return found, row[:SAMPLES, 0]


def _labels(model):
    if not model.conditional:
        return None
    return np.arange(COMPARED) % model.num_classes


def _features(network, images, batch_size=500) -> np.ndarray:
    # In their order, which `metrics.activations` shuffles.
    parts = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        if batch.dtype == np.uint8:
            batch = pixels.to_floats(batch)
        _, found = network.logits_and_features(np.asarray(batch, "float32"))
        parts.append(found)
    return np.concatenate(parts)


def add(folder: pathlib.Path) -> None:
    """Adds pictures and figures to one preset, and writes its card anew."""
    metadata = json.loads((folder / "metadata.json").read_text())
    model = kmg.MixGAN.from_preset(folder)
    settings = metadata["settings"]
    is_folder = settings["source"] not in judges.JUDGES
    place = FACES.value if is_folder else settings["source"]
    if is_folder and not (FACES.value and CLASSIFIER.value):
        raise app.UsageError(
            "--faces and --classifier must be given for a preset of faces, or "
            f"leave it out of --names. Received: {folder.name}"
        )

    def load(split):
        return sources.load_source(
            place,
            split,
            image_size=settings.get("image_size"),
            data_dir=DATA_DIR.value,
        )

    train = load("train")
    test = None if is_folder else load("test").images
    network = classifiers.load(
        CLASSIFIER.value if is_folder else judges.choose(settings["source"])
    )
    made = model.generate(COMPARED, labels=_labels(model), seed=0)
    found, rows = nearness(made, train.images, test, network)
    scores = kmg.metrics.precision_recall(model, train, network, IMAGES)
    metadata["nearness"] = found | {
        "classifier": network.name,
        "shown": settings["source"] in SHOWN,
        "precision": scores["precision"].mean,
        "recall": scores["recall"].mean,
        "num_images": min(IMAGES, len(train)),
    }
    _save(between(model), folder / "between.png")
    if settings["source"] in SHOWN:
        near = pixels.to_floats(train.images[rows])
        picture = plotting.sample_grid(
            [made[:SAMPLES], near],
            ["Samples", "The nearest training images"],
            SAMPLES,
        )
        _save(picture, folder / "nearest.png")
    with atomic.replacing(folder / "metadata.json") as partial:
        partial.write_text(json.dumps(metadata, indent=2) + "\n")
    text = (folder / "README.md").read_text()
    with atomic.replacing(folder / "README.md") as partial:
        partial.write_text(with_nearness(text, metadata))


def _save(picture, path: pathlib.Path) -> None:
    # Few colours are enough, and make a small file.
    picture.quantize(128).save(path, optimize=True)


def main(arguments):
    """Adds to every preset that was named."""
    if arguments[1:]:
        raise app.UsageError(f"Unknown argument: {arguments[1]}")
    zoo = pathlib.Path(ZOO.value)
    names = NAMES.value or sorted(
        path.parent.name for path in zoo.glob("*/metadata.json")
    )
    for name in names:
        add(zoo / name)
        print(zoo / name, flush=True)


if __name__ == "__main__":
    app.run(main)
