"""Strata: consecutive rows of a batch, a number of them for each generator.

Sizes are ints or integer scalar tensors; their sum is the batch.
"""

from keras import ops


def split(batch, sizes: list) -> list:
    """Splits a batch (sum of sizes, ...) into its strata."""
    if len(sizes) == 1:
        return [batch]
    if are_equal(sizes):  # One operation, and one for the gradient.
        return ops.split(batch, len(sizes))
    parts, start = [], 0
    for size in sizes:
        parts.append(batch[start : start + size])
        start = start + size
    return parts


def are_equal(sizes: list) -> bool:
    """Whether sizes are known to be equal."""
    first = sizes[0]
    return all(
        size is first or (isinstance(size, int) and size == first)
        for size in sizes
    )
