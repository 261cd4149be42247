"""A direction in which a polyhedron goes on for ever both ways, with a proof."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from unrelu.polyhedra.interior_proof import distinct_equalities
from unrelu.polyhedra.membership import member_radius
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.recession import lineality_space
from unrelu.rigor.arithmetic import is_ieee
from unrelu.rigor.rounding import UNDERFLOW, gamma, norm_above, sum_above


@dataclass(frozen=True, eq=False)
class FreeDirection:
    """A direction near an exact member of the lineality space of a polyhedron that is not empty.

    Every linear functional that is not constant on the member has no least and no greatest value over the polyhedron.

    Attributes:
        direction: v, (d,) float64, with a part in every direction of the lineality space.
        radius: an exact member of the lineality space is proved to lie within this of v (L2).
    """

    direction: np.ndarray
    radius: float

    def moves_coordinates(self) -> np.ndarray:
        """(d,) bool: the coordinates that are proved to change along the exact member."""
        return np.abs(self.direction) > self.radius

    def moves(self, functional: np.ndarray) -> bool:
        """Whether a functional c, (d,), is proved to change along the exact member: `|c'v| > ||c|| radius`."""
        if not is_ieee():
            return False
        with np.errstate(over="ignore", invalid="ignore"):  # what overflows proves nothing
            terms = functional * self.direction
            rounding = gamma(terms.size + 4) * sum_above(np.abs(terms)) + 2 * terms.size * UNDERFLOW
            return abs(float(terms.sum())) > (norm_above(functional) * self.radius + rounding) * (1 + 2.0**-40)


def free_direction(polyhedron: Polyhedron) -> FreeDirection | None:
    """A direction of the lineality space, in general position there; None where none is found or proved.

    The numerical null space of all rows gives a direction; a bound of the rows' smallest singular value proves that an
    exact one is near (`member_radius`). Dependent rows leave nothing to prove but coordinates that no row uses.

    >>> found = free_direction(Polyhedron(np.array([[1.0, 1.0, 0.0]]), np.ones(1), lower=[-np.inf, -np.inf, 0.0]))
    >>> found.moves_coordinates(), found.moves(np.array([1.0, 1.0, 0.0]))
    (array([ True,  True, False]), False)

    Args:
        polyhedron: the set, of dimension d; without its origin as a member it may be empty, and None is the answer.
    """
    P = polyhedron
    bounded = np.isfinite(P.lower) | np.isfinite(P.upper)
    if bounded.all() or not P.has_origin or not is_ieee():
        return None
    rng = np.random.default_rng(0)
    basis = lineality_space(P)
    v = basis @ rng.standard_normal(basis.shape[1])
    rows = np.vstack([P.A_eq, P.A_ub])
    at_bounds = np.where(bounded, 0.0, np.inf)
    space = Polyhedron(A_eq=rows, b_eq=np.zeros(len(rows)), lower=-at_bounds, upper=at_bounds)
    radius = member_radius(distinct_equalities(space), v) if basis.shape[1] else math.inf
    if not math.isfinite(radius):
        idle = ~(bounded | rows.any(axis=0))
        v, radius = np.where(idle, 1.0, 0.0), 0.0
    return FreeDirection(v, radius) if v.any() else None
