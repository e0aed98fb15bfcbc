"""Runs an exported sampler in a process with TensorFlow, but without Keras.

Called as `python standalone_sampler.py FOLDER ARGUMENTS.npz OUT.npz`.
"""

import gc
import sys

import numpy as np

BLOCKED = ("keras", "keras_mixgan", "tf_keras")


class Without:
    """A finder of modules that hides the blocked ones."""

    def __init__(self, finder):
        self._finder = finder

    def __getattr__(self, name):
        return getattr(self._finder, name)

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in BLOCKED:
            return None
        return self._finder.find_spec(name, path, target)


def main():
    sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
    assert not set(sys.modules) & set(BLOCKED)
    # As in conftest.py: it would cost a fifth of the import below.
    gc.set_threshold(50_000, 20, 20)

    import tensorflow as tf

    for blocked in BLOCKED:
        try:
            __import__(blocked)
        except ModuleNotFoundError:
            continue
        raise AssertionError(f"{blocked} is there")

    folder, arguments, out = sys.argv[1:]
    sampler = tf.saved_model.load(folder)
    with np.load(arguments) as held:
        batch = {name: tf.constant(held[name]) for name in held.files}
    served = sampler.signatures["serving_default"](**batch)
    drawn = sampler.sample(num_images=5, seed=3, labels=[0, 1])
    png = sampler.sample_png(component=-1, num_images=5, seed=3, labels=[0, 1])
    loaded = {name.partition(".")[0] for name in sys.modules}
    assert not loaded & set(BLOCKED), loaded & set(BLOCKED)
    np.savez(
        out,
        served=served["images"],
        drawn=drawn["images"],
        components=drawn["components"],
        png=np.stack([tf.io.decode_png(file) for file in png["png_bytes"]]),
    )


if __name__ == "__main__":
    main()
