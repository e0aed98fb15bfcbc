r"""Prints the list of Table 1's trainings, for `run_all.py`.

    python benchmarks/gpu/table1_list.py --source=train.npz --out=FOLDER \
        --steps=10000 --seeds 0 --components 1 3 5 > LIST.txt

Per system and seed: the pair, then MIX+ with T generators and T discriminators
that share nothing, each at the recipe's width. MIX+ is saved at as many steps
as the pair, and after as many seconds.
"""

import argparse
import json
import shlex

from keras_mixgan.presets import recipes

SYSTEMS = (
    "dcgan_huang_cifar10",
    "dcgan_apart_cifar10",
    "wgan_cifar10",
    "acgan_cifar10",
    "improved_gan_cifar10",
    "sgan_cifar10",
    "steingan_cifar10",
    "improved_gan_features_cifar10",
    "acgan_cbn_cifar10",
    "dcgan_huang_as_released_cifar10",
    "sgan_top_cifar10",
)


def main() -> None:
    """Prints one command a line."""
    parser = argparse.ArgumentParser(
        allow_abbrev=False, description=__doc__.split("\n")[0]
    )
    parser.add_argument("--source", required=True)
    parser.add_argument("--encoder", default="encoder.npz")
    parser.add_argument("--out", required=True)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--components", type=int, nargs="+", default=[1, 3])
    parser.add_argument("--systems", nargs="+", default=SYSTEMS)
    use = parser.parse_args()
    for seed in use.seeds:
        for system in use.systems:
            for count in use.components:
                print(command(system, count, seed, use))


def command(system: str, count: int, seed: int, use) -> str:
    """The command of one training."""
    given = {"source": use.source, "seed": seed}
    given["recipe"] = system if count == 1 else f"mix_{system}"
    assert given["recipe"] in recipes.RECIPES
    if count > 1:
        given |= {"num_generators": count, "num_discriminators": count}
    if "huang" in system or "sgan" in system:
        given["encoder"] = use.encoder
    name = f"{use.out}/{system}-{count}-{seed}"
    words = ["python3", "benchmarks/gpu/train.py", name]
    words += [f"--steps={use.steps}", f"--settings={json.dumps(given)}"]
    if count > 1:
        words.append(f"--like={use.out}/{system}-1-{seed}.json")
    return shlex.join(words)


if __name__ == "__main__":
    main()
