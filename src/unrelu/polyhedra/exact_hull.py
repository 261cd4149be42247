"""The affine hull of a small polyhedron in exact rational arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import lcm

import numpy as np

from unrelu.exact import decide_hull
from unrelu.exact.infeasible import ExactInfeasible
from unrelu.exact.system import ExactSystem
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.arithmetic import is_ieee

MAX_DIMENSION = 60
"""Coordinates up to which exact arithmetic is used."""

MAX_ROWS = 400
"""Inequalities, bounds included, up to which it is used: less than a second."""

FAR = 2**20
"""Interior points are no farther than this from an origin that is a member; cones have some at any distance."""


@dataclass(frozen=True, eq=False)
class ExactHull:
    """What is known exactly of a polyhedron.

    Attributes:
        system: the rows about the origin, in integers.
        dimension: of the affine hull; -1 for the empty set.
        implicit_rows: indices of inequality rows that hold with equality on the whole set.
        implicit_upper: coordinates that are at their upper bound on the whole set.
        implicit_lower: coordinates that are at their lower bound on the whole set.
        point: (d,) the float nearest to `interior`; None for the empty set, and where floats do not reach so far.
        interior: a relatively interior point less the origin; None for the empty set.
        holds_within_errors: whether dimension and implicit equalities, of the stored numbers, are those for all
            right-hand sides within the polyhedron's errors too.
        implicit: which of the system's rows those are.
    """

    system: ExactSystem

    dimension: int
    implicit_rows: np.ndarray
    implicit_upper: np.ndarray
    implicit_lower: np.ndarray
    point: np.ndarray | None
    interior: tuple[Fraction, ...] | None
    holds_within_errors: bool
    implicit: tuple[int, ...]

    @property
    def is_empty(self) -> bool:
        """Whether the set is empty for all right-hand sides within the errors."""
        return self.holds_within_errors and self.dimension < 0

    @property
    def only_point(self) -> np.ndarray | None:
        """(d,) the float nearest to the only point of the set for all right-hand sides within the errors, if so."""
        return self.point if self.holds_within_errors and self.dimension == 0 else None


def exact_hull(polyhedron: Polyhedron) -> ExactHull | None:
    """Find the dimension and all implicit equalities of a polyhedron, exactly.

    Returns:
        The answer, or None where the polyhedron is too large or the arithmetic takes too long, or where this thread
        does not compute as `is_ieee` demands, which changes the fractions that floats become.
    """
    if not is_ieee():
        return None
    P = polyhedron
    bounds = np.isfinite([P.lower, P.upper]) & (P.lower != P.upper)
    if P.n_coordinates > MAX_DIMENSION or len(P.A_ub) + int(bounds.sum()) > MAX_ROWS:
        return None
    centre = [Fraction(value) for value in P.origin.tolist()]
    system = ExactSystem.of(P.A_ub, P.b_ub, P.A_eq, P.b_eq, _moved(P.lower, centre), _moved(P.upper, centre))
    found = decide_hull.exact_hull(system)
    if found is None:
        return None
    if isinstance(found, ExactInfeasible):
        none = np.zeros(0, dtype=np.intp)
        return ExactHull(system, -1, none, none, none, None, None, P.is_exact, ())
    high = len(system.rows) - len(system.high)
    low = high - len(system.low)
    implicit = found.implicit(system)
    interior = _near(found.point) if P.has_origin else found.point
    return ExactHull(
        system=system,
        dimension=found.dimension,
        implicit_rows=np.array([i for i in implicit if i < system.n_ub], dtype=np.intp),
        implicit_upper=np.array([system.high[i - high] for i in implicit if i >= high], dtype=np.intp),
        implicit_lower=np.array([system.low[i - low] for i in implicit if low <= i < high], dtype=np.intp),
        point=_nearest_float(P, [o + z for o, z in zip(centre, interior, strict=True)]),
        interior=interior,
        holds_within_errors=P.is_exact or _holds_within_errors(P, system, interior),
        implicit=tuple(implicit),
    )


def _holds_within_errors(P: Polyhedron, system: ExactSystem, interior: tuple[Fraction, ...]) -> bool:
    """Whether rows whose right-hand sides are not exact are strict at the point by more than the error.

    The point stays interior then, and the rows that are tight on the whole set, being exact, stay so.
    """
    if P.eq_error.any():
        return False
    values = system.values_at(interior)
    denominator = lcm(*(value.denominator for value in interior))
    return all(
        -values[i] > Fraction(P.ub_error[i]) * system.scales[i] * denominator for i in np.flatnonzero(P.ub_error)
    )


def _near(point: tuple[Fraction, ...]) -> tuple[Fraction, ...]:
    """The point, or, farther than `FAR` from 0, one between the two: just as interior, 0 being a member."""
    size = max((abs(value) for value in point), default=Fraction(0))
    return point if size <= FAR else tuple(value * FAR / size for value in point)


def _nearest_float(P: Polyhedron, point: list[Fraction]) -> np.ndarray | None:
    try:
        return np.clip(np.array([float(value) for value in point]), P.lower, P.upper)
    except OverflowError:
        return None


def _moved(bounds: np.ndarray, origin: list[Fraction]) -> list[Fraction | float]:
    """Bounds of `x - origin`."""
    pairs = zip(bounds.tolist(), origin, strict=True)
    return [Fraction(bound) - o if np.isfinite(bound) else bound for bound, o in pairs]
