"""The affine hull of the solutions of a system of inequalities."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from unrelu.exact.null_space import null_space
from unrelu.exact.system import ExactSystem


@dataclass(frozen=True)
class ExactHull:
    """How flat the set of solutions is, with proofs.

    The rows with multipliers add up to 0, so that each of them is tight at every solution; all other inequalities are
    strict at `point`. The hull is therefore where the equalities and these rows hold with equality.

    Attributes:
        dimension: of the affine hull, at least 0.
        point: a point of the relative interior.
        multipliers: integers, one for each of the system's rows: positive on inequalities and bounds that are tight
            on the whole set, zero on the others, anything on equalities.
    """

    dimension: int
    point: tuple[Fraction, ...]
    multipliers: tuple[int, ...]

    def implicit(self, system: ExactSystem) -> list[int]:
        """Indices of the system's rows, equalities aside, that are tight on the whole set."""
        return [i for i, equal in enumerate(system.is_equality) if self.multipliers[i] and not equal]

    def verify(self, system: ExactSystem) -> bool:
        """Whether all of this is true, strict rows taken as weak ones; eliminates and multiplies integers."""
        if len(self.multipliers) != len(system.rows):
            return False
        tight = set(self.implicit(system))
        if any(self.multipliers[i] < 0 for i in tight) or any(system.total(self.multipliers)):
            return False
        values = system.values_at(self.point) if len(self.point) == system.n_coordinates else None
        if values is None:
            return False
        for i, (value, equal) in enumerate(zip(values, system.is_equality, strict=True)):
            if value != 0 if equal or i in tight else value >= 0:
                return False
        return self.dimension == dimension_of(system, tight)


def dimension_of(system: ExactSystem, tight: set[int]) -> int | None:
    """D less the rank of the equalities and some other rows; None where that would take too long."""
    slopes = [row[:-1] for i, row in enumerate(system.rows) if i in tight or system.is_equality[i]]
    free = null_space(slopes, system.n_coordinates)
    return None if free is None else len(free)
