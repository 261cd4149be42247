"""Bases of subspaces in exact arithmetic, changed until given rows are nearly orthogonal in their coordinates."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from unrelu.exact.integers import products

ROUND = 1e3
"""Coordinates are good where the rows have at most this condition number."""

BITS = 50
"""Binary digits of the numbers by which a basis is changed."""

LEAST_PIVOT = 2.0**-48
"""Pivots of columns of about unit size below this are rounding."""

_PASSES = 60  # each takes some forty binary digits off the condition number

Rows = Sequence[Sequence[int]]


@dataclass(frozen=True, eq=False)
class ExactBasis:
    """Vectors `2^e_j n_j`, integers times powers of two.

    Attributes:
        columns: n vectors of d integers, n_j.
        exponents: n integers, e_j.
    """

    columns: tuple[tuple[int, ...], ...]
    exponents: tuple[int, ...]

    @property
    def dimension(self) -> int:
        """n, the number of vectors."""
        return len(self.columns)

    @cached_property
    def matrix(self) -> np.ndarray:
        """(d, n) the vectors as columns, rounded.

        Raises:
            OverflowError: if a number is no float.
        """
        return np.array(
            [[_ratio(value, 1, e) for value in column] for column, e in zip(self.columns, self.exponents, strict=True)]
        ).T

    def coordinates(self, rows: Rows, divisors: Sequence[Fraction]) -> np.ndarray:
        """`a_i N / s_i` for integer rows a_i and positive s_i: (m, n), each number rounded once.

        Raises:
            OverflowError: if a number is no float.
        """
        table = [products(self.columns, row) for row in rows]
        return np.array(
            [
                [_ratio(v * s.denominator, s.numerator, e) for v, e in zip(values, self.exponents, strict=True)]
                for values, s in zip(table, divisors, strict=True)
            ]
        ).reshape(len(rows), self.dimension)

    def step(self, w: np.ndarray) -> list[Fraction]:
        """N w, exactly, for finite w: (n,)."""
        factors = [Fraction(x) * Fraction(2) ** e for x, e in zip(w.tolist(), self.exponents, strict=True)]
        return [
            sum((f * v for f, v in zip(factors, row, strict=True)), Fraction(0))
            for row in zip(*self.columns, strict=True)
        ]

    def rounded(self, rows: Rows, divisors: Sequence[Fraction]) -> ExactBasis:
        """Another basis of the same space, in which the rows `a_i N / s_i` have nearly orthonormal columns.

        N becomes N R^-1 for the factor R of a QR decomposition of the rows. In floats R is wrong where the columns are
        nearly dependent, but any change of the basis is allowed and is made exactly, so that repeating it helps.

        Raises:
            OverflowError: if the numbers leave the range of floats.
            LinAlgError: if the rows are dependent in exact arithmetic, or seem so to the end.
        """
        basis = self
        for _ in range(_PASSES):
            basis = basis._even(rows, divisors)
            S = basis.coordinates(rows, divisors)
            if not S.any(axis=0).all():
                raise np.linalg.LinAlgError("the rows are dependent.")
            R = np.asarray(np.linalg.qr(S, mode="r"))
            diagonal = np.abs(np.diag(R))
            # Columns that floats take for dependent are made so nearly that in exact arithmetic, and then scaled.
            np.fill_diagonal(R, np.where(diagonal < LEAST_PIVOT, LEAST_PIVOT, np.diag(R)))
            changed = basis._times(np.linalg.inv(R))
            if float(diagonal.max()) <= ROUND * float(diagonal.min()) and np.linalg.cond(S) <= ROUND:
                return changed
            basis = changed
        raise np.linalg.LinAlgError("the rows stay nearly dependent.")

    def _even(self, rows: Rows, divisors: Sequence[Fraction]) -> ExactBasis:
        """The vectors times powers of two such that the greatest number of each column of the rows is about 1."""
        sizes = [
            [_size(v) + _size(s.denominator) - _size(s.numerator) if v else None for v in products(self.columns, row)]
            for row, s in zip(rows, divisors, strict=True)
        ]
        greatest = [
            max((size for size in column if size is not None), default=0) for column in zip(*sizes, strict=True)
        ]
        return ExactBasis(self.columns, tuple(-size for size in greatest))

    def _times(self, T: np.ndarray) -> ExactBasis:
        """N T', T' being T rounded to `BITS` binary digits of the greatest number of each column."""
        least = min(self.exponents)
        columns, exponents = [], []
        for t in T.T:
            shift = BITS - math.frexp(float(np.abs(t).max()))[1]
            factors = [
                round(math.ldexp(x, shift)) << (e - least) for x, e in zip(t.tolist(), self.exponents, strict=True)
            ]
            column = products(list(zip(*self.columns, strict=True)), factors)
            even = min((v & -v).bit_length() - 1 for v in column if v)
            columns.append(tuple(v >> even for v in column))
            exponents.append(least - shift + even)
        return ExactBasis(tuple(columns), tuple(exponents))


def _size(value: int) -> int:
    return abs(value).bit_length()


def _ratio(numerator: int, denominator: int, exponent: int) -> float:
    """`numerator / denominator * 2^exponent`, nearly rounded; 0 where it underflows."""
    shift = 64 + _size(denominator) - _size(numerator)
    quotient = (numerator << shift) // denominator if shift > 0 else numerator // (denominator << -shift)
    return math.ldexp(float(quotient), exponent - shift)
