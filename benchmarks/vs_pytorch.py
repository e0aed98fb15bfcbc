"""Full payoff, T=5: our step against the same step in eager PyTorch.

PyTorch runs in four ways (channels last or not, one call a discriminator or
one a source); we compare with the fastest. Its networks and step are in
`pytorch_mixgan.py`.
"""

import statistics

import pytorch_mixgan
import timing
import torch

COMPONENTS = 5
TARGET = 0.80


def main() -> None:
    """Prints both times and their ratio."""
    timing.header("Full payoff, T=5: step / PyTorch's eager step", "torch")
    batch = torch.from_numpy(timing.images()).permute(0, 3, 1, 2)

    def variant(channels_last, one_call):
        mixture = pytorch_mixgan.Mixture(
            COMPONENTS, timing.WIDTH, timing.LATENT_DIM, channels_last, one_call
        )
        return lambda: mixture.step(batch)

    variants = {
        f"channels_last={last}, one_call={one}": variant(last, one)
        for last in (True, False)
        for one in (True, False)
    }
    seconds = timing.in_turns(variants, rounds=3, warm=1)
    for name, values in seconds.items():
        print(f"PyTorch, {name}: {timing.spread(values)}")
    best = min(seconds, key=lambda name: statistics.median(seconds[name]))
    print(f"Fastest: {best}\n")

    model = timing.mixture(COMPONENTS)
    product, gflop = timing.matrix_product()
    seconds = timing.in_turns(
        {
            "PyTorch": variants[best],
            "ours": timing.stepper(model),
            "matrix product": product,
        },
        rounds=9,
    )
    for name, values in seconds.items():
        print(f"{name}: {timing.spread(values)}")
    rate = gflop / statistics.median(seconds["matrix product"])
    floor = timing.step_gflop(model) / rate
    print(f"Floor: {floor:.3f} s ({rate:.0f} GFLOP/s)")
    timing.verdict("Ratio", timing.ratios(seconds, "ours", "PyTorch"), TARGET)


if __name__ == "__main__":
    main()
