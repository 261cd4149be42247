"""The nearest in L2: a quadratic program of a part."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from unrelu.metamerism.exact.part_program import PartProgram
from unrelu.solvers.boxed_program import Outcome
from unrelu.solvers.quadratic_program import QuadraticProgram, QuadraticSolution
from unrelu.solvers.row_system import RowSystem
from unrelu.solvers.status import Status

if TYPE_CHECKING:
    from unrelu.metamerism.exact.part import Part
    from unrelu.solvers.basis import Basis

SMALL = 1e-2
"""A distance below this is small beside what a solver is exact to; it is solved for once more in its own unit."""

FAR = 1e8
"""What is farther away in that unit does not bound."""


class SquareProgram(PartProgram):
    """`PartProgram` with `1/2 ||x - t||^2` in place of a linear function.

    It begins anew at each part; where it finds no point, the linear program without costs tells whether there is one.
    """

    _found: np.ndarray | None = None
    _multipliers: np.ndarray | None = None

    @property
    def tries(self) -> bool:
        """A side takes as long as a part."""
        return False

    def enter(self, part: Part) -> None:
        """Stand at a part."""
        self._found = self._multipliers = None
        super().enter(part)

    def look(self, part: Part, state: Basis) -> None:
        """Stand at a part."""
        self._part = part

    def run(self, *, most: int, value: float = math.inf) -> Outcome:
        """Solve it."""
        bounds = self._bounds(self._part)
        start = np.zeros(len(bounds[0]))
        solved = self._solved(*bounds, start, 1.0)
        if solved.point is None:
            outcome = super().run(most=most * 50)
            return outcome if outcome is Outcome.INFEASIBLE else Outcome.STOPPED
        self._found, self._multipliers = np.clip(solved.point, *bounds), solved.row_duals
        size = self.level
        if 0 < size < SMALL:
            again = self._solved(*bounds, self._found, size)
            if again.point is not None:
                self._found = np.clip(self._found + size * again.point, *bounds)
                self._multipliers = size * again.row_duals
        return Outcome.REACHED if solved.status is Status.OPTIMAL else Outcome.STOPPED

    def _solved(self, lower: np.ndarray, upper: np.ndarray, start: np.ndarray, unit: float) -> QuadraticSolution:
        """The program in `(v - start) / unit`, whose multipliers are those in v by the same unit."""
        program, n = self._program, len(self._inputs)
        inputs = np.append(np.ones(n), np.zeros(len(lower) - n))
        at = program.matrix @ start
        low, high = (np.clip((end - start) / unit, -FAR, FAR) for end in (lower, upper))
        system = RowSystem(program.matrix, (program.row_lower - at) / unit, (program.row_upper - at) / unit, low, high)
        return QuadraticProgram(sparse.diags_array(inputs), system).minimise(inputs * start / unit)

    @property
    def level(self) -> float:
        """The distance."""
        return float(np.linalg.norm(self.moved))

    @property
    def multipliers(self) -> np.ndarray:
        """Those of the quadratic program."""
        return np.zeros(self._program.n_rows) if self._multipliers is None else self._multipliers

    @property
    def unknowns(self) -> np.ndarray:
        """Its point."""
        return self._program.point if self._found is None else self._found
