"""Do images show the requested class, and do the generators differ?

`label_agreement` asks a conditional model for equally many images of every
class and counts how often a classifier sees that class. It is a simple variant
of the Classification Accuracy Score. `component_distinctness` trains a
classifier of "which generator made this": an accuracy of 1 / T means that all
generators make the same images, 1 that each makes different ones.
"""

from typing import Any

import keras
import numpy as np

from keras_mixgan.backends.inference import Forward
from keras_mixgan.metrics import classifiers
from keras_mixgan.metrics import judges
from keras_mixgan.metrics import networks
from keras_mixgan.metrics.samples import CHUNK
from keras_mixgan.metrics.samples import check_finite
from keras_mixgan.metrics.samples import chunk_seed
from keras_mixgan.metrics.score import Score
from keras_mixgan.utils import checks
from keras_mixgan.utils.errors import UserError


def label_agreement(
    model: Any,
    classifier: Any = None,
    num_images: int = 10_000,
    seed: int = 0,
    component: int | None = None,
    batch_size: int = 128,
) -> dict[str, Score]:
    """Returns how often a classifier sees the requested class.

    Args:
        model: A conditional `MixGAN`.
        classifier: See `classifiers.load`; its classes are the model's.
            By default the bundled one for the model's data.
        num_images: Images to generate, equally many of each class.
        seed: Seed of the images.
        component: Score one generator alone.
        batch_size: Images at a time.

    Returns:
        "label_agreement", the share of agreement in [0, 1] (details: per
        class), and "label_balance", the entropy of the seen classes over that
        of the uniform distribution, 1 for perfect balance.

    Raises:
        ValueError: An unconditional model, or a classifier with another
            number of classes.
    """
    count = getattr(model, "num_classes", None)
    if not count:
        raise UserError(
            "`model` must be conditional, with `num_classes`. Received: "
            f"num_classes={count!r}"
        )
    num_images = checks.integer("num_images", num_images, least=count)
    network = judges.load(classifier, None, model)
    check_classes(network, model)
    asked = np.arange(num_images, dtype="int32") % count
    seen = _classes_seen(model, network, asked, component, seed, batch_size)
    per_class = [float(np.mean(seen[asked == c] == c)) for c in range(count)]
    share = np.bincount(seen, minlength=count) / num_images
    present = share[share > 0]
    balance = 1.0  # Of one class.
    if count > 1:
        balance = -np.sum(present * np.log(present)) / np.log(count)
    details = {
        "num_images": num_images,
        "classifier": network.name,
        "classifier_sha256": network.sha256,
        "conversion": network.conversion(tuple(model.image_shape)),
        "per_class": per_class,
        "seen": share.tolist(),
        "seed": seed,
    }
    agreement = Score(
        float(np.mean(seen == asked)), None, details, "label agreement"
    )
    return {
        "label_agreement": agreement,
        "label_balance": Score(float(balance), None, details, "label balance"),
    }


def _classes_seen(
    model: Any,
    network: classifiers.Classifier,
    asked: np.ndarray,
    component: int | None,
    seed: int,
    batch_size: int,
) -> np.ndarray:
    """Returns the class (N,) that the classifier sees in each image."""
    seen = []
    for chunk, start in enumerate(range(0, len(asked), CHUNK)):
        labels = asked[start : start + CHUNK]
        images = check_finite(
            model.generate(
                len(labels),
                labels=labels,
                component=component,
                seed=chunk_seed(seed, chunk),
            )
        )
        for first in range(0, len(images), batch_size):
            batch = images[first : first + batch_size]
            logits, _ = network.logits_and_features(batch)
            seen.append(logits.argmax(axis=1))
    return np.concatenate(seen)


def check_classes(network: classifiers.Classifier, model: Any) -> None:
    """Checks that a classifier has the model's classes, by one blank image."""
    blank = np.zeros((1, *model.image_shape), "float32")
    count = network.logits_and_features(blank)[0].shape[1]
    if count != model.num_classes:
        raise UserError(
            f"`classifier` must have the model's {model.num_classes} classes. "
            f"Received: {count} ({network.name!r})"
        )


def check_components(
    model: Any,
    network: Any = None,
    num_images: int = 2000,
    steps: int = 300,
    batch_size: int = 64,
) -> None:
    """Raises what `component_distinctness` would, before any image is made."""
    count = len(model.generators)
    if count < 2:
        raise UserError(
            "`model` must have at least 2 generators to tell apart. Received: "
            f"{count}"
        )
    networks.build(network, tuple(model.image_shape), count)
    checks.integer("num_images", num_images, least=4)
    checks.integer("steps", steps)
    checks.integer("batch_size", batch_size)


def component_distinctness(
    model: Any,
    network: Any = None,
    num_images: int = 2000,
    steps: int = 300,
    batch_size: int = 64,
    seed: int = 0,
) -> Score:
    """Accuracy of a fresh classifier of "which generator made this image".

    Args:
        model: A `MixGAN` of at least two generators.
        network: "mlp", "conv", or a function from an image shape to a Keras
            model with a logit for each generator; `None` for "conv" on
            images and "mlp" on points.
        num_images: Images of each generator, half of them to train on.
        steps: Updates of the classifier.
        batch_size: Images in an update.
        seed: Seed of images, weights and batches.

    Returns:
        `Score` of the held-out accuracy; std is its standard error, and
        details hold chance level and the confusion matrix.

    Raises:
        ValueError: Fewer than two generators or four images.
    """
    check_components(model, network, num_images, steps, batch_size)
    count = len(model.generators)
    made = [
        check_finite(
            model.generate(num_images, component=i, seed=chunk_seed(seed, i))
        )
        for i in range(count)
    ]
    half = num_images // 2
    images = np.concatenate([side[:half] for side in made])
    rest = np.concatenate([side[half:] for side in made])
    labels = np.repeat(np.arange(count), half)
    truth = np.repeat(np.arange(count), num_images - half)
    judge = networks.build(network, tuple(model.image_shape), count, seed)
    judge.compile(
        keras.optimizers.Adam(1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    rng = np.random.default_rng(seed)
    size = min(batch_size, len(images))
    for _ in range(steps):
        rows = rng.choice(len(images), size, replace=False)
        judge.train_on_batch(images[rows], labels[rows])
    predicted = Forward().in_batches(judge, rest).argmax(axis=1)
    confusion = np.zeros((count, count))
    np.add.at(confusion, (truth, predicted), 1 / (num_images - half))
    accuracy = float(np.mean(predicted == truth))
    details = {
        "num_images": num_images,
        "chance": 1 / count,
        "confusion": confusion.tolist(),
        "steps": steps,
        "std": "standard error of the held-out accuracy",
        "seed": seed,
    }
    error = float(np.sqrt(accuracy * (1 - accuracy) / len(truth)))
    return Score(accuracy, error, details, "component distinctness")
