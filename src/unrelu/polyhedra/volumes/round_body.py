"""A bounded polyhedron in the coordinates in which its analytic centre's ellipsoid is the unit ball."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from unrelu.polyhedra.analytic_center import AnalyticCenter


@dataclass(frozen=True, eq=False)
class RoundBody:
    """`{ v : A v <= 1 }`, with `v = L'u` and `A'A = I`: the unit ball lies inside.

    Attributes:
        rows: A, (m, n) float64.
        log_scale: logarithm of the volume of the original set over that of this one, `-log det L`.
        opposite: (m,) for each row a number L_i with `a_i.v >= -L_i` on the set, from a parallel row; inf without one.
        decrement: norm of the sum of the rows, which is 0 at the exact centre.
    """

    rows: np.ndarray
    log_scale: float
    opposite: np.ndarray
    decrement: float

    @property
    def dimension(self) -> int:
        """The dimension n."""
        return self.rows.shape[1]


def round_body(center: AnalyticCenter) -> RoundBody:
    """The polyhedron of an analytic centre that was found, in round coordinates.

    Args:
        center: a centre in at least one dimension.
    """
    slack = center.rows.slack(center.point)
    A = scipy.linalg.solve_triangular(center.cholesky, center.rows.matrix.T, lower=True).T / slack[:, None]
    return RoundBody(
        rows=np.ascontiguousarray(A),
        log_scale=-float(np.log(np.diag(center.cholesky)).sum()),
        opposite=_opposite(center, slack),
        decrement=float(np.linalg.norm(A.sum(axis=0))),
    )


def _opposite(center: AnalyticCenter, slack: np.ndarray) -> np.ndarray:
    """For a row and its negative with slacks s and t: `a.v <= t` backwards, in units of s."""
    rows = center.rows
    k, p = rows.rows.size, rows.upper.size
    found = np.full(rows.count, np.inf)
    at = {int(j): k + i for i, j in enumerate(rows.upper)}
    for i, j in enumerate(rows.lower):
        if int(j) in at:
            above, below = at[int(j)], k + p + i
            found[above], found[below] = slack[below] / slack[above], slack[above] / slack[below]
    seen: dict[bytes, int] = {}
    for i, row in enumerate(rows.polyhedron.A_ub[rows.rows] + 0.0):  # + 0.0 makes one zero of two
        other = seen.get((-row + 0.0).tobytes())
        if other is not None:
            found[i] = min(found[i], slack[other] / slack[i])
            found[other] = min(found[other], slack[i] / slack[other])
        seen[row.tobytes()] = i
    return found
