"""Sparse rows in variables that are made on the way, none of their numbers rounded."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from unrelu.rigor.matrices import SparseRows


class RowBuilder:
    """Collects homogeneous rows `row . v = 0` and `row . v <= 0`.

    A variable may come up several times in a row: numbers whose sum is a float are added, for others a copy of the
    variable is made, with a row that says that it is one.
    """

    def __init__(self, n_variables: int) -> None:
        """Begin with some variables and no rows."""
        self.n_variables = n_variables
        self._rows: list[np.ndarray] = []
        self._variables: list[np.ndarray] = []
        self._numbers: list[np.ndarray] = []
        self._equal: list[np.ndarray] = []
        self._n_rows = 0

    def variables(self, n: int) -> np.ndarray:
        """(n,) the numbers of new variables."""
        self.n_variables += n
        return np.arange(self.n_variables - n, self.n_variables)

    def rows(self, n: int, *, equal: bool) -> np.ndarray:
        """(n,) the numbers of new rows."""
        self._equal.append(np.full(n, equal))
        self._n_rows += n
        return np.arange(self._n_rows - n, self._n_rows)

    def put(self, rows: np.ndarray, variables: np.ndarray, numbers: np.ndarray | float) -> None:
        """Put numbers into rows; those of variables -1, which are constants, say nothing about directions."""
        moving = variables >= 0
        self._rows.append(rows[moving])
        self._variables.append(variables[moving])
        self._numbers.append(np.broadcast_to(np.asarray(numbers, dtype=np.float64), variables.shape)[moving])

    def built(self) -> tuple[SparseRows, np.ndarray]:
        """All rows, (m, n), and (m,) bool, which of them are equalities."""
        row, column, number = (
            np.concatenate([np.zeros(0, dtype=kind), *parts])
            for parts, kind in ((self._rows, np.int64), (self._variables, np.int64), (self._numbers, np.float64))
        )
        order = np.argsort(row * self.n_variables + column, kind="stable")  # few ascending runs, which it merges
        row, column, number = row[order], column[order], number[order]
        again = np.concatenate([[False], (row[1:] == row[:-1]) & (column[1:] == column[:-1])])
        if again.any():
            row, column, number = self._without_repeats(row, column, number, again)
        matrix = sparse.csr_array((number, (row, column)), shape=(self._n_rows, self.n_variables))
        matrix.sort_indices()
        return matrix, np.concatenate([np.zeros(0, dtype=bool), *self._equal])

    def _without_repeats(
        self, row: np.ndarray, column: np.ndarray, number: np.ndarray, again: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Sums where they are floats, and copies of variables elsewhere; places are in order."""
        first = np.flatnonzero(~again)
        size = np.diff(np.append(first, len(row)))
        pairs = first[size == 2]
        a, b = number[pairs], number[pairs + 1]
        total = a + b
        back = total - a
        exact = (((a - (total - back)) + (b - back)) == 0) & np.isfinite(total)  # what the sum lost (Knuth)
        joined = pairs[exact]
        number, column = number.copy(), column.copy()
        number[joined] = total[exact]
        kept = np.ones(len(row), dtype=bool)
        kept[joined + 1] = False
        nth = np.arange(len(row)) - np.repeat(first, size)
        copied = np.flatnonzero(again & kept)
        if copied.size:
            different, place = np.unique(np.stack([column[copied], nth[copied]]), axis=1, return_inverse=True)
            copies = self.variables(different.shape[1])
            said = self.rows(len(copies), equal=True)
            column[copied] = copies[place.reshape(-1)]
            row = np.concatenate([row, said, said])
            column = np.concatenate([column, copies, different[0]])
            number = np.concatenate([number, np.ones(len(copies)), -np.ones(len(copies))])
            kept = np.concatenate([kept, np.ones(2 * len(copies), dtype=bool)])
        kept &= number != 0
        return row[kept], column[kept], number[kept]
