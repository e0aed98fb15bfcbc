"""Linear payoff: the step at T=5 and T=10 against that of one pair."""

import timing

TARGETS = {5: 3.0, 10: 5.0}


def main() -> None:
    """Prints times, ratios, and the ratios of the arithmetic alone."""
    timing.header("Linear payoff: step / one pair's step")
    models = {
        t: timing.mixture(t, payoff_estimate="linear") for t in (1, *TARGETS)
    }
    functions = {t: timing.stepper(model) for t, model in models.items()}
    seconds = timing.in_turns(functions, rounds=15)
    one = timing.step_gflop(models[1])
    for t, model in models.items():
        work = timing.step_gflop(model)
        print(
            f"T={t}: step {timing.spread(seconds[t])}; {work:.1f} GFLOP, "
            f"{work / one:.2f} times one pair's"
        )
    for t, target in TARGETS.items():
        timing.verdict(f"T={t}", timing.ratios(seconds, t, 1), target)


if __name__ == "__main__":
    main()
