"""The executor of Keras's JAX backend.

Over several devices (`keras.distribution.DataParallel`) a batch is one array
that XLA divides, so no exchange is coded here.
"""

import keras

from keras_mixgan.backends import stateless
from keras_mixgan.backends.executor import Executor


class JaxExecutor(Executor):
    """All devices of JAX, as one."""

    def gradients(self, function, sides):
        """See `Executor.gradients`."""
        return stateless.gradients(function, sides)

    def input_gradients(self, function, inputs):
        """See `Executor.input_gradients`."""
        return stateless.input_gradients(function, inputs)

    def cond(self, condition, function, otherwise):
        """See `Executor.cond`."""
        return stateless.cond(condition, function, otherwise)

    def lay_out(self, batch):
        """See `Executor.lay_out`.

        `fit` does this with real images. Otherwise every device would compute
        all of a batch that a step draws. A batch stays as it is if its size is
        not a multiple of the devices.
        """
        distribution = keras.distribution.distribution()
        if distribution is None or distribution.batch_dim_name is None:
            return batch
        mesh = distribution.device_mesh
        devices = mesh.shape[mesh.axis_names.index(distribution.batch_dim_name)]
        if batch.shape[0] % devices:
            return batch
        layout = distribution.get_data_layout(batch.shape)
        return keras.distribution.distribute_tensor(batch, layout)
