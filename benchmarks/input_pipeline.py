"""Training on real data against training on one batch in memory.

The model is that of `keras-mixgan train` without flags. Its steps are short,
which is hard on the pipeline.
"""

import timing

STEPS = 100
TARGET = 1.05


def main() -> None:
    """Prints both times of some steps, and their ratio."""
    timing.header(f"{STEPS} steps on digits / on one synthetic batch")
    import tensorflow as tf

    import keras_mixgan as kmg
    from keras_mixgan.cli import models
    from keras_mixgan.cli import settings
    from keras_mixgan.data import sources

    source = sources.load_source("digits")
    chosen = settings.resolve({"source": "digits"}).for_source(source)
    model = models.make_model(chosen, source)
    real = kmg.data.load("digits", batch_size=chosen.batch_size, start_step=0)
    batch = next(iter(real))
    data = {
        "real": real,
        "synthetic": tf.data.Dataset.from_tensors(batch).repeat(),
    }
    functions = {
        name: lambda dataset=dataset: model.fit(
            dataset, steps_per_epoch=STEPS, verbose=0
        )
        for name, dataset in data.items()
    }
    seconds = timing.in_turns(functions, rounds=7)
    for name, values in seconds.items():
        print(f"{name}: {timing.spread([s / STEPS for s in values])} a step")
    timing.verdict("Ratio", timing.ratios(seconds, "real", "synthetic"), TARGET)


if __name__ == "__main__":
    main()
