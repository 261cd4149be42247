"""Linear inequalities, equations and bounds, as rows of integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np

from unrelu.errors import ShapeError

Number = Fraction | float


@dataclass(frozen=True)
class ExactSystem:
    """`{ x : A_ub x <= b_ub, A_eq x = b_eq, lower <= x <= upper }`, each row times a positive number of its own.

    A row `(a_1, ..., a_d, b)` of d + 1 integers says `a.x <= b`, of an equality `a.x = b`; a lower bound is the row
    `-x_j <= -lower_j`.

    Attributes:
        n_coordinates: d.
        rows: the inequalities, then the equalities, then the finite lower and the finite upper bounds.
        scales: what each row was multiplied by.
        n_ub: the number of inequalities.
        n_eq: the number of equalities.
        low: the coordinates with a finite lower bound.
        high: the coordinates with a finite upper bound.
        strict: the inequalities that are to hold strictly.
    """

    n_coordinates: int
    rows: tuple[tuple[int, ...], ...]
    scales: tuple[int, ...]
    n_ub: int
    n_eq: int
    low: tuple[int, ...]
    high: tuple[int, ...]
    strict: frozenset[int]

    @property
    def is_equality(self) -> list[bool]:
        """Which rows are equalities."""
        bounds = len(self.low) + len(self.high)
        return [False] * self.n_ub + [True] * self.n_eq + [False] * bounds

    @classmethod
    def of(
        cls,
        A_ub: np.ndarray,
        b_ub: Sequence[Number] | np.ndarray,
        A_eq: np.ndarray,
        b_eq: Sequence[Number] | np.ndarray,
        lower: np.ndarray,
        upper: np.ndarray,
        strict: np.ndarray | None = None,
    ) -> ExactSystem:
        """Write a system with integers.

        Args:
            A_ub: (k, d) float64, finite.
            b_ub: k fractions, integers or floats, finite.
            A_eq: (l, d) float64, finite.
            b_eq: l fractions, integers or floats, finite.
            lower: (d,) float64; -inf where there is none.
            upper: (d,) float64; inf where there is none.
            strict: (k,) bool, the inequalities that are to hold strictly; None for none of them.

        Raises:
            ShapeError: if the sizes do not fit together.
        """
        d = len(lower)
        sizes = A_ub.shape == (len(b_ub), d) and A_eq.shape == (len(b_eq), d) and len(upper) == d
        if not sizes or (strict is not None and len(strict) != len(b_ub)):
            raise ShapeError(f"the rows, right-hand sides and bounds of a system in {d} coordinates do not fit.")
        low, high = np.flatnonzero(np.isfinite(lower)).tolist(), np.flatnonzero(np.isfinite(upper)).tolist()
        scaled = [_scaled(a, b) for A, values in ((A_ub, b_ub), (A_eq, b_eq)) for a, b in zip(A, values, strict=True)]
        scaled += [_bound(d, j, float(lower[j]), -1) for j in low] + [_bound(d, j, float(upper[j]), 1) for j in high]
        return cls(
            n_coordinates=d,
            rows=tuple(row for row, _ in scaled),
            scales=tuple(scale for _, scale in scaled),
            n_ub=len(b_ub),
            n_eq=len(b_eq),
            low=tuple(low),
            high=tuple(high),
            strict=frozenset(() if strict is None else np.flatnonzero(strict).tolist()),
        )


def _scaled(a: np.ndarray, b: Number) -> tuple[tuple[int, ...], int]:
    ratios = [value.as_integer_ratio() for value in (*a.tolist(), Fraction(b))]
    scale = lcm(*(denominator for _, denominator in ratios))
    return tuple(numerator * (scale // denominator) for numerator, denominator in ratios), scale


def _bound(d: int, j: int, bound: float, sign: int) -> tuple[tuple[int, ...], int]:
    numerator, denominator = bound.as_integer_ratio()
    row = [0] * (d + 1)
    row[j], row[-1] = sign * denominator, sign * numerator
    return tuple(row), denominator
