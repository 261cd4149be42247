"""The cone test by an interior-point method, again and again in units of the coordinates that fit what was found.

For the cone `K = { z : B z = 0, G z <= 0 }` the point of K nearest to `p = -G'1` (rows scaled to norm 1) is a
quadratic program. Either it is not 0 and a direction in K, or with its multipliers `G'(1 + lam) + B' mu = 0`, the
positive ones of Stiemke; see `unrelu.solvers.cone_projection`. In convolutions the multipliers of a proof, and the
numbers of a direction, grow from pixel to pixel by a factor, until after some pixels rounding ends the method; 16
orders of magnitude are common. But whether K is {0} does not depend on the units of the coordinates (`in_units`). Once
each coordinate is measured in units in which its products with the multipliers that were found so far are of size 1,
the method gets further, and after two or three rounds it ends, in a few steps, with numbers of two or three orders of
magnitude.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from unrelu.errors import TooLarge
from unrelu.rigor.column_units import in_units
from unrelu.rigor.scaled_rows import ScaledRows
from unrelu.solvers.held_rows import direction_where_held
from unrelu.solvers.quadratic_program import QuadraticProgram, QuadraticSettings
from unrelu.solvers.row_system import RowSystem
from unrelu.solvers.status import Status

ROUNDS = 8
"""Choices of units at most."""

STEPS = 60
"""Steps of the interior-point method in a round. Far from the right units more lead nowhere, and near them 10 do."""

SECONDS = 60.0
"""After that no round is begun, and the last one ends."""

VANISHED = 1e-4
"""The nearest point may be zero where it is shorter than this, p being of length 1."""

PRESENT = 1e-7
"""The nearest point may be a direction where it is longer than this. All of these only steer: certificates judge."""


@dataclass(frozen=True, eq=False)
class ProjectionInUnits:
    """What one round found; evidence, not proof.

    Attributes:
        status: how the method stopped.
        multipliers: (m,) at least 1 on the inequality rows, or None.
        direction: (d,) a direction in the cone, or None.
        held: indices of the inequality rows that hold as equalities there.
    """

    status: Status
    multipliers: np.ndarray | None
    direction: np.ndarray | None
    held: np.ndarray


def project_in_units(rows: ScaledRows, equalities: np.ndarray, inequalities: np.ndarray) -> Iterator[ProjectionInUnits]:
    """Test whether the cone is {0}, once for each choice of units, until these stay the same.

    Args:
        rows: (m, d).
        equalities: (m,) bool, which rows are in B.
        inequalities: (m,) bool, which rows are in G.
    """
    few = rows if rows.is_sparse else ScaledRows(sparse.csr_array(rows.matrix))
    B, G = equalities & ~rows.is_zero, inequalities & ~equalities & ~rows.is_zero
    end = time.monotonic() + SECONDS
    exponents = np.zeros(rows.shape[1], dtype=np.intp)
    for _ in range(ROUNDS):
        left = end - time.monotonic()
        moved = in_units(few, exponents) if left > 0 and G.any() else None
        if moved is None:
            return
        nearest = _nearest(moved, B, G, left)
        if nearest.point is None:
            yield ProjectionInUnits(nearest.status, None, None, np.zeros(0, dtype=np.intp))
            return
        yield _read(rows, moved, exponents, B, G, nearest)
        sizes = np.abs(nearest.values) @ abs(moved.matrix)
        change = np.where(np.isfinite(sizes) & (sizes > 0), -np.frexp(sizes)[1], 0)
        change -= int(np.median(change))
        if np.abs(change).max() <= 1:
            return
        exponents = exponents + change


@dataclass(frozen=True, eq=False)
class _Nearest:
    """How the method stopped at which point z (None if at none), the multipliers (m,) there, and the rows tight there.

    The multipliers are `1 + lam` and mu for a point that is 0.
    """

    status: Status
    point: np.ndarray | None
    values: np.ndarray
    held: np.ndarray


def _nearest(moved: ScaledRows, B: np.ndarray, G: np.ndarray, seconds: float) -> _Nearest:
    """The point of the cone that is nearest to the sum of all inequality rows' opposite."""
    m, d = moved.shape
    used = np.flatnonzero(B | G)
    unit = sparse.csr_array(sparse.diags_array(1 / moved.norms[used]) @ moved.matrix[used])
    total = np.asarray(unit[G[used]].sum(axis=0)).ravel()
    size = float(np.linalg.norm(total))
    target = -total / size if size > 0 else total
    system = RowSystem(unit, row_lower=np.where(B[used], 0.0, -np.inf), row_upper=0.0)
    settings = QuadraticSettings(time_limit=seconds, iteration_limit=STEPS)
    found = QuadraticProgram(sparse.eye_array(d, format="csc"), system, settings).minimise(-target)
    values, held = np.zeros(m), np.zeros(m, dtype=bool)
    if found.point is not None:
        pushed = -found.row_duals
        values[used] = (np.where(G[used], 1.0, 0.0) + pushed * max(size, 1e-300)) / moved.norms[used]
        held[used] = G[used] & (pushed > -(unit @ found.point))
    return _Nearest(found.status, found.point, values, held)


def _read(
    rows: ScaledRows, moved: ScaledRows, exponents: np.ndarray, B: np.ndarray, G: np.ndarray, nearest: _Nearest
) -> ProjectionInUnits:
    """What a point and its multipliers say about the rows in their own units."""
    assert nearest.point is not None
    size = float(np.linalg.norm(nearest.point))
    multipliers = direction = None
    if size <= VANISHED and float(nearest.values[G].min()) > 0:
        with np.errstate(over="ignore", invalid="ignore"):  # what is no number proves nothing
            multipliers = nearest.values * moved.scales
            multipliers = np.where(rows.is_zero, 1.0, multipliers / float(multipliers[G].min()))
    if size >= PRESENT:
        try:
            z = direction_where_held(moved.matrix, moved.normal_band, B, G, nearest.held, nearest.point)
        except TooLarge:
            z = None
        direction = None if z is None else np.ldexp(z, exponents)
    return ProjectionInUnits(nearest.status, multipliers, direction, np.flatnonzero(nearest.held))
