"""A proof that a system of inequalities has no solution (Farkas; Motzkin where some are strict)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import lcm

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

    @classmethod
    def of(cls, system: ExactSystem, values: Sequence[int]) -> ExactInfeasible:
        """The multipliers of the system's rows of integers as multipliers of what they were made from."""
        whole = [Fraction(value * scale) for value, scale in zip(values, system.scales, strict=True)]
        k, fixed = system.n_ub, system.n_ub + system.n_eq
        low = fixed + len(system.fixed)
        high = low + len(system.low)
        lower, upper = [Fraction(0)] * system.n_coordinates, [Fraction(0)] * system.n_coordinates
        for j, value in zip(system.fixed, whole[fixed:low], strict=True):
            lower[j], upper[j] = max(-value, Fraction(0)), max(value, Fraction(0))
        for j, value in zip(system.low, whole[low:high], strict=True):
            lower[j] = value
        for j, value in zip(system.high, whole[high:], strict=True):
            upper[j] = value
        return cls(tuple(whole[:k]), tuple(whole[k:fixed]), tuple(lower), tuple(upper))

    def verify(self, system: ExactSystem) -> bool:
        """Add the rows up, in integers; calls no solver."""
        d, low, high = system.n_coordinates, {*system.low, *system.fixed}, {*system.high, *system.fixed}
        lengths = (len(self.ub), len(self.eq), len(self.lower), len(self.upper))
        if lengths != (system.n_ub, system.n_eq, d, d):
            return False
        if any(value < 0 for value in (*self.ub, *self.lower, *self.upper)):
            return False
        if any(self.lower[j] for j in range(d) if j not in low) or any(
            self.upper[j] for j in range(d) if j not in high
        ):
            return False
        values = [*self.ub, *self.eq, *(self.upper[j] - self.lower[j] for j in system.fixed)]
        values += [*(self.lower[j] for j in system.low), *(self.upper[j] for j in system.high)]
        weights = [value / scale for value, scale in zip(values, system.scales, strict=True)]
        common = lcm(*(weight.denominator for weight in weights))
        total = system.total([weight.numerator * (common // weight.denominator) for weight in weights])
        strictly = any(self.ub[i] > 0 for i in system.strict)
        return not any(total[:-1]) and (total[-1] < 0 or (total[-1] == 0 and strictly))
