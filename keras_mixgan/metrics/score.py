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
