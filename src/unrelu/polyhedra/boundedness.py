"""Whether a polyhedron is bounded, and by what radius."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unrelu.cones.decide import decide_cone
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.radius_bound import radius_bound
from unrelu.polyhedra.recession import cone_of, recession


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


def boundedness(polyhedron: Polyhedron, *, known: bool | None = None) -> Boundedness:
    """Decide whether a non-empty polyhedron is bounded; what floats leave open, small ones exactly.

    Args:
        polyhedron: the set.
        known: the answer, where the caller has it proved; then only the radius is sought.

    Raises:
        SolverFailure: if a solver refuses the numbers.

    >>> boundedness(Polyhedron(lower=0.0, origin=np.zeros(2))).bounded
    False
    """
    if bool(np.isfinite(polyhedron.lower).all() and np.isfinite(polyhedron.upper).all()):
        return Boundedness(True, math.inf)
    if known is None:
        known = decide_cone(cone_of(polyhedron)).holds
    if known is False:
        return Boundedness(False, math.inf)
    found = recession(polyhedron)
    radius = math.inf
    if found.direction is None and found.multipliers is not None:
        radius = radius_bound(polyhedron, found.multipliers)
    return Boundedness(True if math.isfinite(radius) else known, radius)
