"""`evaluate`: the scores of a mixture, of its generators, and of real data.

It also scores one set of images against another.

MIX+GAN's own protocol (arXiv:1703.00573, section 6) is the default: 50,000
fresh images, ten splits. Each generator is scored alone as well, which shows
dead components, and real data is scored as the ceiling.
"""

import json
import time
from collections.abc import Iterator
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np

from keras_mixgan.metrics import early
from keras_mixgan.metrics import judges
from keras_mixgan.metrics import labels
from keras_mixgan.metrics import registry
from keras_mixgan.metrics.activations import activations
from keras_mixgan.metrics.registry import Row
from keras_mixgan.metrics.registry import Settings
from keras_mixgan.metrics.report import Report
from keras_mixgan.metrics.samples import Samples
from keras_mixgan.metrics.samples import as_samples
from keras_mixgan.metrics.score import Score
from keras_mixgan.utils import checks
from keras_mixgan.utils import memory
from keras_mixgan.utils.errors import UserError

DEFAULT = ("inception_score", "fid", "kid")


def evaluate(
    model: Any,
    source: Any,
    metrics: Sequence[str] = DEFAULT,
    classifier: Any = None,
    num_images: int = 50_000,
    splits: int = 10,
    seed: int = 0,
    batch_size: int = 128,
    components: bool = True,
    real: bool = True,
    options: dict[str, dict[str, Any]] | None = None,
    verbose: int = 1,
) -> Report:
    """Scores a mixture, each of its generators alone, and real data.

    Distances of the real row are between two random halves of the data.

    Args:
        model: a `MixGAN`, or any object with `generate` and `image_shape`; or
            images (a source, its name or folder, or an array), whose row is
            "images".
        source: the real data: a source, its name or folder, or an array.
        metrics: names among `METRICS`, or one of them.
        classifier: see `classifiers.load`; for the metrics that need one. By
            default the bundled one for the source, else for what the model's
            run or preset was trained on.
        num_images: images to generate for each row; of a set of images, the
            most to use.
        splits: splits of the classifier score.
        seed: seed of everything random.
        batch_size: images the classifier sees at a time.
        components: score each generator alone as well.
        real: score real data as well.
        options: further arguments of single metrics, by metric, such as
            `{"equilibrium_gap": {"steps": 100}}`.
        verbose: 1 shows a progress bar, 0 nothing.

    Returns:
        A `Report`.

    Raises:
        ValueError: an unknown metric, images of another shape than the
            source's, no classifier known for the data, or an error of a
            metric.

    Example:
    >>> import keras_mixgan as kmg
    >>> networks = kmg.architectures.build("mlp", (2,), width=4)
    >>> model = kmg.MixGAN(*networks, 2, seed=0)
    >>> report = kmg.metrics.evaluate(
    ...     model, "ring", metrics=["modes"], num_images=1000, verbose=0
    ... )
    >>> list(report.scores)
    ['mixture', 'generator 0', 'generator 1', 'real']
    """
    started = time.time()
    metrics = [metrics] if isinstance(metrics, str) else metrics
    num_images, splits, seed, batch_size = check_numbers(
        num_images, splits, seed, batch_size
    )
    reference = as_samples(source, seed=seed, argument="source")
    images = None
    if not callable(getattr(model, "generate", None)):
        images = as_samples(model, num_images, seed=seed, argument="model")
        num_images, model = images.num_images, None
    # Every metric keeps at least a few numbers per image.
    memory.check_fits("num_images", 64 * num_images, f"{num_images:,} images")
    network = checked(
        images or model, reference, metrics, options, classifier, num_images,
        splits, real,
    )  # fmt: skip
    table = {name: registry.get(name) for name in metrics}
    use = Settings(
        network, splits, seed, batch_size, num_images, reference.name
    )
    if images is not None:
        rows = [Row("images", images, reference, images)]
    else:
        rows = list(_rows(model, reference, num_images, seed, components))
    if any(m.needs_classifier and not m.own_images for m in table.values()):
        _classify(rows, reference, use, verbose)
    if real:
        # Halves, as the distance of a set to itself is 0. Each takes its part
        # of the classifier's outputs along.
        first, second = reference.halves()
        rows.append(Row("real", reference, second, first))
    scores: dict[str, dict[str, Score]] = {row.name: {} for row in rows}
    tasks = [
        (row, name, metric)
        for row in rows
        for name, metric in table.items()
        if _applies(metric, row)
    ]
    bar = _progbar(len(tasks), verbose, "score")
    for row, name, metric in tasks:
        chosen = dict((options or {}).get(name, {}))
        scores[row.name].update(metric.run(row, use, **chosen))
        bar.add(1)
    weights = {row.name: row.weight for row in rows if row.weight is not None}
    settings = _settings(use, reference)
    if options:
        settings["options"] = json.loads(json.dumps(options, default=_name))
    if images is not None:
        settings["images"] = images.name
    return Report(scores, weights, settings, time.time() - started)


def check_numbers(
    num_images: int, splits: int, seed: int, batch_size: int
) -> tuple[int, int, int, int]:
    """Checks the numbers that all metrics share, and returns them."""
    return (
        checks.integer("num_images", num_images),
        checks.integer("splits", splits),
        checks.integer("seed", seed, least=0),
        checks.integer("batch_size", batch_size),
    )


def checked(
    model: Any,
    reference: Samples,
    metrics: Sequence[str],
    options: dict[str, dict[str, Any]] | None,
    classifier: Any,
    num_images: int,
    splits: int,
    real: bool,
) -> Any:
    """Raises early what would else fail after an hour; loads the classifier.

    `model` is one, or the `Samples` that are scored. Returns the classifier,
    `None` where no metric needs one.
    """
    if not metrics:
        raise UserError(
            f"`metrics` must be a list of names. Received: {metrics!r}."
        )
    for name in options or {}:
        if name not in metrics:
            raise UserError(
                f"`options` must be for metrics among {list(metrics)}. "
                f"Received: {name!r}."
            )
    _check_shape(model, reference)
    for name in metrics:
        metric, given = registry.get(name), (options or {}).get(name, {})
        _check_kind(name, metric, model, reference)
        early.check_options(name, metric.options, given)
        if metric.check is not None:
            metric.check(
                early.Asked(model, reference, num_images, splits, real, given)
            )
    if real:
        reference.halves()  # It must have two images.
    if not any(registry.get(name).needs_classifier for name in metrics):
        return None
    of = None if isinstance(model, Samples) else model
    network = judges.load(classifier, reference.name, of)
    network.conversion(reference.image_shape)
    if "label_agreement" in metrics:
        labels.check_classes(network, model)
    return network


def _check_kind(
    name: str, metric: registry.Metric, model: Any, reference: Samples
) -> None:
    """Checks that a metric is for such a model, or images, and data."""
    images = isinstance(model, Samples)
    if images and metric.rows != "all":
        raise UserError(
            f"`metrics` has {name!r}, which needs a model. Received: a "
            f"set of images, {model.name}"
        )
    if metric.rows == "mixture" and not hasattr(model, "generators"):
        raise UserError(
            f"`metrics` has {name!r}, which needs a mixture's networks. "
            f"Received: {type(model).__name__}, which has no `generators`"
        )
    if metric.conditional and images and model.labels is None:
        raise UserError(
            f"`metrics` has {name!r}, which needs a conditional model, or "
            f"images with labels. Received: {model.name}, which has none"
        )
    if (
        metric.conditional
        and not images
        and not getattr(model, "num_classes", None)
    ):
        raise UserError(
            f"`metrics` has {name!r}, which needs a conditional model. "
            "Received: a model without classes."
        )
    if metric.labelled and reference.labels is None:
        raise UserError(
            f"`metrics` has {name!r}, which needs real data with labels. "
            f"Received: {reference.name}, which has none."
        )


def _check_shape(model: Any, reference: Samples) -> None:
    """Checks that the images to score have the shape of the real ones."""
    shape = tuple(model.image_shape)
    if shape != tuple(reference.image_shape):
        whose = "the model's"
        if isinstance(model, Samples):
            whose = f"{model.name}'s"
        raise UserError(
            f"`source` must have images of {whose} shape {shape}. "
            f"Received: {tuple(reference.image_shape)}."
        )


def _rows(
    model: Any,
    reference: Samples,
    num_images: int,
    seed: int,
    components: bool,
) -> Iterator[Row]:
    """Yields the mixture's row, and each generator's."""
    samples = Samples(model, num_images, seed=seed)
    yield Row("mixture", samples, reference, samples, model)
    weights = getattr(model, "generator_weights", None)
    if components and weights is not None:
        for i, weight in enumerate(weights):
            samples = Samples(model, num_images, seed=seed, component=i)
            yield Row(
                f"generator {i}",
                samples,
                reference,
                samples,
                model,
                i,
                float(weight),
            )


def _applies(metric: registry.Metric, row: Row) -> bool:
    if metric.rows == "all" or row.name == "mixture":
        return True
    return metric.rows == "generated" and row.model is not None


def _classify(
    rows: list[Row], reference: Samples, use: Settings, verbose: int
) -> None:
    """Runs the classifier over all images once, for every metric to use."""
    total = reference.num_images + sum(row.samples.num_images for row in rows)
    bar = _progbar(total, verbose, "image")
    # Real data first, so that errors in the source show at once.
    for samples in [reference, *(row.samples for row in rows)]:
        activations(
            samples,
            use.classifier,
            use.batch_size,
            keep=samples is reference,
            progress=bar.add,
        )


def _settings(use: Settings, reference: Samples) -> dict[str, Any]:
    settings = {
        "source": use.source,
        **reference.selection,
        "image_shape": list(reference.image_shape),
        "num_images": use.num_images,
        "num_real": reference.num_images,
        "real_sha256": reference.fingerprint(),
        "splits": use.splits,
        "seed": use.seed,
    }
    if use.classifier is not None:
        settings["classifier"] = use.classifier.name
        settings["classifier_sha256"] = use.classifier.sha256
        settings["conversion"] = use.classifier.conversion(
            tuple(reference.image_shape)
        )
    return settings


def _name(thing: Any) -> Any:
    """What stands in a report for a payoff, a function or an array."""
    if isinstance(thing, np.generic | np.ndarray):
        return thing.tolist()
    for attribute in ("name", "__name__"):
        if hasattr(thing, attribute):
            return str(getattr(thing, attribute))
    return type(thing).__name__


def _progbar(target: int, verbose: int, unit: str) -> keras.utils.Progbar:
    return keras.utils.Progbar(target, verbose=verbose, unit_name=unit)
