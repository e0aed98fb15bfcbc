"""The devices of one run of the command line."""

import contextlib
import math
from collections.abc import Iterator
from collections.abc import Sequence

import keras

from keras_mixgan.distribution import batches
from keras_mixgan.distribution import cluster
from keras_mixgan.distribution import devices as devices_module
from keras_mixgan.distribution import strategies
from keras_mixgan.utils import tables
from keras_mixgan.utils.errors import UserError
from keras_mixgan.utils.errors import first_line


class WorkerLostError(ConnectionError):
    """Another process of the cluster was lost during training."""


class RunDevices:
    """A run's devices: checked at once, opened later, or only described.

    `name` and `devices` are as in `strategies.strategy`; `name` is `None` for
    one device. `batch_size` is that of a global batch.
    """

    def __init__(
        self, name: str | None, devices: Sequence[str] | None, batch_size: int
    ):
        self.name, self.batch_size = name, batch_size
        self.strategy, self.is_chief = None, True
        self._given = devices or None
        if name is not None:
            strategies.check_name(name)
        elif devices:
            raise UserError(
                f"`devices` must come with a `strategy`, one of "
                f"{', '.join(strategies.NAMES)}. Received: "
                f"devices={','.join(devices)} alone"
            )
        if name == "multi_worker":
            # TensorFlow must not start before it has joined the cluster.
            self._hosts, index = cluster.from_environment()
            self.is_chief = index == 0
        elif name is not None:
            # Before anything else: TensorFlow divides the CPU only once.
            names = devices_module.resolve(self._given)
            self._check_batch(len(names) if name == "mirrored" else 1)

    def open(self) -> None:
        """Makes the strategy; joins the cluster, if there is one."""
        if self.name is not None:
            self.strategy = strategies.strategy(self.name, self._given)
        if self.name == "multi_worker":
            self._check_batch(self.strategy.num_replicas_in_sync)

    def _check_batch(self, replicas: int) -> None:
        batches.check_divides("batch_size", self.batch_size, replicas)

    def scope(self):
        """The strategy's scope."""
        return (
            self.strategy.scope() if self.strategy else contextlib.nullcontext()
        )

    def agree(self, there: bool, workdir) -> None:
        """Checks that all processes see the same checkpoint, or none."""
        if self.strategy is None or self.name != "multi_worker":
            return
        import tensorflow as tf

        seen = self.strategy.reduce(
            "SUM", self.strategy.run(lambda: tf.constant(float(there))), None
        )
        replicas = self.strategy.num_replicas_in_sync
        if seen not in (0, replicas):
            raise FileNotFoundError(
                "`workdir` must be one folder that all hosts see. Received: "
                f"{workdir}, whose checkpoint {int(seen)} of {replicas} "
                "replicas found"
            )

    @contextlib.contextmanager
    def training(self, workdir) -> Iterator[None]:
        """Context in which the model trains on the devices.

        Raises:
            WorkerLostError: Another process was lost.
        """
        if self.name != "multi_worker":
            # TensorFlow's models remember their strategy, JAX's do not.
            jax = keras.backend.backend() == "jax"
            with self.scope() if jax else contextlib.nullcontext():
                yield
            return
        import tensorflow as tf

        try:
            yield
        except (
            tf.errors.UnavailableError,
            tf.errors.AbortedError,
            tf.errors.CancelledError,
            tf.errors.DeadlineExceededError,
        ) as error:
            raise WorkerLostError(
                f"A worker of {', '.join(self._hosts)} was lost "
                f"({first_line(error)}). Run the same command "
                "again on all hosts: training goes on from the last checkpoint "
                f"in {workdir}."
            ) from error

    def describe(self, model) -> str:
        """The table of a plan for a model, which was made in no scope."""
        names = devices_module.resolve(self._given)
        names = [name.rpartition("device:")[2].lower() for name in names]
        if self.name == "multi_worker":
            names = [f"{host} {name}" for host in self._hosts for name in names]
            self._check_batch(len(names))
        elif self.name is None:
            names = names[:1]
        return table(model, self.name, names, self.batch_size)


def table(
    model, name: str | None, devices: Sequence[str], batch_size: int
) -> str:
    """A table with a line for each device, of all hosts.

    `name` is a strategy's; `None` for one device. `batch_size` is global.
    """
    count, divided = len(devices), name == "component_parallel"
    rows = [("device", "generators", "discriminators", "parameters", "images")]
    for d, device in enumerate(devices):
        sides = [
            {i: n for i, n in enumerate(side) if not divided or i % count == d}
            for side in (model.generators, model.discriminators)
        ]
        parameters = sum(
            math.prod(variable.shape)
            for ensemble in (
                model.generator_ensemble, model.discriminator_ensemble,
            )
            for i, part in enumerate(ensemble.parts)
            # A shared body, which comes last, lies with the first component.
            if not divided or i % len(ensemble.networks) % count == d
            for variable in part.trainable_variables
        )  # fmt: skip
        images = batch_size if divided else batch_size // count
        numbers = (",".join(map(str, side)) or "-" for side in sides)
        rows.append((device, *numbers, f"{parameters:,}", str(images)))
    return tables.aligned(rows, others=str.ljust)
