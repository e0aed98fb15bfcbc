"""The cluster that TF_CONFIG describes, as TensorFlow documents it."""

import dataclasses
import json
import os
from collections.abc import Mapping

EXAMPLE = (
    '{"cluster": {"worker": ["host1:12345", "host2:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)
# TensorFlow's names of processes that train.
_TYPES = ("chief", "worker")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """Processes that train together.

    Attributes:
        workers: Address of each, "host:port"; the first is the chief.
        index: The number of this one.

    Example:
    >>> Cluster(("a:1", "b:1"), 0).is_chief
    True
    """

    workers: tuple[str, ...]
    index: int

    @property
    def is_chief(self) -> bool:
        """Whether this process is the one that writes files."""
        return self.index == 0


def from_environment(environment: Mapping[str, str] | None = None) -> Cluster:
    """Reads TF_CONFIG.

    Args:
        environment: Where TF_CONFIG is; by default `os.environ`.

    Returns:
        The cluster.

    Raises:
        ValueError: TF_CONFIG is missing or malformed.

    Example:
    >>> from_environment({"TF_CONFIG": EXAMPLE}).workers
    ('host1:12345', 'host2:12345')
    """
    text = (os.environ if environment is None else environment).get("TF_CONFIG")
    wanted = f"`TF_CONFIG` must be set, to JSON like {EXAMPLE}, on each host."
    if not text:
        raise ValueError(f"{wanted} Received: none")
    try:
        config = json.loads(text)
        addresses, task = config["cluster"], config["task"]
        kind, index = task["type"], task["index"]
        unknown = sorted(set(addresses) - {*_TYPES, "evaluator"})
        listed = {name: list(addresses.get(name, ())) for name in _TYPES}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{wanted} Received: {text} ({type(error).__name__}: {error})"
        ) from error
    if unknown:
        raise ValueError(
            f"{wanted} There are tasks of type chief and worker alone. "
            f"Received: {', '.join(unknown)}"
        )
    if kind not in _TYPES:
        raise ValueError(
            f"{wanted} `task.type` must be one of {', '.join(_TYPES)}. "
            f"Received: {kind!r}"
        )
    _check(listed, kind, index, wanted)
    workers = (*listed["chief"], *listed["worker"])
    return Cluster(
        workers, index + (len(listed["chief"]) if kind == "worker" else 0)
    )


def _check(listed: Mapping[str, list], kind: str, index, wanted: str) -> None:
    for name, addresses in listed.items():
        for address in addresses:
            host, _, port = str(address).rpartition(":")
            if not (host and port.isdigit()):
                raise ValueError(
                    f"{wanted} An address must be host:port. Received: "
                    f"{address!r} in cluster.{name}"
                )
    count = len(listed[kind])
    if not isinstance(index, int) or not 0 <= index < count:
        raise ValueError(
            f"{wanted} `task.index` must lie in [0, {count}), the number of "
            f"addresses in cluster.{kind}. Received: {index!r}"
        )
    everyone = [*listed["chief"], *listed["worker"]]
    if len(set(everyone)) != len(everyone):
        raise ValueError(
            f"{wanted} Every process must have an address of its own. "
            f"Received: {', '.join(everyone)}"
        )
