"""The cone test for sparse rows: Newton's method on a sum of exponentials.

For the cone `K = { z : B z = 0, G z <= 0 }` the convex function

    f(z) = sum_i exp(g_i.z) + 1/2 ||B z||^2

has a minimiser iff it grows in all directions, that is iff `K = {0}`. Its gradient `G' exp(G z) + B' B z` vanishes
there, so that `lam = exp(G z) > 0` and `mu = B z` are the multipliers that prove it (Stiemke). Otherwise the iterates
go to infinity along a direction in K. Newton's method needs `A' D A` only, which is narrow where rows are local, and it
finds multipliers before it ends: after a step dz they are `lam (1 + G dz)` and `mu + B dz`, whose sum is zero, as soon
as `G dz > -1`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from unrelu.rigor.normal_band import NormalBand
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.solvers.structural_kernel import loose_columns

MAX_STEPS = 80

BALANCED = 1e-8
"""Multipliers are taken where the least is at least this part of the greatest: rounding hides what is far below."""

HELD, LOST = -4.0, -12.0
"""Inequality rows count as implicit equalities where g.z stays above HELD while all others have fallen below LOST.

All of these only steer the search: what is found is judged by its certificate.
"""

_EXPONENT = 600.0  # beyond which exp would overflow

_TINY = 1e-290  # on the diagonal where all rows of a column have vanished

_PINNED = 1e30  # on the diagonal of coordinates that are to stay zero


@dataclass(frozen=True, eq=False)
class ExponentialProjection:
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


def project_by_exponentials(
    rows: ScaledRows, equalities: np.ndarray, inequalities: np.ndarray
) -> ExponentialProjection:
    """Test whether the cone is {0}.

    Args:
        rows: sparse rows (m, d).
        equalities: (m,) bool, which rows are in B.
        inequalities: (m,) bool, which rows are in G.

    Raises:
        TooLarge: if the normal matrix of the rows has no narrow band.
    """
    search = _Search(rows, equalities, inequalities)
    decrement = math.inf
    none = np.zeros(0, dtype=np.intp)
    step = 0
    for step in range(1, MAX_STEPS + 1):
        found = search.newton_step()
        if found is None:
            break
        dz, decrement = found
        multipliers = search.multipliers_after(dz)
        if multipliers is not None:
            return ExponentialProjection(multipliers, None, none, step, decrement)
        if not search.move(dz):
            break
        held = search.implicit_equalities()
        if held is not None:
            z = search.direction(held)
            if z is not None:
                return ExponentialProjection(None, z, np.flatnonzero(held), step, decrement)
    return ExponentialProjection(None, None, none, step, decrement)


class _Search:
    """An iterate z and the products `A z`."""

    def __init__(self, rows: ScaledRows, equalities: np.ndarray, inequalities: np.ndarray) -> None:
        self.A, self.normal = rows.matrix, rows.normal_band
        self.norms, self.is_zero = rows.norms, rows.is_zero
        self.B, self.G = equalities & ~rows.is_zero, inequalities & ~equalities & ~rows.is_zero
        self.all_inequalities = inequalities
        self.z = np.zeros(rows.shape[1])
        self.products = np.zeros(rows.shape[0])

    def values(self) -> np.ndarray:
        """(m,) lam and mu at z."""
        lam = np.exp(np.minimum(self.products, _EXPONENT))
        return np.where(self.G, lam, np.where(self.B, self.products, 0.0))

    def newton_step(self) -> tuple[np.ndarray, float] | None:
        """The step and the decrement `g' H^-1 g`; None where H is not positive definite even with a lift."""
        values = self.values()
        gradient = values @ self.A
        factor = _factor(self.normal.band(np.where(self.G, values, self.B)))
        if factor is None:
            return None
        dz = -self.normal.solve(factor, gradient)
        return dz, float(-gradient @ dz)

    def multipliers_after(self, dz: np.ndarray) -> np.ndarray | None:
        """The multipliers that a full step would lead to, if they are positive and balanced."""
        values = self.values()
        pushed = self.A @ dz
        after = np.where(self.G, values * (1 + pushed), np.where(self.B, values + pushed, 0.0))
        lam = after[self.G]
        if not np.isfinite(after).all() or (lam.size and lam.min() <= BALANCED * lam.max()):
            return None
        least = float(lam.min()) if lam.size else 1.0
        # Zero rows are inequalities like others, and any multiplier suits them.
        return np.where(self.all_inequalities & self.is_zero, 1.0, after / least)

    def move(self, dz: np.ndarray) -> bool:
        """Go to the minimum of f along the step; False where there is nothing to gain."""
        pushed = self.A @ dz
        length = self._line_minimum(pushed)
        if length == 0.0 or not math.isfinite(length):
            return False
        self.z = self.z + length * dz
        self.products = self.A @ self.z
        return bool(np.isfinite(self.products).all())

    def _line_minimum(self, pushed: np.ndarray) -> float:
        v, q = self.products[self.G], pushed[self.G]
        base, curve = float(self.products[self.B] @ pushed[self.B]), float(pushed[self.B] @ pushed[self.B])

        def slope(t: float) -> float:
            return float(np.exp(np.minimum(v + t * q, _EXPONENT)) @ q) + base + t * curve

        low, high = 0.0, 1.0
        while slope(high) < 0 and high < 1e6:
            low, high = high, 2 * high
        while high - low > 1e-2 * high and high > 1e-12:
            middle = (low + high) / 2
            low, high = (middle, high) if slope(middle) < 0 else (low, middle)
        return low if low > 0 else high

    def implicit_equalities(self) -> np.ndarray | None:
        """(m,) bool, inequality rows that seem to hold with equality in all of K; None where that is not clear yet."""
        held = self.G & (self.products > HELD)
        others = self.G & ~held
        if bool((self.products[others] > LOST).any()) or not (others.any() or bool((self.B | held).any())):
            return None
        size = float(np.abs(self.z).max())
        if not others.any() or float(np.abs(self.products[self.B | held]).max(initial=0.0)) > 0.1 * size:
            return None
        return held

    def direction(self, held: np.ndarray) -> np.ndarray | None:
        """Z without its part that breaks the equalities, if the other inequalities hold there."""
        equal = self.B | held
        z = self.z
        if equal.any():
            loose = loose_columns(self.A[equal])
            z = _onto_null_space(self.normal, equal, np.where(loose, z, 0.0), loose)
        size = 0.0 if z is None else float(np.abs(z).max())
        if z is None or size == 0.0 or not math.isfinite(size):
            return None
        z = z / size
        return z if bool((self.A[self.G & ~held] @ z <= 0).all()) else None


def _factor(band: np.ndarray) -> np.ndarray | None:
    """A Cholesky factor of a band matrix, its diagonal raised relatively as little as is needed."""
    for raised in (1e-13, 1e-11, 1e-9, 1e-7):
        lifted = band.copy()
        lifted[0] = lifted[0] * (1 + raised) + _TINY
        try:
            return scipy.linalg.cholesky_banded(lifted, lower=True, overwrite_ab=True, check_finite=False)
        except np.linalg.LinAlgError:
            continue
    return None


def _onto_null_space(normal: NormalBand, equal: np.ndarray, z: np.ndarray, loose: np.ndarray) -> np.ndarray | None:
    """z, which is zero but on loose columns, without its part in the row space of the equalities on these columns."""
    band = normal.band(equal.astype(np.float64))
    shift = 1e-8 * float(band[0].max())
    band[0] += shift
    band[0][~loose[normal.order]] = _PINNED
    factor = _factor(band)
    if factor is None:
        return None
    for _ in range(3):  # each divides that part by 1 + (singular value)^2 / shift
        z = np.where(loose, normal.solve(factor, shift * z), 0.0)
    return z
