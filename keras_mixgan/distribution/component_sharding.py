"""A `keras.distribution` of components over the axis of a mesh (JAX)."""

import keras
import numpy as np

from keras_mixgan.distribution import placement

AXIS = "components"


class ComponentSharding(keras.distribution.ModelParallel):
    """Shards a mixture's components over one axis of a device mesh (JAX).

    Component i of either side, its optimizer state and its average live on
    device i mod n of the axis, and are computed there; images and logits
    travel, weights do not. A mixture trains to the numbers of one device. All
    components of a side must be of one architecture, as all devices run one
    program. A second axis, if there is one, divides batches.

    Args:
        device_mesh: A `keras.distribution.DeviceMesh` with an axis
            "components", and at most one other, "batch". By default all
            devices, in one axis.

    Raises:
        ValueError: The mesh has other axes.
        RuntimeError: Keras's backend is not JAX, or several processes share
            the devices.
        ImportError: JAX is older than 0.6, with an axis "batch" than 0.7.

    Example:
    ```python
    with keras_mixgan.distribution.ComponentSharding().scope():
        model = keras_mixgan.MixGAN(generator, discriminator, 8, 8)
        model.compile()
        model.fit(dataset)
    ```
    """

    def __init__(self, device_mesh=None):
        if keras.backend.backend() != "jax":
            raise RuntimeError(
                "ComponentSharding needs Keras's JAX backend; for TensorFlow "
                'there is `strategy("component_parallel")`. Received: '
                f"KERAS_BACKEND={keras.backend.backend()}"
            )
        import jax

        if device_mesh is None:
            devices = keras.distribution.list_devices()
            device_mesh = keras.distribution.DeviceMesh(
                (len(devices),), [AXIS], devices
            )
        names = tuple(device_mesh.axis_names)
        if AXIS not in names or set(names) - {AXIS, "batch"}:
            raise ValueError(
                f'`device_mesh` must have an axis "{AXIS}", and none beside '
                f'it but "batch". Received: axes {names}'
            )
        needed = (0, 7) if "batch" in names else (0, 6)
        if jax.__version_info__ < needed:
            least = ".".join(map(str, needed))
            raise ImportError(
                f"ComponentSharding over the axes {names} needs jax >= "
                f"{least}: pip install 'jax>={least}'. Received: jax "
                f"{jax.__version__}"
            )
        # Which part of a model is where, Keras says by variables' names; here
        # it follows from the component that they belong to.
        nothing = keras.distribution.LayoutMap(device_mesh)
        super().__init__(layout_map=nothing)
        if jax.process_count() > 1:
            raise RuntimeError(
                "ComponentSharding needs all devices in one process. "
                f"Received: {jax.process_count()} processes"
            )

    @property
    def batch_dim_name(self) -> str | None:
        """Name of the axis that divides batches, if there is one."""
        return "batch" if "batch" in self.device_mesh.axis_names else None

    @property
    def num_model_replicas(self) -> int:
        """Parts that a batch is divided into."""
        return self.device_mesh.devices.size // self.num_component_devices

    @property
    def num_component_devices(self) -> int:
        """Devices that components are spread over, n."""
        mesh = self.device_mesh
        return mesh.shape[mesh.axis_names.index(AXIS)]

    def devices_of(self, component: int) -> list:
        """JAX's devices that have a component: one a part of the batch."""
        devices = self.device_mesh.backend_mesh.devices
        axis = self.device_mesh.axis_names.index(AXIS)
        place = component % self.num_component_devices
        return list(np.atleast_1d(np.take(devices, place, axis=axis)))

    def get_data_layout(self, data_shape):
        """Layout of a batch: whole, or divided over the axis "batch"."""
        layout = [self.batch_dim_name] + [None] * (len(data_shape) - 1)
        return keras.distribution.TensorLayout(layout, self.device_mesh)

    def get_variable_layout(self, variable):
        """Layout of a variable while no step runs.

        That of a component is on the component's devices alone, all others
        are on all devices.
        """
        import jax

        number = placement.component_under_way()
        if number is None:
            return keras.distribution.TensorLayout(
                [None] * len(variable.shape), self.device_mesh
            )
        mesh = jax.sharding.Mesh(np.array(self.devices_of(number)), ["batch"])
        return jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec())

    def distribute_dataset(self, dataset):
        """The data set, since one process reads all of it."""
        return dataset
