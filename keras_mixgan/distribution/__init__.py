"""Training over many devices: strategies by name.

Replicas (`mirrored`, `multi_worker`) divide batches; `component_parallel`
divides the mixture.
"""

from keras_mixgan.distribution.executors import synchronize
from keras_mixgan.distribution.placement import ComponentParallel
from keras_mixgan.distribution.strategies import NAMES
from keras_mixgan.distribution.strategies import strategy

__all__ = [
    "NAMES",
    "ComponentParallel",
    "strategy",
    "synchronize",
]
