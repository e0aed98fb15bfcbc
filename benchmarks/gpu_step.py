"""A training step on one GPU with JAX: time, images a second, memory.

    python benchmarks/gpu_step.py           # a GPU, within five minutes
    python benchmarks/gpu_step.py --quick   # a CPU, to see that it runs

CIFAR-10's shape, DCGAN of width 64, full payoff, alternating. Nothing is
downloaded: the images are random bytes, on the device as in training. Every
time is a median of synchronised calls. XLA counts the arithmetic before
compilation. The share of peak is relative to a matrix product that is measured
here in the same precision. Cases that the deadline leaves out are listed as
not measured. PyTorch does the same work (`pytorch_mixgan.py`, eager) if torch
is installed and sees the device.
"""

import argparse
import os
import statistics
import time

os.environ["KERAS_BACKEND"] = "jax"

import jax
import jax.numpy as jnp
import keras
import numpy as np

import keras_mixgan as kmg
from keras_mixgan.backends import stateless
from keras_mixgan.game.normalization import groups
from keras_mixgan.training import jax_steps

SHAPE, LATENT_DIM = (32, 32, 3), 100
POLICIES = {"bf16": "mixed_bfloat16", "fp32": "float32"}


def median_seconds(function, rounds: int) -> float:
    """Median time of a call that ends when the device has finished."""
    jax.block_until_ready(function())
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        jax.block_until_ready(function())
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def peak(dtype: str, size: int, rounds: int) -> float:
    """Rate of a square matrix product, in FLOP/s."""
    a = jnp.ones((size, size), dtype)
    product = jax.jit(lambda x: x @ x)
    return 2 * size**3 / median_seconds(lambda: product(a), rounds)


def mixture(components: int, policy: str, width: int) -> kmg.MixGAN:
    """A compiled mixture under a dtype policy."""
    keras.config.set_dtype_policy(policy)
    try:
        model = kmg.MixGAN(
            kmg.architectures.dcgan_generator(SHAPE, LATENT_DIM, width=width),
            kmg.architectures.dcgan_discriminator(SHAPE, width=width),
            components,
            components,
            seed=0,
        )
    finally:
        keras.config.set_dtype_policy("float32")
    model.compile()
    return model


def step_row(components, batch, policy, width, rounds, table) -> dict:
    """Times the step that `fit` runs, with its state passed on as in `fit`."""
    model = mixture(components, POLICIES[policy], width)
    rows = (jnp.arange(batch),)
    state = tuple([v.value for v in g] for g in jax_steps._variables(model))
    lowered = jax_steps._jit(model, model.train_step).lower(state, rows, table)
    start = time.perf_counter()
    compiled = lowered.compile()
    seconds = time.perf_counter() - start
    needs = compiled.memory_analysis()
    held = [state]

    def step():
        logs, held[0] = compiled(held[0], rows, table)
        return logs, held[0]

    return {
        "seconds": median_seconds(step, rounds),
        "flop": lowered.cost_analysis()["flops"],
        "bytes": needs.temp_size_in_bytes + needs.argument_size_in_bytes,
        "compile": seconds,
    }


def scoring(components, batch, policy, width, rounds) -> dict:
    """Times all discriminators, forward and back: one by one, or batched.

    Batched is `jax.vmap` over stacked weights: the convolutions of T networks
    become one convolution of T groups.
    """
    model = mixture(components, POLICIES[policy], width)
    networks = model.discriminators
    stacked = [
        jnp.stack([jnp.asarray(v) for v in same])
        for same in zip(*(n.variables for n in networks), strict=True)
    ]
    sizes = [batch] * (components + 1)
    images = jnp.zeros((sum(sizes), *SHAPE))

    def score(values, images):
        network = networks[0]
        with stateless.Scope(network.variables, values), groups(sizes):
            return network(images, training=True).astype("float32")

    def one_by_one(values):
        return sum(
            jnp.sum(jnp.tanh(score([v[i] for v in values], images)))
            for i in range(components)
        )

    def batched(values):
        logits = jax.vmap(score, in_axes=(0, None))(values, images)
        return jnp.sum(jnp.tanh(logits))

    floats = [v for v in stacked if v.dtype == jnp.float32]
    assert len(floats) == len(stacked)
    found = {}
    for function in (one_by_one, batched):
        gradient = jax.jit(jax.grad(function))
        found[function.__name__] = median_seconds(
            lambda gradient=gradient: gradient(stacked), rounds
        )
    return found


def pytorch_seconds(components, batch, policy, width, rounds) -> float | None:
    """PyTorch's time of the same step; `None` if it cannot be measured."""
    try:
        import pytorch_mixgan
        import torch
    except ImportError:
        return None
    on_gpu = jax.default_backend() == "gpu"
    if on_gpu and not torch.cuda.is_available():
        return None
    device = "cuda" if on_gpu else "cpu"
    torch.set_default_device(device)
    torch.backends.cudnn.benchmark = True
    model = pytorch_mixgan.Mixture(components, width, LATENT_DIM, True, True)
    images = torch.rand(batch, SHAPE[2], *SHAPE[:2])
    seconds = []
    for _ in range(rounds + 3):
        start = time.perf_counter()
        with torch.autocast(
            device, dtype=torch.bfloat16, enabled=policy == "bf16"
        ):
            model.step(images)  # It reads both losses, so it waits.
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds[3:])


def main() -> None:
    """Prints all tables, until the deadline."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, description=__doc__.split("\n")[0]
    )
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=float, default=270.0)
    quick = parser.parse_args().quick
    deadline = time.monotonic() + parser.parse_args().seconds
    size, width, rounds = (512, 8, 3) if quick else (8192, 64, 20)
    sizes, batches = ((1, 2), (8,)) if quick else ((1, 5, 10), (64, 128))

    device = jax.devices()[0]
    print(f"{device.device_kind} ({device.platform}), jax {jax.__version__}, "
          f"keras {keras.__version__}, width {width}")  # fmt: skip
    peaks = {
        "bf16": peak("bfloat16", size, rounds),
        "fp32": peak("float32", size, rounds),
    }
    for name, rate in peaks.items():
        print(f"Matrix product of {size}, {name}: {rate / 1e12:.3g} TFLOP/s")
    images = np.random.default_rng(0).integers(
        0, 256, (500 if quick else 50_000, *SHAPE), dtype=np.uint8
    )
    table = (jax.device_put(images), None)

    print("\n T batch type  step ms  PyTorch ms  real images/s  share of peak"
          "  memory MiB  compile s")  # fmt: skip
    for components in sizes:
        for batch in batches:
            for policy in POLICIES:
                case = f"{components:2} {batch:5} {policy}"
                if time.monotonic() > deadline:
                    print(f"{case}  not measured: out of time")
                    continue
                row = step_row(components, batch, policy, width, rounds, table)
                torch = pytorch_seconds(
                    components, batch, policy, width, rounds
                )
                share = row["flop"] / row["seconds"] / peaks[policy]
                print(
                    f"{case} {1e3 * row['seconds']:8.2f} "
                    + (f"{1e3 * torch:11.2f}" if torch else "          -")
                    + f" {batch / row['seconds']:14.0f} {share:14.3f}"
                    f" {row['bytes'] / 2**20:11.0f} {row['compile']:10.1f}",
                    flush=True,
                )
    print("\nAll discriminators, forward and back, ms")
    print(" T batch type  one by one  batched by vmap")
    for components in sizes[1:]:
        for policy in POLICIES:
            case = f"{components:2} {batches[0]:5} {policy}"
            if time.monotonic() > deadline:
                print(f"{case}  not measured: out of time")
                continue
            found = scoring(components, batches[0], policy, width, rounds)
            print(f"{case} {1e3 * found['one_by_one']:11.2f} "
                  f"{1e3 * found['batched']:16.2f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
