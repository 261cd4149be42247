"""What proofs about admissible index sets speak of: strict and weak inequalities together."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import lcm
from typing import ClassVar, Protocol

import numpy as np

from unrelu.exact.integers import integer_rows
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.rounding import gamma, lost
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.rigor.signs import nearest_float


@dataclass(frozen=True, eq=False)
class SignSystem:
    """`{ x in D : a_i.x + b_i > 0 for i not in I, a_i.x + b_i <= 0 for i in I, a_i.x + b_i = 0 for i in E }`.

    Attributes:
        weight: (m, d) float64, the rows a_i.
        bias: (m,) float64; or (m, q), of which each row's sum, in exact arithmetic, is its b_i; see `divisor`.
        inactive: (m,) bool, I.
        domain: D, a polyhedron in d coordinates.
        equal: (m,) bool, E, none of which is in I; none by default.
        strict_domain: whether D's inequalities, bounds that differ included, have to hold strictly.
        divisor: (m,) float64, not 0, by which the sum of all summands of b_i but the first is divided; None for 1.
    """

    weight: np.ndarray
    bias: np.ndarray
    inactive: np.ndarray
    domain: Polyhedron
    equal: np.ndarray | None = None
    strict_domain: bool = False
    divisor: np.ndarray | None = None

    @property
    def dimension(self) -> int:
        """d, the number of coordinates."""
        return self.weight.shape[1]

    @cached_property
    def held(self) -> np.ndarray:
        """(m,) bool, E."""
        return np.zeros(len(self.inactive), dtype=bool) if self.equal is None else self.equal

    @cached_property
    def bias_parts(self) -> np.ndarray:
        """(m, q) float64, the summands of each b_i."""
        return self.bias if self.bias.ndim == 2 else self.bias[:, None]

    @cached_property
    def constants(self) -> tuple[np.ndarray, np.ndarray]:
        """(m,) b_i, rounded once, and by how much each may be off."""
        return _summed(self.bias_parts, self.divisor)

    def exact_constant(self, row: int) -> Fraction:
        """b_i."""
        first, *others = map(Fraction, self.bias_parts[row].tolist())
        total = sum(others, Fraction(0))
        return first + (total if self.divisor is None else total / Fraction(self.divisor[row]))

    @cached_property
    def oriented(self) -> OrientedRows:
        """All constraints but the bounds, as rows that are positive, non-negative or zero on the set."""
        D = self.domain
        sign = np.where(self.inactive, -1.0, 1.0)[:, None]
        d = self.dimension
        features = ScaledRows(np.column_stack([sign * self.weight, sign * self.bias_parts])).matrix
        rows = [(features[:, :d], *_summed(features[:, d:], self.divisor))]
        rows += [_oriented(D.A_ub, D.b_ub, D.origin), _oriented(D.A_eq, D.b_eq, D.origin)]
        of_domain = np.full(len(D.b_ub), self.strict_domain)
        return OrientedRows(
            matrix=np.vstack([matrix for matrix, _, _ in rows]),
            constants=np.concatenate([constants for _, constants, _ in rows]),
            constant_errors=np.concatenate([errors for _, _, errors in rows]),
            strict=np.concatenate([~self.inactive & ~self.held, of_domain, np.zeros(len(D.b_eq), dtype=bool)]),
            equal=np.concatenate([self.held, np.zeros(len(D.b_ub), dtype=bool), np.ones(len(D.b_eq), dtype=bool)]),
        )

    @cached_property
    def exact_rows(self) -> list[list[int]]:
        """Rows `(r_i, c_i)` of d + 1 integers: the oriented rows, then the finite lower and upper bounds.

        `r_i.x + c_i` is on the set positive where the row is strict, zero where it is an equality, and otherwise not
        negative. Each row is scaled by a positive number of its own, which depends on its numbers only.
        """
        D, d = self.domain, self.dimension
        sign = np.where(self.inactive, -1.0, 1.0)[:, None]
        parts = integer_rows(np.column_stack([sign * self.weight, sign * self.bias_parts]))
        rows = [[*row[:d], sum(row[d:])] for row in parts]
        for i in [] if self.divisor is None else np.flatnonzero(self.divisor != 1):
            side = Fraction(sign[i, 0])
            rows[i] = _cleared(
                [*(side * Fraction(a) for a in self.weight[i].tolist()), side * self.exact_constant(int(i))]
            )
        for matrix, values in ((D.A_ub, D.b_ub), (D.A_eq, D.b_eq)):
            if D.origin.any():
                rows += [_moved_row(row, value, D.origin) for row, value in zip(matrix, values.tolist(), strict=True)]
            else:
                rows += integer_rows(np.column_stack([-matrix, values]))
        identity = np.eye(d)
        low, high = np.isfinite(D.lower), np.isfinite(D.upper)
        rows += integer_rows(np.column_stack([identity[low], -D.lower[low]]))
        rows += integer_rows(np.column_stack([-identity[high], D.upper[high]]))
        return rows

    @cached_property
    def exact_strict(self) -> np.ndarray:
        """(n,) bool, which of the exact rows are strict."""
        D = self.domain
        differ = (D.lower < D.upper) & self.strict_domain
        low, high = np.isfinite(D.lower), np.isfinite(D.upper)
        return np.concatenate([self.oriented.strict, differ[low], differ[high]])

    @cached_property
    def exact_equal(self) -> np.ndarray:
        """(n,) bool, which of the exact rows are equalities."""
        D = self.domain
        n_bounds = int(np.isfinite(D.lower).sum() + np.isfinite(D.upper).sum())
        return np.concatenate([self.oriented.equal, np.zeros(n_bounds, dtype=bool)])


@dataclass(frozen=True, eq=False)
class OrientedRows:
    """`matrix x + constants` is positive on strict rows, zero on equal rows, and elsewhere not negative.

    The rows are those of the layer, then inequalities and equalities of the domain; each is scaled by a power of two,
    which is exact.

    Attributes:
        matrix: (n, d) float64.
        constants: (n,) float64.
        constant_errors: (n,) by how much each constant may be off; 0 but for domains with an origin other than 0.
        strict: (n,) bool.
        equal: (n,) bool.
    """

    matrix: np.ndarray
    constants: np.ndarray
    constant_errors: np.ndarray
    strict: np.ndarray
    equal: np.ndarray


class SignCertificate(Protocol):
    """A proof that a sign system has a solution (`admissible`) or that it has none."""

    admissible: ClassVar[bool]

    def verify(self, system: SignSystem) -> bool:
        """True only if this proves `admissible` for the very floats of the system; calls no solver."""
        ...


def _summed(parts: np.ndarray, divisor: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
    """The sum of each row, rounded once, and by how much each may be off; infinitely where it overflows.

    Args:
        parts: (m, q).
        divisor: (m,) by which the sum of all but the first is divided; None for 1.
    """
    if parts.shape[1] == 1:
        return parts[:, 0], np.zeros(len(parts))
    several = np.count_nonzero(parts, axis=1) > 1
    totals = np.array([_sum(row) for row in parts.tolist()], dtype=np.float64).reshape(-1)
    for i in np.flatnonzero(divisor != 1) if divisor is not None else ():
        assert divisor is not None
        first, *others = map(Fraction, parts[i].tolist())
        totals[i] = nearest_float(first + sum(others, Fraction(0)) / Fraction(divisor[i]))
        several[i] = True
    finite = np.isfinite(totals)
    errors = np.where(several & finite, np.spacing(np.where(finite, np.abs(totals), 0.0)), 0.0)
    return totals, np.where(finite, errors, np.inf)


def _sum(numbers: list[float]) -> float:
    try:
        return math.fsum(numbers)
    except OverflowError:  # of a partial sum, which says nothing about the sum
        return nearest_float(sum(map(Fraction, numbers), Fraction(0)))


def _oriented(matrix: np.ndarray, values: np.ndarray, origin: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`a.(x - origin) <= b` as `-a.x + (b + a.origin) >= 0`, with a bound on the error of the constant."""
    scaled = ScaledRows(np.column_stack([matrix, values])).matrix
    A, b = scaled[:, :-1], scaled[:, -1]
    if not origin.any():
        return -A, b, np.zeros(len(b))
    sizes, d = np.abs(A), origin.size
    size = sizes @ np.abs(origin) + np.abs(b)
    underflow = lost(d, float(sizes.max(initial=0.0)), float(np.abs(origin).max()))
    return -A, b + A @ origin, 2 * gamma(d + 4) * size + underflow


def _moved_row(row: np.ndarray, value: float, origin: np.ndarray) -> list[int]:
    """The integers of `-a.x + (b + a.origin)`, exactly."""
    a = [Fraction(number) for number in row.tolist()]
    constant = Fraction(value) + sum((x * Fraction(o) for x, o in zip(a, origin.tolist(), strict=True)), Fraction(0))
    return _cleared([*(-x for x in a), constant])


def _cleared(numbers: list[Fraction]) -> list[int]:
    """Integers that are a positive multiple of these numbers."""
    common = lcm(*(number.denominator for number in numbers))
    return [int(number * common) for number in numbers]
