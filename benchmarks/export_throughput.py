"""Images a second of an exported mixture and of one exported generator."""

import pathlib
import tempfile

import timing

BATCHES = (32, 256, 1024)
TARGET = 0.95


def main() -> None:
    """Prints images a second of `serving_default`, and their ratio."""
    import tensorflow as tf

    timing.header("Exported samplers: images a second, T=5 / T=1")
    with tempfile.TemporaryDirectory() as folder:
        samplers = {}
        for t in (1, 5):
            path = pathlib.Path(folder, str(t))
            timing.mixture(t).export_sampler(path)
            samplers[t] = tf.saved_model.load(str(path))
        for batch in BATCHES:
            _compare(samplers, batch)


def _compare(samplers: dict, batch: int) -> None:
    import numpy as np
    import tensorflow as tf

    rng = np.random.default_rng(0)
    latents = rng.standard_normal((batch, timing.LATENT_DIM))
    arguments = {
        "latents": tf.constant(latents, tf.float32),
        "component_uniform": tf.constant(rng.random(batch), tf.float32),
    }
    functions = {
        t: lambda serve=sampler.signatures["serving_default"]: serve(
            **arguments
        )["images"].numpy()
        for t, sampler in samplers.items()
    }
    seconds = timing.in_turns(functions, rounds=11, warm=2)
    for t, values in seconds.items():
        rates = [batch / s for s in values]
        print(f"T={t}, batch {batch}: {timing.spread(rates, 'images/s', 0)}")
    ratios = timing.ratios(seconds, 1, 5)
    timing.verdict(f"Ratio, batch {batch}", ratios, TARGET, least=True)


if __name__ == "__main__":
    main()
