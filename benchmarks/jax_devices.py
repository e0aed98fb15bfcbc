"""What a device has to do, where JAX trains a mixture on several of them.

    python benchmarks/jax_devices.py                # all GPUs
    python benchmarks/jax_devices.py --cpus=4       # logical devices of a CPU

DCGAN 32x32x3, T = 4 and 8, full payoff, batch 32: on one device, with the
batch divided (`DataParallel`) and with the components divided
(`ComponentSharding`). Arithmetic and memory are XLA's own figures for one
device's compiled program, and hold for logical devices too; times of these
say nothing of GPUs, as they share the processor.
"""

import argparse
import contextlib
import os
import time

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np

import keras_mixgan as kmg
from keras_mixgan import jax_steps
from keras_mixgan.distribution import sharded_steps
from keras_mixgan.distribution.stacks import Stacks

SHAPE, LATENT_DIM, BATCH = (32, 32, 3), 100, 32


def program(model, sharding):
    """The step that `fit` compiles, and its state."""
    variables = jax_steps._variables(model)
    state = tuple([v.value for v in group] for group in variables)
    if not isinstance(sharding, kmg.distribution.ComponentSharding):
        return jax_steps._jit(model, model.train_step), state
    stacks = Stacks(model, variables, sharding)
    step = sharded_steps.make_step(model, stacks, sharding)
    return sharded_steps.on_all_devices(step, sharding), stacks.stack(state)


def row(components: int, width: int, sharding, rounds: int) -> dict:
    """One device's figures for a step."""
    with sharding.scope() if sharding else contextlib.nullcontext():
        model = kmg.MixGAN(
            kmg.architectures.dcgan_generator(SHAPE, LATENT_DIM, width=width),
            kmg.architectures.dcgan_discriminator(SHAPE, width=width),
            components,
            components,
            seed=0,
        )
        model.compile()
        images = np.zeros((BATCH, *SHAPE), "float32")
        if sharding:
            layout = sharding.get_data_layout(images.shape)
            images = keras.distribution.distribute_tensor(images, layout)
        function, state = program(model, sharding)
        start = time.perf_counter()
        compiled = function.lower(tuple(state), (images,)).compile()
        seconds = time.perf_counter() - start
        times = []
        for _ in range(rounds):
            start = time.perf_counter()
            logs, state = compiled(tuple(state), (images,))
            jax.block_until_ready((logs, state))
            times.append(time.perf_counter() - start)
    memory = compiled.memory_analysis()
    return {
        "gflop": compiled.cost_analysis()["flops"] / 1e9,
        "held": memory.argument_size_in_bytes / 2**20,
        "temporary": memory.temp_size_in_bytes / 2**20,
        "compile": seconds,
        "step": sorted(times)[len(times) // 2],
    }


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cpus", type=int)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    flags = parser.parse_args()
    if flags.cpus:
        jax.config.update("jax_num_cpu_devices", flags.cpus)
    devices = keras.distribution.list_devices()
    print(
        f"{len(devices)} devices ({jax.devices()[0].device_kind}), jax "
        f"{jax.__version__}, keras {keras.__version__}, width {flags.width}"
    )
    print(
        " T  divided     GFLOP  state MiB  working MiB  compile s  step ms"
        "   (of one device)"
    )
    for components in (4, 8):
        for name, make in (
            ("nothing", lambda: None),
            ("batch", keras.distribution.DataParallel),
            ("components", kmg.distribution.ComponentSharding),
        ):
            found = row(components, flags.width, make(), flags.rounds)
            print(
                f"{components:2}  {name:10} {found['gflop']:6.2f} "
                f"{found['held']:10.1f} {found['temporary']:12.1f} "
                f"{found['compile']:10.1f} {1e3 * found['step']:8.0f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
