"""Linear programs all of whose unknowns are bounded, for many bounds and costs one after another."""

from __future__ import annotations

import enum
import math
from typing import TYPE_CHECKING, cast

import numpy as np
from scipy.linalg import get_blas_funcs

from unrelu.solvers.basis import Basis
from unrelu.solvers.mirrored_columns import MirroredColumns

if TYPE_CHECKING:
    from collections.abc import Callable

FEASIBLE = 1e-9
"""A bound is kept within this, in the unknown's own unit."""

PIVOT = 1e-7
"""Smaller numbers are no pivots."""

AGREES = 1e-6
"""A pivot computed by column and by row may differ by this, relative to its size (at least 1); else one begins anew."""

UPDATES = 100
"""Steps after which the inverse is computed anew."""

FEW = 64
"""Unknowns among which a step is looked for, before it is among all."""

CHECKED = 5
"""Steps after which the objective is held against the cut."""


_RANK_ONE = cast("Callable[..., np.ndarray]", get_blas_funcs("ger", dtype=np.float64))
"""`a + alpha x y'`, in place where a is in Fortran order."""


class Outcome(enum.Enum):
    """How a run ended."""

    REACHED = "reached"
    """The optimum."""
    INFEASIBLE = "infeasible"
    """No point keeps all rows: `ray` are multipliers that tell so."""
    CUT = "cut"
    """The objective is known to be at least the cut."""
    STOPPED = "stopped"
    """After so many steps as were allowed, or where numbers left no pivot."""


class BoxedProgram:
    """`min c x` subject to `row_lower <= A x <= row_upper`, `lower <= x <= upper`, all bounds finite, A dense.

    The dual simplex method for bounded unknowns, with steepest edges (Forrest and Goldfarb, Steepest-edge simplex
    algorithms for linear programming, 1992) and with steps that let unknowns change their bound on the way (Maros,
    Computational Techniques of the Simplex Method, 2003, chapter 10). As each unknown has two bounds, every basis is
    dual feasible once each of the others stands at the one that its reduced cost asks for: there is no first phase, and
    after a change of bounds or costs it goes on from where it was. The inverse of the basis is kept whole: it is for a
    few hundred rows, and for thousands of such changes.

    What it says is as right as rounding leaves it. Proofs are made of its multipliers, by others.

    >>> program = BoxedProgram(np.array([[1.0, 1.0]]), [0.0], [1.0], np.zeros(2), np.ones(2), np.array([-1.0, -2.0]))
    >>> program.run(), program.point
    (<Outcome.REACHED: 'reached'>, array([0., 1.]))
    """

    def __init__(
        self,
        matrix: np.ndarray,
        row_lower: np.ndarray,
        row_upper: np.ndarray,
        lower: np.ndarray,
        upper: np.ndarray,
        costs: np.ndarray,
        *,
        shake: float = 0.0,
    ) -> None:
        """Begin with the rows as the basis.

        Args:
            matrix: A, (m, n).
            row_lower: (m,), -inf allowed.
            row_upper: (m,), inf allowed.
            lower: (n,) finite.
            upper: (n,) finite.
            costs: c, (n,).
            shake: to each cost a random number of up to 1.5 times this is added, which keeps steps of length 0 from
                going in circles. Multipliers are computed with the costs themselves.
        """
        m, n = matrix.shape
        self.n_rows, self.n_unknowns = m, n
        self._A = np.ascontiguousarray(matrix, dtype=np.float64)
        self._columns = np.ascontiguousarray(np.hstack([self._A, -np.eye(m)]).T)
        self._products = MirroredColumns(self._A)
        self._shakes = np.append(shake * (0.5 + np.random.default_rng(0).random(n)), np.zeros(m))
        self.row_lower, self.row_upper = np.asarray(row_lower, dtype=float), np.asarray(row_upper, dtype=float)
        self.costs = np.append(costs, np.zeros(m))
        self.n_steps = 0
        self.ray = np.zeros(m)
        slack_lower, slack_upper = self._slack_bounds(lower, upper)
        basic = np.arange(n, n + m)
        self.state = Basis(
            basic,
            np.zeros(n + m, dtype=bool),
            np.zeros(n + m, dtype=bool),
            np.eye(m),
            np.zeros(m),
            np.zeros(n + m),
            np.ones(m),
            np.append(lower, slack_lower),
            np.append(upper, slack_upper),
            np.zeros(n + m),
        )
        self.factor()

    def _slack_bounds(self, lower: np.ndarray, upper: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where a row has no bound, what it can be at most and at least, and a little more."""
        low = np.minimum(self._A * lower, self._A * upper).sum(axis=1)
        high = np.maximum(self._A * lower, self._A * upper).sum(axis=1)
        room = 1.0 + 1e-6 * np.maximum(np.abs(low), np.abs(high))
        return (
            np.where(np.isfinite(self.row_lower), self.row_lower, low - room),
            np.where(np.isfinite(self.row_upper), self.row_upper, high + room),
        )

    @property
    def matrix(self) -> np.ndarray:
        """A, (m, n)."""
        return self._A

    @property
    def point(self) -> np.ndarray:
        """(n,) the unknowns now."""
        return self._all()[: self.n_unknowns]

    @property
    def multipliers(self) -> np.ndarray:
        """(m,) y, of the rows: with these, reduced costs are `c - A'y`."""
        return self.costs[self.state.basic] @ self.state.inverse

    @property
    def objective(self) -> float:
        """What the costs come to now, those of the method."""
        return float((self.costs + self._shakes) @ self._all())

    def put_costs(self, costs: np.ndarray) -> None:
        """Take other costs, (n,); `stand` is to follow."""
        self.costs = np.append(costs, np.zeros(self.n_rows))

    def put_bounds(self, lower: np.ndarray, upper: np.ndarray) -> None:
        """Take other bounds, (n,) each, within the first ones; `stand` is to follow."""
        self.state.lower[: self.n_unknowns], self.state.upper[: self.n_unknowns] = lower, upper

    def set_bounds(self, lower: np.ndarray, upper: np.ndarray) -> None:
        """Take other bounds, (n,) each, within the first ones, and go on from the same basis."""
        self.put_bounds(lower, upper)
        self._settle()

    def stand(self, basic: np.ndarray | None = None, at_upper: np.ndarray | None = None) -> None:
        """Stand at a basis with the bounds and costs that were put; at that of the rows where it is singular.

        Args:
            basic: (m,), as a state had them; those it has if None.
            at_upper: (n + m,) of the same.
        """
        if basic is not None and at_upper is not None:
            self.state.basic, self.state.at_upper = basic.copy(), at_upper.copy()
        try:
            self.factor()
        except np.linalg.LinAlgError:
            self.state.basic = np.arange(self.n_unknowns, self.n_unknowns + self.n_rows)
            self.factor()

    def factor(self) -> None:
        """Compute the inverse and all that rests on it anew.

        Raises:
            numpy.linalg.LinAlgError: if the basis is singular.
        """
        state = self.state
        state.inverse = np.asfortranarray(np.linalg.inv(self._columns[state.basic].T))
        state.is_basic = np.zeros(self.n_unknowns + self.n_rows, dtype=bool)
        state.is_basic[state.basic] = True
        state.weights = np.einsum("ij,ij->i", state.inverse, state.inverse)
        state.age = 0
        self._price()
        self._settle()

    def _price(self) -> None:
        costs, state = self.costs + self._shakes, self.state
        y = costs[state.basic] @ state.inverse
        state.reduced = np.append(costs[: self.n_unknowns] - self._products.row_times(y), costs[self.n_unknowns :] + y)
        state.reduced[state.basic] = 0.0

    def _settle(self) -> None:
        """Put each unknown that is not basic where its reduced cost asks for, and the basic ones where that leads."""
        state = self.state
        state.at_upper = np.where(state.reduced < -1e-12, True, np.where(state.reduced > 1e-12, False, state.at_upper))
        others = np.where(state.at_upper, state.upper, state.lower)
        others[state.basic] = 0.0
        n = self.n_unknowns
        state.values = state.inverse @ (others[n:] - self._products.times(others[:n]))
        state.ways = np.where(state.at_upper, -1.0, 1.0)
        state.ways[state.is_basic | (state.upper <= state.lower)] = 0.0

    def _all(self) -> np.ndarray:
        state = self.state
        found = np.where(state.at_upper, state.upper, state.lower)
        found[state.basic] = state.values
        return found

    def run(self, *, most: int = 100_000, cut: float = math.inf) -> Outcome:
        """Go on to the optimum.

        Args:
            most: steps at most.
            cut: an objective at which it may stop.
        """
        for step in range(most):
            state = self.state
            if state.age >= UPDATES:
                self.factor()
            if step % CHECKED == 0 and cut < math.inf and self.objective >= cut:
                return Outcome.CUT
            below = state.lower[state.basic] - state.values
            above = state.values - state.upper[state.basic]
            missed = np.maximum(below, above)
            scores = np.where(missed > FEASIBLE, missed * missed / state.weights, 0.0)
            row = int(scores.argmax())
            if scores[row] == 0.0:
                return Outcome.REACHED
            outcome = self._step(row, bool(above[row] > below[row]), float(missed[row]))
            if outcome is not None:
                return outcome
        return Outcome.STOPPED

    def _step(self, row: int, falls: bool, missed: float) -> Outcome | None:
        """Take the basic unknown of a row to the bound that it misses."""
        state = self.state
        rho = state.inverse[row].copy()
        alpha = np.concatenate([self._products.row_times(rho), -rho])
        turned = alpha if falls else -alpha
        size = turned * state.ways
        places = (size > PIVOT).nonzero()[0]
        size = size[places]
        reach = size * (state.upper[places] - state.lower[places])
        if float(reach.sum()) < missed - FEASIBLE or not len(places):  # all at their other bounds are not enough
            if state.age:
                self.factor()
                return None
            self.ray = rho if falls else -rho
            return Outcome.INFEASIBLE
        ratio = np.maximum(state.reduced[places] / turned[places], 0.0)
        order, passed = _in_order(ratio, reach, missed)
        at = min(int(passed.searchsorted(missed)), len(order) - 1)
        step = self._entering(order, ratio, size, at)
        entering = int(places[order[at]])
        flipped = places[order[:at]]
        column = state.inverse @ self._columns[entering]
        pivot = float(column[row])
        if abs(pivot - alpha[entering]) > AGREES * (1.0 + abs(pivot)) or abs(pivot) < PIVOT / 2:
            if state.age == 0:
                return Outcome.STOPPED
            self.factor()
            return None
        if len(flipped):
            change = state.ways[flipped] * (state.upper[flipped] - state.lower[flipped])
            state.at_upper[flipped] = ~state.at_upper[flipped]
            state.ways[flipped] *= -1.0
            state.values -= state.inverse @ (change @ self._columns[flipped])
        self._pivot(row, entering, falls, step, turned, rho, column)
        self.n_steps += 1
        return None

    @staticmethod
    def _entering(order: np.ndarray, ratio: np.ndarray, size: np.ndarray, at: int) -> float:
        """Put at its place in the order the unknown that enters, and tell how far the step goes.

        Of those whose reduced costs reach 0 as soon as that of the one there, it is the one of the largest pivot.
        """
        stop = float(ratio[order[at]])
        last = int(np.searchsorted(ratio[order], stop * (1 + 1e-9) + 1e-12, side="right"))
        if last > at + 1 and size[order[at]] < 0.1 * size[order[at:last]].max():
            best = at + int(size[order[at:last]].argmax())
            chosen = order[best]
            order[at + 1 : best + 1] = order[at:best].copy()
            order[at] = chosen
        return float(ratio[order[at]])

    def _pivot(
        self,
        row: int,
        entering: int,
        falls: bool,
        step: float,
        turned: np.ndarray,
        rho: np.ndarray,
        column: np.ndarray,
    ) -> None:
        state = self.state
        pivot = float(column[row])
        state.reduced -= step * turned
        leaving = int(state.basic[row])
        bound = state.upper[leaving] if falls else state.lower[leaving]
        theta = (state.values[row] - bound) / pivot
        value = (state.upper[entering] if state.at_upper[entering] else state.lower[entering]) + theta
        state.values -= theta * column
        state.values[row] = value
        state.reduced[entering], state.reduced[leaving] = 0.0, -step if falls else step
        state.at_upper[leaving] = falls
        state.is_basic[entering], state.is_basic[leaving] = True, False
        state.ways[entering] = 0.0
        state.ways[leaving] = float(state.upper[leaving] > state.lower[leaving]) * (-1.0 if falls else 1.0)
        weight, share = state.weights[row], column / pivot
        state.weights += share * (share * weight - 2 * (state.inverse @ rho))
        np.maximum(state.weights, 1e-8, out=state.weights)
        state.weights[row] = weight / pivot**2
        column[row] -= 1.0
        state.inverse = _RANK_ONE(-1.0, column, rho / pivot, a=state.inverse, overwrite_a=1)
        state.basic[row] = entering
        state.age += 1


def _in_order(ratio: np.ndarray, reach: np.ndarray, missed: float) -> tuple[np.ndarray, np.ndarray]:
    """The places of the least ratios, in order, and what is reached by then; where few are enough, not all of them."""
    if len(ratio) > 2 * FEW:
        few = ratio.argpartition(FEW)[:FEW]
        order = few[ratio[few].argsort(kind="stable")]
        passed = reach[order].cumsum()
        if passed[-1] >= missed:
            return order, passed
    order = ratio.argsort(kind="stable")
    return order, reach[order].cumsum()
