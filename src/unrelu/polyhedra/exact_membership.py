"""Whether a float point lies in a polyhedron, in exact arithmetic."""

from __future__ import annotations

import numpy as np

from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.signs import exact_signs


def contains_exactly(polyhedron: Polyhedron, point: np.ndarray) -> bool:
    """Whether a point keeps all constraints, for exactly the stored floats.

    Args:
        polyhedron: the set, of dimension d.
        point: (d,) float64; NaN and infinities are outside.

    >>> contains_exactly(Polyhedron(A_eq=np.array([[1.0, 1.0]]), b_eq=np.array([0.3])), np.array([0.1, 0.2]))
    False
    """
    if not (np.isfinite(point).all() and (polyhedron.lower <= point).all() and (point <= polyhedron.upper).all()):
        return False
    inequalities = bound_signs(polyhedron.A_ub, polyhedron.b_ub, polyhedron.origin, point)
    equalities = bound_signs(polyhedron.A_eq, polyhedron.b_eq, polyhedron.origin, point)
    return bool((inequalities <= 0).all() and not equalities.any())


def bound_signs(matrix: np.ndarray, values: np.ndarray, origin: np.ndarray, point: np.ndarray) -> np.ndarray:
    """The exact signs of `a_i.(point - origin) - b_i`: (k,) int8."""
    if not origin.any():
        return exact_signs(matrix, -values, point)
    # point - origin would be rounded
    return exact_signs(np.hstack([matrix, -matrix]), -values, np.concatenate([point, origin]))
