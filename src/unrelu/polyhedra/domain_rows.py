"""The rows of a domain, as homogeneous constraints on directions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from unrelu.exact.integers import integer_rows, smallest
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.matrices import Matrix


@dataclass(frozen=True, eq=False)
class DomainRows:
    """`{ z : equalities z = 0, inequalities z <= 0 }` bounds the directions of a domain.

    The equalities are the domain's own and a unit row for each fixed coordinate; the inequalities are the domain's own,
    then `-e_i` for each lower bound, then `e_i` for each upper bound.

    Rows are written out when they are asked for: bounds of many coordinates are quick to compare with a point, and take
    much memory as rows.

    Attributes:
        domain: the domain.
        as_sparse: whether the rows are sparse.
        fixed: (d,) bool, coordinates whose bounds coincide.
        lower: indices of the coordinates with a lower bound that are not fixed.
        upper: indices of the coordinates with an upper bound that are not fixed.
    """

    domain: Polyhedron
    as_sparse: bool
    fixed: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def of(cls, domain: Polyhedron, *, as_sparse: bool = False) -> DomainRows:
        """The rows of a domain."""
        fixed = domain.lower == domain.upper
        lower = np.flatnonzero(np.isfinite(domain.lower) & ~fixed)
        upper = np.flatnonzero(np.isfinite(domain.upper) & ~fixed)
        return cls(domain, as_sparse, fixed, lower, upper)

    @property
    def n_equalities(self) -> int:
        """L."""
        return len(self.domain.A_eq) + int(self.fixed.sum())

    @property
    def n_inequalities(self) -> int:
        """K."""
        return len(self.domain.A_ub) + self.lower.size + self.upper.size

    @cached_property
    def equalities(self) -> Matrix:
        """(l, d), sparse if asked for."""
        D = self.domain
        if self.as_sparse:
            units = sparse.csr_array(sparse.eye_array(D.n_coordinates))
            return sparse.csr_array(sparse.vstack([D.A_eq, units[self.fixed]], format="csr"))
        return np.vstack([D.A_eq, np.eye(D.n_coordinates)[self.fixed]])

    @cached_property
    def inequalities(self) -> Matrix:
        """(k, d), likewise."""
        D = self.domain
        if self.as_sparse:
            units = sparse.csr_array(sparse.eye_array(D.n_coordinates))
            return sparse.csr_array(sparse.vstack([D.A_ub, -units[self.lower], units[self.upper]], format="csr"))
        unit = np.eye(D.n_coordinates)
        return np.vstack([D.A_ub, -unit[self.lower], unit[self.upper]])

    @cached_property
    def lines(self) -> tuple[np.ndarray, np.ndarray]:
        """Which general inequality rows lie on one line through 0, exactly: its number (-1: alone), and their side.

        Two rows with the same number and opposite sides are an equality where both are tight.
        """
        A = self.domain.A_ub
        line, side = np.full(len(A), -1), np.zeros(len(A), dtype=np.int8)
        if len(A) < 2:
            return line, side
        found: dict[tuple[int, ...], list[int]] = {}
        for index, row in enumerate(integer_rows(A)):
            if any(row):
                direction = smallest(row)
                side[index] = 1 if next(value for value in direction if value) > 0 else -1
                found.setdefault(tuple(int(side[index]) * value for value in direction), []).append(index)
        for number, members in enumerate(found.values()):
            if len(members) > 1:
                line[members] = number
        return line, side

    @cached_property
    def recession(self) -> tuple[np.ndarray, np.ndarray]:
        """Which of `inequalities` are equalities of the recession cone, and which are inequalities: two (k,) bool.

        Opposite rows leave the directions orthogonal to them, wherever their right-hand sides are.
        """
        held, idle = self.opposite(np.ones(len(self.domain.A_ub), dtype=bool))
        bounds = np.ones(self.lower.size + self.upper.size, dtype=bool)
        return np.concatenate([held, ~bounds]), np.concatenate([~(held | idle), bounds])

    def opposite(self, through: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Of rows on one line through 0, on both sides: the first holds as an equality, the others follow from it.

        Args:
            through: (k,) bool, the general inequality rows that count.

        Returns:
            Two (k,) bool: which hold, and which follow.
        """
        held, idle = np.zeros(len(through), dtype=bool), np.zeros(len(through), dtype=bool)
        if through.sum() < 2:
            return held, idle
        line, side = self.lines
        for number in np.unique(line[through & (line >= 0)]):
            members = np.flatnonzero(through & (line == number))
            if len(np.unique(side[members])) == 2:
                held[members[0]] = True
                idle[members[1:]] = True
        return held, idle
