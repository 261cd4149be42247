"""The preimage of a layer at a point as a polyhedron, and who is in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unrelu.polyhedra.exact_membership import bound_signs, contains_exactly
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.pattern import LayerPattern
from unrelu.rigor.rounding import UNDERFLOW, gamma
from unrelu.rigor.signs import exact_signs


@dataclass(frozen=True, eq=False)
class LayerPolyhedron:
    """The preimage of a layer in H-representation, centred at its point x0.

    Equalities hold at x0 exactly; slacks of inequalities are rounded, but for those of tight rows, which are 0.

    Attributes:
        polyhedron: the set, of dimension d.
        ub_error: (k,) how far each of its `b_ub` may be from the exact number.
    """

    polyhedron: Polyhedron
    ub_error: np.ndarray

    @classmethod
    def at(cls, system: LayerSystem, point: np.ndarray, pattern: LayerPattern) -> LayerPolyhedron:
        """The preimage at a point.

        Args:
            system: the layer, the domain and the tolerance.
            point: (d,) x0.
            pattern: what is active and tight there.
        """
        A, b, eps = system.layer.dense_weight, system.layer.bias, system.tolerance
        values = A @ point + b
        rounding = 2 * gamma(point.size + 4) * (np.abs(A) @ np.abs(point) + np.abs(b)) + UNDERFLOW
        # Above 0 the slack is the tolerance; below, what is missing to 0 comes on top of it.
        slack = np.where(pattern.tight, 0.0, eps - np.minimum(values, 0.0))
        error = np.where(pattern.tight | (values > rounding), 0.0, rounding + 2.0**-52 * slack)
        active = pattern.active
        if eps == 0:
            A_ub, b_ub, ub_error, A_eq = A[~active], slack[~active], error[~active], A[active]
        else:
            held = np.full(pattern.n_active, eps)
            A_ub, b_ub, A_eq = np.vstack([A, -A[active]]), np.append(slack, held), A[:0]
            ub_error = np.append(error, np.zeros_like(held))
        D = system.domain
        if D is None:
            return cls(Polyhedron(A_ub=A_ub, b_ub=b_ub, A_eq=A_eq, b_eq=np.zeros(len(A_eq)), origin=point), ub_error)
        shift = np.abs(point) + np.abs(D.origin)
        of_domain = 2 * gamma(point.size + 4) * (np.abs(D.A_ub) @ shift + np.abs(D.b_ub)) + UNDERFLOW
        tight = pattern.domain_tight[: len(D.A_ub)]
        room = np.where(tight, 0.0, np.maximum(D.b_ub - D.A_ub @ (point - D.origin), 0.0))
        A_eq = np.vstack([A_eq, D.A_eq])
        polyhedron = Polyhedron(
            A_ub=np.vstack([A_ub, D.A_ub]),
            b_ub=np.append(b_ub, room),
            A_eq=A_eq,
            b_eq=np.zeros(len(A_eq)),
            lower=D.lower,
            upper=D.upper,
            origin=point,
        )
        return cls(polyhedron, np.append(ub_error, np.where(tight, 0.0, of_domain)))


@dataclass(frozen=True)
class Membership:
    """How nearly a point lies in a preimage. A float point almost never does so exactly.

    Attributes:
        exact: whether it is a member for exactly the stored numbers.
        feature_error: largest difference of a feature from that of x0, computed in float64.
        radius: an exact member is proved to lie within this of the point (L2), 0 for an exact one; inf where nothing
            is proved, as for points well outside.
    """

    exact: bool
    feature_error: float
    radius: float


def is_member(system: LayerSystem, at: np.ndarray, pattern: LayerPattern, point: np.ndarray) -> bool:
    """Whether `|ReLU(a_i.x + b_i) - ReLU(a_i.x0 + b_i)| <= tolerance` for all i and x in D, in exact arithmetic.

    Args:
        system: the layer, the domain and the tolerance.
        at: (d,) x0.
        pattern: what is active and tight there.
        point: (d,) x.
    """
    A, b, eps = system.layer.dense_weight, system.layer.bias, system.tolerance
    if system.domain is not None and not _is_in_domain(system.domain, at, pattern.domain_tight, point):
        return False
    positive = exact_signs(A, b, at) > 0
    # b counts as the weight of a coordinate that is 1, so that nothing is rounded.
    at_zero = np.column_stack([A, b])[~positive]
    if bool((exact_signs(at_zero, np.full(len(at_zero), -eps), np.append(point, 1.0)) > 0).any()):
        return False
    rising, falling = A[positive], -A[pattern.active]
    return not any(
        bool((bound_signs(rows, np.full(len(rows), eps), at, point) > 0).any()) for rows in (rising, falling)
    )


def _is_in_domain(domain: Polyhedron, at: np.ndarray, tight: np.ndarray, point: np.ndarray) -> bool:
    """Rows that x0 keeps with equality up to rounding go exactly through x0, as in `DomainRows.tight`."""
    through = tight[: len(domain.A_ub)]
    moved = Polyhedron(
        domain.A_ub[through], np.zeros(through.sum()), domain.A_eq, 0 * domain.b_eq, domain.lower, domain.upper, at
    )
    other = Polyhedron(domain.A_ub[~through], domain.b_ub[~through], origin=domain.origin)
    return contains_exactly(moved, point) and contains_exactly(other, point)
