"""What the benchmarks share: networks, timing, the machine, the floor.

Every benchmark is one command, `python benchmarks/NAME.py`, and prints what
it measured, with its spread. Functions to be compared are timed in turns, so
that changes of the machine's speed affect all of them.
"""

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As `keras_mixgan` has it, which some benchmarks import after TensorFlow.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

BATCH = 32
IMAGE_SHAPE = (32, 32, 3)
LATENT_DIM = 100
WIDTH = 64


def header(title: str, *packages: str) -> None:
    """Prints what is measured, when, where and with which versions."""
    versions = [
        f"{name} {importlib.metadata.version(name)}"
        for name in ("keras", "tensorflow", *packages)
    ]
    now = datetime.datetime.now().strftime("%Y-%m-%d %H:%M")
    load = os.getloadavg()[0]
    print(title)
    print(f"{now}; {_processor()}, {os.cpu_count()} cores, load {load:.1f}")
    print(f"Python {platform.python_version()}, {', '.join(versions)}\n")


def _processor() -> str:
    path = pathlib.Path("/proc/cpuinfo")
    lines = path.read_text().splitlines() if path.exists() else []
    names = [x.split(":")[1].strip() for x in lines if x.startswith("model n")]
    flags = next((x.split() for x in lines if x.startswith("flags")), [])
    vectors = [f for f in ("avx2", "avx512f", "avx512_bf16") if f in flags]
    return f"{(names or [platform.processor()])[0]} ({', '.join(vectors)})"


def spread(values: list[float], unit: str = "s", digits: int = 3) -> str:
    """Median, least and greatest of some values, as text."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return (
        f"{middle:.{digits}f} {unit} "
        f"({low:.{digits}f}-{high:.{digits}f}, n={len(values)})"
    )


def in_turns(functions: dict, rounds: int = 7, warm: int = 2) -> dict:
    """Times functions in turns, after `warm` calls that are not timed.

    Returns lists of `rounds` seconds by the functions' names.
    """
    for function in functions.values():
        for _ in range(warm):
            function()
    seconds = {name: [] for name in functions}
    for _ in range(rounds):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def ratios(seconds: dict, name: str, base: str) -> list[float]:
    """Ratios of two functions' times, turn by turn."""
    return [a / b for a, b in zip(seconds[name], seconds[base], strict=True)]


def verdict(
    name: str, values: list[float], target: float, least=False, unit="x"
) -> None:
    """Prints a figure, and whether its median reaches the target.

    With `least` the target is a minimum, not a maximum. Values are ratios by
    default.
    """
    middle = statistics.median(values)
    reached = middle >= target if least else middle <= target
    sign = ">=" if least else "<="
    print(
        f"{name}: {spread(values, unit, 2)}, wanted {sign} {target}: "
        f"{'reached' if reached else 'NOT reached'}"
    )


def mixture(components: int, **settings):
    """The mixture that is measured: DCGAN 32x32x3, width 64, compiled.

    It has `components` generators, and as many discriminators.
    """
    import keras_mixgan as kmg

    generator = kmg.architectures.dcgan_generator(
        IMAGE_SHAPE, latent_dim=LATENT_DIM, width=WIDTH
    )
    discriminator = kmg.architectures.dcgan_discriminator(
        IMAGE_SHAPE, width=WIDTH
    )
    model = kmg.MixGAN(generator, discriminator, components, components, seed=0)
    model.compile(**settings)
    return model


def images():
    """One batch of noise, float32 (32, 32, 32, 3) in [-1, 1]."""
    import numpy as np

    shape = (BATCH, *IMAGE_SHAPE)
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32")


def stepper(model):
    """A function that trains on one batch and waits for its losses."""
    batch = images()
    return lambda: model.train_on_batch(batch, return_dict=True)


def step_gflop(model) -> float:
    """Arithmetic of one alternating step: multiply-adds of its layers, in 1e9.

    The forward pass and the gradients by inputs and by weights count once
    each; padding counts like data. Gradients that are not needed (by real
    images, by latents, by discriminator weights in the generators' update) do
    not count, nor does anything elementwise (normalization, activations,
    Adam).
    """
    made, first_g = _multiplications(model.generators[0])
    scored, first_d = _multiplications(model.discriminators[0])
    full = model.objective.payoff_estimate == "full"
    fakes = BATCH * model.num_generators if full else BATCH
    seen = fakes * model.num_discriminators
    real = BATCH * model.num_discriminators
    discriminators = fakes * made + (real + seen) * (3 * scored - first_d)
    generators = fakes * (3 * made - first_g) + seen * 2 * scored
    return 2 * (discriminators + generators) / 1e9


def _multiplications(network) -> tuple[int, int]:
    """Multiplications for one image's forward pass, and in its first layer."""
    import math

    counts = []
    for layer in network.layers:
        kernel = getattr(layer, "kernel", None)
        if kernel is None:
            continue
        # A kernel is used once at each place of a convolution's output, or
        # of a transposed convolution's input.
        transposed = "Transpose" in type(layer).__name__
        places = (layer.input if transposed else layer.output).shape[1:-1]
        counts.append(math.prod(kernel.shape) * math.prod(places))
    return sum(counts), counts[0]


def matrix_product(size: int = 4096):
    """A function that multiplies two matrices, and the GFLOP it takes."""
    import tensorflow as tf

    a = tf.random.normal((size, size))

    @tf.function(autograph=False)
    def multiply():
        return tf.matmul(a, a)[0, 0]

    return lambda: multiply().numpy(), 2 * size**3 / 1e9


def in_new_process(script: str, *arguments) -> dict:
    """Runs `python SCRIPT ARGUMENTS` and returns the JSON it prints last."""
    command = [sys.executable, script, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def peak_memory() -> float:
    """Peak memory of this process so far, in MiB.

    Not `ru_maxrss`, which on Linux begins with the peak of the process that
    started this one.
    """
    status = pathlib.Path("/proc/self/status").read_text()
    (line,) = [x for x in status.splitlines() if x.startswith("VmHWM")]
    return int(line.split()[1]) / 1024
