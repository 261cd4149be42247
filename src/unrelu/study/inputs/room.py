"""Whether inputs that are read one by one will lie in memory, asked at the first of them."""

from __future__ import annotations

import os

import numpy as np

from unrelu.errors import TooLarge


def check_room(n: int | None, first: np.ndarray, where: str) -> None:
    """Refuse more inputs than the machine has memory for, before hours are spent reading them.

    Args:
        n: how many will be read; None if nobody knows.
        first: one of them.
        where: what to call them.

    Raises:
        TooLarge: if they would take more than all memory there is, in float64 and as they come.
    """
    memory = memory_of_machine()
    needed = 0 if n is None else n * first.size * (8 + first.itemsize)
    if memory is not None and needed > memory:
        raise TooLarge(
            f"{where} has {n:,} inputs to read, which take {needed / 2**30:.3g} GiB, and the machine has "
            f"{memory / 2**30:.3g}; read fewer of them (limit, --limit)."
        )


def memory_of_machine() -> int | None:
    """Bytes of its physical memory; None where the system does not tell."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None
