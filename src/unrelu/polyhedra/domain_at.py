"""A domain as it is at one of its points: the one answer to "is x in D?"."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from unrelu.errors import DomainError
from unrelu.polyhedra.domain_rows import DomainRows
from unrelu.polyhedra.exact_membership import bound_signs
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.rounding import UNDERFLOW, UNIT, enlarged, gamma, norm_below
from unrelu.rigor.signs import exact_dot


@dataclass(frozen=True, eq=False)
class DomainAt:
    """D', the domain D with all rows that a point x0 keeps up to the rounding of x0 itself moved through x0.

    Bounds are compared exactly. A general row `g.(x - o) <= h` (or `= h`) has the exact slack `s = h - g.(x0 - o)`, and
    x0 and h are floats, rounded from what was meant: with u the unit roundoff of x0's own dtype and n numbers in the
    row, rounding alone explains a slack of up to

        tau = gamma_n (|g|'(|x0| + |o|) + |h|),   gamma_n = n u / (1 - n u).

    Every row with `|s| <= tau` is moved through x0, always and all alike, so that no last bit decides; s and tau are
    compared in exact arithmetic. Of rows that are opposite after that one is an equality and the others say nothing
    more. Where nothing may be moved (`exact`), only rows with `s = 0` go through x0.

    Attributes:
        rows: the rows of D.
        point: (d,) x0.
        moved: (k,) bool, the general inequality rows that go through x0.
        held: (k,) bool, those of them that are equalities, one of each opposite pair.
        idle: (k,) bool, those that follow from a held one.
        slack: (k,) float64, `s` of the other inequality rows, rounded; 0 for those that go through x0.
        slack_error: (k,) by how much these may be off.
        eq_shift: (l,) float64, at least by how much each equality row was moved, `|s|`.
        ub_shift: (k,) the same of inequality rows.
    """

    rows: DomainRows
    point: np.ndarray
    moved: np.ndarray
    held: np.ndarray
    idle: np.ndarray
    slack: np.ndarray
    slack_error: np.ndarray
    eq_shift: np.ndarray
    ub_shift: np.ndarray

    @property
    def largest_on_line(self) -> np.ndarray:
        """(k,) `ub_shift`, for a held row at least that of the rows that follow from it, in its own unit."""
        shifts, (line, _) = self.ub_shift.copy(), self.rows.lines if self.held.any() else (None, None)
        A = self.rows.domain.A_ub
        for row in np.flatnonzero(self.held):
            assert line is not None
            for other in np.flatnonzero(self.idle & (line == line[row])):
                pivot = int(np.argmax(np.abs(A[row])))
                ratio = abs(A[row, pivot] / A[other, pivot])
                shifts[row] = max(shifts[row], enlarged(float(ratio * self.ub_shift[other]), 4))
        return shifts

    @property
    def n_moved(self) -> int:
        """How many rows of D do not go through x0, and do in D'."""
        return int(np.count_nonzero(self.eq_shift)) + int(np.count_nonzero(self.ub_shift))

    @property
    def shift(self) -> float:
        """At least the largest distance (L2) by which a row was moved; 0 where D' is D."""
        domain = self.rows.domain
        moved = [
            _distance(row, float(shift))
            for rows, shifts in ((domain.A_eq, self.eq_shift), (domain.A_ub, self.ub_shift))
            for row, shift in zip(rows, shifts, strict=True)
            if shift > 0
        ]
        return max(moved, default=0.0)

    def contains(self, x: np.ndarray) -> bool:
        """Whether a point (d,) lies in D', in exact arithmetic."""
        D = self.rows.domain
        if not (np.isfinite(x).all() and (D.lower <= x).all() and (x <= D.upper).all()):
            return False
        equalities = self.equalities
        if bound_signs(equalities, np.zeros(len(equalities)), self.point, x).any():
            return False
        through = self.kept & self.moved
        if bool((bound_signs(D.A_ub[through], np.zeros(int(through.sum())), self.point, x) > 0).any()):
            return False
        others = self.kept & ~self.moved
        return not bool((bound_signs(D.A_ub[others], D.b_ub[others], D.origin, x) > 0).any())

    @property
    def equalities(self) -> np.ndarray:
        """(l', d), the general rows that are equalities of D'; their right-hand sides are 0 about x0."""
        return np.vstack([self.rows.domain.A_eq, self.rows.domain.A_ub[self.held]])

    @property
    def kept(self) -> np.ndarray:
        """(k,) bool, the general inequality rows of D that are inequalities of D'."""
        return ~(self.held | self.idle)

    @property
    def tangent(self) -> tuple[np.ndarray, np.ndarray]:
        """Which of `rows.inequalities` are equalities of the tangent cone at x0, and which are inequalities."""
        at_bounds = self.tight_bounds
        through = self.moved & self.kept
        return np.concatenate([self.held, np.zeros_like(at_bounds)]), np.concatenate([through, at_bounds])

    @property
    def tight_bounds(self) -> np.ndarray:
        """(p + q,) bool, which bounds of coordinates that are not fixed x0 attains: the lower, then the upper ones."""
        D = self.rows.domain
        lower, upper = self.rows.lower, self.rows.upper
        return np.concatenate([self.point[lower] == D.lower[lower], self.point[upper] == D.upper[upper]])


def domain_at(
    rows: DomainRows, points: np.ndarray, *, unit: float = UNIT, exact: bool = False
) -> list[DomainAt | DomainError]:
    """The domain at many points; where a point lies outside, the error that says so.

    Args:
        rows: the rows of D.
        points: (n, d) float64, finite.
        unit: unit roundoff of the dtype in which the points were given.
        exact: whether no row may be moved, so that the domain is D itself.
    """
    D = rows.domain
    outside = (points < D.lower) | (points > D.upper)
    found: list[DomainAt | DomainError] = []
    eq = _Slacks.at(D.A_eq, D.b_eq, D.origin, points, unit)
    ub = _Slacks.at(D.A_ub, D.b_ub, D.origin, points, unit)
    for index, point in enumerate(points):
        if outside[index].any():
            found.append(_bound_error(rows, point))
            continue
        try:
            found.append(_at(rows, point, eq.of(index), ub.of(index), exact=exact))
        except DomainError as error:
            found.append(error)
    return found


def the_domain_at(
    rows: DomainRows, point: np.ndarray, *, unit: float = UNIT, exact: bool = False, what: str = "the point"
) -> DomainAt:
    """The domain at one point.

    Raises:
        DomainError: if the point lies outside; the message names it, the row and the excess.
    """
    (found,) = domain_at(rows, point[None], unit=unit, exact=exact)
    if isinstance(found, DomainError):
        raise DomainError(f"{what}: {found}")
    return found


def place(domain: Polyhedron, point: np.ndarray, *, unit: float = UNIT, what: str = "the point") -> DomainAt:
    """A domain at a point that has to lie in it.

    Raises:
        DomainError: if the point lies outside; the message names it, the row and the excess.
    """
    return the_domain_at(DomainRows.of(domain), point, unit=unit, what=what)


@dataclass(frozen=True, eq=False)
class _Slacks:
    """Slacks `h - g.(x - o)` of rows at n points, or at one, in floats and exactly.

    Attributes:
        matrix: (k, d) the rows g.
        values: (k,) h.
        origin: (d,) o.
        points: (n, d), or (d,).
        computed: (n, k), or (k,), the slacks in floats.
        error: by how much these may be off; inf where they overflowed.
        allowed: tau in floats.
        unit: u.
    """

    matrix: np.ndarray
    values: np.ndarray
    origin: np.ndarray
    points: np.ndarray
    computed: np.ndarray
    error: np.ndarray
    allowed: np.ndarray
    unit: float

    @classmethod
    def at(cls, matrix: np.ndarray, values: np.ndarray, origin: np.ndarray, points: np.ndarray, unit: float) -> _Slacks:
        k, d = matrix.shape
        if k == 0:
            none = np.zeros((len(points), 0))
            return cls(matrix, values, origin, points, none, none, none, unit)
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows is decided exactly
            sizes = (np.abs(points) + np.abs(origin)) @ np.abs(matrix).T + np.abs(values)
            computed = values - (points - origin) @ matrix.T
            largest = np.abs(matrix).max(axis=1, initial=0.0)
            error = 2 * gamma(d + 4) * sizes + (2 * d + 8) * UNDERFLOW * (1 + largest)
            n = np.count_nonzero(matrix, axis=1) + 1
            allowed = sizes * (n * unit / np.maximum(1 - n * unit, 0.5))
            error = np.where(np.isfinite(computed) & np.isfinite(error), error, np.inf)
        return cls(matrix, values, origin, points, computed, error, allowed, unit)

    def of(self, index: int) -> _Slacks:
        """Those at one point."""
        return _Slacks(
            self.matrix,
            self.values,
            self.origin,
            self.points[index],
            self.computed[index],
            self.error[index],
            self.allowed[index],
            self.unit,
        )

    def exact(self, row: int) -> Fraction:
        """The slack of one row, exactly."""
        g, ones = self.matrix[row], np.append(self.values[row], np.zeros(0))
        return exact_dot(np.concatenate([-g, g, ones]), np.concatenate([self.points, self.origin, [1.0]]))

    def tau(self, row: int) -> Fraction:
        """The slack that rounding explains, exactly.

        Raises:
            DomainError: if the dtype of the point is too short for a row of so many numbers.
        """
        g = np.abs(self.matrix[row])
        n, u = int(np.count_nonzero(g)) + 1, Fraction(self.unit)
        if n * u >= Fraction(1, 2):
            raise DomainError(
                f"a row of {n - 1} numbers says nothing about a point in a dtype as short as its own; convert it to "
                "float32 or float64 and normalise it there."
            )
        size = exact_dot(np.concatenate([g, g, [abs(self.values[row])]]), np.abs(_joined(self.points, self.origin)))
        return size * (n * u / (1 - n * u))


def _joined(point: np.ndarray, origin: np.ndarray) -> np.ndarray:
    return np.concatenate([point, origin, [1.0]])


def _at(rows: DomainRows, point: np.ndarray, eq: _Slacks, ub: _Slacks, *, exact: bool) -> DomainAt:
    eq_shift = np.zeros(len(eq.values))
    for row in range(len(eq.values)):
        slack = eq.exact(row)
        if abs(slack) > (0 if exact else eq.tau(row)):
            raise _row_error("equality", row, slack, eq, exact=exact)
        eq_shift[row] = _above(abs(slack))
    k = len(ub.values)
    moved, shift = np.zeros(k, dtype=bool), np.zeros(k)
    with np.errstate(invalid="ignore"):
        clear = ub.computed - ub.error > 2 * ub.allowed
    for row in np.flatnonzero(~clear):
        slack = ub.exact(int(row))
        limit = Fraction(0) if exact else ub.tau(int(row))
        if -slack > limit:
            raise _row_error("inequality", int(row), -slack, ub, exact=exact)
        moved[row] = slack <= limit
        shift[row] = _above(abs(slack)) if moved[row] else 0.0
    held, idle = rows.opposite(moved)
    return DomainAt(
        rows=rows,
        point=point,
        moved=moved,
        held=held,
        idle=idle,
        slack=np.where(moved, 0.0, np.maximum(ub.computed, 0.0)),
        slack_error=np.where(moved, 0.0, ub.error),
        eq_shift=eq_shift,
        ub_shift=shift,
    )


def _distance(row: np.ndarray, shift: float) -> float:
    """At least `shift / ||row||`; inf where that overflows."""
    exponent = -int(np.frexp(np.abs(row).max(initial=0.0))[1])
    size = norm_below(np.ldexp(row, exponent))
    with np.errstate(over="ignore"):
        return enlarged(float(np.ldexp(shift, exponent)) / size, 2) if size > 0 else np.inf


def _above(value: Fraction) -> float:
    """The least float of at least this size; inf where there is none."""
    try:
        nearest = float(value)
    except OverflowError:
        return np.inf
    return nearest if Fraction(nearest) >= value else float(np.nextafter(nearest, np.inf))


def _bound_error(rows: DomainRows, point: np.ndarray) -> DomainError:
    D = rows.domain
    with np.errstate(over="ignore"):
        outside = np.maximum(D.lower - point, point - D.upper)
    j = int(np.argmax(outside))
    if point[j] > D.upper[j]:
        return DomainError(
            f"coordinate {j} is {point[j]!s}, which exceeds its upper bound {D.upper[j]:g} by {outside[j]!s}; clip it, "
            "or give a domain that contains it."
        )
    return DomainError(
        f"coordinate {j} is {point[j]!s}, which falls below its lower bound {D.lower[j]:g} by {outside[j]!s}; clip it, "
        "or give a domain that contains it."
    )


def _row_error(kind: str, row: int, excess: Fraction, slacks: _Slacks, *, exact: bool) -> DomainError:
    size = _shown(abs(excess))
    if exact:
        return DomainError(
            f"it breaks {kind} row {row} of the domain by {size}, and with exact=True no row may be moved; leave that "
            "out, or give a point that keeps the row exactly."
        )
    return DomainError(
        f"it breaks {kind} row {row} of the domain by {size}, where the rounding of its dtype explains at most "
        f"{_shown(slacks.tau(row))}; give a point that keeps the row (in the dtype in which it was computed), or a "
        "domain that contains it."
    )


def _shown(value: Fraction) -> str:
    try:
        return repr(float(value))
    except OverflowError:
        return "more than 1.8e308"
