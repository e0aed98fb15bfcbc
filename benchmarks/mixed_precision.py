"""Full payoff, T=3: the step in `mixed_bfloat16` against float32."""

import keras
import timing


def main() -> None:
    """Prints times and their ratio."""
    timing.header("Full payoff, T=3: step in mixed_bfloat16 / float32")
    functions = {}
    for policy in ("float32", "mixed_bfloat16"):
        keras.config.set_dtype_policy(policy)
        functions[policy] = timing.stepper(timing.mixture(3))
        # Traced under its own policy.
        functions[policy]()
    seconds = timing.in_turns(functions, rounds=9)
    for name, values in seconds.items():
        print(f"{name}: {timing.spread(values)}")
    found = timing.ratios(seconds, "mixed_bfloat16", "float32")
    print(f"Ratio: {timing.spread(found, 'x', 2)}")


if __name__ == "__main__":
    main()
