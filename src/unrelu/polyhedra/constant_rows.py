"""Whether rows that look constant on the hull of the equalities do no harm."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from unrelu.exact.integers import products
from unrelu.exact.modular import PRIMES, profile, residues_of_integers
from unrelu.exact.solve import solve
from unrelu.exact.system import ExactSystem
from unrelu.polyhedra.hull_rows import RANK_TOLERANCE, HullRows
from unrelu.polyhedra.polyhedron import Polyhedron
from unrelu.rigor.rounding import gamma

MAX_EQUALITIES = 128
"""Equalities of which rows are found to be combinations, a second or so; of more, multiples of single ones."""

_PARALLEL = 1e-9


def constant_rows_hold(rows: HullRows, x: np.ndarray, radius: float) -> bool:
    """Whether no row that `hull_rows` took for constant can be broken on the set that the other rows leave.

    A row a is so taken where ||a Z|| is but rounding beside ||a||; yet it may be what bounds the set. It does no harm
    where its slack at a point is more than it can change within the radius, or where it is a combination of the
    equality rows exactly, and so truly constant, with a slack that is not negative.

    Args:
        rows: the rows of a set P on the hull of its equalities.
        x: (d,) a point of that hull, up to rounding.
        radius: the set of the rows that are left lies within this of x (L2); inf where none is known. Bounds of all
            coordinates give one too.
    """
    P, d = rows.polyhedron, rows.polyhedron.n_coordinates
    kept = np.zeros(len(P.A_ub), dtype=bool)
    kept[rows.rows] = True
    moving = P.lower < P.upper
    high = np.flatnonzero(np.isfinite(P.upper) & moving & ~np.isin(np.arange(d), rows.upper))
    low = np.flatnonzero(np.isfinite(P.lower) & moving & ~np.isin(np.arange(d), rows.lower))
    own = np.flatnonzero(~kept)
    if not own.size + high.size + low.size:
        return True
    with np.errstate(over="ignore", invalid="ignore"):
        reach = min(radius, float(np.linalg.norm(np.maximum(P.upper - x, x - P.lower))))
        # What `hull_rows` may have missed, and as much again for the rounding of what it computed.
        turn = 2 * RANK_TOLERANCE * max(d, 1) * reach
        A, z = P.A_ub[own], x - P.origin
        rounding = gamma(d + 4) * (np.abs(A) @ np.abs(z) + np.abs(P.b_ub[own]))
        slack = P.b_ub[own] - A @ z - P.ub_error[own] - rounding
        open_rows = own[~(slack >= turn * np.linalg.norm(A, axis=1))]
        spared = gamma(4) * np.abs(x)
        high = high[~((P.upper - x - spared)[high] >= turn)]
        low = low[~((x - P.lower - spared)[low] >= turn)]
    return not open_rows.size + high.size + low.size or _constant_exactly(P, open_rows, high, low)


def _constant_exactly(P: Polyhedron, rows: np.ndarray, high: np.ndarray, low: np.ndarray) -> bool:
    """Whether rows and bounds are combinations of equalities, with slacks that are not negative."""
    units = np.eye(P.n_coordinates)
    fixed = P.lower == P.upper
    origin = [Fraction(value) for value in P.origin.tolist()]
    at = {int(j): Fraction(float(P.lower[j])) - origin[j] for j in np.flatnonzero(fixed) if P.lower[j] != P.origin[j]}

    def right(A: np.ndarray, b: np.ndarray) -> list[Fraction]:
        return [
            Fraction(value) - sum((Fraction(float(a[j])) * moved for j, moved in at.items()), Fraction(0))
            for a, value in zip(A, b.tolist(), strict=True)
        ]

    slopes = np.vstack([P.A_ub[rows], units[high], -units[low]])
    values = right(P.A_ub[rows], P.b_ub[rows])
    values += [Fraction(float(P.upper[j])) - origin[j] for j in high] + [
        origin[j] - Fraction(float(P.lower[j])) for j in low
    ]
    errors = np.concatenate([P.ub_error[rows], np.zeros(high.size + low.size)])
    slopes = slopes[:, ~fixed]
    used = _candidates(P.A_eq[:, ~fixed], slopes)
    A_eq, eq_error = P.A_eq[used], P.eq_error[used]
    none, n = np.inf, slopes.shape[1]
    system = ExactSystem.of(
        slopes, values, A_eq[:, ~fixed], right(A_eq, P.b_eq[used]), np.full(n, -none), np.full(n, none)
    )
    k = len(slopes)
    wanted, equal = system.rows[:k], system.rows[k:]
    found = profile(residues_of_integers([row[:-1] for row in equal], n, PRIMES[0]), PRIMES[0])
    columns, chosen = found.columns.tolist(), found.rows.tolist()
    table = [[equal[i][j] for i in chosen] for j in columns]
    solved = solve(table, [[row[j] for j in columns] for row in wanted])
    if solved is None:
        return False
    transposed = [[equal[i][j] for i in chosen] for j in range(n + 1)]
    for row, mu, index in zip(wanted, solved.columns, range(k), strict=True):
        total = products(transposed, mu)
        if any(s != solved.denominator * a for s, a in zip(total[:-1], row[:-1], strict=True)):
            return False
        doubt = Fraction(float(errors[index])) * system.scales[index] * solved.denominator
        doubt += sum(
            abs(m) * Fraction(float(eq_error[i])) * system.scales[k + i]
            for m, i in zip(mu, chosen, strict=True)
            if eq_error[i]
        )
        if solved.denominator * row[-1] - total[-1] < doubt:
            return False
    return True


def _candidates(equalities: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Which equalities to combine: all of a few, else those that are parallel to a row."""
    if len(equalities) <= MAX_EQUALITIES:
        return np.arange(len(equalities))

    def unit(A: np.ndarray) -> np.ndarray:
        return A / np.maximum(np.linalg.norm(A, axis=1, keepdims=True), np.finfo(np.float64).tiny)

    along = np.abs(unit(equalities) @ unit(rows).T).max(axis=1, initial=0.0)
    return np.flatnonzero(along > 1 - _PARALLEL)[:MAX_EQUALITIES]
