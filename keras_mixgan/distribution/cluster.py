"""The processes that train together, as TF_CONFIG describes them."""

import os
from typing import NamedTuple

EXAMPLE = (
    '{"cluster": {"worker": ["host1:12345", "host2:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


class Cluster(NamedTuple):
    """Processes that train together.

    Attributes:
        workers: Address of each, "host:port"; the first is the chief, which
            writes files.
        index: The number of this one.
    """

    workers: tuple[str, ...]
    index: int


def from_environment() -> Cluster:
    """Reads TF_CONFIG.

    Returns:
        The `Cluster`.

    Raises:
        ValueError: TF_CONFIG is missing or malformed.
    """
    import tensorflow as tf

    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    try:
        addresses = resolver.cluster_spec().as_dict()
        workers = (*addresses.get("chief", ()), *addresses.get("worker", ()))
        kind, index = resolver.task_type, resolver.task_id
        if index < 0:
            raise IndexError("task.index is negative")
        return Cluster(workers, workers.index(addresses[kind][index]))
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise ValueError(
            f"`TF_CONFIG` must be set, to JSON like {EXAMPLE}, on each host. "
            f"Received: {os.environ.get('TF_CONFIG') or 'none'} "
            f"({type(error).__name__}: {error})"
        ) from error
