"""`fit` on data that do not say how many batches they have."""

import conftest
import numpy as np
import pytest

import keras_mixgan as kmg


class Unknown:
    """Batches for `tf.data` whose number is known only by iterating."""

    def __init__(self, count, batch_size):
        self.points = np.zeros((count, batch_size, 2), "float32")

    def dataset(self):
        import tensorflow as tf

        dataset = tf.data.Dataset.from_generator(
            lambda: iter(self.points),
            output_signature=tf.TensorSpec((None, 2), "float32"),
        )
        assert int(dataset.cardinality()) == -2
        return dataset


# Keras warns so of all data of unknown length.
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.parametrize("steps_per_execution", [1, 2, 3])
@pytest.mark.parametrize("kind", ["dataset", "generator"])
def test_an_epoch_ends_where_the_data_do(steps_per_execution, kind):
    model = kmg.MixGAN(
        conftest.small_generator(), conftest.small_discriminator(), 2, 1, seed=0
    )
    model.compile(steps_per_execution=steps_per_execution)
    data = Unknown(3, batch_size=4)
    if kind == "generator":  # It can be read only once.
        model.fit(((x,) for x in data.points), shuffle=False, verbose=0)
        assert model.step == 3
    else:
        model.fit(data.dataset(), epochs=2, verbose=0)
        assert model.step == 6
