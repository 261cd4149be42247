"""A proof that a system of inequalities has no solution (Farkas; Motzkin where some are strict)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from unrelu.exact.system import ExactSystem


@dataclass(frozen=True)
class ExactInfeasible:
    """The system has no solution, since a sum of its rows with these multipliers contradicts itself.

    `A_ub' ub + A_eq' eq - lower + upper = 0`, and `b_ub.ub + b_eq.eq - l.lower + u.upper` is negative, or zero with
    a positive multiplier on a strict inequality.

    Attributes:
        ub: k rational numbers, none negative.
        eq: l rational numbers.
        lower: d rational numbers, none negative, zero where there is no bound.
        upper: the same for upper bounds.
    """

    ub: tuple[Fraction, ...]
    eq: tuple[Fraction, ...]
    lower: tuple[Fraction, ...]
    upper: tuple[Fraction, ...]

    def verify(self, system: ExactSystem) -> bool:
        """Add the rows up, in rational arithmetic; calls no solver."""
        d, low, high = system.n_coordinates, set(system.low), set(system.high)
        lengths = (len(self.ub), len(self.eq), len(self.lower), len(self.upper))
        if lengths != (system.n_ub, system.n_eq, d, d):
            return False
        if any(value < 0 for value in (*self.ub, *self.lower, *self.upper)):
            return False
        if any(self.lower[j] for j in range(d) if j not in low) or any(
            self.upper[j] for j in range(d) if j not in high
        ):
            return False
        values = [*self.ub, *self.eq, *(self.lower[j] for j in system.low), *(self.upper[j] for j in system.high)]
        total = [Fraction(0)] * (d + 1)
        for value, row, scale in zip(values, system.rows, system.scales, strict=True):
            if value:
                weight = value / scale
                total = [a + weight * b for a, b in zip(total, row, strict=True)]
        strictly = any(self.ub[i] > 0 for i in system.strict)
        return not any(total[:-1]) and (total[-1] < 0 or (total[-1] == 0 and strictly))
