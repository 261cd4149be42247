"""How fast this machine is, by a short measurement."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from scipy import sparse

from unrelu.stability.cost import products_per_second

_SIDE = 384  # of the matrix that is factored
_NUMBERS = 2**21  # that are moved: 16 MiB, more than most caches hold
_TURNED = 2048  # side of the matrix that is transposed: 32 MiB, which no allocator keeps
_ENTRIES = 100_000  # of the sparse matrix


@dataclass(frozen=True)
class Speed:
    """What one core does in a second.

    Attributes:
        products: multiplications, each with an addition, of a matrix product.
        factored: the same of a Householder QR, of its `r k^2 - k^3 / 3` for (r, k).
        moved: numbers that are read, changed and written elsewhere.
        turned: numbers of a matrix that is transposed into memory that is fresh.
        entries: entries of a sparse matrix that are collected and put in order.
    """

    products: float
    factored: float
    moved: float
    turned: float
    entries: float


def seconds_of(ask: Callable[[], object]) -> float:
    """Processor seconds that a call takes, of all threads together."""
    start = time.process_time()
    ask()
    return max(time.process_time() - start, 1e-9)


@lru_cache(maxsize=1)
def speed() -> Speed:
    """Measure it, in about a tenth of a second; once in a process."""
    generator = np.random.default_rng(0)
    matrix = generator.standard_normal((2 * _SIDE, _SIDE))
    wide = torch.ones(_TURNED, _TURNED, dtype=torch.float64)
    numbers = torch.ones(_NUMBERS, dtype=torch.float64)
    places = generator.integers(0, _ENTRIES // 10, (2, _ENTRIES))
    values = np.ones(_ENTRIES)

    def collected() -> object:
        return sparse.csr_array((values, (places[0], places[1])), shape=(_ENTRIES // 10, _ENTRIES // 10))

    def best(ask: Callable[[], object]) -> float:
        return min(seconds_of(ask) for _ in range(3))

    return Speed(
        products=products_per_second(),
        factored=(2 - 1 / 3) * _SIDE**3 / best(lambda: np.linalg.qr(matrix, mode="r")),
        moved=_NUMBERS / best(lambda: numbers * 2.0),
        turned=_TURNED**2 / best(lambda: wide.T.contiguous()),
        entries=_ENTRIES / best(collected),
    )
