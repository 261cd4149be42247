"""Proofs that a sign system has a solution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import ClassVar

import numpy as np

from unrelu.exact.integers import products
from unrelu.polyhedra.exact_membership import bound_signs, contains_exactly
from unrelu.polyhedra.interior_proof import distinct_equalities
from unrelu.polyhedra.membership import member_radius
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificates.sign_system import SignSystem
from unrelu.rigor.arithmetic import proof
from unrelu.rigor.rounding import gamma, lost, row_norms_above
from unrelu.rigor.signs import exact_dot, exact_signs, nearest_float


@dataclass(frozen=True, eq=False)
class Witness:
    """The system has a solution, since this point is one or has one nearby.

    Either all signs are right at the point itself, in exact arithmetic. Or, where inactive rows or the domain leave no
    room, a point within a proved radius r keeps all weak constraints exactly, and `a_i.x + b_i > ||a_i|| r` for
    the strict ones.

    Attributes:
        point: (d,) float64.
    """

    point: np.ndarray
    admissible: ClassVar[bool] = True

    @proof
    def verify(self, system: SignSystem) -> bool:
        """Take exact signs; where they are wrong, bound the distance to a solution."""
        x = self.point
        if x.shape != (system.dimension,) or not np.isfinite(x).all():
            return False
        return self.is_exact(system) or _has_one_nearby(system, x)

    @proof
    def is_exact(self, system: SignSystem) -> bool:
        """Whether the point itself is a solution."""
        x, D = self.point, system.domain
        signs = exact_signs_of(system, x)
        if bool(signs[system.held].any()) or not np.array_equal(
            (signs > 0)[~system.held], ~system.inactive[~system.held]
        ):
            return False
        if not contains_exactly(D, x):
            return False
        if not system.strict_domain:
            return True
        differ = D.lower < D.upper
        inside = bool(((D.lower < x) & (x < D.upper))[differ].all())
        return inside and bool((bound_signs(D.A_ub, D.b_ub, D.origin, x) < 0).all())


def exact_signs_of(system: SignSystem, x: np.ndarray) -> np.ndarray:
    """(m,) the exact signs of `a_i.x + b_i` at a point (d,)."""
    parts = system.bias_parts
    if parts.shape[1] == 1:
        return exact_signs(system.weight, parts[:, 0], x)
    # Summands of the bias count as the weights of coordinates that are 1, so that nothing is rounded.
    extended = np.column_stack([system.weight, parts])
    whole = np.ones(len(parts), dtype=bool) if system.divisor is None else system.divisor == 1
    signs = np.zeros(len(parts), dtype=np.int8)
    signs[whole] = exact_signs(extended[whole], np.zeros(int(whole.sum())), np.append(x, np.ones(parts.shape[1])))
    for i in np.flatnonzero(~whole):
        total = exact_dot(system.weight[i], x) + system.exact_constant(int(i))
        signs[i] = (total > 0) - (total < 0)
    return signs


def _has_one_nearby(system: SignSystem, x: np.ndarray) -> bool:
    D, inactive, held = system.domain, system.inactive, system.held
    A, (b, b_error) = system.weight, system.constants
    d, sizes = system.dimension, np.abs(A)
    positive = ~inactive & ~held
    g, o = 2 * gamma(d + 4), D.origin
    underflow = lost(d, float(sizes.max(initial=0.0)), float(np.abs(o).max()), float(np.abs(x).max()))
    with np.errstate(over="ignore", invalid="ignore"):
        moved = A @ o + b
        moved_error = g * (sizes @ np.abs(o) + np.abs(b)) + b_error + underflow
        values = A @ x + b
        error = g * (sizes @ np.abs(x) + np.abs(b)) + b_error + underflow
        if not (np.isfinite(moved).all() and np.isfinite(values - error).all()):
            return False
        if not o.any():
            moved_error = b_error
        room, lower, upper = np.zeros(len(D.b_ub)), D.lower, D.upper
        if system.strict_domain:
            # A member of the set that is moved inwards by half of the room is strictly inside.
            slack = D.b_ub - D.A_ub @ (x - o)
            room = 0.5 * np.maximum(slack, 0.0)
            differ = D.lower < D.upper
            lower = np.where(differ & np.isfinite(lower), lower + 0.5 * (x - lower), lower)
            upper = np.where(differ & np.isfinite(upper), upper - 0.5 * (upper - x), upper)
            strictly = (D.b_ub - room < D.b_ub) | ((D.b_ub > 0) & ~D.A_ub.any(axis=1))
            inner = (lower > D.lower) | ~differ | np.isinf(D.lower)
            inner &= (upper < D.upper) | ~differ | np.isinf(D.upper)
            if not (strictly.all() and inner.all() and (lower <= upper).all()):
                return False
        weak = Polyhedron(
            A_ub=np.vstack([A[inactive], D.A_ub]),
            b_ub=np.concatenate([-moved[inactive], D.b_ub - room]),
            A_eq=np.vstack([A[held], D.A_eq]),
            b_eq=np.concatenate([-moved[held], D.b_eq]),
            lower=lower,
            upper=upper,
            origin=o,
            ub_error=np.concatenate([moved_error[inactive], np.zeros(len(D.b_ub))]),
            eq_error=np.concatenate([moved_error[held], np.zeros(len(D.b_eq))]),
        )
        radius = member_radius(distinct_equalities(weak), x)
        if not math.isfinite(radius):
            return False
        needed = row_norms_above(A[positive]) * radius * (1 + 2.0**-50) + error[positive]
    return bool((values[positive] > needed * (1 + 2.0**-50)).all())


@dataclass(frozen=True)
class ExactWitness:
    """The system has a solution, since this rational point is one.

    Attributes:
        numerators: d integers.
        denominator: a positive integer, the same for all coordinates.
    """

    numerators: tuple[int, ...]
    denominator: int
    admissible: ClassVar[bool] = True

    @property
    def point(self) -> np.ndarray:
        """(d,) the nearest float64s; infinite where there is none so large."""
        return np.array([nearest_float(Fraction(numerator, self.denominator)) for numerator in self.numerators])

    @property
    def enclosure(self) -> tuple[np.ndarray, np.ndarray]:
        """(d,) and (d,) float64 between which the point lies, which are the same where it is a float."""
        nearest = self.point
        differ = np.array(
            [
                (value > number) - (value < number)
                for value, number in zip(
                    (Fraction(n, self.denominator) for n in self.numerators), nearest.tolist(), strict=True
                )
            ]
        )
        low = np.where(differ < 0, np.nextafter(nearest, -np.inf), nearest)
        return low, np.where(differ > 0, np.nextafter(nearest, np.inf), nearest)

    @property
    def ratio(self) -> tuple[int, ...]:
        """The numerators, then the denominator."""
        return (*self.numerators, self.denominator)

    @classmethod
    def of_ratio(cls, integers: tuple[int, ...]) -> ExactWitness:
        """The point with these numerators and, last, this denominator.

        Raises:
            ValueError: if there is no number.
        """
        if not integers:
            raise ValueError("a rational point has a denominator")
        return cls(integers[:-1], integers[-1])

    @proof
    def verify(self, system: SignSystem) -> bool:
        """Multiply by integers."""
        if len(self.numerators) != system.dimension or self.denominator <= 0:
            return False
        values = products(system.exact_rows, (*self.numerators, self.denominator))
        flags = zip(system.exact_strict.tolist(), system.exact_equal.tolist(), strict=True)
        return all(
            value > 0 if strict else value == 0 if equal else value >= 0
            for value, (strict, equal) in zip(values, flags, strict=True)
        )
