"""Full payoff, T=5: simultaneous against alternating updates."""

import timing


def main() -> None:
    """Prints times and ratios."""
    timing.header("Full payoff, T=5: simultaneous / alternating step")
    settings = {
        "alternating": {},
        "simultaneous, non-saturating": {"update": "simultaneous"},
        "simultaneous, minimax": {
            "update": "simultaneous",
            "generator_loss": "minimax",
        },
    }
    functions = {
        name: timing.stepper(timing.mixture(5, **arguments))
        for name, arguments in settings.items()
    }
    seconds = timing.in_turns(functions, rounds=9)
    for name, values in seconds.items():
        found = timing.ratios(seconds, name, "alternating")
        print(
            f"{name}: {timing.spread(values)}, {timing.spread(found, 'x', 2)}"
        )


if __name__ == "__main__":
    main()
