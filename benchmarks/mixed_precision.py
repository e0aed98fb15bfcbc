"""A step in `mixed_bfloat16` against float32: a pair, and full T=3."""

import keras
import timing

# Components on each side, and width.
CASES = ((1, 32), (1, 64), (3, 64))


def main() -> None:
    """Prints times and their ratios."""
    timing.header("Step in mixed_bfloat16 / float32")
    for components, width in CASES:
        timing.WIDTH = width
        functions = {}
        for policy in ("float32", "mixed_bfloat16"):
            keras.config.set_dtype_policy(policy)
            functions[policy] = timing.stepper(timing.mixture(components))
            # Traced under its own policy.
            functions[policy]()
        seconds = timing.in_turns(functions, rounds=9)
        found = timing.ratios(seconds, "mixed_bfloat16", "float32")
        print(f"T={components}, width {width}: {timing.spread(found, 'x', 2)}")
        for name, values in seconds.items():
            print(f"  {name}: {timing.spread(values)}")


if __name__ == "__main__":
    main()
