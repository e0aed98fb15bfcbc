"""`keras-mixgan presets`."""

DESCRIPTION = """
Lists the presets of the zoo: name, data, number T of generators, parameters,
and the mixture's classifier score (higher is better) and Frechet distance
(lower is better). The README.md in a preset's folder tells how these were
measured.
"""

GROUPS = {}

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
