"""The processes that train together, as TF_CONFIG describes them."""

import os

from keras_mixgan.utils.errors import UserError

EXAMPLE = (
    '{"cluster": {"worker": ["host1:12345", "host2:12345"]}, '
    '"task": {"type": "worker", "index": 0}}'
)


def from_environment() -> tuple[tuple[str, ...], int]:
    """Reads TF_CONFIG: addresses of all processes, and this one's index.

    Addresses are "host:port", first that of the chief, which writes files.
    """
    import tensorflow as tf

    resolver = tf.distribute.cluster_resolver.TFConfigClusterResolver()
    try:
        addresses = resolver.cluster_spec().as_dict()
        workers = (*addresses.get("chief", ()), *addresses.get("worker", ()))
        kind, index = resolver.task_type, resolver.task_id
        if kind is None or index is None or index < 0:
            raise KeyError("task")
        return workers, workers.index(addresses[kind][index])
    except (ValueError, KeyError, IndexError, TypeError) as error:
        raise UserError(
            f"`TF_CONFIG` must be set, to JSON like {EXAMPLE}, on each host. "
            f"Received: {os.environ.get('TF_CONFIG') or 'none'} "
            f"({type(error).__name__}: {error})"
        ) from error
