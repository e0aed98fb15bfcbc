"""Full payoff, T=3 and T=5: the step against its arithmetic floor.

The floor is the step's multiply-adds (`timing.step_gflop`) at the rate of a
large fp32 matrix product on the same cores.
"""

import timing

TARGET = 1.30


def main() -> None:
    """Prints times, floors and their ratios."""
    timing.header("Full payoff: step / floor")
    models = {t: timing.mixture(t) for t in (3, 5)}
    product, gflop = timing.matrix_product()
    functions = {t: timing.stepper(model) for t, model in models.items()}
    seconds = timing.in_turns({**functions, "product": product}, rounds=11)
    rates = [gflop / s for s in seconds["product"]]
    print(f"Matrix product: {timing.spread(rates, 'GFLOP/s', 0)}")
    for t, model in models.items():
        work = timing.step_gflop(model)
        floors = [work / rate for rate in rates]
        print(f"\nT={t}: {work:.1f} GFLOP, floor {timing.spread(floors)}")
        print(f"T={t}: step {timing.spread(seconds[t])}")
        found = [s / f for s, f in zip(seconds[t], floors, strict=True)]
        timing.verdict(f"T={t}: ratio", found, TARGET)


if __name__ == "__main__":
    main()
