"""The statement that all questions about the inputs with the same features are about."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from unrelu.cones.proofs import Cone
from unrelu.errors import ShapeError
from unrelu.exact.integers import products
from unrelu.network.layer import ReLULayer
from unrelu.polyhedra.domain_at import DomainAt
from unrelu.polyhedra.domains import resolve
from unrelu.polyhedra.exact_membership import bound_signs
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.row_collection import RowCollection
from unrelu.polyhedra.sharp_rows import BLURRED
from unrelu.preimages.certificates.sign_system import SignSystem
from unrelu.preimages.certificates.witness import ExactWitness, Witness, exact_signs_of
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.pattern import LayerPattern
from unrelu.rigor.rounding import UNDERFLOW, UNIT, gamma
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.rigor.signs import exact_dot, exact_signs


@dataclass(frozen=True, eq=False)
class SameFeatures:
    """`P = { x in D : |ReLU(A x + b) - y| <= eps }`, y being the exact features of a point x0, or given.

    With x0 the domain is D', D as it is at x0 (`DomainAt`); with given features it is D itself.

    Attributes:
        system: the layer (A, b), the domain D and the tolerance eps.
        at: (d,) x0; None where features are given.
        features: (m,) y; None where x0 is given.
    """

    system: LayerSystem
    at: np.ndarray | None = None
    features: np.ndarray | None = None

    def __post_init__(self) -> None:
        if (self.at is None) == (self.features is None):
            raise TypeError("a statement is about a point or about features")
        if self.features is not None and self.features.shape != (self.layer.n_outputs,):
            raise ShapeError(f"the layer has {self.layer.n_outputs} features, but {self.features.size} are given.")

    @classmethod
    def of(cls, system: LayerSystem, at: np.ndarray, pattern: LayerPattern) -> SameFeatures:
        """The statement about a point of which the pattern is known already."""
        made = cls(system, at)
        made.__dict__["pattern"] = pattern
        return made

    @property
    def layer(self) -> ReLULayer:
        """The layer."""
        return self.system.layer

    @cached_property
    def pattern(self) -> LayerPattern:
        """What is active and tight at x0, decided exactly.

        Raises:
            DomainError: if x0 is not in the domain.
        """
        assert self.at is not None
        return self.system.pattern(self.at)

    @property
    def domain_at(self) -> DomainAt | None:
        """The domain as it is at x0; None for the whole space, and where features are given."""
        return None if self.at is None else self.pattern.domain

    @cached_property
    def active(self) -> np.ndarray:
        """(m,) bool, the features that are fixed from below: `y_i > eps_i`."""
        if self.features is None:
            return self.pattern.active
        return self.features > self.system.tolerance

    @cached_property
    def equal(self) -> np.ndarray:
        """(m,) bool, the features whose rows are equalities: those with `y_i > 0` and `eps_i = 0`."""
        return self.active & (self.system.tolerance == 0)

    @property
    def recession_cone(self) -> Cone:
        """The directions in which P goes on for ever."""
        return self.system.recession_cone(self.active)

    @property
    def tangent_cone(self) -> Cone:
        """The directions in which P goes on at x0."""
        return self.system.tangent_cone(self.pattern)

    @cached_property
    def polyhedron(self) -> Polyhedron:
        """P in H-representation about x0; of given features about the origin of D.

        About x0 equalities hold exactly, and so do tight rows; slacks of other rows, and all right-hand sides of given
        features, are known up to the error that is stored with them.
        """
        return self.about(None)

    def about(self, center: np.ndarray | None) -> Polyhedron:
        """P in H-representation about a point (d,); about x0, or the origin of D, if None."""
        if self.at is not None:
            return self._about_point(self.at, self.pattern)
        D = resolve(self.system.domain, self.layer.n_inputs)
        return self._about_center(D.origin if center is None else center, D)

    def _about_point(self, point: np.ndarray, pattern: LayerPattern) -> Polyhedron:
        A, b, eps = self.layer.dense_weight, self.layer.bias, self.system.tolerance
        values, rounding = _values(A, b, point)
        # Above 0 the slack is the tolerance; below, what is missing to 0 comes on top of it.
        slack = np.where(pattern.positive | pattern.tight, eps, eps - np.minimum(values, 0.0))
        error = np.where(pattern.positive | pattern.tight, 0.0, rounding + 2.0**-52 * slack)
        slack, error = _sharpened(slack, error, A, point, np.column_stack([-b, eps]))
        rows = RowCollection(point)
        equal = self.equal
        rows.equal(A[equal])
        rows.at_most(A[~equal], slack[~equal], error[~equal])
        both = pattern.active & ~equal
        rows.at_most(-A[both], eps[both])
        if pattern.domain is not None:
            rows.within(pattern.domain)
        return rows.polyhedron().about_a_member()

    def _about_center(self, center: np.ndarray, domain: Polyhedron) -> Polyhedron:
        assert self.features is not None
        A, b, eps, y = self.layer.dense_weight, self.layer.bias, self.system.tolerance, self.features
        values, rounding = _values(A, b, center)
        rows = RowCollection(center)
        equal, both = self.equal, self.active & ~self.equal
        upper, lower = (y + eps) - values, values - (y - eps)
        error = rounding + 4 * UNIT * (np.abs(y) + eps + np.abs(values))
        upper, above = _sharpened(upper, error, A, center, np.column_stack([y, eps, -b]))
        lower, below = _sharpened(lower, error, -A, center, np.column_stack([-y, eps, b]))
        rows.equal(A[equal], upper[equal], above[equal])
        rows.at_most(A[~equal], upper[~equal], above[~equal])
        rows.at_most(-A[both], lower[both], below[both])
        if bool((y < -eps).any()):  # a ReLU gives nothing below 0
            rows.at_most(np.zeros((1, center.size)), np.array([-1.0]))
        rows.about(domain)
        made = rows.polyhedron()
        if not self.contains(center):
            return made
        of_layer = exact_signs_of(self.sign_system, center)[: len(made.b_ub) - len(domain.b_ub)]
        of_domain = bound_signs(domain.A_ub, domain.b_ub, domain.origin, center)
        return made.about_a_member(np.concatenate([of_layer, of_domain]) == 0)

    def contains(self, x: np.ndarray) -> bool:
        """Whether a point (d,) is a member of P in exact arithmetic."""
        if self.features is not None:
            return Witness(x).is_exact(self.sign_system)
        assert self.at is not None
        domain = self.domain_at
        if domain is not None and not domain.contains(x):
            return False
        A, b, eps = self.layer.dense_weight, self.layer.bias, self.system.tolerance
        positive, active = self.pattern.positive, self.pattern.active
        # b and eps count as the weights of coordinates that are 1, so that nothing is rounded.
        at_zero = np.column_stack([A, b, -eps])[~positive]
        if bool((exact_signs(at_zero, np.zeros(len(at_zero)), np.append(x, [1.0, 1.0])) > 0).any()):
            return False
        return not any(
            bool((bound_signs(rows, values, self.at, x) > 0).any())
            for rows, values in ((A[positive], eps[positive]), (-A[active], eps[active]))
        )

    @cached_property
    def sign_system(self) -> SignSystem:
        """P for given features as a system of exact inequalities: biases are sums of floats that are not rounded."""
        return self._sign_system(strict=False)

    @cached_property
    def interior_system(self) -> SignSystem:
        """The same with all inequalities strict, those of the domain too."""
        return self._sign_system(strict=True)

    def _sign_system(self, *, strict: bool) -> SignSystem:
        assert self.features is not None
        A, b, eps, y = self.layer.dense_weight, self.layer.bias, self.system.tolerance, self.features
        m, d = A.shape
        equal, both = self.equal, self.active & ~self.equal
        none = np.zeros(m)
        at_most, at_least = np.column_stack([b, -y, -eps]), np.column_stack([-b, y, -eps])
        # ReLU(a.x + b) <= y + eps needs y + eps >= 0 besides: a row without x.
        negative = y < 0
        weight = np.vstack([A[~equal], -A[both], np.zeros((int(negative.sum()), d)), A[equal]])
        bias = np.vstack([at_most[~equal], at_least[both], np.column_stack([none, -y, -eps])[negative], at_most[equal]])
        n_equal = int(equal.sum())
        n = len(weight) - n_equal
        held = np.concatenate([np.zeros(n, dtype=bool), np.ones(n_equal, dtype=bool)])
        D = resolve(self.system.domain, d)
        if strict:
            # -(a.x + b) > 0; a row that says 0 <= 0 whatever x is needs no room.
            says_nothing = ~weight[:n].any(axis=1) & np.array([_is_zero(row) for row in bias[:n]], dtype=bool)
            kept = np.concatenate([~says_nothing, np.ones(n_equal, dtype=bool)])
            sign = np.where(held, 1.0, -1.0)[:, None]
            weight, bias, held = (sign * weight)[kept], (sign * bias)[kept], held[kept]
            return SignSystem(weight, bias, np.zeros(len(weight), dtype=bool), D, held, strict_domain=True)
        return SignSystem(weight, bias, ~held, D, held)

    @cached_property
    def member_rows(self) -> ScaledRows:
        """The rows of all constraints on P for given features: of the layer, of the domain, of its bounds."""
        system, d = self.sign_system, self.layer.n_inputs
        D = system.domain
        sign = np.where(system.inactive | system.held, 1.0, -1.0)[:, None]
        units = np.eye(d)
        return ScaledRows(np.vstack([sign * system.weight, D.A_ub, D.A_eq, -units, units]))

    def cone_at(self, member: Witness | ExactWitness | None) -> Cone:
        """The directions in which P, for given features, goes on at a member.

        Args:
            member: an exact solution of `sign_system`; None for one that keeps all inequalities strictly.
        """
        system = self.sign_system
        D = system.domain
        n, k, d = len(system.weight), len(D.b_ub), self.layer.n_inputs
        fixed = D.lower == D.upper
        equal = np.concatenate([system.held, np.zeros(k, dtype=bool), np.ones(len(D.b_eq), dtype=bool), fixed, fixed])
        tight = np.zeros(equal.size, dtype=bool)
        if isinstance(member, ExactWitness):
            values = products(system.exact_rows, (*member.numerators, member.denominator))
            zero = np.array([value == 0 for value in values], dtype=bool)
            bounds = np.zeros((2, d), dtype=bool)
            bounds[0, np.isfinite(D.lower)], bounds[1, np.isfinite(D.upper)] = np.split(
                zero[n + k + len(D.b_eq) :], [int(np.isfinite(D.lower).sum())]
            )
            tight = np.concatenate([zero[: n + k + len(D.b_eq)], *bounds])
        elif member is not None:
            x = member.point
            tight = np.concatenate(
                [
                    exact_signs_of(system, x) == 0,
                    bound_signs(D.A_ub, D.b_ub, D.origin, x) == 0,
                    np.zeros(len(D.b_eq), dtype=bool),
                    x == D.lower,
                    x == D.upper,
                ]
            )
        return Cone(self.member_rows, equal, tight & ~equal)


def _values(A: np.ndarray, b: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`A x + b` and by how much each may be off."""
    d = x.size
    rounding = 2 * gamma(d + 4) * (np.abs(A) @ np.abs(x) + np.abs(b)) + (d + 4) * UNDERFLOW
    return A @ x + b, rounding


def _sharpened(
    slack: np.ndarray, error: np.ndarray, A: np.ndarray, x: np.ndarray, parts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Slacks `sum of parts - A x` and their errors, summed exactly where the error is no small part of the slack.

    These slacks say how thin the set is.

    Args:
        slack: (m,) as computed.
        error: (m,) how far each may be off.
        A: (m, d).
        x: (d,).
        parts: (m, k).
    """
    slack, error = slack.copy(), error.copy()
    ones = np.append(-x, np.ones(parts.shape[1]))
    for i in np.flatnonzero((error > BLURRED * np.abs(slack)) & np.isfinite(slack)):
        exact = exact_dot(np.append(A[i], parts[i]), ones)
        slack[i] = float(exact)
        error[i] = 0.0 if Fraction(slack[i]) == exact else UNIT * abs(slack[i]) + UNDERFLOW
    return slack, error


def _is_zero(parts: np.ndarray) -> bool:
    return exact_dot(parts, np.ones(parts.size)) == 0
