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
from unrelu.polyhedra.exact_membership import bound_signs, contains_exactly
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.row_collection import RowCollection
from unrelu.preimages.certificates.sign_system import SignSystem
from unrelu.preimages.certificates.witness import ExactWitness, Witness, exact_signs_of
from unrelu.preimages.feature_intervals import FeatureIntervals, enclosing_intervals
from unrelu.preimages.interval_ends import IntervalEnds
from unrelu.preimages.layer_system import LayerSystem
from unrelu.preimages.pattern import LayerPattern
from unrelu.preimages.unit_states import states_about
from unrelu.rigor.rounding import UNDERFLOW, gamma
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.rigor.signs import exact_dot, nearest_float

SMALLEST, LARGEST = 2.0**-1022, 2.0**1023


@dataclass(frozen=True, eq=False)
class SameFeatures:
    """`P = { x in D : |f(A x + b) - y| <= eps }`, y being the exact features of a point x0, or given.

    f is the ReLU, or the layer's other activation. With x0 the domain is D', D as it is at x0 (`DomainAt`); with given
    features it is D itself. Where a unit has a feature in several intervals of its pre-activation, as |t| does, P is a
    union of polyhedra, of which this knows the one about x0, and one that encloses all of them (`is_whole`).

    Attributes:
        system: the layer (A, b, f), the domain D and the tolerance eps.
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
        """Which pre-activations have the features of x0, and what is tight there, decided exactly.

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
    def _of_features(self) -> tuple[FeatureIntervals, np.ndarray]:
        """The least intervals that hold all pre-activations with the given features, and of how many parts they are."""
        assert self.features is not None
        units, eps = self.layer.units, self.system.tolerance
        return enclosing_intervals(units, states_about(units, self.features, eps), eps)

    @cached_property
    def _never(self) -> np.ndarray:
        """(m,) bool, the given features that no pre-activation has."""
        return self._of_features[1] == 0

    @property
    def intervals(self) -> FeatureIntervals:
        """For each unit the pre-activations with its feature: those about x0, or with given features all of them.

        The latter with what lies between, where they are several intervals.
        """
        return self.pattern.interval if self.features is None else self._of_features[0]

    @property
    def is_whole(self) -> bool:
        """Whether P is `polyhedron`; otherwise that is the piece of x0, or, for given features, encloses P."""
        if self.features is None:
            return self.pattern.enclosing is None
        return bool((self._of_features[1] <= 1).all() or self._never.any())

    @property
    def has_other_pieces(self) -> bool:
        """Whether P is proved to have members in other pieces than that of x0: see `OtherPieces`."""
        return self.features is None and not self.is_whole and self.system.has_independent_rows

    @property
    def active(self) -> np.ndarray:
        """(m,) bool, J, the features of which both ends are known: of ReLUs those with `y_i > eps_i`."""
        return self.intervals.below & self.intervals.above

    @property
    def recession_cone(self) -> Cone:
        """The directions in which `polyhedron` goes on for ever."""
        return self.system.recession_cone(self.intervals)

    @property
    def enclosing_recession_cone(self) -> Cone:
        """The same of a polyhedron that encloses P; if it is {0}, P is bounded."""
        if self.features is None and self.pattern.enclosing is not None:
            return self.system.recession_cone(self.pattern.enclosing)
        return self.recession_cone

    @property
    def tangent_cone(self) -> Cone:
        """The directions in which `polyhedron` goes on at x0."""
        return self.system.tangent_cone(self.pattern)

    @property
    def enclosing_tangent_cone(self) -> Cone:
        """The same of a polyhedron that encloses P; if it is {0}, x0 is the only member of P."""
        return self.system.enclosing_tangent_cone(self.pattern)

    @cached_property
    def polyhedron(self) -> Polyhedron:
        """P, or the piece that x0 lies in, in H-representation about x0; of given features about the origin of D.

        About x0 equalities hold exactly, and so do tight rows; slacks of other rows, and all right-hand sides of given
        features, are known up to the error that is stored with them.
        """
        return self.about(None)

    def about(self, center: np.ndarray | None) -> Polyhedron:
        """`polyhedron` about a point (d,); about x0, or the origin of D, if None."""
        if self.at is not None:
            return self._about_point(self.at, self.pattern)
        D = resolve(self.system.domain, self.layer.n_inputs)
        return self._about_center(D.origin if center is None else center, D)

    def _ends(self) -> tuple[IntervalEnds, IntervalEnds]:
        """The lower and the upper ends."""
        units, eps, y = self.layer.units, self.system.tolerance, self.features
        piece = None if y is not None else self.pattern.piece
        lower = IntervalEnds.lower(units, self.intervals, eps, features=y, piece=piece)
        return lower, IntervalEnds.upper(units, self.intervals, eps, features=y, piece=piece)

    def _about_point(self, point: np.ndarray, pattern: LayerPattern) -> Polyhedron:
        A, b = self.layer.dense_weight, self.layer.bias
        rows = RowCollection(point)
        single = pattern.interval.single
        rows.equal(A[single])
        values, errors = _values(A, b, point)
        for chosen, sign, ends, tight in (
            (pattern.interval.above & ~single, 1.0, self._ends()[1], pattern.tight_above),
            (pattern.interval.below & ~single, -1.0, self._ends()[0], pattern.tight_below),
        ):
            slack, error = ends.taken(chosen).slacks(A[chosen], b[chosen], point, values[chosen], errors[chosen])
            at_end = tight[chosen]
            rows.at_most(sign * A[chosen], np.where(at_end, 0.0, sign * slack), np.where(at_end, 0.0, error))
        if pattern.domain is not None:
            rows.within(pattern.domain)
        return rows.polyhedron().about_a_member()

    def _about_center(self, center: np.ndarray, domain: Polyhedron) -> Polyhedron:
        A, b = self.layer.dense_weight, self.layer.bias
        rows = RowCollection(center)
        values, errors = _values(A, b, center)
        lower, upper = self._ends()
        single, above, below = self._rows
        for chosen, sign, ends in ((single, 1.0, upper), (above, 1.0, upper), (below, -1.0, lower)):
            slack, error = ends.taken(chosen).slacks(A[chosen], b[chosen], center, values[chosen], errors[chosen])
            if chosen is single:
                rows.equal(A[chosen], slack, error)
            else:
                rows.at_most(sign * A[chosen], sign * slack, error)
        n_never = int(self._never.sum())
        rows.at_most(np.zeros((n_never, center.size)), np.full(n_never, -1.0))
        rows.about(domain)
        made = rows.polyhedron()
        if not (self.is_whole and self.contains(center)):
            return made
        of_layer = exact_signs_of(self.sign_system, center)[: len(made.b_ub) - len(domain.b_ub)]
        of_domain = bound_signs(domain.A_ub, domain.b_ub, domain.origin, center)
        return made.about_a_member(np.concatenate([of_layer, of_domain]) == 0)

    @property
    def _rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(m,) bool each: given features whose rows are equalities, those with an upper and those with a lower end."""
        intervals, known = self.intervals, ~self._never
        single = intervals.single & known
        return single, intervals.above & known & ~single, intervals.below & known & ~single

    def contains(self, x: np.ndarray) -> bool:
        """Whether a point (d,) is a member of P in exact arithmetic."""
        if self.features is not None and self.is_whole:
            return Witness(x).is_exact(self.sign_system)
        if not bool(np.isfinite(x).all()):
            return False
        domain = self.domain_at
        if self.features is not None:
            if not contains_exactly(resolve(self.system.domain, self.layer.n_inputs), x):
                return False
        elif domain is not None and not domain.contains(x):
            return False
        A, b = self.layer.dense_weight, self.layer.bias
        x0 = x if self.at is None else self.at
        intervals, (lower, upper) = self.intervals, self._ends()
        outside = np.zeros(len(b), dtype=bool)
        for there, ends, sign in ((intervals.above, upper, 1), (intervals.below, lower, -1)):
            outside[there] |= ends.taken(there).signs(A[there], b[there], x0, x) == sign
        if self.is_whole:
            return not bool(outside.any())
        checked = outside | self.layer.units.falls if self.features is not None else outside
        return all(self._has_feature(int(unit), x) for unit in np.flatnonzero(checked))

    def _has_feature(self, unit: int, x: np.ndarray) -> bool:
        """Whether one feature of a point is within the tolerance of what it should be, exactly."""
        row, units = np.append(self.layer.dense_weight[unit], self.layer.bias[unit]), self.layer.units
        value = units.exactly(unit, exact_dot(row, np.append(x, 1.0)))
        if self.features is not None:
            wanted = Fraction(self.features[unit])
        else:
            assert self.at is not None
            wanted = units.exactly(unit, exact_dot(row, np.append(self.at, 1.0)))
        return abs(value - wanted) <= Fraction(self.system.tolerance[unit])

    @cached_property
    def sign_system(self) -> SignSystem:
        """P for given features as a system of exact inequalities: biases are sums of floats that are not rounded.

        Where P is a union it is that of a set that encloses P: without a solution P is empty.
        """
        return self._sign_system(strict=False)

    @cached_property
    def interior_system(self) -> SignSystem:
        """The same with all inequalities strict, those of the domain too."""
        return self._sign_system(strict=True)

    def _sign_system(self, *, strict: bool) -> SignSystem:
        A, b = self.layer.dense_weight, self.layer.bias
        d = A.shape[1]
        lower, upper = self._ends()
        single, above, below = self._rows
        # A feature that no pre-activation has makes a row without x: what it is off is not 0 or less.
        never = self._missed()
        n_never = len(never)
        weight = np.vstack([A[above], -A[below], np.zeros((n_never, d)), A[single]])
        bias = np.vstack(
            [
                np.column_stack([b, -upper.parts])[above],
                np.column_stack([-b, lower.parts])[below],
                np.column_stack([never, np.zeros((n_never, 3))]),
                np.column_stack([b, -upper.parts])[single],
            ]
        )
        divisor = np.concatenate([upper.divisor[above], lower.divisor[below], np.ones(n_never), upper.divisor[single]])
        n_equal = int(single.sum())
        n = len(weight) - n_equal
        held = np.concatenate([np.zeros(n, dtype=bool), np.ones(n_equal, dtype=bool)])
        D = resolve(self.system.domain, d)
        inactive = ~held
        if strict:
            # -(a.x + b) > 0; a row that says 0 <= 0 whatever x is needs no room.
            empty = np.flatnonzero(~weight[:n].any(axis=1))
            kept = np.ones(len(weight), dtype=bool)
            kept[empty] = [_total(bias[i], divisor[i]) != 0 for i in empty]
            sign = np.where(held, 1.0, -1.0)[:, None]
            weight, bias, held, divisor = (sign * weight)[kept], (sign * bias)[kept], held[kept], divisor[kept]
            inactive = np.zeros(len(weight), dtype=bool)
        plain = bool((divisor == 1).all())
        return SignSystem(weight, bias, inactive, D, held, strict_domain=strict, divisor=None if plain else divisor)

    def _missed(self) -> np.ndarray:
        """(k,) float64, positive: by about how much each feature that no pre-activation has lies off the nearest."""
        assert self.features is not None
        units, eps = self.layer.units, self.system.tolerance
        found = []
        for unit in np.flatnonzero(self._never).tolist():
            real = np.flatnonzero(np.isfinite(units.kinks[:, unit]))
            heights = [units.height(int(k), unit) for k in real] or [Fraction(units.offsets[-1, unit])]
            y = Fraction(self.features[unit])
            gap = min(abs(height - y) for height in heights) - Fraction(eps[unit])
            found.append(min(max(nearest_float(gap), SMALLEST), LARGEST))
        return np.array(found)

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


def _total(parts: np.ndarray, divisor: float) -> Fraction:
    """The constant of a row of a `SignSystem`."""
    first, *others = map(Fraction, parts.tolist())
    return first + sum(others, Fraction(0)) / Fraction(divisor)
