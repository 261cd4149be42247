"""Affine nodes as rows of stored floats: nothing in them is rounded."""

from __future__ import annotations

import math
import weakref
from dataclasses import dataclass

import numpy as np
import torch
from scipy import sparse

from unrelu.errors import TooLarge
from unrelu.network.folding import fold
from unrelu.network.graph import Network
from unrelu.network.node import Node
from unrelu.operators import AffineOperator, Shape
from unrelu.rigor.matrices import SparseRows

MOST_NUMBERS = 2**28
"""Numbers that the rows of all affine nodes of a network may hold together: 12 bytes each, 3 GiB."""

_ROWS: weakref.WeakKeyDictionary[Node, AffineRows] = weakref.WeakKeyDictionary()


@dataclass(frozen=True, eq=False)
class AffineRows:
    """An affine node as `divisor_i y_i = matrix_i . h + constant_i`, h being what it takes, flattened and joined.

    What an operator divides by stays on the left, so that averages are sums of stored floats. These equations are the
    operator, exactly; only a batch normalization, whose factor is a root, is taken with its factor and its offset as
    they are rounded to float64 (as `Network.layer` takes it), which is off by at most `error` in each number.

    Attributes:
        matrix: (m, n) float64, sparse.
        divisors: (m,) float64, none of them 0; None where all are 1.
        constants: (m,) float64.
        error: how far a stored number may be from the operator's own.
    """

    matrix: SparseRows
    divisors: np.ndarray | None
    constants: np.ndarray
    error: float

    @property
    def moves(self) -> np.ndarray | None:
        """(m,) what each number of the result takes over, -1 for a constant; None unless it only takes over numbers."""
        lengths = np.diff(self.matrix.indptr)
        if self.divisors is not None or bool((lengths > 1).any()) or bool((self.matrix.data != 1.0).any()):
            return None
        found = np.full(len(lengths), -1, dtype=np.int64)
        found[lengths == 1] = self.matrix.indices
        return found


def affine_rows(network: Network, name: str) -> AffineRows:
    """The rows of one affine node; they are kept as long as the node is.

    Raises:
        TooLarge: if they would take more memory than allowed.
    """
    node = network.node(name)
    if node not in _ROWS:
        _ROWS[node] = _made(network, node)
    return _ROWS[node]


def check_numbers(network: Network) -> None:
    """Refuse a network whose rows would take too much memory.

    Raises:
        TooLarge: if they hold more than `MOST_NUMBERS` numbers.
    """
    total = sum(math.prod(node.shape) * max(1, node.operator.terms) for node in network.nodes)
    if total > MOST_NUMBERS:
        raise TooLarge(
            f"the affine maps of the network up to {', '.join(network.outputs)} hold {total:.2g} numbers as rows "
            f"(limit {MOST_NUMBERS:.2g}); ask about a network on smaller inputs."
        )


def _made(network: Network, node: Node) -> AffineRows:
    operator = node.affine
    shapes = [network.node(name).shape for name in node.inputs]
    m = math.prod(node.shape)
    if operator.roundings == 0:
        return AffineRows(_moved(operator, shapes, m), None, np.zeros(m), 0.0)
    known = operator.matrix(shapes)
    if known is not None:
        return AffineRows(known, None, np.zeros(m), 0.0)
    (origin,) = node.inputs
    found = fold(network.upto(node.name), origin, node.name)
    matrix = sparse.csr_array(found.weight)
    matrix.eliminate_zeros()
    matrix.sort_indices()
    weights = np.ones(m)
    starts = matrix.indptr[:-1]
    filled = np.diff(matrix.indptr) > 0
    weights[filled] = matrix.data[starts[filled]]
    divisors = operator.divisors(torch.from_numpy(weights).reshape(node.shape).to(network.device))
    if divisors is None:
        return AffineRows(matrix, None, found.bias, found.error)
    ones = sparse.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)
    flat = divisors.reshape(m).cpu().numpy().astype(np.float64)
    return AffineRows(ones, np.where(filled, flat, 1.0), np.zeros(m), 0.0)


def _moved(operator: AffineOperator, shapes: list[Shape], m: int) -> SparseRows:
    """Which number each number of the result is: told by numbers that are different and count from 1; 0 is none."""
    sizes = [math.prod(shape) for shape in shapes]
    counted = torch.arange(1, sum(sizes) + 1, dtype=torch.float64)
    parts = [part.reshape(1, *shape) for part, shape in zip(counted.split(sizes), shapes, strict=True)]
    column = operator.to("cpu").linear(*parts).reshape(m).numpy().astype(np.int64) - 1
    starts = np.concatenate([[0], np.cumsum(column >= 0)])
    inside = column[column >= 0]
    return sparse.csr_array((np.ones(len(inside)), inside, starts), shape=(m, sum(sizes)))
