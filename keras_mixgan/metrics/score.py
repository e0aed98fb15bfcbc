"""`Score`: a number, its spread, and where it came from."""

import dataclasses
from typing import Any


@dataclasses.dataclass(frozen=True)
class Score:
    """One measured number.

    Args:
        mean: The value.
        std: Its spread, or `None`. `details["std"]` says over what.
        details: Number of images, classifier, hash, conversion, seed and
            whatever else the number depends on; ready for JSON.
        name: Its name in reports.

    Example:
    >>> print(Score(8.0912, 0.07, {"num_images": 50000}, "Inception Score"))
    Inception Score: 8.091 +- 0.070
    """

    mean: float
    std: float | None = None
    details: dict[str, Any] = dataclasses.field(default_factory=dict)
    name: str = "score"

    def __float__(self) -> float:
        return self.mean

    def __str__(self) -> str:
        return f"{self.name}: {self.format()}"

    def format(self) -> str:
        """Returns the value and its spread in few characters."""
        text = shorten(self.mean)
        return text if self.std is None else f"{text} +- {shorten(self.std)}"

    def to_dict(self) -> dict[str, Any]:
        """Returns name, mean, std and details, ready for JSON."""
        return dataclasses.asdict(self)


def shorten(value: float) -> str:
    """Returns a number with four significant digits or three decimals."""
    if value != value or abs(value) >= 0.01 or value == 0:
        return f"{value:.3f}" if abs(value) < 1000 else f"{value:.1f}"
    return f"{value:.2e}"


# Names by Inception, and by any other classifier, which goes in front.
_BY_CLASSIFIER = {
    "inception_score": ("Inception Score", "classifier score"),
    "fid": ("FID", "Frechet distance"),
    "kid": ("KID", "kernel distance"),
}
_BY_FEATURES = ("precision", "recall", "density", "coverage")
_OF_POINTS = {"modes": "modes covered", "good": "share of good samples"}
# Scores of neither list, such as class diversity, have no better end.
_BETTER = {
    "higher": (
        "inception_score", *_BY_FEATURES, "birthday", "modes", "good",
        "label_agreement", "label_balance",
    ),
    "lower": (
        "fid", "kid", "sliced_wasserstein", "neural_net_distance",
        "classification_error", "equilibrium_gap", "generator_gain",
        "discriminator_gain",
    ),
}  # fmt: skip


def name_of(key: str, classifier: str | None) -> str:
    """The name of a report's score; one by a classifier is named after it.

    Example:
    >>> name_of("fid", "digits"), name_of("fid", "inception")
    ('digits Frechet distance', 'FID')
    """
    if classifier and key in _BY_FEATURES:
        return f"{key} ({classifier} features)"
    if classifier is None or key not in _BY_CLASSIFIER:
        return _OF_POINTS.get(key, key.replace("_", " "))
    by_inception, by_another = _BY_CLASSIFIER[key]
    if classifier == "inception":
        return by_inception
    return f"{classifier} {by_another}"


def direction(key: str) -> str:
    """Which way a report's score is better, for the labels of a figure.

    Example:
    >>> direction("fid"), direction("class_diversity")
    ('(lower is better)', '')
    """
    for end, keys in _BETTER.items():
        if key in keys:
            return f"({end} is better)"
    return ""
