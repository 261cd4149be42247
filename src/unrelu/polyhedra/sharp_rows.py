"""Whether floats know the rows of a thin set well enough."""

from __future__ import annotations

import numpy as np

from unrelu.polyhedra.hull_rows import HullRows

BLURRED = 2.0**-13
"""A slack, or a row on the hull of the equalities, is known well up to this fraction of itself."""

USELESS = 2.0**-5
"""What is not even known up to this fraction says nothing."""


def rows_are_sharp(rows: HullRows, x: np.ndarray, slack: np.ndarray, reach: np.ndarray, blur: float = BLURRED) -> bool:
    """Whether slacks at a point, and the rows on the hull, are far above their rounding errors.

    A row of a set that is long in some directions has to be right along all of it: what rounding turns it, over that
    length, counts against its slack. Rounding is taken as it usually is, a few units of the last place of the largest
    sum, not at its worst.

    Args:
        rows: the rows of a set on the hull of its equalities.
        x: (d,) a point strictly inside.
        slack: (m,) what to hold the errors of the rows against: the slacks at x, or the radius of a ball about x times
            the norms of the rows.
        reach: (d,) how far the set goes from x in each coordinate, about.
        blur: the fraction that errors may be.
    """
    P, eps = rows.polyhedron, 2.0**-52
    if 16 * eps * len(x) > blur * rows.frame.least_pivot:
        return False
    A, z, k = P.A_ub[rows.rows], np.abs(x - P.origin), rows.rows.size
    own = 4 * eps * (np.abs(A) @ (z + reach) + np.abs(P.b_ub[rows.rows])) + P.ub_error[rows.rows]
    bounds = np.concatenate([rows.upper, rows.lower])
    errors = np.concatenate([own, 2 * eps * (np.abs(x) + reach)[bounds]])
    turned = 16 * eps * np.linalg.norm(A, axis=1) > blur * rows.norms[:k]
    return bool((errors <= blur * slack).all()) and not turned.any()
