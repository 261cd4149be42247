"""How many numbers a network may give for one sample: what a few bytes of a file can ask for has to have a limit."""

from __future__ import annotations

import math

from unrelu.errors import TooLarge
from unrelu.operators import Shape

SAMPLE_LIMIT = 2**26
"""Numbers that one node may give for one sample (512 MiB as float64)."""

NETWORK_LIMIT = 2**29
"""Numbers that all nodes together may give for one sample (4 GiB as float64)."""


def add_sample(total: int, name: str, shape: Shape) -> int:
    """The numbers of all nodes so far, with those of one more.

    Args:
        total: of the nodes before it.
        name: of the node.
        shape: sample shape of its result.

    Raises:
        TooLarge: if these are more than `SAMPLE_LIMIT`, or all of them more than `NETWORK_LIMIT`.
    """
    size = math.prod(shape)
    if size > SAMPLE_LIMIT:
        raise TooLarge(
            f"node {name!r} would give {size:,} numbers for one sample (limit {SAMPLE_LIMIT:,}); "
            "take a smaller input or cut the model before it."
        )
    if total + size > NETWORK_LIMIT:
        raise TooLarge(
            f"up to node {name!r} the network would give more than {NETWORK_LIMIT:,} numbers for one sample; take "
            "a smaller input or cut the model before it."
        )
    return total + size
