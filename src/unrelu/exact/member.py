"""A rational member of a system of inequalities."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from unrelu.exact.system import ExactSystem


@dataclass(frozen=True)
class ExactMember:
    """The system has a solution, since this point is one.

    Attributes:
        point: d rational coordinates.
        interior: whether it is in the relative interior: every inequality and bound that is tight at it is tight on
            the whole set. False where that was not asked for.
    """

    point: tuple[Fraction, ...]
    interior: bool = False

    def verify(self, system: ExactSystem) -> bool:
        """Whether the point is a solution, by multiplying integers; says nothing of `interior`."""
        if len(self.point) != system.n_coordinates:
            return False
        return all(
            value == 0 if equal else value < 0 if i in system.strict else value <= 0
            for i, (value, equal) in enumerate(zip(system.values_at(self.point), system.is_equality, strict=True))
        )
