"""Proofs that a sign system has no solution (Motzkin's transposition theorem)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from unrelu.exact.integers import products
from unrelu.preimages.certificates.sign_system import OrientedRows, SignSystem
from unrelu.rigor.arithmetic import proof
from unrelu.rigor.rounding import UNDERFLOW, gamma, lost, norm_above
from unrelu.rigor.signs import exact_dot
from unrelu.rigor.singular import smallest_singular_value_bound

NEGLIGIBLE = 1e-9
"""Multipliers below this part of the greatest are left as they are; the proof holds for any choice."""

_ROUNDS = 8


@dataclass(frozen=True, eq=False)
class Motzkin:
    """The system has no solution, since a sum of its rows with these multipliers contradicts itself.

    Let the rows be `r_i.x + c_i`, positive on the set where strict, zero where equal, and elsewhere not negative, and
    let `v_i >= 0` but on equal rows. On the set `sum v_i (r_i.x + c_i) >= 0`, and `> 0` if a strict row has `v_i > 0`.
    So there is no solution if

        w.x + sum v_i c_i <= 0 for all x within the bounds of D,   w = sum v_i r_i,

    and one of the two is strict. Each `w_j`, its rounding included, is absorbed by the bounds of coordinate j where
    they are finite on the side that matters. On the coordinates F where they are not, w has to vanish: with
    `rho >= ||w_F||` and `s <= sigma_|F|(R_PF)`, P being the equal rows and those with `v_i > rho / s`, there is a
    change of v_P of norm at most `rho / s` that makes it vanish, and its effect on all the rest is bounded.

    Attributes:
        values: (n,) float64 v, one multiplier a (scaled, oriented) row of the system, its bounds aside.
    """

    values: np.ndarray
    admissible: ClassVar[bool] = False

    @proof
    def verify(self, system: SignSystem) -> bool:
        """Bound the sum over the box."""
        rows, v = system.oriented, self.values
        if v.shape != rows.constants.shape or not np.isfinite(v).all() or bool((v[~rows.equal] < 0).any()):
            return False
        with np.errstate(over="ignore", invalid="ignore"):
            above = _maximum_above(rows, v, system.domain.lower, system.domain.upper)
        return above < 0 or (above == 0 and bool((v[rows.strict] > 0).any()))


def _maximum_above(rows: OrientedRows, v: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> float:
    """At least the maximum of the sum over the box for some multipliers with the signs of v; inf if none is found."""
    sizes, n = np.abs(rows.matrix), v.size
    w, size = v @ rows.matrix, np.abs(v) @ sizes
    underflow = lost(n, float(sizes.max(initial=0.0)), float(np.abs(v).max(initial=0.0)))
    error = 2 * gamma(n + 4) * size + underflow
    if not np.isfinite(w).all() or not np.isfinite(error).all():
        return math.inf
    unbounded = ~np.isfinite(lower) | ~np.isfinite(upper)
    for j in np.flatnonzero((w == 0.0) & (unbounded | (size == 0.0))):
        if exact_dot(v, rows.matrix[:, j]) == 0:
            error[j] = 0.0
    least = _with_vanishing(rows, v, w, error, lower, upper, np.zeros(w.size, dtype=bool))
    if least < 0:
        return least
    # What nearly vanishes may have to vanish: where the sum touches 0 only, nothing can be absorbed at a bound but 0.
    nearly = (np.abs(w) <= NEGLIGIBLE * size) & (error > 0)
    return min(least, _with_vanishing(rows, v, w, error, lower, upper, nearly))


def _with_vanishing(
    rows: OrientedRows,
    v: np.ndarray,
    w: np.ndarray,
    error: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    vanishing: np.ndarray,
) -> float:
    """The bound of `_maximum_above` when the sum is made to vanish on these coordinates, and on others as needed."""
    for _ in range(_ROUNDS):
        correction = _correction(rows, v, w, error, vanishing)
        if correction is None:
            return math.inf
        total_error = _up(error + correction.columns, (error == 0) & (correction.columns == 0))
        support = np.where(vanishing, 0.0, _support_above(w, total_error, lower, upper))
        limitless = np.isinf(support)
        if not limitless.any():
            constants = _up(v * rows.constants, (v == 0) | (rows.constants == 0))
            errors = _up(np.abs(v) * rows.constant_errors, (v == 0) | (rows.constant_errors == 0))
            terms = np.concatenate([constants, errors, support, [correction.constant]])
            return _sum(terms) if np.isfinite(terms).all() else math.inf
        vanishing = vanishing | limitless
    return math.inf


def _sum(terms: np.ndarray) -> float:
    """The sum, rounded once, so that its sign is exact; inf where it overflows on the way."""
    try:
        return math.fsum(terms.tolist())
    except OverflowError:
        return math.inf


@dataclass(frozen=True, eq=False)
class _Correction:
    """What a change of the multipliers that makes the sum vanish on some coordinates does at most.

    Attributes:
        columns: (d,) to the other coordinates of the sum.
        constant: to the sum of the constants.
    """

    columns: np.ndarray
    constant: float


def _correction(
    rows: OrientedRows, v: np.ndarray, w: np.ndarray, error: np.ndarray, free: np.ndarray
) -> _Correction | None:
    if not free.any():
        return _Correction(np.zeros(free.size), 0.0)
    changed = rows.equal | (v > NEGLIGIBLE * float(np.abs(v).max()))
    part = rows.matrix[changed]
    s = smallest_singular_value_bound(part[:, free]) if len(part) >= int(free.sum()) else 0.0
    if s == 0.0:
        return None
    eta = norm_above(_up(np.abs(w[free]) + error[free], False)) / s * (1 + 2.0**-50) + UNDERFLOW
    if not bool((v[changed & ~rows.equal] > eta).all()):
        return None
    columns = np.array([norm_above(column) for column in part.T])
    constants = np.abs(rows.constants[changed]) + rows.constant_errors[changed]
    return _Correction(
        columns=_up(columns * eta, columns == 0),
        constant=float(_up(norm_above(_up(constants, constants == 0)) * eta, not constants.any())),
    )


def _support_above(w: np.ndarray, error: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """At least `max w_j x_j` over `[lower_j, upper_j]` for all w within the errors; inf where that has no limit."""
    low, high = -_up(error - w, error == 0), _up(w + error, error == 0)
    finite_low, finite_high = np.isfinite(lower), np.isfinite(upper)
    best = np.where(finite_low | finite_high, -np.inf, 0.0)
    for finite, bound in ((finite_low, lower), (finite_high, upper)):
        end = np.where(finite, bound, 0.0)
        for slope in (low, high):
            best = np.where(finite, np.maximum(best, _up(slope * end, (slope == 0) | (end == 0))), best)
    limitless = (~finite_high & (high > 0)) | (~finite_low & (low < 0))
    return np.where(limitless, np.inf, best)


def _up(values: np.ndarray | float, exact: np.ndarray | bool) -> np.ndarray:
    """Rounded up by more than one or two operations can have lost, but for those that are exact."""
    return np.where(exact, values, values + np.abs(values) * 2.0**-51 + 2 * UNDERFLOW)


@dataclass(frozen=True)
class ExactMotzkin:
    """The system has no solution, since a sum of its rows with these integer multipliers contradicts itself.

    Attributes:
        values: integers, one for each of the system's exact rows, bounds included.
    """

    values: tuple[int, ...]
    admissible: ClassVar[bool] = False

    @proof
    def verify(self, system: SignSystem) -> bool:
        """Multiply by integers: the sum must have no slope, and a constant that is negative, or 0 with a strict row."""
        rows = system.exact_rows
        if len(self.values) != len(rows):
            return False
        if any(value < 0 and not free for value, free in zip(self.values, system.exact_equal.tolist(), strict=True)):
            return False
        *slope, constant = products([list(column) for column in zip(*rows, strict=True)], self.values)
        if any(slope):
            return False
        uses_strict = any(self.values[i] > 0 for i in np.flatnonzero(system.exact_strict))
        return constant < 0 or (constant == 0 and uses_strict)
