"""Trains the bundled classifiers of `keras_mixgan.metrics`.

They are small, so that the package can bundle them: a user without a network
can then compute a classifier score, FID and KID. Each is trained on the
training split only. The test split is read once, after training, for the
accuracy that is printed and recorded in `assets/classifiers.json`.

Run from the repository root, with TFDS able to find or fetch the data set
(`--measure_only` repeats the measurement of the bundled weights):

    python tools/train_classifiers.py --name=digits
    python tools/train_classifiers.py --name=fashion_mnist
    python tools/train_classifiers.py --name=cifar10 --measure_only

CIFAR-10's is trained by `train_cifar10_classifier.py`.
"""

import argparse
import hashlib
import json
import os
import pathlib
import time

os.environ.setdefault("KERAS_BACKEND", "tensorflow")
# Without AVX-512 TensorFlow turns oneDNN off, which halves the speed.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from keras_mixgan.metrics import bundled

# Name -> data set of TFDS, epochs, pixels an image is shifted by at most,
# whether it may be mirrored (mirrored digits are no digits).
DATASETS = {
    "digits": ("mnist", 10, 2, False),
    "fashion_mnist": ("fashion_mnist", 18, 2, True),
    "cifar10": ("cifar10", None, None, None),
}
BATCH = 128


def load(name: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns images float32 (N, H, W, C) in [-1, 1] and labels (N,)."""
    data = tfds.load(DATASETS[name][0], split=split, batch_size=-1)
    images = np.asarray(data["image"], "float32") / 127.5 - 1
    return images, np.asarray(data["label"], "int32")


def augmented(name: str, images: np.ndarray, labels: np.ndarray):
    """Returns a shuffled dataset of shifted, mirrored images.

    From images float32 (N, H, W, C) and labels int32 (N,) of `DATASETS[name]`.
    """
    _, _, shift, mirror = DATASETS[name]
    height, width, channels = images.shape[1:]

    def change(image, label):
        # Digits and clothes lie on black.
        padding = [[shift] * 2, [shift] * 2, [0, 0]]
        image = tf.pad(image, padding, constant_values=-1)
        image = tf.image.random_crop(image, (height, width, channels))
        if mirror:
            image = tf.image.random_flip_left_right(image)
        return image, label

    return (
        tf.data.Dataset.from_tensor_slices((images, labels))
        .shuffle(len(images))
        .map(change, num_parallel_calls=1)
        .batch(BATCH, drop_remainder=True)
        .prefetch(2)
    )


def optimizer(steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of a classifier, with its schedule.

    The warm-up comes before the cosine, whose last tenth is not reached.
    """
    return keras.optimizers.AdamW(
        keras.optimizers.schedules.CosineDecay(
            0.0, steps, warmup_target=3e-3, warmup_steps=steps // 10
        ),
        weight_decay=1e-3,
    )


def train(name: str, epochs: int) -> tuple[keras.Model, float]:
    """Trains one of `DATASETS`; returns the network and the seconds."""
    images, labels = load(name, "train")
    model = bundled.build(name)
    steps = len(images) // BATCH * epochs
    trained = keras.Model(model.input, model.output["logits"])
    # No label smoothing: a classifier score is computed from probabilities,
    # and smoothing would limit how confident they can be.
    trained.compile(
        optimizer(steps),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,
    )
    started = time.time()
    dataset = augmented(name, images, labels)
    trained.fit(dataset, epochs=epochs, verbose=2, shuffle=False)
    return model, time.time() - started


def measure(name: str, file: pathlib.Path) -> dict:
    """Measures a classifier as stored, in half precision."""
    model = bundled.load(name, file)
    images, labels = load(name, "test")
    logits = model.predict(images, batch_size=500, verbose=0)["logits"]
    return {
        "test_accuracy": float(np.mean(logits.argmax(-1) == labels)),
        "parameters": model.count_params(),
        "bytes": file.stat().st_size,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
    }


def main() -> None:
    """Reads the flags, trains or measures one classifier, and records it."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, description=__doc__.split("\n")[0]
    )
    parser.add_argument("--name", choices=sorted(DATASETS), required=True)
    parser.add_argument("--epochs", type=int, default=None)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=0, help="0: all cores")
    parser.add_argument(
        "--measure_only", action="store_true", help="train nothing"
    )
    flags = parser.parse_args()
    if flags.name == "cifar10" and not flags.measure_only:
        parser.error(
            "--name=cifar10 must come with --measure_only; "
            "train_cifar10_classifier.py trains it. Received: neither"
        )
    tf.config.threading.set_intra_op_parallelism_threads(flags.threads)
    tf.config.threading.set_inter_op_parallelism_threads(flags.threads)
    keras.utils.set_random_seed(flags.seed)
    book = bundled.ASSETS / "classifiers.json"
    records = json.loads(book.read_text()) if book.exists() else {}
    record = records.setdefault(flags.name, {})
    file = bundled.path(flags.name)
    if not flags.measure_only:
        epochs = flags.epochs
        if epochs is None:
            epochs = DATASETS[flags.name][1]
        model, seconds = train(flags.name, epochs)
        bundled.save(model, file)
        record["epochs"] = epochs
        record["seed"] = flags.seed
        record["trained_on"] = f"{DATASETS[flags.name][0]}, training split"
        record["training_seconds"] = round(seconds, 1)
    record.update(measure(flags.name, file))
    book.write_text(json.dumps(records, indent=2, sort_keys=True) + "\n")
    print(f"{flags.name}: {json.dumps(record, indent=2)}")


if __name__ == "__main__":
    main()
