"""The linear program of a part, and what its multipliers prove."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from unrelu.polyhedra.functional_bound import functional_bound
from unrelu.polyhedra.membership import member_radius
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.solvers.boxed_program import BoxedProgram, Outcome
from unrelu.solvers.first_gains import first_gains

if TYPE_CHECKING:
    from unrelu.metamerism.exact.aims import Aim
    from unrelu.metamerism.exact.part import Part
    from unrelu.metamerism.exact.unit_rows import UnitRows
    from unrelu.solvers.basis import Basis

SHAKE = 1e-7
"""Random numbers of about this size are added to costs."""


class PartProgram:
    """`UnitRows` over the box of a part, with the linear function that lies below the aim there.

    Unknowns are `x - t`, of an aim with two sides its positive and its negative part, and p and n.
    """

    def __init__(self, rows: UnitRows, aim: Aim, root: Part) -> None:
        """Begin.

        Args:
            rows: the network.
            aim: what is made small.
            root: the whole box; inputs without width are no unknowns.
        """
        self.rows, self.aim = rows, aim
        t, d = rows.center, rows.n_inputs
        lower, upper = root.lower, root.upper
        moves = np.flatnonzero(lower < upper)
        if aim.two_sided:
            ups, downs = moves[upper[moves] > t[moves]], moves[lower[moves] < t[moves]]
            self._inputs = np.concatenate([ups, downs])
            self._signs = np.concatenate([np.ones(len(ups)), -np.ones(len(downs))])
        else:
            self._inputs, self._signs = moves, np.ones(len(moves))
        self._part = root
        self._fixed = np.where(lower < upper, 0.0, lower - t)
        A = rows.matrix
        right = rows.right - A[:, :d] @ self._fixed
        self._program = BoxedProgram(
            np.hstack([A[:, self._inputs] * self._signs, A[:, d:]]),
            np.where(rows.falling, -np.inf, right - rows.tolerance),
            right + rows.tolerance,
            *self._bounds(root),
            self._costs(root),
            shake=SHAKE,
        )
        self._eq, self._ub = ~rows.falling, rows.falling
        errors = np.nextafter(rows.losses + rows.tolerance, np.inf) * ((rows.losses > 0) | (rows.tolerance > 0))
        self._of_rows = {
            "A_eq": A[self._eq],
            "b_eq": rows.right[self._eq],
            "eq_error": errors[self._eq],
            "A_ub": A[self._ub],
            "b_ub": rows.right[self._ub],
            "ub_error": errors[self._ub],
            "origin": np.append(t, np.zeros(2 * rows.n_units)),
        }

    def _bounds(self, part: Part) -> tuple[np.ndarray, np.ndarray]:
        t, at = self.rows.center, self._inputs
        a, b = (part.lower - t)[at], (part.upper - t)[at]
        if self.aim.two_sided:
            a, b = np.where(self._signs > 0, a, -b), np.where(self._signs > 0, b, -a)
            a, b = np.maximum(a, 0.0), np.maximum(b, 0.0)
        least, most = self.rows.parts(part.low, part.high)
        return np.concatenate([a, least]), np.concatenate([b, most])

    def _costs(self, part: Part) -> np.ndarray:
        costs = self.aim.costs(part.lower, part.upper, part.coordinate)
        return np.append(costs[self._inputs], np.zeros(2 * self.rows.n_units))

    def enter(self, part: Part) -> None:
        """Stand at a part, at the basis that it comes with, or at the one where it stood."""
        self._part = part
        self._program.put_bounds(*self._bounds(part))
        self._program.put_costs(self._costs(part))
        self._program.stand(part.basic, part.at_upper)

    def turn(self, costs: np.ndarray) -> None:
        """Take other costs of `x - t`, (d,), at the same part."""
        self._program.put_costs(np.append(costs[self._inputs] * self._signs, np.zeros(2 * self.rows.n_units)))
        self._program.stand()

    def look(self, part: Part, state: Basis) -> None:
        """Stand at a part whose costs are the same as those of another, whose state is given."""
        self._part = part
        self._program.state = state.copy()
        self._program.set_bounds(*self._bounds(part))

    def run(self, *, most: int, value: float = math.inf) -> Outcome:
        """Go on to the optimum; see `BoxedProgram.run`.

        Args:
            most: steps.
            value: of the aim; where there is none below it, it may stop.
        """
        cut = math.inf if value == math.inf else self.aim.level(value) - self._shift
        return self._program.run(most=most, cut=cut)

    @property
    def tries(self) -> bool:
        """Whether it takes few steps after a change, so that sides can be tried."""
        return True

    @property
    def state(self) -> Basis:
        """Where the program stands."""
        return self._program.state

    @property
    def basis(self) -> tuple[np.ndarray, np.ndarray]:
        """What a part needs to go on from here: `basic` and `at_upper`."""
        return self.state.basic.copy(), self.state.at_upper.copy()

    @property
    def _shift(self) -> float:
        """What the program's objective lacks of the linear function: inputs without width, and its offset."""
        part, aim = self._part, self.aim
        costs = aim.costs(part.lower, part.upper, part.coordinate)
        fixed = np.abs(self._fixed) if aim.two_sided else self._fixed
        return aim.offset(part.lower, part.upper, part.coordinate) + float(costs @ fixed)

    @property
    def level(self) -> float:
        """About the least of the linear function."""
        return self._program.objective + self._shift

    @property
    def multipliers(self) -> np.ndarray:
        """(U + m,) of the rows now."""
        return self._program.multipliers

    @property
    def unknowns(self) -> np.ndarray:
        """Of the program now."""
        return self._program.point

    @property
    def moved(self) -> np.ndarray:
        """(d,) `x - t` now."""
        found = self._fixed.copy()
        np.add.at(found, self._inputs, self._signs * self.unknowns[: len(self._inputs)])
        return found

    @property
    def point(self) -> np.ndarray:
        """(d,) x now, in the box."""
        return np.clip(self.rows.center + self.moved, self._part.lower, self._part.upper)

    @property
    def beyond(self) -> tuple[np.ndarray, np.ndarray]:
        """(U,) p and (U,) n now."""
        p, n = self.unknowns[len(self._inputs) :].reshape(2, -1)
        return p, n

    def first_gains(self, units: np.ndarray) -> np.ndarray:
        """(2, k) by how much the linear function rises at least, about, on either side of a unit: below and above.

        Args:
            units: (k,) whose p and n are not 0.
        """
        n, n_units = len(self._inputs), self.rows.n_units
        least = self.state.lower
        places = np.concatenate([n + units, n + n_units + units])
        return first_gains(self._program, places, least[places]).reshape(2, -1)

    @property
    def promising(self) -> np.ndarray:
        """(U,) bool: numbers at their kinks with a side that is closed, on which the linear function would fall."""
        n = len(self._inputs)
        reduced = self.state.reduced[n : self._program.n_unknowns].reshape(2, -1)
        closed = self.state.upper[n : self._program.n_unknowns].reshape(2, -1) == 0.0
        at_kink = np.maximum(*self.beyond) <= 1e-9
        return at_kink & (closed & (reduced < -1e-9)).any(axis=0)

    def proved(self, outcome: Outcome) -> float:
        """What the multipliers prove of the part that it stands at: a lower bound of the aim; inf if it is empty."""
        body = self._body(self._part)
        if outcome is Outcome.INFEASIBLE:
            y = self._program.ray
            if functional_bound(body, np.zeros(body.n_coordinates), -y[self._eq], -y[self._ub]) > 0:
                return math.inf
        y = self.multipliers
        return self.aim.proved(body, -y[self._eq], -y[self._ub], self._part.coordinate)

    def radius(self, piece: Part, point: np.ndarray, fed: np.ndarray) -> float:
        """An exact member of a piece is proved to lie within this of a point (L2); inf where that is not proved.

        The rows' errors are continuous functions of v: the correction by `member_radius`, for right-hand sides with
        the errors at v, maps the ball into itself, so that it has a fixed point.

        Args:
            piece: a part on which all numbers lie on one side of their kinks.
            point: (d,) x.
            fed: (U,) about what units are fed there.
        """
        body, beyond = self._body(piece), fed - self.rows.kinks
        lifted = np.concatenate([point, np.maximum(beyond, 0.0), np.maximum(-beyond, 0.0)])
        return member_radius(body, np.clip(lifted, body.lower, body.upper))

    def _body(self, part: Part) -> Polyhedron:
        least, most = self.rows.parts(part.low, part.high)
        return Polyhedron(lower=np.append(part.lower, least), upper=np.append(part.upper, most), **self._of_rows)
