"""The devices of one run of the command line."""

import contextlib
import os
from collections.abc import Iterator
from collections.abc import Sequence

import keras

from keras_mixgan.distribution import cluster
from keras_mixgan.distribution import devices as devices_module
from keras_mixgan.distribution import plan
from keras_mixgan.distribution import strategies


class WorkerLostError(ConnectionError):
    """Another process of a cluster went away in the middle of a training."""


class RunDevices:
    """Where a run trains: checked at once, opened later, or only described.

    Args:
        strategy: As in `strategies.strategy`; `None` for one device.
        devices: As there.
        batch_size: Images of a global batch.

    Raises:
        ValueError: An argument is not as described, TF_CONFIG is malformed,
            or there are more replicas than images in a batch.
    """

    def __init__(
        self,
        strategy: str | None,
        devices: Sequence[str] | None,
        batch_size: int,
    ):
        self.name = strategy
        self.batch_size = batch_size
        self.strategy = None
        self.is_chief = True
        self._given = devices or None
        if strategy is None:
            if devices:
                raise ValueError(
                    "`devices` must come with a `strategy`, "
                    f"{', '.join(strategies.NAMES)}. Received: "
                    f"devices={','.join(devices)} alone"
                )
            return
        strategies.check_name(strategy)
        if strategy == "multi_worker":
            workers = cluster.from_environment()
            self.is_chief = workers.is_chief
            self._hosts = workers.workers
            # TensorFlow is not to start before it has joined the cluster.
            return
        found = devices_module.resolve(self._given)
        if strategy == "mirrored":
            self._check_batch(len(found))

    def open(self) -> None:
        """Makes the strategy; joins the cluster, if there is one."""
        if self.name is None:
            return
        self.strategy = strategies.strategy(self.name, self._given)
        if self.name == "multi_worker":
            self._check_batch(self.strategy.num_replicas_in_sync)

    def _check_batch(self, replicas: int) -> None:
        if self.batch_size < replicas:
            raise ValueError(
                "`batch_size` must be at least the number of replicas, which "
                "each take their rows of a batch. Received: "
                f"batch_size={self.batch_size}, {replicas} replicas"
            )
        if keras.backend.backend() == "jax" and self.batch_size % replicas:
            raise ValueError(
                "`batch_size` must be a multiple of the number of replicas "
                "under JAX, which divides a batch evenly. Received: "
                f"batch_size={self.batch_size}, {replicas} replicas"
            )

    def scope(self):
        """The strategy's scope."""
        if self.strategy is None:
            return contextlib.nullcontext()
        return self.strategy.scope()

    def agree(self, there: bool, workdir: str | os.PathLike[str]) -> None:
        """Checks that all processes see the same checkpoint, or none.

        Raises:
            FileNotFoundError: Some do and some do not.
        """
        if self.strategy is None or self.name != "multi_worker":
            return
        import tensorflow as tf

        seen = self.strategy.run(
            lambda: tf.distribute.get_replica_context().all_reduce(
                tf.distribute.ReduceOp.SUM, tf.constant(float(there))
            )
        )
        seen = int(self.strategy.experimental_local_results(seen)[0])
        if seen not in (0, self.strategy.num_replicas_in_sync):
            raise FileNotFoundError(
                "`workdir` must be one folder that all hosts see. Received: "
                f"{workdir}, whose checkpoint {seen} of "
                f"{self.strategy.num_replicas_in_sync} replicas found"
            )

    @contextlib.contextmanager
    def training(self, workdir: str | os.PathLike[str]) -> Iterator[None]:
        """Within it, the model trains on the devices.

        Raises:
            WorkerLostError: Another process is gone.
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
            first = str(error).strip().splitlines()[0]
            raise WorkerLostError(
                f"A worker of {', '.join(self._hosts)} was lost ({first}). "
                "Run the same command again on all hosts: training goes on "
                f"from the last checkpoint in {workdir}."
            ) from error

    def describe(self, model) -> str:
        """What would go where, for a person.

        Args:
            model: The compiled `MixGAN`, made in no scope.

        Returns:
            Several lines.
        """
        found = devices_module.resolve(self._given)
        found = [name.rpartition("device:")[2].lower() for name in found]
        if self.name == "multi_worker":
            found = [f"{host} {name}" for host in self._hosts for name in found]
            self._check_batch(len(found))
        elif self.name is None:
            found = found[:1]
        loads = plan.plan(model, self.name, found, self.batch_size)
        return plan.text(loads, self.name, self.batch_size)
