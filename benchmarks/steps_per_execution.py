"""Steps of small networks: one a call against several a call.

Run it under both backends: `KERAS_BACKEND=jax python benchmarks/...`.
"""

import timing

STEPS = 100
NUMBERS = (1, 10, 50)
SHAPES = {"ring": ("mlp", (2,), None), "digits": ("dcgan", (28, 28, 1), 10)}


def main() -> None:
    """Prints the time of a step for each number, on points and on digits."""
    timing.header(f"{STEPS} steps, {NUMBERS} a call, T=3, width 4, batch 16")
    import keras

    import keras_mixgan as kmg
    from keras_mixgan.training import callbacks

    print(f"backend: {keras.backend.backend()}")
    for source, (architecture, shape, classes) in SHAPES.items():
        functions = {}
        for number in NUMBERS:
            model = kmg.MixGAN(
                *kmg.architectures.build(architecture, shape, 16, classes, 4),
                num_generators=3,
                num_discriminators=3,
                seed=0,
            )
            model.compile(payoff_estimate="linear", steps_per_execution=number)
            data = kmg.data.load(source, batch_size=16, start_step=0)
            # As on the command line, with the history that a run writes.
            history = callbacks.MixtureHistory(every=50)
            functions[f"{source}, {number} a call"] = (
                lambda model=model, data=data, history=history: model.fit(
                    data,
                    steps_per_epoch=STEPS,
                    callbacks=[history],
                    verbose=0,
                )
            )
        seconds = timing.in_turns(functions, rounds=5, warm=1)
        for name, values in seconds.items():
            steps = timing.spread([1e3 * s / STEPS for s in values], "ms", 2)
            print(f"{name}: {steps} a step")


if __name__ == "__main__":
    main()
