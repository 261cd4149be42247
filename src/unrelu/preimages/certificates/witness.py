"""Proofs that a sign system has a solution."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unrelu.polyhedra.exact_membership import contains_exactly
from unrelu.polyhedra.membership import member_radius
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.preimages.certificates.sign_system import SignSystem
from unrelu.rigor.arithmetic import proof
from unrelu.rigor.integers import products
from unrelu.rigor.rounding import gamma, lost, row_norms_above
from unrelu.rigor.signs import exact_signs


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
        positive = exact_signs(system.weight, system.bias, self.point) > 0
        return np.array_equal(positive, ~system.inactive) and contains_exactly(system.domain, self.point)


def _has_one_nearby(system: SignSystem, x: np.ndarray) -> bool:
    D, inactive = system.domain, system.inactive
    A, b = system.weight, system.bias
    d, sizes = system.dimension, np.abs(A)
    g = 2 * gamma(d + 4)
    underflow = lost(d, float(sizes.max(initial=0.0)), float(np.abs(D.origin).max()), float(np.abs(x).max()))
    with np.errstate(over="ignore", invalid="ignore"):
        moved = A @ D.origin + b
        moved_error = g * (sizes @ np.abs(D.origin) + np.abs(b)) + underflow
        values = A @ x + b
        error = g * (sizes @ np.abs(x) + np.abs(b)) + underflow
        if not (np.isfinite(moved).all() and np.isfinite(values - error).all()):
            return False
        weak = Polyhedron(
            A_ub=np.vstack([A[inactive], D.A_ub]),
            b_ub=np.concatenate([-moved[inactive], D.b_ub]),
            A_eq=D.A_eq,
            b_eq=D.b_eq,
            lower=D.lower,
            upper=D.upper,
            origin=D.origin,
        )
        certain = np.zeros(len(D.b_ub))
        errors = moved_error[inactive] if D.origin.any() else np.zeros(int(inactive.sum()))
        radius = member_radius(weak, x, ub_error=np.concatenate([errors, certain]))
        if not math.isfinite(radius):
            return False
        room = row_norms_above(A[~inactive]) * radius * (1 + 2.0**-50) + error[~inactive]
    return bool((values[~inactive] > room * (1 + 2.0**-50)).all())


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
        """(d,) the nearest float64s."""
        return np.array([numerator / self.denominator for numerator in self.numerators])

    @proof
    def verify(self, system: SignSystem) -> bool:
        """Multiply by integers."""
        if len(self.numerators) != system.dimension or self.denominator <= 0:
            return False
        values = products(system.exact_rows, (*self.numerators, self.denominator))
        oriented = system.oriented
        flags = zip(oriented.strict.tolist(), oriented.equal.tolist(), strict=True)
        return all(
            value > 0 if strict else value == 0 if equal else value >= 0
            for value, (strict, equal) in zip(values, flags, strict=False)
        ) and all(value >= 0 for value in values[len(oriented.strict) :])
