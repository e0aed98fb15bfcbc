"""Components that share a body: step, memory and sampling against a pair's.

T generators own their first layer and its normalization and share the rest;
one discriminator, the linear payoff estimate.
"""

import json
import pathlib
import sys
import tempfile

import timing

TARGETS = {5: 1.15, 10: 1.25}
MEMORY = 1.3
THROUGHPUT = 0.95
IMAGES = 1024


def shared(components: int, rest: bool = True):
    """A mixture of `components` generators against one discriminator."""
    import keras_mixgan as kmg

    architecture = kmg.architectures.get("dcgan")
    networks = kmg.architectures.build(
        "dcgan", timing.IMAGE_SHAPE, timing.LATENT_DIM, width=timing.WIDTH
    )
    cut = architecture.generator_cut if rest and components > 1 else None
    model = kmg.MixGAN(*networks, components, 1, seed=0, share_generators=cut)
    model.compile(payoff_estimate="linear")
    return model


def sampler(model):
    """A function that draws images from the model's exported sampler."""
    import tensorflow as tf

    folder = pathlib.Path(tempfile.mkdtemp()) / "sampler"
    model.export_sampler(folder)
    loaded = tf.saved_model.load(str(folder))
    return lambda: loaded.sample(num_images=IMAGES, seed=0)["images"].numpy()


def measure(components: int) -> None:
    """Prints the peak of a process that trains some steps, MiB."""
    step = timing.stepper(shared(components))
    for _ in range(5):
        step()
    print(json.dumps({"peak": timing.peak_memory()}))


def main() -> None:
    """Prints ratios to one pair, each in turns with it."""
    timing.header("T x 1 with a shared generator body / one pair")
    models = {t: shared(t) for t in (1, *TARGETS)}
    models["5, nothing shared"] = shared(5, rest=False)
    seconds = timing.in_turns(
        {t: timing.stepper(model) for t, model in models.items()}, rounds=25
    )
    for t in models:
        print(f"T={t}: step {timing.spread(seconds[t])}")
    for t, target in TARGETS.items():
        ratios = timing.ratios(seconds, t, 1)
        timing.verdict(f"T={t}, step", ratios, target)
    apart = timing.ratios(seconds, "5, nothing shared", 1)
    print(f"T=5, nothing shared: {timing.spread(apart, 'x', 2)}")
    drawn = timing.in_turns({t: sampler(models[t]) for t in (1, 5)}, rounds=15)
    timing.verdict(
        f"T=5, exported sampler, images a second of {IMAGES}",
        timing.ratios(drawn, 1, 5),
        THROUGHPUT,
        least=True,
    )
    peaks = {
        t: [timing.in_new_process(__file__, t)["peak"] for _ in range(3)]
        for t in (1, 5)
    }
    timing.verdict("T=5, peak memory", timing.ratios(peaks, 5, 1), MEMORY)


if __name__ == "__main__":
    measure(int(sys.argv[1])) if len(sys.argv) > 1 else main()
