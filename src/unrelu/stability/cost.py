"""What a spectrum will take, before it is computed."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch

from unrelu.network.expected import expect_network
from unrelu.network.folding import DENSE_LIMIT
from unrelu.stability.gram import product
from unrelu.stability.jacobian import CHUNK_BYTES, n_kept, nodes_between, window_start
from unrelu.stability.linearization import without_last_relu
from unrelu.stability.parts import push_work, reached, tiled_parts
from unrelu.stability.pattern import forward_pass
from unrelu.stability.singular_values import SMALL
from unrelu.stability.spectrum import ACCURACY, check_accuracy, feature_coordinates

if TYPE_CHECKING:
    from unrelu.network.arrays import Array
    from unrelu.network.graph import Network
    from unrelu.stability.window import Window

# In matrix products that take `n^2 N` (wide) and `n^3` (square) multiplications: measured with OpenBLAS on one core of
# an AMD processor; through the Gram matrix with a tail of a quarter of the values.
_PUSH = 3.0
_GRAM_WIDE, _GRAM_SQUARE = 1.0, 3.5
_DIRECT_WIDE, _DIRECT_SQUARE = 3.2, 2.1


@dataclass(frozen=True)
class SpectrumCost:
    """What computing a spectrum will take: right within a factor of three or so, and no promise.

    Attributes:
        shape: (m, d) of the Jacobian.
        factored: shape of the matrix to be decomposed, rows that the ReLU removed and what is not reached left out.
        memory: bytes at the peak.
        limit: bytes that the Jacobian itself may take.
        seconds: of one core, at the speed that it has now.
        method: the route that will be tried first.
    """

    shape: tuple[int, int]
    factored: tuple[int, int]
    memory: int
    limit: int
    seconds: float
    method: str

    @property
    def fits(self) -> bool:
        """Whether `spectrum` would compute it rather than raise `TooLarge`."""
        return 8 * math.prod(self.factored) <= self.limit

    def __str__(self) -> str:
        """In words, with advice where it does not fit."""
        m, d = self.factored
        said = f"{m} x {d}: {self.memory / 2**30:.2g} GiB, {self.seconds:.2g} s, {self.method}"
        if self.fits:
            return said
        return f"{said}; more than the {self.limit / 2**30:.0f} GiB allowed: take a window, or extreme_singular_values"


def spectrum_cost(
    prefix: Network,
    at: Array,
    relu: bool = True,
    *,
    window: Window | None = None,
    features: Window | None = None,
    accuracy: float = ACCURACY,
) -> SpectrumCost:
    """What `spectrum` with the same arguments will take; itself a forward pass and a small matrix product.

    Args:
        prefix: as for `spectrum`.
        at: as for `spectrum`.
        relu: as for `spectrum`.
        window: as for `spectrum`.
        features: as for `spectrum`.
        accuracy: as for `spectrum`.

    Raises:
        InputError: as `spectrum` does.
    """
    expect_network(prefix)
    check_accuracy(accuracy)
    network = prefix if relu else without_last_relu(prefix)
    rows = feature_coordinates(network, features)
    start = window_start(network, window)
    pattern = forward_pass(network, at).pattern
    units = start.coordinates(network)
    assert units is not None
    steps = nodes_between(network, start.names(network), network.outputs)
    tiles = tiled_parts(network, units, steps, CHUNK_BYTES)
    extents = {} if tiles is None and start.units is None else reached(network, units, steps)
    d = start.n_directions
    m = sum(n_kept(network.node(name), extents.get(name), pattern) for name in network.outputs)
    rate = products_per_second()
    work = _PUSH * push_work(network, units, steps, CHUNK_BYTES)
    taken = 8 * m * d + 3 * CHUNK_BYTES
    decomposing = decomposition_cost(m, d, accuracy)
    work += decomposing.products
    taken += decomposing.memory
    return SpectrumCost(
        shape=(network.output_size if rows is None else len(rows), d),
        factored=(m, d),
        memory=int(taken),
        limit=DENSE_LIMIT,
        seconds=work / rate,
        method=decomposing.method,
    )


@dataclass(frozen=True)
class DecompositionCost:
    """What the singular values of a matrix will take.

    Attributes:
        products: multiplications, each with an addition, at the speed of a matrix product.
        memory: bytes beside the matrix.
        method: the route that will be tried first.
    """

    products: float
    memory: int
    method: str


def decomposition_cost(m: int, d: int, accuracy: float = ACCURACY) -> DecompositionCost:
    """What the singular values of a matrix (m, d) will take, as `spectrum` computes them."""
    n, wide = sorted((m, d))
    if n >= SMALL and accuracy > 4 * wide * np.finfo(np.float64).eps:
        products = _GRAM_WIDE * n**2 * wide + _GRAM_SQUARE * n**3
        return DecompositionCost(products, 8 * (3 * n**2 + n * wide // 2), "Gram matrix, with its tail recomputed")
    products = _DIRECT_WIDE * n**2 * wide + _DIRECT_SQUARE * n**3
    return DecompositionCost(products, 8 * (m * d + n**2), "one decomposition")


@lru_cache(maxsize=1)
def products_per_second() -> float:
    """Multiplications, each with an addition, of a matrix product on one core, as NumPy has it now."""
    matrix = torch.ones(512, 512, dtype=torch.float64)
    product(matrix, matrix)
    start = time.process_time()
    for _ in range(4):
        product(matrix, matrix)
    return 4 * 512**3 / max(time.process_time() - start, 1e-9)
