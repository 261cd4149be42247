"""Small non-negative least-squares problems by block principal pivoting."""

from __future__ import annotations

import numpy as np

from unrelu.solvers.factors import solve_positive

MAX_EXCHANGES = 100
_PATIENCE = 3


def nonnegative_quadratic(S: np.ndarray, q: np.ndarray) -> np.ndarray | None:
    """Minimise `1/2 l'S l - q'l` over `l >= 0`, for a positive definite S.

    Block principal pivoting (Judice and Pires, Computers and Operations Research 21, 1994), from all indices positive:
    all of wrong sign change sides at once, one at a time where that stops making progress.

    Args:
        S: (n, n).
        q: (n,).

    Returns:
        The minimiser (n,), or None where the matrix is singular in floating point or pivoting does not settle.
    """
    n = q.size
    inside = np.ones(n, dtype=bool)
    fewest, patience = n + 1, _PATIENCE
    small = 1e-12 * float(np.abs(q).max(initial=0.0))
    for _ in range(MAX_EXCHANGES):
        chosen = np.flatnonzero(inside)
        values = np.zeros(n)
        if chosen.size:
            solution = solve_positive(S[chosen[:, None], chosen], q[chosen])
            if solution is None:
                return None
            values[chosen] = solution
        gradient = S @ values - q
        wrong = np.where(inside, values < 0, gradient < -small)
        count = np.count_nonzero(wrong)
        if count == 0:
            return values
        if count < fewest:
            fewest, patience = count, _PATIENCE
        elif patience > 0:
            patience -= 1
        else:
            last = int(np.flatnonzero(wrong)[-1])
            wrong = np.zeros(n, dtype=bool)
            wrong[last] = True
        inside ^= wrong
    return None
