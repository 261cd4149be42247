"""The cone test for sparse rows: Newton's method on a potential that grows slowly against the inequalities.

For the cone `K = { z : B z = 0, G z <= 0 }` the convex function

    f(z) = sum_i phi(g_i.z) + 1/2 ||B z||^2 ,     phi'(v) = (1 - v)^-q for v <= 0 and 1 + q v for v > 0,

is bounded below, and it has a minimiser iff it grows in all directions, that is iff `K = {0}`. Its gradient
`G' phi'(G z) + B' B z` vanishes there, so that `lam = phi'(G z) > 0` and `mu = B z` are the multipliers that prove it
(Stiemke). Otherwise the iterates go to infinity along a direction in K. Newton's method needs `A' D A` only, which is
narrow where rows are local, and it finds multipliers before it ends: after a step dz they are `lam + phi'' G dz` and
`mu + B dz`, whose sum is zero.

In convolutions multipliers decay from pixel to pixel by a factor. With powers they span a few orders of magnitude, the
fewer the smaller q is; an exponential in their place would make it hundreds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from unrelu.rigor.matrices import touches
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.solvers.held_rows import direction_where_held, raised_factor
from unrelu.solvers.structural_kernel import loose_columns

POWER = 1.5
"""q; any number above 1 bounds the potential from below."""

MAX_STEPS = 60

GAP = 30.0
"""Inequality rows count as implicit equalities where g.z stays this many times closer to 0 than on all others."""

NEAR = 0.25
"""How large B z may be beside the least of -G z before z is taken for a direction.

All of these only steer the search: what is found is judged by its certificate.
"""

LOOKS = (12, 20, 40)
"""Steps after which directions among some of the coordinates are looked for."""

DEPTHS = tuple(10.0 ** (k / 2) for k in range(16, -1, -1))
"""How far -G z may have come for a row to count as held there; the greatest, which leave the fewest columns, first."""

STEPS_WITHIN = 40
"""Steps that such a look takes at most."""


@dataclass(frozen=True, eq=False)
class PotentialProjection:
    """What was found; evidence, not proof.

    Attributes:
        multipliers: (m,) at least 1 on the inequality rows, or None.
        direction: (d,) a direction in the cone, exactly zero where the rows that hold determine it to be, or None.
        held: indices of the inequality rows that hold as equalities there.
        steps: how many steps were taken.
        decrement: how far from its end the method was: half of it is about what was left to gain of f.
    """

    multipliers: np.ndarray | None
    direction: np.ndarray | None
    held: np.ndarray
    steps: int
    decrement: float


def project_by_potential(
    rows: ScaledRows,
    equalities: np.ndarray,
    inequalities: np.ndarray,
    looks: tuple[int, ...] = LOOKS,
    max_steps: int = MAX_STEPS,
) -> PotentialProjection:
    """Test whether the cone is {0}.

    Args:
        rows: sparse rows (m, d).
        equalities: (m,) bool, which rows are in B.
        inequalities: (m,) bool, which rows are in G.
        looks: steps after which directions among some of the coordinates are looked for.
        max_steps: steps after which it ends.

    Raises:
        TooLarge: if the normal matrix of the rows has no narrow band.
    """
    search = _Search(rows, equalities, inequalities)
    none = np.zeros(0, dtype=np.intp)
    decrement = math.inf
    step = 0
    for step in range(1, max_steps + 1):
        found = search.newton_step()
        if found is None:
            break
        dz, after, decrement = found
        multipliers = search.proof(after)
        if multipliers is not None:
            return PotentialProjection(multipliers, None, none, step, decrement)
        if not search.move(dz):
            break
        held = search.implicit_equalities()
        z = None if held is None else direction_where_held(search.A, search.normal, search.B, search.G, held, search.z)
        if held is not None and z is not None:
            return PotentialProjection(None, z, np.flatnonzero(held), step, decrement)
        within = search.direction_within() if step in looks else None
        if within is not None:
            return PotentialProjection(None, *within, step, decrement)
    return PotentialProjection(None, None, none, step, decrement)


class _Search:
    """An iterate z and the products `A z`."""

    def __init__(self, rows: ScaledRows, equalities: np.ndarray, inequalities: np.ndarray) -> None:
        self.A, self.normal, self.is_zero = rows.matrix, rows.normal_band, rows.is_zero
        self.least_singular_value = rows.column_bound_of(equalities | inequalities)
        self.B, self.G = equalities & ~rows.is_zero, inequalities & ~equalities & ~rows.is_zero
        self.all_inequalities = inequalities
        self.z = np.zeros(rows.shape[1])
        self.products = np.zeros(rows.shape[0])

    def values(self) -> np.ndarray:
        """(m,) lam and mu at z."""
        return np.where(self.G, _first(self.products), np.where(self.B, self.products, 0.0))

    def curvatures(self) -> np.ndarray:
        """(m,) the second derivatives of f by the products."""
        return np.where(self.G, _second(self.products), self.B)

    def newton_step(self) -> tuple[np.ndarray, np.ndarray, float] | None:
        """The step, the multipliers after it, and the decrement `g' H^-1 g`; None where H is too nearly singular."""
        values, curvatures = self.values(), self.curvatures()
        gradient = values @ self.A
        factor = raised_factor(self.normal.band(curvatures))
        if factor is None:
            return None
        dz = -self.normal.solve(factor, gradient)
        after = values + curvatures * (self.A @ dz)
        # What the lifted diagonal and rounding leave of the sum, once more.
        after = after - curvatures * (self.A @ self.normal.solve(factor, after @ self.A))
        return dz, after, float(-gradient @ dz)

    def proof(self, after: np.ndarray) -> np.ndarray | None:
        """Multipliers that are positive by more than their sum is off 0, at least 1; None if these are not such."""
        lam = after[self.G]
        if not np.isfinite(after).all() or not lam.size or lam.min() <= 0:
            return None
        if float(np.linalg.norm(after @ self.A)) > 0.1 * self.least_singular_value * float(lam.min()):
            return None
        # Zero rows are inequalities like others, and any multiplier suits them.
        return np.where(self.all_inequalities & self.is_zero, 1.0, after / float(lam.min()))

    def move(self, dz: np.ndarray) -> bool:
        """Go to the minimum of f along the step; False where there is nothing to gain."""
        length = self._line_minimum(self.A @ dz)
        if length == 0.0 or not math.isfinite(length):
            return False
        self.z = self.z + length * dz
        self.products = self.A @ self.z
        return bool(np.isfinite(self.products).all())

    def _line_minimum(self, pushed: np.ndarray) -> float:
        v, q = self.products[self.G], pushed[self.G]
        base, curve = float(self.products[self.B] @ pushed[self.B]), float(pushed[self.B] @ pushed[self.B])

        def slope(t: float) -> float:
            return float(_first(v + t * q) @ q) + base + t * curve

        low, high = 0.0, 1.0
        while slope(high) < 0 and high < 1e9:
            low, high = high, 2 * high
        while high - low > 1e-2 * high and high > 1e-12:
            middle = (low + high) / 2
            low, high = (middle, high) if slope(middle) < 0 else (low, middle)
        return low if low > 0 else high

    def implicit_equalities(self) -> np.ndarray | None:
        """(m,) bool, inequality rows that seem to hold with equality in all of K; None where that is not clear yet."""
        depths = np.sort(-self.products[self.G])
        below = depths[np.searchsorted(depths, 1.0) :]
        if below.size == depths.size:
            held, least = np.zeros_like(self.G), float(depths.min(initial=math.inf))
        elif below.size:
            ratios = below / np.append(1.0, below[:-1])
            widest = int(ratios.argmax())
            if ratios[widest] < GAP:
                return None
            least = float(below[widest])
            held = self.G & (-self.products < least)
        else:
            return None
        least = min(least, float(np.abs(self.z).max()))
        return None if float(np.abs(self.products[self.B]).max(initial=0.0)) > NEAR * least else held

    def direction_within(self) -> tuple[np.ndarray, np.ndarray] | None:
        """A direction that is zero but on some coordinates, and the inequality rows held there; None if none is found.

        Where K is not {0}, it often is so in a part of a picture only, and from there g.z goes down over many orders of
        magnitude without a gap. Rows up to some depth are taken for equalities, and the columns that they leave loose
        are asked about by themselves, all rows that use them counting again.
        """
        d, last, last_held = self.z.size, 0, -1
        for depth in DEPTHS:
            held = self.B | (self.G & (-self.products < depth))
            if int(held.sum()) == last_held:  # the same, since each holds the next
                continue
            last_held = int(held.sum())
            loose = loose_columns(self.A[held])
            size = int(loose.sum())
            if size == last:
                continue
            if 2 * size > d:
                return None
            last, used = size, np.flatnonzero(touches(self.A, loose))
            part = ScaledRows(sparse.csr_array(self.A[used][:, np.flatnonzero(loose)]))
            found = project_by_potential(part, self.B[used], self.G[used], (), STEPS_WITHIN)
            if found.direction is not None:
                z = np.zeros(d)
                z[loose] = found.direction
                return z, used[found.held]
            if found.multipliers is None:  # as hard as the whole; more columns are no easier
                return None
        return None


def _first(v: np.ndarray) -> np.ndarray:
    """The derivative phi'."""
    return np.where(v <= 0, (1 - np.minimum(v, 0.0)) ** -POWER, 1 + POWER * v)


def _second(v: np.ndarray) -> np.ndarray:
    """The second derivative phi''."""
    return POWER * (1 - np.minimum(v, 0.0)) ** (-POWER - 1)
