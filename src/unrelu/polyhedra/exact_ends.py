"""Least and greatest values of linear functionals over small sets that floats do not see well, exact."""

from __future__ import annotations

import math
import operator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from unrelu.errors import SolverFailure
from unrelu.exact.integers import integer_rows, products
from unrelu.exact.nonnegative import nonnegative_solution
from unrelu.polyhedra.exact_hull import exact_hull
from unrelu.polyhedra.functional_program import FunctionalProgram
from unrelu.polyhedra.own_coordinates import OwnCoordinates, Point, own_coordinates, slacks
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.status import Status

_TIGHT = 1e-7  # rows with less slack at a minimiser, of the 1 that they have at the center, may be those that hold it

_STEPS = 20

_WORK = 5e7  # about a second


@dataclass(frozen=True, eq=False)
class ExactEnd:
    """The least value of a linear functional.

    Attributes:
        value: rounded to the nearest float.
        below: a float that is not greater than the exact value.
        point: (d,) a member that attains it, rounded.
    """

    value: float
    below: float
    point: np.ndarray


@dataclass(frozen=True, eq=False)
class ExactEnds:
    """A small bounded set, known exactly, held ready for linear functionals.

    Attributes:
        polyhedron: the set.
        inside: (d,) an exact member, less the origin of the set.
        point: (d,) the float nearest to it.
        own: coordinates in which the set is round; None for a single point.
    """

    polyhedron: Polyhedron
    inside: Point
    point: np.ndarray
    own: OwnCoordinates | None

    def least(self, functional: np.ndarray) -> ExactEnd | None:
        """The minimum of `c'x`: found in floats, then proved by exact multipliers of the rows that are tight there.

        With `x = z + N v` about a member z, and rows `a_i N v <= s_i`, multipliers `lam_i >= 0` with
        `N'(c + sum_i lam_i a_i) = 0` prove `c'x >= c'z - sum_i lam_i s_i`.

        Args:
            functional: c, (d,) finite.

        Returns:
            The end; None where it was not found in time, or where numbers are no floats.
        """
        try:
            if self.own is None:
                return _end(self._at(functional), self.point)
            return self._of_body(self.own, functional)
        except (OverflowError, SolverFailure):
            return None

    @cached_property
    def _program(self) -> FunctionalProgram:
        assert self.own is not None
        return FunctionalProgram(self.own.polyhedron)

    @cached_property
    def _slack(self) -> Point:
        """The exact slacks of the rows of `own` at the member."""
        assert self.own is not None
        return slacks(self.own.system, self.own.which, self.inside)

    def _at(self, functional: np.ndarray) -> Fraction:
        """`c'x` at the exact member."""
        origin = self.polyhedron.origin
        moved = np.flatnonzero(functional).tolist()
        terms = [Fraction(float(functional[j])) * (Fraction(float(origin[j])) + self.inside[j]) for j in moved]
        return sum(terms, Fraction(0))

    def _of_body(self, own: OwnCoordinates, functional: np.ndarray) -> ExactEnd | None:
        (c,) = integer_rows(functional[None])
        j = int(np.abs(functional).argmax())
        unit = Fraction(float(functional[j])) / c[j] if c[j] else Fraction(1)
        if not any(products(own.basis.columns, c)):
            return _end(self._at(functional), self.point)
        moves = own.basis.coordinates([c], [Fraction(1)])[0]
        size = float(np.abs(moves).max())
        if size == 0.0:
            return None
        found = self._program.minimise(moves / size)
        if found.status is not Status.OPTIMAL or found.point is None:
            return None
        best = self._optimal(own, c, found.point)
        if best is None:
            return None
        point, multipliers = best
        stored, doubt = self._drop(own, multipliers)
        origin = [Fraction(value) for value in self.polyhedron.origin.tolist()]
        exact = [o + z + v for o, z, v in zip(origin, self.inside, point, strict=True)]
        nearest = np.clip([float(value) for value in exact], self.polyhedron.lower, self.polyhedron.upper)
        return _end(self._at(functional) - unit * stored, nearest, unit * doubt)

    def _optimal(
        self, own: OwnCoordinates, c: list[int], w: np.ndarray
    ) -> tuple[list[Fraction], dict[int, Fraction]] | None:
        """A minimiser less the member, and exact multipliers of the rows that are tight there; None if not in time.

        It starts from the rows that are tight at the solver's w. Where these prove nothing, Farkas' vector is a
        direction in which `c'x` falls further, by what the solver took for rounding: it is followed to the next row.
        Where the minimum over these rows breaks others, those are added.
        """
        columns = own.basis.columns
        right = [-value for value in products(columns, c)]
        added: set[int] = set()
        rows = [own.system.rows[i][:-1] for i in own.which]
        for _ in range(_STEPS):
            tight = sorted(added | set(np.flatnonzero(own.rows @ w >= 1.0 - _TIGHT).tolist()))
            held = [rows[i] for i in tight]
            dual = nonnegative_solution([products(held, column) for column in columns], right, work=_WORK)
            if dual is None:
                return None
            if dual.farkas is not None:
                moved = _followed(own, w, dual.farkas, tight)
                if moved is None:
                    return None
                w = moved
                continue
            best = _minimum(own, tight, [self._slack[i] for i in tight], right)
            if best is None:
                return None
            point, multipliers = best
            broken = [
                i for i, row in enumerate(rows) if sum(map(operator.mul, row, point), Fraction(0)) > self._slack[i]
            ]
            if not broken:
                return point, dict(zip(tight, multipliers, strict=True))
            if added >= set(broken):
                return None
            added |= set(broken)
        return None

    def _drop(self, own: OwnCoordinates, multipliers: dict[int, Fraction]) -> tuple[Fraction, Fraction]:
        """By how much `c'x` falls from the member for the stored right-hand sides, and how much more within errors."""
        errors, system, zero = self.polyhedron.ub_error, own.system, Fraction(0)
        stored = sum((value * self._slack[i] for i, value in multipliers.items()), zero)
        inexact = [(own.which[i], value) for i, value in multipliers.items() if own.which[i] < len(errors)]
        return stored, sum((value * Fraction(float(errors[i])) * system.scales[i] for i, value in inexact), zero)


def _followed(own: OwnCoordinates, w: np.ndarray, direction: tuple[int, ...], tight: list[int]) -> np.ndarray | None:
    """From w along a direction, in terms of the integer basis, to the next row; None where there is none."""
    exact = [Fraction(y) / Fraction(2) ** e for y, e in zip(direction, own.basis.exponents, strict=True)]
    greatest = max(map(abs, exact))
    step = np.array([float(value / greatest) for value in exact])
    rises = own.rows @ step
    rises[tight] = 0.0
    rising = rises > 0
    if not rising.any():
        return None
    room = np.maximum(1.0 - own.rows @ w, 0.0)
    return w + float((room[rising] / rises[rising]).min()) * step


def _minimum(
    own: OwnCoordinates, tight: list[int], slack: list[Fraction], right: list[int]
) -> tuple[list[Fraction], list[Fraction]] | None:
    """A minimiser over some rows, less the member, and their multipliers; None if not in time.

    In unknowns lam, u >= 0 and v: `sum_i lam_i a_i N = -c N`, `a_i N v + u_i = s_i`, and duality without a gap,
    `c N v + sum_i lam_i s_i = 0`.
    """
    columns, k = own.basis.columns, len(tight)
    rows = [own.system.rows[own.which[i]][:-1] for i in tight]
    common = math.lcm(*(s.denominator for s in slack))
    table = [[*products(rows, column), *[0] * (k + len(columns))] for column in columns]
    for i, (row, s) in enumerate(zip(rows, slack, strict=True)):
        moves = [value * s.denominator for value in products(columns, row)]
        table.append([*[0] * k, *(s.denominator * (i == j) for j in range(k)), *moves])
    table.append([*(int(s * common) for s in slack), *[0] * k, *(-value * common for value in right)])
    values = [*right, *(s.numerator for s in slack), 0]
    found = nonnegative_solution(table, values, free=range(2 * k, 2 * k + len(columns)), work=_WORK)
    if found is None or found.solution is None:
        return None
    multipliers = [Fraction(value, found.denominator) for value in found.solution[:k]]
    total = products(list(zip(*columns, strict=True)), found.solution[2 * k :])
    return [Fraction(value, found.denominator) for value in total], multipliers


def exact_ends(polyhedron: Polyhedron) -> ExactEnds | None:
    """A set held ready for exact ends; None where it is empty, too large, or the errors of its right-hand sides matter.

    >>> thin = Polyhedron(np.array([[1.0, 1.0], [-1.0, -1.0]]), np.array([2.0**-80, 0.0]), lower=-1.0, upper=1.0)
    >>> exact_ends(thin).least(np.array([-1.0, -1.0])).value == -(2.0**-80)
    True
    """
    hull = exact_hull(polyhedron)
    if hull is None or hull.interior is None or hull.point is None or not hull.holds_within_errors:
        return None
    if hull.dimension == 0:
        return ExactEnds(polyhedron, hull.interior, hull.point, None)
    own = own_coordinates(polyhedron, hull)
    if own is None or not own.is_sharp:
        return None
    # A member with few digits keeps the numbers short.
    if polyhedron.has_origin:
        return ExactEnds(polyhedron, (Fraction(0),) * polyhedron.n_coordinates, polyhedron.origin, own)
    return ExactEnds(polyhedron, hull.interior, hull.point, own)


def _end(exact: Fraction, point: np.ndarray, doubt: Fraction = Fraction(0)) -> ExactEnd:
    value = float(exact)
    below = float(exact - doubt)
    return ExactEnd(value, below if Fraction(below) <= exact - doubt else math.nextafter(below, -math.inf), point)
