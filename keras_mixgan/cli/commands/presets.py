"""`keras-mixgan presets`."""

DESCRIPTION = """
Lists the presets of the zoo: name, data, generators T, parameters, and the
mixture's classifier score (higher is better) and Frechet distance (lower is
better). Each preset's card, README.md in its folder, says how they were
measured.
"""

GROUPS = ()

EPILOGUE = """
Examples:
  keras-mixgan presets
  keras-mixgan sample --model=mix_dcgan_mnist --labels=3,7
"""


def run(values) -> None:
    """Prints the table."""
    from keras_mixgan import presets

    print(presets.list_presets())
    print(f"\nin {presets.zoo()}")
