"""The affine hull of a small polyhedron in exact rational arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from unrelu.exact import decide_hull
from unrelu.exact.infeasible import ExactInfeasible
from unrelu.exact.system import ExactSystem
from unrelu.polyhedra.polyhedron import Polyhedron

MAX_DIMENSION = 30
"""Coordinates up to which exact arithmetic is used."""

MAX_ROWS = 150
"""Inequalities, bounds included, up to which it is used."""


@dataclass(frozen=True, eq=False)
class ExactHull:
    """What is known exactly of a polyhedron.

    Attributes:
        dimension: of the affine hull; -1 for the empty set.
        implicit_rows: indices of inequality rows that hold with equality on the whole set.
        implicit_upper: coordinates that are at their upper bound on the whole set.
        implicit_lower: coordinates that are at their lower bound on the whole set.
        point: (d,) the float nearest to a relatively interior point; None for the empty set.
    """

    dimension: int
    implicit_rows: np.ndarray
    implicit_upper: np.ndarray
    implicit_lower: np.ndarray
    point: np.ndarray | None


def exact_hull(polyhedron: Polyhedron) -> ExactHull | None:
    """Find the dimension and all implicit equalities of a polyhedron, exactly.

    Returns:
        The answer, or None where the polyhedron is too large or the arithmetic takes too long.
    """
    P = polyhedron
    bounds = np.isfinite([P.lower, P.upper]) & (P.lower != P.upper)
    if P.dimension > MAX_DIMENSION or len(P.A_ub) + int(bounds.sum()) > MAX_ROWS:
        return None
    centre = [Fraction(value) for value in P.origin.tolist()]
    system = ExactSystem.of(P.A_ub, P.b_ub, P.A_eq, P.b_eq, _moved(P.lower, centre), _moved(P.upper, centre))
    found = decide_hull.exact_hull(system)
    if found is None:
        return None
    if isinstance(found, ExactInfeasible):
        none = np.zeros(0, dtype=np.intp)
        return ExactHull(-1, none, none, none, None)
    high = len(system.rows) - len(system.high)
    low = high - len(system.low)
    implicit = found.implicit(system)
    point = np.array([float(o + z) for o, z in zip(centre, found.point, strict=True)])
    return ExactHull(
        dimension=found.dimension,
        implicit_rows=np.array([i for i in implicit if i < system.n_ub], dtype=np.intp),
        implicit_upper=np.array([system.high[i - high] for i in implicit if i >= high], dtype=np.intp),
        implicit_lower=np.array([system.low[i - low] for i in implicit if low <= i < high], dtype=np.intp),
        point=np.clip(point, P.lower, P.upper),
    )


def _moved(bounds: np.ndarray, origin: list[Fraction]) -> list[Fraction | float]:
    """Bounds of `x - origin`."""
    pairs = zip(bounds.tolist(), origin, strict=True)
    return [Fraction(bound) - o if np.isfinite(bound) else bound for bound, o in pairs]
