"""`generate(10000)` from five generators against the same from one."""

import timing

IMAGES = 10_000
TARGET = 0.95


def main() -> None:
    """Prints images a second, and their ratio."""
    timing.header("generate(10000): images a second, T=5 / T=1")
    models = {t: timing.mixture(t) for t in (1, 5)}
    functions = {
        t: lambda model=model: model.generate(IMAGES, seed=0)
        for t, model in models.items()
    }
    seconds = timing.in_turns(functions, rounds=9, warm=1)
    for t, values in seconds.items():
        rates = [IMAGES / s for s in values]
        print(f"T={t}: {timing.spread(rates, 'images/s', 0)}")
    timing.verdict("Ratio", timing.ratios(seconds, 1, 5), TARGET, least=True)


if __name__ == "__main__":
    main()
