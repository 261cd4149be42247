"""Affine nodes composed into one matrix and offset, with a bound on what rounding does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from unrelu.errors import TooLarge
from unrelu.network.colouring import colouring
from unrelu.network.interpreter import interpret
from unrelu.network.layer import DENSE_LIMIT
from unrelu.operators import AffineOperator
from unrelu.rigor.matrices import SparseRows

if TYPE_CHECKING:
    from unrelu.network.graph import Network
from unrelu.network.node import Node

SPARSE_FROM = 64 * 2**20
"""Bytes that a matrix takes whole from which it may be kept sparse; below, dense products are the faster ones."""

SPARSE_DENSITY = 0.05
"""Part of its numbers other than zero up to which such a matrix is kept sparse: a quarter hundred times less work."""

_CHUNK = 512  # unit vectors pushed at once

_CHUNK_BYTES = 32 * 2**20  # that their values take at most


@dataclass(frozen=True, eq=False)
class FoldedMap:
    """An affine map from the values of one node to those of another.

    Attributes:
        weight: (m, d) float64, sparse where it is large and has few numbers other than zero.
        bias: (m,) float64.
        error: bound on the difference of each stored number from the exact composition.
    """

    weight: np.ndarray | SparseRows
    bias: np.ndarray
    error: float


@dataclass(frozen=True, eq=False)
class _Bounded:
    """Values with a bound on their rounding error; None where there is none yet."""

    value: Tensor
    error: Tensor | None
    units: bool  # whether the values still are the unit vectors (or zeros) that were put in, moved about


def fold(network: Network, origin: str, target: str) -> FoldedMap:
    """Compose the affine nodes after `origin` up to and with `target`.

    Each operator is applied to all unit vectors at once. Errors are carried along by
    `|fl(L v) - L w| <= |L| |v - w| + gamma_k |L| |v|` (Higham, Accuracy and Stability of Numerical
    Algorithms, chapter 3).

    A large matrix with few numbers other than zero, as that of a convolution, is kept sparse.

    Raises:
        TooLarge: if the matrix is not sparse and would not fit in `DENSE_LIMIT`.
    """
    with torch.backends.cudnn.flags(enabled=False):  # whose convolutions by transforms keep no elementwise bound
        return _folded(network, origin, target)


def _folded(network: Network, origin: str, target: str) -> FoldedMap:
    shape = network.node(origin).shape
    d, m = math.prod(shape), math.prod(network.node(target).shape)
    chain = _between(network, origin, target)
    columns = _Columns(m, d, target, network.device)
    worst = 0.0
    step = max(1, min(_CHUNK, _CHUNK_BYTES // (8 * max(d, m))))
    groups = colouring(chain, network.node(origin)) if chain else None
    total = d if groups is None else groups.count
    for start in range(0, total, step):
        stop = min(start + step, total)
        if groups is None:
            units = torch.zeros(stop - start, d, dtype=torch.float64, device=network.device)
            units[torch.arange(stop - start), torch.arange(start, stop)] = 1.0
            pushed = _push(chain, origin, target, units.reshape(-1, *shape), linear=True)
            columns.put(pushed.value.reshape(stop - start, m), start)
        else:
            colours = [groups.colour(index) for index in range(start, stop)]
            units = torch.from_numpy(groups.units(colours)).to(network.device)
            pushed = _push(chain, origin, target, units, linear=True)
            columns.scatter(groups.columns(colours, pushed.value.cpu().numpy()))
        worst = max(worst, _largest(pushed.error))
    zero = torch.zeros(1, *shape, dtype=torch.float64, device=network.device)
    offset = _push(chain, origin, target, zero, linear=False)
    return FoldedMap(
        weight=columns.matrix(),
        bias=offset.value.reshape(m).cpu().numpy(),
        error=max(worst, _largest(offset.error)),
    )


class _Columns:
    """The numbers of a matrix (m, d), kept sparse for as long as that pays."""

    def __init__(self, m: int, d: int, target: str, device: torch.device) -> None:
        self.size, self.target, self.device = (m, d), target, device
        self.parts: list[sparse.coo_array] = []
        self.whole: Tensor | None = self._room() if 8 * d * m < SPARSE_FROM else None

    def put(self, columns: Tensor, start: int) -> None:
        """The next columns, as rows."""
        if self.whole is not None:
            self.whole[start : start + len(columns)] = columns
            return
        found = sparse.coo_array(columns.cpu().numpy())
        column, row = found.coords
        self.scatter(sparse.coo_array((found.data, (row, column + start)), shape=self.size))

    def scatter(self, part: sparse.coo_array) -> None:
        """Further numbers, none of them at a place that another part has."""
        self.parts.append(part)
        if self.whole is None:
            if sum(each.nnz for each in self.parts) <= SPARSE_DENSITY * math.prod(self.size):
                return
            self.whole = self._room()
        for each in self.parts:
            row, column = (torch.from_numpy(index.astype(np.int64)).to(self.device) for index in each.coords)
            self.whole[column, row] = torch.from_numpy(each.data).to(self.device)
        self.parts = []

    def matrix(self) -> np.ndarray | SparseRows:
        if self.whole is not None:
            return np.ascontiguousarray(self.whole.T.cpu().numpy())
        data = np.concatenate([part.data for part in self.parts])
        index = np.int32 if max(*self.size, data.size) < 2**31 else np.int64
        row, column = (np.concatenate([part.coords[axis] for part in self.parts]).astype(index) for axis in (0, 1))
        return sparse.csr_array((data, (row, column)), shape=self.size)

    def _room(self) -> Tensor:
        m, d = self.size
        if 8 * d * m > DENSE_LIMIT:
            raise TooLarge(
                f"the layer at {self.target!r} as a dense matrix of {m} x {d} would take {8 * d * m / 2**30:.1f} GiB "
                f"(limit {DENSE_LIMIT / 2**30:.0f} GiB); ask about a window of the input or a smaller layer."
            )
        return torch.zeros(d, m, dtype=torch.float64, device=self.device)


def _largest(error: Tensor | None) -> float:
    return 0.0 if error is None or error.numel() == 0 else float(error.max())


def _between(network: Network, origin: str, target: str) -> list[Node]:
    """The affine nodes on paths from `origin` to `target`, in order."""
    needed = {target}
    for node in reversed(network.nodes):
        if node.name in needed and node.name != origin and node.is_affine:
            needed.update(node.inputs)
    return [node for node in network.nodes if node.name in needed and node.name != origin]


def _push(chain: list[Node], origin: str, target: str, batch: Tensor, *, linear: bool) -> _Bounded:
    known = {origin: _Bounded(batch, None, units=True)}
    step = lambda node, operands: _step(node.affine, operands, linear=linear)  # noqa: E731
    return interpret(chain, step, known)[target]


def _step(operator: AffineOperator, operands: list[_Bounded], *, linear: bool) -> _Bounded:
    compute = operator.linear if linear else operator.apply
    value = compute(*(operand.value for operand in operands))
    units = all(operand.units for operand in operands)
    if units and operator.roundings == 0:
        return _Bounded(value, None, units=True)
    if units and operator.exact_on_units:
        return _Bounded(value, None, units=False)
    values, errors = [operand.value for operand in operands], [_error(operand) for operand in operands]
    return _Bounded(value, operator.error(values, errors, linear=linear, plain=True), units=False)


def _error(operand: _Bounded) -> Tensor:
    return torch.zeros_like(operand.value) if operand.error is None else operand.error
