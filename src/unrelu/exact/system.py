"""Linear inequalities, equations and bounds, as rows of integers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf, lcm

import numpy as np

from unrelu.errors import InputError, ShapeError
from unrelu.exact.integers import products

Number = Fraction | float


@dataclass(frozen=True)
class ExactSystem:
    """`{ x : A_ub x <= b_ub, A_eq x = b_eq, lower <= x <= upper }`, each row times a positive number of its own.

    A row `(a_1, ..., a_d, b)` of d + 1 integers says `a.x <= b`, of an equality `a.x = b`; a lower bound is the row
    `-x_j <= -lower_j`.

    Attributes:
        n_coordinates: d.
        rows: the inequalities, then the equalities, coordinates fixed by equal bounds, finite lower and upper bounds.
        scales: what each row was multiplied by.
        n_ub: the number of inequalities.
        n_eq: the number of equalities.
        fixed: the coordinates whose bounds are equal, which are equalities too.
        low: the other coordinates with a finite lower bound.
        high: the other coordinates with a finite upper bound.
        strict: the inequalities that are to hold strictly.
    """

    n_coordinates: int
    rows: tuple[tuple[int, ...], ...]
    scales: tuple[int, ...]
    n_ub: int
    n_eq: int
    fixed: tuple[int, ...]
    low: tuple[int, ...]
    high: tuple[int, ...]
    strict: frozenset[int]

    @property
    def is_equality(self) -> list[bool]:
        """Which rows are equalities."""
        bounds = len(self.low) + len(self.high)
        return [False] * self.n_ub + [True] * (self.n_eq + len(self.fixed)) + [False] * bounds

    def total(self, multipliers: Sequence[int]) -> list[int]:
        """The sum of the rows with these multipliers, right-hand side last."""
        return (
            products(list(zip(*self.rows, strict=True)), multipliers) if self.rows else [0] * (self.n_coordinates + 1)
        )

    def values_at(self, point: Sequence[Fraction]) -> list[int]:
        """A positive multiple of `a.x - b` for each row."""
        denominator = lcm(*(value.denominator for value in point))
        lifted = [value.numerator * (denominator // value.denominator) for value in point]
        return products(self.rows, [*lifted, -denominator])

    @classmethod
    def of(
        cls,
        A_ub: np.ndarray,
        b_ub: Sequence[Number] | np.ndarray,
        A_eq: np.ndarray,
        b_eq: Sequence[Number] | np.ndarray,
        lower: Sequence[Number] | np.ndarray,
        upper: Sequence[Number] | np.ndarray,
        strict: np.ndarray | None = None,
    ) -> ExactSystem:
        """Write a system with integers.

        Args:
            A_ub: (k, d) float64, finite.
            b_ub: k fractions, integers or floats, finite.
            A_eq: (l, d) float64, finite.
            b_eq: l fractions, integers or floats, finite.
            lower: d fractions, integers or floats; -inf where there is none.
            upper: d fractions, integers or floats; inf where there is none.
            strict: (k,) bool, the inequalities that are to hold strictly; None for none of them.

        Raises:
            ShapeError: if the sizes do not fit together.
            InputError: if a lower bound is inf, an upper bound -inf, or one of them NaN.
        """
        d = len(lower)
        sizes = A_ub.shape == (len(b_ub), d) and A_eq.shape == (len(b_eq), d) and len(upper) == d
        if not sizes or (strict is not None and len(strict) != len(b_ub)):
            raise ShapeError(f"the rows, right-hand sides and bounds of a system in {d} coordinates do not fit.")
        if any(not low < inf or not high > -inf for low, high in zip(lower, upper, strict=True)):
            raise InputError("a lower bound of a system is inf, an upper one -inf, or one of them is not a number.")
        lower, upper = [_plain(value) for value in lower], [_plain(value) for value in upper]
        fixed = [j for j in range(d) if lower[j] == upper[j]]
        low = [j for j in range(d) if lower[j] != upper[j] and lower[j] > -inf]
        high = [j for j in range(d) if lower[j] != upper[j] and upper[j] < inf]
        scaled = [_scaled(a, b) for A, values in ((A_ub, b_ub), (A_eq, b_eq)) for a, b in zip(A, values, strict=True)]
        scaled += [_bound(d, j, upper[j], 1) for j in fixed]
        scaled += [_bound(d, j, lower[j], -1) for j in low] + [_bound(d, j, upper[j], 1) for j in high]
        return cls(
            n_coordinates=d,
            rows=tuple(row for row, _ in scaled),
            scales=tuple(scale for _, scale in scaled),
            n_ub=len(b_ub),
            n_eq=len(b_eq),
            fixed=tuple(fixed),
            low=tuple(low),
            high=tuple(high),
            strict=frozenset(() if strict is None else np.flatnonzero(strict).tolist()),
        )


def _plain(value: Number) -> Number:
    """Without NumPy's types, whose integers overflow."""
    return value.item() if isinstance(value, np.generic) else value


def _scaled(a: np.ndarray, b: Number) -> tuple[tuple[int, ...], int]:
    ratios = [value.as_integer_ratio() for value in (*a.tolist(), Fraction(_plain(b)))]
    scale = lcm(*(denominator for _, denominator in ratios))
    return tuple(numerator * (scale // denominator) for numerator, denominator in ratios), scale


def _bound(d: int, j: int, bound: Number, sign: int) -> tuple[tuple[int, ...], int]:
    numerator, denominator = Fraction(bound).as_integer_ratio()
    row = [0] * (d + 1)
    row[j], row[-1] = sign * denominator, sign * numerator
    return tuple(row), denominator
