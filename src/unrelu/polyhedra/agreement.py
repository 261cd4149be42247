"""Ends of ranges held against what is proved of the set."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from unrelu.polyhedra.dimension_interval import DimensionInterval
from unrelu.polyhedra.exact_ends import ExactEnds, exact_ends
from unrelu.polyhedra.functional_range import FunctionalRange
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.polyhedra.ranges import Ranges
from unrelu.solvers.status import Status

SETTLED = frozenset({Status.OPTIMAL, Status.UNBOUNDED, Status.INFEASIBLE, Status.TIME_LIMIT})
"""Ends that are found, or for which there is no time; others of small sets are looked for in exact arithmetic."""


@dataclass(frozen=True, eq=False)
class Agreement:
    """What is proved of a set, for whoever minimises over it.

    What a solver said against it counts as its failure, and what a solver did not find in a set too thin for floats is
    found in the set's own coordinates where the set is small (`ExactEnds`).

    Attributes:
        polyhedron: the set; of a single point that is no float, bounds that enclose it.
        bounded: whether it is proved to be bounded.
        most_dimensions: an upper bound of its dimension that is -1 or 0 wherever it is proved to be empty or a point.
        dimension: gives what else is proved of its dimension, for where that is needed.
    """

    polyhedron: Polyhedron
    bounded: bool | None
    most_dimensions: int
    dimension: Callable[[], DimensionInterval]

    def ranges(self, found: Ranges) -> Ranges:
        """Ranges of coordinates that do not contradict it.

        Args:
            found: as the programs gave them.
        """
        lower, low, lower_status = found.lower.copy(), found.proved_lower.copy(), found.lower_status.copy()
        upper, high, upper_status = found.upper.copy(), found.proved_upper.copy(), found.upper_status.copy()
        unit = np.zeros(self.polyhedron.n_coordinates)
        for k, j in enumerate(found.coordinates):
            if not (self._stands(lower_status[k]) and self._stands(upper_status[k])):
                unit[j] = 1.0
                lower[k], low[k], lower_status[k], _ = self._of(unit, lower[k], low[k], lower_status[k], None)
                most, top, upper_status[k], _ = self._of(-unit, -upper[k], -high[k], upper_status[k], None)
                upper[k], high[k] = -most, -top
                unit[j] = 0.0
        return replace(
            found,
            lower=lower,
            upper=upper,
            proved_lower=low,
            proved_upper=high,
            lower_status=lower_status,
            upper_status=upper_status,
        )

    def functional_range(self, functional: np.ndarray, found: FunctionalRange) -> FunctionalRange:
        """The range of one functional, which does not contradict it.

        Args:
            functional: c, (d,).
            found: as the programs gave it.
        """
        lower, low, lower_status, minimiser = self._of(
            functional, found.lower, found.proved_lower, found.lower_status, found.minimiser
        )
        upper, high, upper_status, maximiser = self._of(
            -functional, -found.upper, -found.proved_upper, found.upper_status, found.maximiser
        )
        return FunctionalRange(lower, -upper, low, -high, minimiser, maximiser, lower_status, upper_status)

    @cached_property
    def _is_point(self) -> bool:
        """Whether the set is proved to be one point, and the polyhedron does not just enclose it."""
        P = self.polyhedron
        encloses = not len(P.A_ub) + len(P.A_eq) and bool((P.lower < P.upper).any())
        return self.most_dimensions == 0 and not encloses

    def is_contradicted(self, status: Status) -> bool:
        """Whether a solver says what is proved to be false.

        Args:
            status: how the solver stopped.
        """
        if status is Status.UNBOUNDED:
            return self.bounded is True
        return status is Status.INFEASIBLE and self.dimension().lower >= 0

    def _stands(self, status: Status) -> bool:
        """Whether what a solver found is left as it is."""
        open_set = not self._is_point and self.most_dimensions >= 0
        return open_set and status in SETTLED and not self.is_contradicted(status)

    @cached_property
    def _exact(self) -> ExactEnds | None:
        P = self.polyhedron
        if self._is_point and P.has_origin:
            return ExactEnds(P, (Fraction(0),) * P.n_coordinates, P.origin, None)
        return None if self.bounded is False else exact_ends(P)

    def _of(
        self, c: np.ndarray, value: float, proved: float, status: Status, point: np.ndarray | None
    ) -> tuple[float, float, Status, np.ndarray | None]:
        """The minimum of `c'x`, the proved bound below it, how it was found, and where it is."""
        if self.most_dimensions < 0:
            return math.inf, proved, Status.INFEASIBLE, None
        if self._stands(status):
            return value, proved, status, point
        against = self.is_contradicted(status)
        end = self._exact.least(c) if self._exact is not None else None
        if end is not None:
            proved = max(proved, end.below)
            return max(proved, end.value), proved, Status.OPTIMAL, end.point
        return (math.nan, proved, Status.FAILED, None) if against else (value, proved, status, point)
