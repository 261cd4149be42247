"""Whether a polyhedron is bounded, and by what radius."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.radius_bound import radius_bound
from unrelu.polyhedra.recession import recession


@dataclass(frozen=True)
class Boundedness:
    """What is proved about the size of a polyhedron that is not empty.

    Attributes:
        bounded: whether it is bounded; None where that is open.
        radius: every member is proved to lie within this of the origin (L2); inf where no radius was computed, as where
            every coordinate has two bounds, which say more.
    """

    bounded: bool | None
    radius: float


def boundedness(
    polyhedron: Polyhedron, *, known: bool | None = None, ub_error: np.ndarray | float = 0.0
) -> Boundedness:
    """Decide whether a non-empty polyhedron is bounded.

    Args:
        polyhedron: the set.
        known: the answer, where the caller has it proved; then only the radius is sought.
        ub_error: the radius shall hold for all right-hand sides within this of `b_ub`; (k,) or one number.

    Raises:
        SolverFailure: if a solver refuses the numbers.

    >>> boundedness(Polyhedron(lower=0.0, origin=np.zeros(2))).bounded
    False
    """
    if bool(np.isfinite(polyhedron.lower).all() and np.isfinite(polyhedron.upper).all()):
        return Boundedness(True, math.inf)
    if known is False:
        return Boundedness(False, math.inf)
    found = recession(polyhedron)
    if found.direction is not None:
        return Boundedness(False if found.proved and known is None else known, math.inf)
    radius = math.inf
    if found.multipliers is not None:
        radius = radius_bound(polyhedron, found.multipliers, ub_error=ub_error)
    return Boundedness(True if math.isfinite(radius) else known, radius)
