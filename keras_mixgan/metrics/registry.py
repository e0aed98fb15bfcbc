"""The metrics `evaluate` knows by name, and how each is run on a row."""

import dataclasses
from collections.abc import Callable
from typing import Any

from keras_mixgan.metrics import early
from keras_mixgan.metrics.birthday import birthday
from keras_mixgan.metrics.class_diversity import class_diversity
from keras_mixgan.metrics.classification_error import class_predictors
from keras_mixgan.metrics.classification_error import classification_error
from keras_mixgan.metrics.classifiers import Classifier
from keras_mixgan.metrics.distances import fid
from keras_mixgan.metrics.distances import kid
from keras_mixgan.metrics.equilibrium import equilibrium_gap
from keras_mixgan.metrics.inception_score import inception_score
from keras_mixgan.metrics.labels import component_distinctness
from keras_mixgan.metrics.labels import label_agreement
from keras_mixgan.metrics.modes import modes
from keras_mixgan.metrics.neural_net_distance import neural_net_distance
from keras_mixgan.metrics.precision_recall import precision_recall
from keras_mixgan.metrics.samples import Samples
from keras_mixgan.metrics.score import Score
from keras_mixgan.metrics.sliced_wasserstein import sliced_wasserstein
from keras_mixgan.utils.checks import nearest_of
from keras_mixgan.utils.errors import UserError


@dataclasses.dataclass(frozen=True)
class Row:
    """The images and the model of one row of a report.

    Args:
        name: "mixture", "generator 0", ..., "images" or "real".
        samples: its images.
        reference: real images that `compared` is compared with.
        compared: the images whose distances are measured: `samples`, but on
            the real row one half of the data, as `reference` is the other.
        model: the model, `None` on the rows of images and of real data.
        component: number of the generator, `None` for the mixture.
        weight: the generator's mixture weight.
    """

    name: str
    samples: Samples
    reference: Samples
    compared: Samples
    model: Any = None
    component: int | None = None
    weight: float | None = None


@dataclasses.dataclass(frozen=True)
class Settings:
    """The settings that all metrics of a report share.

    Args:
        classifier: the loaded classifier, `None` if no metric needs one.
        splits: splits of the classifier score.
        seed: seed of everything random.
        batch_size: images the classifier sees at a time.
        num_images: images per row; metrics that compare pairs use fewer.
        source: name of the real data.
    """

    classifier: Classifier | None
    splits: int
    seed: int
    batch_size: int
    num_images: int
    source: str

    def limit(self, most: int) -> int:
        """Returns the report's number of images, or `most` if that is less."""
        return min(self.num_images, most)


@dataclasses.dataclass(frozen=True)
class Metric:
    """One entry of the table.

    Args:
        run: takes a row, settings and the user's options, and returns scores
            by name.
        rows: "all", "generated" (not the real data) or "mixture".
        needs_classifier: whether it uses the report's classifier.
        conditional: whether it needs a model that takes labels.
        labelled: whether it needs real data with labels.
        own_images: whether it makes its own images, so that a row's need no
            classifier for it.
        options: names of the options that a user may give.
        check: raises what `run` would raise only later; optional.
    """

    run: Callable[..., dict[str, Score]]
    rows: str = "all"
    needs_classifier: bool = False
    conditional: bool = False
    labelled: bool = False
    own_images: bool = False
    options: tuple[str, ...] = ("num_images",)
    check: Callable[[early.Asked], Any] | None = None


def _inception_score(row: Row, use: Settings, **options: Any):
    options.setdefault("num_images", None)
    score = inception_score(
        row.samples,
        use.classifier,
        splits=options.pop("splits", use.splits),
        batch_size=use.batch_size,
        **options,
    )
    return {"inception_score": score}


def _compared(
    name: str,
    function: Callable[..., Any],
    most: int | None = None,
    judged: bool = False,
):
    """The runner of a metric that compares a row's images with real ones.

    By default it takes at most `most` images. One that is `judged` gets the
    report's classifier.
    """

    def run(row: Row, use: Settings, **options: Any):
        options.setdefault("num_images", most and use.limit(most))
        options.setdefault("seed", use.seed)
        if judged:
            options["classifier"] = use.classifier
            options["batch_size"] = use.batch_size
        found = function(row.compared, row.reference, **options)
        return found if isinstance(found, dict) else {name: found}

    return run


def _modes(row: Row, use: Settings, **options: Any):
    options.setdefault("num_images", use.limit(10_000))
    options.setdefault("centers", use.source)
    options.setdefault("seed", use.seed)
    return modes(row.samples, **options)


def _label_agreement(row: Row, use: Settings, **options: Any):
    options.setdefault("num_images", use.limit(10_000))
    return label_agreement(
        row.model,
        use.classifier,
        seed=use.seed,
        component=row.component,
        batch_size=use.batch_size,
        **options,
    )


def _class_diversity(row: Row, use: Settings, **options: Any):
    score = class_diversity(
        row.model or row.compared,
        row.reference,
        seed=use.seed,
        component=row.component,
        **options,
    )
    return {"class_diversity": score}


def _classification_error(row: Row, use: Settings, **options: Any):
    score = classification_error(
        row.model, row.reference, seed=use.seed, **options
    )
    return {"classification_error": score}


def _component_distinctness(row: Row, use: Settings, **options: Any):
    options.setdefault("num_images", use.limit(2000))
    score = component_distinctness(row.model, seed=use.seed, **options)
    return {"component_distinctness": score}


def _equilibrium_gap(row: Row, use: Settings, **options: Any):
    options.setdefault("num_images", use.limit(2000))
    gap = equilibrium_gap(row.model, row.reference, seed=use.seed, **options)
    values = (
        ("equilibrium_gap", gap.epsilon, "equilibrium gap epsilon"),
        ("generator_gain", gap.generator_gain, "generator gain"),
        ("discriminator_gain", gap.discriminator_gain, "discriminator gain"),
    )
    details = gap.to_dict()
    return {
        key: Score(value, None, details, name) for key, value, name in values
    }


# Options of the metrics that train a network.
_RESPONSE = ("payoff", "num_images", "steps", "batch_size", "learning_rate")
# To add a metric, add its file, an entry here and a test of its meaning.
METRICS: dict[str, Metric] = {
    "inception_score": Metric(
        _inception_score,
        needs_classifier=True,
        options=("num_images", "splits"),
        check=early.splits,
    ),
    "fid": Metric(
        _compared("fid", fid, judged=True),
        needs_classifier=True,
        check=early.pairs,
    ),
    "kid": Metric(
        _compared("kid", kid, judged=True),
        needs_classifier=True,
        options=("num_images", "block_size"),
        check=early.blocks,
    ),
    "precision_recall": Metric(
        _compared("precision_recall", precision_recall, 10_000, judged=True),
        needs_classifier=True,
        options=("num_images", "nearest"),
        check=early.neighbours,
    ),
    "sliced_wasserstein": Metric(
        _compared("sliced_wasserstein", sliced_wasserstein, 8192),
        options=("num_images", "patches_per_image", "seed"),
        check=early.pyramid,
    ),
    "neural_net_distance": Metric(
        _compared("neural_net_distance", neural_net_distance, 10_000),
        options=("discriminator", "seed", *_RESPONSE),
        check=early.fresh_network,
    ),
    "birthday": Metric(
        _compared("birthday", birthday, 2000),
        options=("num_images", "threshold"),
    ),
    "modes": Metric(
        _modes,
        options=("num_images", "centers", "std", "within"),
        check=early.centers,
    ),
    "label_agreement": Metric(
        _label_agreement,
        "generated",
        needs_classifier=True,
        conditional=True,
        own_images=True,
        check=early.one_of_each_class,
    ),
    "class_diversity": Metric(
        _class_diversity,
        conditional=True,
        labelled=True,
        check=early.classes,
    ),
    "classification_error": Metric(
        _classification_error,
        "mixture",
        labelled=True,
        check=lambda asked: class_predictors(asked.model),
    ),
    "component_distinctness": Metric(
        _component_distinctness,
        "mixture",
        options=("num_images", "network", "steps", "batch_size"),
        check=early.components,
    ),
    "equilibrium_gap": Metric(
        _equilibrium_gap,
        "mixture",
        options=("start", *_RESPONSE),
        check=early.responses,
    ),
}


def get(name: str) -> Metric:
    """Returns a metric by name."""
    if not isinstance(name, str) or name not in METRICS:
        raise UserError(
            f"`metrics` must be among {list(METRICS)}. Received: {name!r}"
            f"{nearest_of(name, METRICS)}"
        )
    return METRICS[name]
