"""Rows and coordinates of a cone that share no numbers: the cone is the product of those of its blocks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from unrelu.cones.cone import Cone
from unrelu.rigor.components import Components, components
from unrelu.rigor.matrices import Matrix, as_array
from unrelu.rigor.scaled_rows import ScaledRows

SMALL_BLOCK = 2**16
"""Numbers up to which a block of sparse rows is stored whole: dense tests are faster and more thorough there."""

CROWDED_BLOCK = 0.25
"""Part of the numbers that are not zero from which on a block of any size is stored whole."""


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows in use and the coordinates that they, and only they, use.

    Attributes:
        rows: indices of the rows, in order.
        columns: indices of the coordinates, in order.
        equalities: (len(rows),) bool, which of the rows are in B.
        inequalities: (len(rows),) bool, which of them are in G.
        numbers: their numbers in these coordinates: a matrix, or the three arrays of a `csr_array`.
    """

    rows: np.ndarray
    columns: np.ndarray
    equalities: np.ndarray
    inequalities: np.ndarray
    numbers: tuple[np.ndarray, ...]

    @cached_property
    def key(self) -> bytes:
        """Bytes that are the same for two blocks only where their cones are the same numbers."""
        shape = np.array([self.rows.size, self.columns.size, len(self.numbers)], dtype=np.int64)
        parts = (shape, self.equalities, self.inequalities, *self.numbers)
        return b"".join(np.ascontiguousarray(each).tobytes() for each in parts)

    @cached_property
    def cone(self) -> Cone:
        """The cone of these rows in these coordinates."""
        return Cone(ScaledRows(self._matrix()), self.equalities, self.inequalities)

    def _matrix(self) -> Matrix:
        if len(self.numbers) == 1:
            return self.numbers[0]
        size = self.rows.size * self.columns.size
        part = sparse.csr_array(self.numbers, shape=(self.rows.size, self.columns.size))
        return as_array(part) if size <= SMALL_BLOCK or part.nnz >= CROWDED_BLOCK * size else part


def is_split(cone: Cone) -> bool:
    """Whether the rows in use fall into more than one block."""
    return _components(cone).count > 1


def of_blocks(cone: Cone, columns: np.ndarray) -> np.ndarray:
    """(d,) bool, the coordinates of all blocks that some coordinates, (d,) bool, are in, and these themselves."""
    of_columns = _components(cone).of_columns
    return columns | np.isin(of_columns, of_columns[columns & (of_columns >= 0)])


def blocks_of(cone: Cone) -> tuple[Block, ...]:
    """The blocks whose cones' product the cone `{ z : B z = 0, G z <= 0 }` is, if every coordinate is in one.

    A block is a connected component of the rows in use, two of which are joined where they use the same coordinate.
    Rows of zeros, which say nothing, are in none, and coordinates that no row uses, which are free, neither.
    """
    found = _components(cone)
    rows, columns = np.argsort(found.of_rows, kind="stable"), np.argsort(found.of_columns, kind="stable")
    row_ends = np.searchsorted(found.of_rows[rows], np.arange(found.count + 1)).tolist()
    column_ends = np.searchsorted(found.of_columns[columns], np.arange(found.count + 1))
    numbers = _numbers(cone.rows.matrix, rows, columns, found, column_ends)
    equalities, inequalities = cone.equalities[rows], cone.inequalities[rows]
    made = []
    for k in range(found.count):
        own, across = slice(row_ends[k], row_ends[k + 1]), slice(column_ends[k], column_ends[k + 1])
        made.append(Block(rows[own], columns[across], equalities[own], inequalities[own], numbers(own, across)))
    return tuple(made)


def _components(cone: Cone) -> Components:
    used = (cone.equalities | cone.inequalities) & ~cone.rows.is_zero
    if np.array_equal(used, ~cone.rows.is_zero):
        return cone.rows.components
    return components(cone.rows.matrix, used)


def _numbers(
    matrix: Matrix, rows: np.ndarray, columns: np.ndarray, found: Components, column_ends: np.ndarray
) -> Callable[[slice, slice], tuple[np.ndarray, ...]]:
    """What gives the numbers of some of the rows, which have none but in some of the columns."""
    if isinstance(matrix, np.ndarray):
        return lambda own, across: (matrix[np.ix_(rows[own], columns[across])],)
    ordered = matrix[rows]
    ordered.eliminate_zeros()
    ordered.sort_indices()
    place = np.empty(columns.size, dtype=ordered.indices.dtype)
    first = np.concatenate([[0], column_ends])[found.of_columns[columns] + 1]  # columns in no block come first
    place[columns] = np.arange(columns.size) - first
    data, local, starts = ordered.data, place[ordered.indices], ordered.indptr

    def of(own: slice, across: slice) -> tuple[np.ndarray, ...]:
        part = slice(starts[own.start], starts[own.stop])
        return data[part], local[part], starts[own.start : own.stop + 1] - starts[own.start]

    return of
